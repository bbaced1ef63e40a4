//! Tracked devices: which entities they are and whose body they belong to.

use bevy::prelude::*;
use bevy::reflect::reflect_remote;
use kinest::tracker::TrackerRole;

/// A tracked point of a player's body. Its world pose, taken from [`Transform`] and its parents, is
/// that of the **joint** it stands for, in metres.
///
/// A joint's axes are those of the rest pose (arms stretched out): x to the player's left, y up,
/// z to the front. A headset or camera looks along −z and its point is not the head joint's, so
/// make the tracker a child of the device, with the difference as its `Transform`:
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_kinest::prelude::*;
/// # use std::f32::consts::PI;
/// # fn setup(mut commands: Commands) {
/// let joint_from_eyes = Transform::from_xyz(0.0, -0.08, 0.1).with_rotation(Quat::from_rotation_y(PI));
/// commands.spawn(Transform::default()).with_child((SparseTracker::HEAD, joint_from_eyes));
/// # }
/// ```
///
/// It drives the avatar named by [`TrackerOf`]; without one, the only avatar there is.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Reflect)]
#[reflect(Component)]
#[require(Transform)]
pub struct SparseTracker {
    /// Where it is worn.
    #[reflect(remote = TrackerRoleReflect)]
    pub role: TrackerRole,
}

impl SparseTracker {
    /// The head.
    pub const HEAD: Self = Self { role: TrackerRole::Head };
    /// The player's left hand.
    pub const LEFT_HAND: Self = Self { role: TrackerRole::LeftHand };
    /// The player's right hand.
    pub const RIGHT_HAND: Self = Self { role: TrackerRole::RightHand };
}

/// Says which avatar a [`SparseTracker`] drives.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Reflect)]
#[reflect(Component)]
#[relationship(relationship_target = Trackers)]
pub struct TrackerOf(pub Entity);

/// The trackers that drive an avatar; kept by Bevy from [`TrackerOf`].
#[derive(Component, Debug, Default, Reflect)]
#[reflect(Component)]
#[relationship_target(relationship = TrackerOf)]
pub struct Trackers(Vec<Entity>);

/// Stands for [`TrackerRole`], which knows nothing of Bevy, in reflection.
#[reflect_remote(TrackerRole)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackerRoleReflect {
    /// See [`TrackerRole::Head`].
    Head,
    /// See [`TrackerRole::LeftHand`].
    LeftHand,
    /// See [`TrackerRole::RightHand`].
    RightHand,
}
