//! Tracked devices: which entities they are, and whose body they drive.

use bevy::prelude::*;
use bevy::reflect::reflect_remote;
use kinest::tracker::{TrackerRole, TrackerSet};

/// A tracked point of a player's body. Its pose, taken from [`Transform`] and its parents as they are
/// in this frame, is that of a device; [`device_from_joint`](Self::device_from_joint) leads from there
/// to the **joint** it stands for. Metres.
///
/// A joint's axes are those of the rest pose (arms stretched out): x to the player's left, y up,
/// z to the front. A headset or camera looks along −z and its point is not the head joint's:
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_kinest::prelude::*;
/// # use std::f32::consts::PI;
/// # fn setup(mut commands: Commands) {
/// let eyes_from_joint = Transform::from_xyz(0.0, -0.08, 0.1).with_rotation(Quat::from_rotation_y(PI));
/// commands.spawn((Camera3d::default(), SparseTracker::HEAD.held(eyes_from_joint)));
/// # }
/// ```
///
/// It drives the avatar named by [`TrackerOf`]; without one, the only avatar there is. Whether the
/// device is tracked at all is said in [`TrackerValidity`].
#[derive(Component, Clone, Copy, Debug, PartialEq, Reflect)]
#[reflect(Component)]
#[require(Transform, TrackerValidity)]
pub struct SparseTracker {
    /// Where it is worn.
    #[reflect(remote = TrackerRoleReflect)]
    pub role: TrackerRole,
    /// Where the joint is in the device's axes. Its scale does not count.
    pub device_from_joint: Transform,
}

impl SparseTracker {
    /// The head.
    pub const HEAD: Self = Self::new(TrackerRole::Head);
    /// The player's left hand.
    pub const LEFT_HAND: Self = Self::new(TrackerRole::LeftHand);
    /// The player's right hand.
    pub const RIGHT_HAND: Self = Self::new(TrackerRole::RightHand);

    /// A tracker that reports the joint itself.
    #[must_use]
    pub const fn new(role: TrackerRole) -> Self {
        Self { role, device_from_joint: Transform::IDENTITY }
    }

    /// The same tracker, with the joint at this place in the device's axes.
    #[must_use]
    pub const fn held(self, device_from_joint: Transform) -> Self {
        Self { device_from_joint, ..self }
    }
}

/// Whether a [`SparseTracker`]'s device is tracked. Whoever moves its [`Transform`] says so here; a
/// pose that is not finite is taken for lost in any case, and so is a tracker that is despawned.
#[derive(Component, Clone, Copy, Debug, PartialEq, Reflect)]
#[reflect(Component)]
pub struct TrackerValidity {
    /// Whether the [`Transform`] is where the device is now.
    pub tracked: bool,
    pub(super) lost_since: Option<f64>,
}

impl Default for TrackerValidity {
    fn default() -> Self {
        Self { tracked: true, lost_since: None }
    }
}

impl TrackerValidity {
    /// Not tracked from the start.
    pub const LOST: Self = Self { tracked: false, lost_since: None };

    /// Since when it has been lost, in seconds of the [`TrackerClock`](crate::TrackerClock); `None`
    /// while it is tracked.
    #[must_use]
    pub fn lost_since(&self) -> Option<f64> {
        self.lost_since
    }
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

/// Reflects [`TrackerRole`], which does not depend on Bevy.
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

/// The trackers that avatars have, in this order.
pub(crate) const ROLES: [TrackerRole; 3] =
    [TrackerRole::Head, TrackerRole::LeftHand, TrackerRole::RightHand];

const _: () = assert!(TrackerSet::HeadAndHands.roles().len() == ROLES.len());
