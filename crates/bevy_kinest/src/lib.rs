//! Full-body pose from head and hands, live, in Bevy.
#![warn(missing_docs)]

mod avatar;
mod model;
mod settings;
mod skeleton;
mod tracker;

pub use avatar::{BodyPose, KinestAvatar, PoseSource, ResetAvatar};
pub use model::PoseModel;
pub use settings::{DeviceChoiceReflect, InferenceMode, KinestSettings, KinestSystems};
pub use skeleton::SmplSkeleton;
pub use tracker::{SparseTracker, TrackerOf, TrackerRoleReflect, Trackers};

pub use kinest;
pub use kinest_engine::DeviceChoice;

/// Everything a game needs.
pub mod prelude {
    pub use crate::{
        BodyPose, DeviceChoice, InferenceMode, KinestAvatar, KinestPlugins, KinestSettings,
        KinestSystems, PoseModel, PoseSource, ResetAvatar, SmplSkeleton, SparseTracker, TrackerOf,
        Trackers,
    };
    pub use kinest::skeleton::SmplJoint;
    pub use kinest::tracker::TrackerRole;
}

/// Everything needed to drive bodies.
pub struct KinestPlugins;

impl bevy::app::PluginGroup for KinestPlugins {
    fn build(self) -> bevy::app::PluginGroupBuilder {
        bevy::app::PluginGroupBuilder::start::<Self>()
    }
}
