//! Players with headsets: trackers that OpenXR moves (feature `openxr`).
//!
//! Sessions, frames and views are bevy_mod_openxr's; [`KinestOpenXrPlugin`] adds what a body needs.
//!
//! ```no_run
//! use bevy::prelude::*;
//! use bevy_kinest::openxr::bevy_mod_openxr::{add_xr_plugins, init::OxrInitPlugin};
//! use bevy_kinest::openxr::{KinestOpenXrPlugin, OpenXrPlayer};
//! use bevy_kinest::prelude::*;
//!
//! fn main() -> AppExit {
//!     let xr = OxrInitPlugin { exts: KinestOpenXrPlugin::extensions(), ..default() };
//!     App::new()
//!         .add_plugins(add_xr_plugins(DefaultPlugins).set(xr))
//!         .add_plugins((KinestPlugins, KinestOpenXrPlugin))
//!         .add_systems(Startup, spawn_player)
//!         .run()
//! }
//!
//! fn spawn_player(mut commands: Commands, assets: Res<AssetServer>) {
//!     let model = assets.load("models/kinest_stream.model.ron");
//!     let avatar = commands.spawn((KinestAvatar::new(model), OpenXrPlayer)).id();
//!     SmplSkeleton::spawn(&mut commands, avatar);
//! }
//! ```
//!
//! # What to expect
//!
//! * Poses are those of the time at which the runtime will display the frame, in the reference space of
//!   bevy_mod_openxr: `STAGE`, whose origin is on the floor, unless its `OxrReferenceSpacePlugin` says
//!   otherwise. In `LOCAL` nobody knows where the floor is:
//!   [`Floor::Estimated`](kinest::refine::Floor::Estimated).
//! * They are written to the trackers' [`Transform`]s in `PreUpdate` ([`OpenXrSystems`]), for games to use in
//!   `Update`. Changes that games make there are kept until the next frame.
//! * The head follows the view wherever the runtime says it is. A hand follows its controller's grip, else
//!   the wrist that cameras see, while position and rotation are really tracked; what a runtime infers
//!   from an arm model counts as lost.
//! * Where joints are on devices is known for the controllers of [`ControllerProfile`];
//!   [`CalibrationMethod::TPose`](crate::CalibrationMethod::TPose) refines how they are turned.
//! * A reference space that is changed (the player holds a button to recentre) is a
//!   [`Teleport`](crate::Teleport) of each [`OpenXrPlayer`].
//! * Trackers for feet, hips and so on, where the runtime has `XR_HTCX_vive_tracker_interaction`, become
//!   [`BodyTracker`]s. Networks do not use them.
//!
//! # When there is no headset
//!
//! Without a loader, a runtime or a headset bevy_mod_openxr logs an error, `XrState` is `Unavailable` and
//! the game runs on the desktop. The plugin then does nothing; spawn a
//! [`MotionReplay`](crate::MotionReplay) or move trackers by other means. [`find_headset`] asks before
//! there is an app.
//!
//! While a session is not running (no headset on the head, another application in front) players' trackers
//! are lost: bodies freeze and come back. A session that the runtime ends to be made anew is made anew. One
//! that the player ends is not: write `XrCreateSessionMessage` when the player asks for it. Cameras of
//! bevy_mod_xr go with their session, and come with the next.
//!
//! **A runtime that dies in the middle of a session** cannot be survived inside the app: bevy_mod_openxr 0.6
//! panics in its frame loop (`Failed to begin frame: ERROR_INSTANCE_LOST`), on the render thread if
//! rendering is pipelined. What a game can do is in the example `vr_avatar`: run the app in
//! [`catch_unwind`](std::panic::catch_unwind) in a runner of its own, and go on with a new app on the
//! desktop. A runtime that says in advance that it will end (`XrEventDataInstanceLossPending`) ends the
//! session without a panic.

#![doc = include_str!("../../VR.md")]

mod actions;
mod drive;
mod headset;
mod mapping;
mod session;

