//! The avatar.

use super::pose::BodyPose;
use crate::models::PoseModel;
use bevy::prelude::*;

/// A body driven by [`SparseTracker`](crate::SparseTracker)s. Its pose appears in [`BodyPose`].
///
/// The body is where its trackers are: the avatar's own [`Transform`] does not move it.
///
/// The plugins add the components that each of them needs, such as
/// [`KinestRefine`](crate::KinestRefine) and [`AvatarStatus`](crate::AvatarStatus).
#[derive(Component, Clone, Debug, Reflect)]
#[reflect(Component)]
#[require(Transform, BodyPose)]
pub struct KinestAvatar {
    /// The network that estimates the body.
    pub model: Handle<PoseModel>,
}

impl KinestAvatar {
    /// An avatar estimated by `model`.
    #[must_use]
    pub fn new(model: Handle<PoseModel>) -> Self {
        Self { model }
    }
}

/// Trigger this on an avatar that has another player now. Its history is discarded; it stands in
/// its rest pose until the window is full again.
#[derive(EntityEvent, Clone, Copy, Debug, Reflect)]
#[reflect(Event)]
pub struct ResetAvatar {
    /// The avatar.
    pub entity: Entity,
}
