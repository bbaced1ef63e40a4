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
//!   this very frame, so move them before that.
//! * They are stamped with the elapsed [`Time`](bevy::time::Time): frames of a paused game change
//!   nothing, and tests can set the clock.
//! * A body stands in its rest pose under the head until the trackers have been seen for a whole
//!   window (1.6 s for 96 frames at 60 Hz) and the network has answered: [`PoseSource::Rest`]. It
//!   also does so with no model or a broken one. [`KinestReady`] and [`KinestFailed`] tell.
//! * While a tracker other than the head's is missing the last pose is kept under the head; without
//!   a head nothing is written. A warning names the missing role.
//! * If the network fails, panics included, the game goes on with the last pose.
//! * [`KinestSettings::inline`] makes every frame wait for its own pose, the same in every run.
//!
//! [`PoseModel::from_engine`] puts anything in the network's place, for tests of your own.
#![warn(missing_docs)]

mod avatar;
mod inference;
mod model;
mod plugins;
pub mod rig;
mod settings;
mod skeleton;
mod tracker;

pub use avatar::{BodyPose, KinestAvatar, PoseSource, ResetAvatar};
pub use inference::{KinestFailed, KinestReady};
pub use model::{PoseModel, PoseModelError};
pub use plugins::{KinestPlugins, KinestPosePlugin, KinestSkeletonPlugin};
pub use rig::{KinestRig, KinestRigPlugin, RigBones, RigBound, RigFailed, RigFile};
pub use settings::{DeviceChoiceReflect, InferenceMode, KinestSettings, KinestSystems};
pub use skeleton::SmplSkeleton;
pub use tracker::{SparseTracker, TrackerOf, TrackerRoleReflect, Trackers};

pub use kinest;
pub use kinest_engine::DeviceChoice;

/// Everything a game needs.
pub mod prelude {
    pub use crate::{
        BodyPose, DeviceChoice, InferenceMode, KinestAvatar, KinestFailed, KinestPlugins,
        KinestReady, KinestRig, KinestSettings, KinestSystems, PoseModel, PoseSource, ResetAvatar,
        RigBones, RigBound, RigFailed, SmplSkeleton, SparseTracker, TrackerOf, Trackers,
    };
    pub use kinest::skeleton::SmplJoint;
    pub use kinest::tracker::TrackerRole;
}
