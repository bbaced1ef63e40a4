//! Avatars, the poses of their bodies, and joint entities.

mod avatar;
mod confidence;
mod joints;
mod pose;

pub use avatar::{KinestAvatar, ResetAvatar};
pub(crate) use confidence::confidence;
pub use joints::SmplSkeleton;
pub use pose::{BodyPose, PoseReflect, PoseSourceReflect, PoseUpdated, SkeletonReflect};

use crate::frame::KinestSystems;
use bevy::prelude::*;
use joints::write_joints;
use pose::announce;

/// Triggers [`PoseUpdated`].
pub(crate) struct BodyPlugin;

impl Plugin for BodyPlugin {
    fn build(&self, app: &mut App) {
        app.register_type::<BodyPose>()
            .register_type::<KinestAvatar>()
            .register_type::<PoseUpdated>()
            .register_type::<ResetAvatar>()
            .add_systems(
                PostUpdate,
                announce.after(KinestSystems::Refine).before(KinestSystems::Writeback),
            );
    }
}

/// Writes [`BodyPose`] to the `Transform`s of joint entities.
pub struct KinestSkeletonPlugin;

impl Plugin for KinestSkeletonPlugin {
    fn build(&self, app: &mut App) {
        app.register_type::<SmplSkeleton>()
            .add_systems(PostUpdate, write_joints.in_set(KinestSystems::Writeback));
    }
}