pub use headset::{NoHeadset, find_headset};
pub use {::openxr, bevy_mod_openxr, bevy_mod_xr};

pub use actions::{BodyActions, BodyRole, HANDS, Suggestion};
pub use drive::{BodyTracker, OpenXrHand, OpenXrPlayer, OpenXrPoses};
pub use mapping::{ControllerProfile, Located, OpenXrDevice, SpaceChange, SpaceChanged, isometry};

use bevy::prelude::*;
use bevy_mod_openxr::action_binding::{OxrSendActionBindings, OxrSuggestActionBinding};
use bevy_mod_openxr::action_set_attaching::OxrAttachActionSet;
use bevy_mod_openxr::action_set_syncing::{OxrActionSetSyncSet, OxrSyncActionSet};
use bevy_mod_openxr::exts::OxrExtensions;
use bevy_mod_openxr::openxr_session_running;
use bevy_mod_openxr::poll_events::OxrEventHandlerExt;
use bevy_mod_xr::session::{
    XrCreateSessionMessage, XrPreDestroySession, XrRequestExitMessage, XrSessionCreated,
    XrSessionDestroyedMessage,
};
use bevy_mod_xr::spaces::XrSpaceSyncSet;

/// What happens in `PreUpdate`, in this order.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OpenXrSystems {
    /// Writes [`OpenXrPoses`], after bevy_mod_openxr has synchronised actions and spaces.
    Locate,
    /// Moves the trackers of every [`OpenXrPlayer`] there.
    Drive,
}

/// Moves the trackers of every [`OpenXrPlayer`] as headset and controllers move. Beside
/// [`KinestPlugins`](crate::KinestPlugins) and the plugins of bevy_mod_openxr, in any order; without the
/// latter, or without a runtime, it does nothing.
pub struct KinestOpenXrPlugin;

impl KinestOpenXrPlugin {
    /// The extensions that it makes use of, for `OxrInitPlugin::exts`: hands that cameras see, and further
    /// trackers. A runtime that lacks them is used without.
    #[must_use]
    pub fn extensions() -> OxrExtensions {
        let mut extensions = OxrExtensions::default();
        extensions.enable_hand_tracking();
        extensions.raw_mut().htcx_vive_tracker_interaction = true;
        extensions
    }
}

impl Plugin for KinestOpenXrPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<OpenXrPoses>()
            .init_resource::<session::Pending>()
            .register_type::<BodyTracker>()
            .register_type::<OpenXrDevice>()
            .register_type::<OpenXrPlayer>()
            .register_type::<OpenXrPoses>()
            .configure_sets(
                PreUpdate,
                (OpenXrSystems::Locate, OpenXrSystems::Drive)
                    .chain()
                    .after(OxrActionSetSyncSet)
                    .after(XrSpaceSyncSet),
            )
            .add_systems(
                PreUpdate,
                (
                    session::sync.before(OxrActionSetSyncSet).run_if(openxr_session_running),
                    (
                        session::locate.run_if(openxr_session_running),
                        session::stand_still.run_if(session::pauses),
                    )
                        .in_set(OpenXrSystems::Locate),
                    (drive::spawn_trackers, (drive::drive, drive::drive_body))
                        .chain()
                        .in_set(OpenXrSystems::Drive),
                ),
            );
    }

    /// Here, as some of bevy_mod_openxr's plugins replace the schedules that they add.
    fn finish(&self, app: &mut App) {
        // They are bevy_mod_openxr's, which may not be there.
        app.add_message::<OxrAttachActionSet>()
            .add_message::<OxrSuggestActionBinding>()
            .add_message::<OxrSyncActionSet>()
            .add_message::<XrCreateSessionMessage>()
            .add_message::<XrRequestExitMessage>()
            .add_message::<XrSessionDestroyedMessage>()
            .add_oxr_event_handler(session::heed)
            .add_systems(XrSessionCreated, session::open)
            .add_systems(XrPreDestroySession, (session::close, session::stand_still))
            .add_systems(OxrSendActionBindings, session::suggest)
            .add_systems(Update, session::restart);
    }
}
