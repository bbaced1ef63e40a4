//! Players with headsets: trackers driven by OpenXR (feature `openxr`).
//!
//! bevy_mod_openxr handles sessions, frames and views; [`KinestOpenXrPlugin`] adds the trackers of
//! a body.
//!
//! ```no_run
//! use bevy::prelude::*;
//! use bevy_kinest::xr::bevy_mod_openxr::{add_xr_plugins, init::OxrInitPlugin};
//! use bevy_kinest::xr::{KinestOpenXrPlugin, OpenXrPlayer};
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
//!     let model = assets.load("models/kinest_full.model.ron");
//!     commands.spawn((KinestAvatar::new(model), SmplSkeleton::default(), OpenXrPlayer));
//! }
//! ```
//!
//! # Behaviour
//!
//! * Poses are those at the predicted display time of the frame, in the reference space of
//!   bevy_mod_openxr: `STAGE`, with its origin on the floor, unless its `OxrReferenceSpacePlugin`
//!   selects another one. In `LOCAL` the height of the floor is unknown: use
//!   [`Floor::Estimated`](kinest::refine::Floor::Estimated).
//! * They are written to the trackers' [`Transform`]s in `PreUpdate` ([`OpenXrSystems`]), for games
//!   to use in `Update`. Changes that games make there last until the next frame.
//! * The head follows the view whenever the runtime reports its pose. A hand follows its
//!   controller's grip, or else the wrist from hand tracking, while position and rotation are
//!   actually tracked; a pose inferred from an arm model counts as a dropout.
//! * The poses of the wrists relative to the controllers of [`ControllerProfile`] are known;
//!   [`CalibrationMethod::TPose`](crate::CalibrationMethod::TPose) refines their rotation.
//! * A change of the reference space (the player holds a button to recentre) is a
//!   [`Teleport`](crate::Teleport) of each [`OpenXrPlayer`].
//! * Trackers on the body (pelvis, feet and so on) are [`SparseTracker`](crate::SparseTracker)s
//!   like the others, if the runtime supports `XR_HTCX_vive_tracker_interaction`. They drive the
//!   body after the next [`CalibrationMethod::TPose`](crate::CalibrationMethod::TPose), which
//!   measures their mounting.
//!
//! # Without a headset
//!
//! Without a loader, a runtime or a headset bevy_mod_openxr logs an error, `XrState` is
//! `Unavailable` and the game runs on the desktop. The plugin then does nothing; spawn a
//! [`MotionReplay`](crate::MotionReplay) or move trackers by other means. [`find_headset`] checks
//! for a headset before an app is built.
//!
//! While a session is not running (the headset is off, another application is in front) the
//! players' trackers are not tracked: bodies freeze and recover. A session that the runtime ends
//! for a restart is restarted. One that the player ends is not: write `XrCreateSessionMessage` when
//! the player asks for a new one. Cameras of bevy_mod_xr are despawned with their session and
//! respawned with the next.
//!
//! **A runtime that dies during a session** cannot be survived within the app: bevy_mod_openxr 0.6
//! panics in its frame loop (`Failed to begin frame: ERROR_INSTANCE_LOST`), on the render thread if
//! rendering is pipelined. The example `vr_avatar` shows what a game can do: run the app in
//! [`catch_unwind`](std::panic::catch_unwind) in a custom runner, and continue with a new app on
//! the desktop. A runtime that announces its end (`XrEventDataInstanceLossPending`) ends the
//! session without a panic.

#![doc = include_str!("../../VR.md")]

mod actions;
mod drive;
mod headset;
mod mapping;
mod session;

pub use headset::{NoHeadset, find_headset};
pub use {::openxr, bevy_mod_openxr, bevy_mod_xr};

pub use actions::{BodyActions, HANDS, Suggestion, body_path};
pub use drive::{OpenXrHand, OpenXrPlayer, OpenXrPoses};
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

/// System sets in `PreUpdate`, in this order.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OpenXrSystems {
    /// Writes [`OpenXrPoses`], after bevy_mod_openxr has synchronised actions and spaces.
    Locate,
    /// Moves the trackers of every [`OpenXrPlayer`] to those poses.
    Drive,
}

/// Drives the trackers of every [`OpenXrPlayer`] from headset and controllers. Add it with
/// [`KinestPlugins`](crate::KinestPlugins) and the plugins of bevy_mod_openxr, in any order;
/// without the latter, or without a runtime, it does nothing.
pub struct KinestOpenXrPlugin;

impl KinestOpenXrPlugin {
    /// The optional OpenXR extensions of this plugin, for `OxrInitPlugin::exts`: hand tracking and
    /// trackers on the body.
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
                    (drive::spawn_trackers, drive::drive).chain().in_set(OpenXrSystems::Drive),
                ),
            );
    }

    /// In `finish`, because some of bevy_mod_openxr's plugins replace the schedules that they add.
    fn finish(&self, app: &mut App) {
        // These messages belong to bevy_mod_openxr, whose plugins may be absent.
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
