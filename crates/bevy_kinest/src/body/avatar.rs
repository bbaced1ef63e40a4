//! The avatar.

use super::pose::BodyPose;
use crate::models::PoseModel;
use bevy::prelude::*;

/// A body driven by [`SparseTracker`](crate::SparseTracker)s. Its pose appears in [`BodyPose`].
///
/// The body is placed at its trackers; the avatar's own [`Transform`] does not move it.
///
/// Each plugin adds the components that it needs, such as [`KinestRefine`](crate::KinestRefine) and
/// [`AvatarStatus`](crate::AvatarStatus).
///
/// A player in one bundle, with joint entities and trackers:
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_kinest::prelude::*;
/// # fn spawn(mut commands: Commands, assets: Res<AssetServer>) {
/// commands.spawn((
///     KinestAvatar::new(assets.load("models/kinest_full.model.ron")),
///     SmplSkeleton::default(),
///     related!(Trackers[
///         (SparseTracker::HEAD, Transform::from_xyz(0.0, 1.6, 0.0)),
///         (SparseTracker::LEFT_HAND, Transform::from_xyz(0.4, 1.1, 0.3)),
///         (SparseTracker::RIGHT_HAND, Transform::from_xyz(-0.4, 1.1, 0.3)),
///     ]),
/// ));
/// # }
/// ```
#[derive(Component, Clone, Debug, Default, Reflect)]
#[reflect(Component, Default)]
#[require(Transform, Visibility, BodyPose)]
pub struct KinestAvatar {
    /// The network that estimates the body. The default handle has no model: the body is made from
    /// its trackers alone, by inverse kinematics.
    pub model: Handle<PoseModel>,
}

impl KinestAvatar {
    /// An avatar estimated by `model`.
    #[must_use]
    pub fn new(model: Handle<PoseModel>) -> Self {
        Self { model }
    }
}

/// Trigger this on an avatar when its player changes. Its history is discarded, and inverse
/// kinematics makes the body until the network has enough frames again.
#[derive(EntityEvent, Clone, Copy, Debug, Reflect)]
#[reflect(Event)]
pub struct ResetAvatar {
    /// The avatar.
    pub entity: Entity,
}
