//! Full-body pose from head and hands, live, in Bevy.
//!
//! A headset and two controllers (or anything else that moves entities) are
//! [`SparseTracker`]s. A [`KinestAvatar`] turns them into a [`BodyPose`] sixty and more times a
//! second, with a network that runs on a thread of its own, and [`SmplSkeleton`] hands the pose to
//! joint entities, [`KinestRig`] to the bones of a glTF character. The body is placed from the head
//! tracker as it is in the very frame that is drawn, so the player's view never lags behind the
//! network.
//!
//! ```no_run
//! use bevy::prelude::*;
//! use bevy_kinest::prelude::*;
//!
//! fn main() -> AppExit {
//!     App::new()
//!         .add_plugins((DefaultPlugins, KinestPlugins))
//!         .add_systems(Startup, spawn_player)
//!         .add_systems(Update, (wave, report))
//!         .run()
//! }
//!
//! fn spawn_player(mut commands: Commands, assets: Res<AssetServer>) {
//!     let avatar = commands.spawn(KinestAvatar::new(assets.load("kinest.model.ron"))).id();
//!     SmplSkeleton::spawn(&mut commands, avatar);
//!     // Poses of joints: the head's and the wrists', in metres. The player faces +z here.
//!     commands.spawn((SparseTracker::HEAD, TrackerOf(avatar), Transform::from_xyz(0.0, 1.6, 0.0)));
//!     for (hand, side) in [(SparseTracker::LEFT_HAND, 1.0), (SparseTracker::RIGHT_HAND, -1.0)] {
//!         commands.spawn((hand, TrackerOf(avatar), Transform::from_xyz(0.4 * side, 1.1, 0.3)));
//!     }
//! }
//!
//! fn wave(time: Res<Time>, mut hands: Query<(&SparseTracker, &mut Transform)>) {
//!     for (tracker, mut transform) in &mut hands {
//!         if tracker.role == TrackerRole::RightHand {
//!             transform.translation.y = 1.4 + 0.2 * (5.0 * time.elapsed_secs()).sin();
//!         }
//!     }
//! }
//!
//! fn report(bodies: Query<&BodyPose>) {
//!     for body in &bodies {
//!         let knee = body.joint(SmplJoint::LeftKnee).translation;
//!         info!("{:?}, {:.0} ms old: left knee at {knee}", body.source(), 1e3 * body.age());
//!     }
//! }
//! ```
//!
//! # What to expect
//!
//! * Trackers are read in `PostUpdate` ([`KinestSystems::Sample`]), from `Transform`s and parents of
//!   this very frame, so move them before that. They may come at any rate, and hitch.
//! * A player who is moved as a whole is best moved with a [`TrackingSpace`]; jumps that no body makes
//!   are taken for teleports ([`Teleport`]) and the body goes along.
//! * The network runs at its own rate on its own thread. Frames show the moment it has come to,
//!   interpolated, under the head of this very frame ([`BodyPose::age`] says how far behind that is).
//! * [`KinestRefine`] then smooths, puts head and hands exactly at the trackers and keeps feet on the
//!   floor; each can be switched off.
//! * Until the trackers have been seen for a whole window (1.6 s for 96 frames at 60 Hz) and the network
//!   has answered, a body is made of the trackers alone by inverse kinematics, feet on the floor:
//!   [`PoseSource::Rest`]. So it is with no model or a broken one. [`KinestReady`] and [`KinestFailed`]
//!   tell.
//! * A hand that is lost ([`TrackerValidity`]) is held, then becomes the network's; a body without a
//!   head freezes, then rests. Trackers that are found again are gone back to without a jump.
//!   [`TrackingLost`], [`TrackingRegained`] and [`BodyPose::confidence`] tell.
//! * If an engine fails, panics included, another one is opened while the last pose is kept
//!   ([`KinestFellBack`]). A model file that changes takes over when it is ready.
//! * Players have sizes: [`Recalibrate`] measures them, [`PlayerCalibration`] remembers.
//! * [`KinestSettings::inline`] makes every frame wait for its own pose, the same in every run.
//!
//! [`PoseModel::from_engine`] puts anything in the network's place, for tests of your own.
#![warn(missing_docs)]
// The types of queries say what systems touch; a name for each would hide it.
#![allow(clippy::type_complexity)]

mod avatar;
mod calibration;
mod confidence;
#[cfg(feature = "gizmos")]
mod gizmos;
mod inference;
mod model;
#[cfg(feature = "panel")]
mod panel;
mod plugins;
mod refine;
mod replay;
pub mod rig;
mod settings;
mod skeleton;
mod status;
mod tracker;

pub use avatar::{
    BodyPose, KinestAvatar, PoseReflect, PoseSource, PoseUpdated, ResetAvatar, SkeletonReflect,
    Teleport, TrackingSpace,
};
pub use calibration::{
    CalibrationFailed, CalibrationMethod, KinestCalibrated, PlayerCalibration, Recalibrate,
};
#[cfg(feature = "gizmos")]
pub use gizmos::{KinestGizmoPlugin, KinestGizmos};
pub use inference::{KinestFailed, KinestFellBack, KinestReady};
pub use model::{PoseModel, PoseModelError};
#[cfg(feature = "panel")]
pub use panel::{KinestPanel, KinestPanelContents, KinestPanelPlugin};
pub use plugins::{KinestPlugins, KinestPosePlugin, KinestReplayPlugin, KinestSkeletonPlugin};
pub use refine::{FloorReflect, FootLockSettingsReflect, KinestRefine, OneEuroReflect};
pub use replay::{MotionReplay, TrackerRecorder};
pub use rig::{
    AnchorReflect, FitReflect, KinestRig, KinestRigPlugin, RigBones, RigBound, RigFailed, RigFile,
};
pub use settings::{
    DeviceChoiceReflect, InferenceMode, KinestSettings, KinestSystems, LossSettingsReflect,
    TrackerClock,
};
pub use skeleton::SmplSkeleton;
pub use status::{AvatarStatus, KinestModels, Latency, ModelState, ModelStatus};
pub use tracker::{
    LossReason, SparseTracker, TrackerOf, TrackerRoleReflect, TrackerValidity, Trackers,
    TrackingLost, TrackingRegained,
};

#[cfg(feature = "panel")]
pub use bevy_egui;
pub use kinest;
pub use kinest_engine::DeviceChoice;

/// Everything a game needs.
pub mod prelude {
    pub use crate::{
        BodyPose, CalibrationMethod, DeviceChoice, InferenceMode, KinestAvatar, KinestFailed,
        KinestPlugins, KinestReady, KinestRefine, KinestRig, KinestSettings, KinestSystems,
        MotionReplay, PlayerCalibration, PoseModel, PoseSource, PoseUpdated, Recalibrate,
        ResetAvatar, RigBones, RigBound, RigFailed, SmplSkeleton, SparseTracker, Teleport,
        TrackerClock, TrackerOf, TrackerValidity, Trackers, TrackingSpace,
    };
    pub use kinest::skeleton::SmplJoint;
    pub use kinest::tracker::TrackerRole;
}
