//! Tracked devices: their entities, and the avatars that they drive.

use bevy::prelude::*;
use bevy::reflect::reflect_remote;
use kinest::tracker::{TrackerRole, TrackerSet};

/// A tracked device on a player's body. The entity's [`Transform`], below those of its parents, is
/// the pose of the device in this frame; [`device_from_joint`](Self::device_from_joint) is the pose
/// of its **joint** in the device's axes. Metres.
///
/// A joint's axes are those of the rest pose (arms stretched out): x to the player's left, y up,
/// z to the front. A headset or camera looks along −z, and its origin is not at the head joint:
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_kinest::prelude::*;
/// # use std::f32::consts::PI;
/// # fn setup(mut commands: Commands) {
/// let eyes_from_joint = Transform::from_xyz(0.0, -0.08, 0.1).with_rotation(Quat::from_rotation_y(PI));
/// commands.spawn((Camera3d::default(), SparseTracker::HEAD.with_offset(eyes_from_joint)));
/// # }
/// ```
///
/// It drives the avatar in its [`TrackerOf`]. If it never had one, it is assigned to the only
/// avatar, or to the only one without trackers. [`TrackingState`] holds whether the device is
/// tracked.
///
/// Every avatar needs head and hands. Trackers on pelvis, chest, elbows, knees and feet are
/// optional, in any combination; joints are solved to them. Add [`NeedsCalibration`] if the
/// mounting of such a tracker is unknown.
#[derive(Component, Clone, Copy, Debug, PartialEq, Reflect)]
#[reflect(Component)]
#[require(Transform, TrackingState)]
pub struct SparseTracker {
    /// Its role: the place where it is worn.
    #[reflect(remote = TrackerRoleReflect)]
    pub role: TrackerRole,
    /// Pose of the joint in the device's axes. The scale is ignored.
    pub device_from_joint: Transform,
}

impl SparseTracker {
    /// The head.
    pub const HEAD: Self = Self::new(TrackerRole::Head);
    /// The player's left hand.
    pub const LEFT_HAND: Self = Self::new(TrackerRole::LeftHand);
    /// The player's right hand.
    pub const RIGHT_HAND: Self = Self::new(TrackerRole::RightHand);
    /// The belt.
    pub const PELVIS: Self = Self::new(TrackerRole::Pelvis);
    /// The breastbone.
    pub const CHEST: Self = Self::new(TrackerRole::Chest);
    /// The left ankle or instep.
    pub const LEFT_FOOT: Self = Self::new(TrackerRole::LeftFoot);
    /// The right ankle or instep.
    pub const RIGHT_FOOT: Self = Self::new(TrackerRole::RightFoot);

    /// A tracker that reports the joint itself.
    #[must_use]
    pub const fn new(role: TrackerRole) -> Self {
        Self { role, device_from_joint: Transform::IDENTITY }
    }

    /// The same tracker, with this pose of the joint in the device's axes.
    #[must_use]
    pub const fn with_offset(self, device_from_joint: Transform) -> Self {
        Self { device_from_joint, ..self }
    }
}

/// Whether a [`SparseTracker`]'s device is tracked, written by the code that moves its
/// [`Transform`], or by games that simulate a dropout. A tracker that is despawned or whose pose is
/// not finite is always in a dropout, and so is a tracker that was not tracked in the recording of
/// a [`MotionReplay`](crate::MotionReplay).
#[derive(Component, Clone, Copy, Debug, PartialEq, Reflect)]
#[reflect(Component)]
pub struct TrackingState {
    /// Whether the [`Transform`] is the current pose of the device.
    pub tracked: bool,
    pub(super) lost_since: Option<f64>,
}

impl Default for TrackingState {
    fn default() -> Self {
        Self { tracked: true, lost_since: None }
    }
}

impl TrackingState {
    /// Not tracked from the start.
    pub const LOST: Self = Self { tracked: false, lost_since: None };

    /// Start of its dropout, in seconds of the [`TrackerClock`](crate::TrackerClock); `None` while
    /// it is tracked.
    #[must_use]
    pub fn lost_since(&self) -> Option<f64> {
        self.lost_since
    }
}

/// Beside a [`SparseTracker`] on the body with an unknown mounting: the tracker is unused until a
/// T-pose ([`CalibrationMethod::TPose`](crate::CalibrationMethod::TPose)) has measured the
/// mounting.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Reflect)]
#[reflect(Component, Default)]
pub struct NeedsCalibration;

/// The avatar that a [`SparseTracker`] drives. Once it is removed, by the game or because its
/// avatar was despawned, the tracker drives no avatar until it gets another one.
///
/// If an avatar has several trackers of the same role, the first is used; the log names the others.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Reflect)]
#[reflect(Component)]
#[relationship(relationship_target = Trackers, allow_self_referential)]
#[require(Assigned)]
pub struct TrackerOf(#[entities] pub Entity);

/// Marks trackers that had a [`TrackerOf`], so that they are not assigned again.
#[derive(Component, Clone, Copy, Default)]
pub(super) struct Assigned;

/// The trackers that drive an avatar. Bevy updates it from [`TrackerOf`]; `related!` spawns them
/// with the avatar, see [`KinestAvatar`](crate::KinestAvatar).
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
    /// See [`TrackerRole::Pelvis`].
    Pelvis,
    /// See [`TrackerRole::Chest`].
    Chest,
    /// See [`TrackerRole::LeftElbow`].
    LeftElbow,
    /// See [`TrackerRole::RightElbow`].
    RightElbow,
    /// See [`TrackerRole::LeftKnee`].
    LeftKnee,
    /// See [`TrackerRole::RightKnee`].
    RightKnee,
    /// See [`TrackerRole::LeftFoot`].
    LeftFoot,
    /// See [`TrackerRole::RightFoot`].
    RightFoot,
}

/// Number of roles, for arrays in the order of [`TrackerRole::ALL`].
pub(crate) const ROLES: usize = TrackerRole::ALL.len();

const _: () = assert!(TrackerSet::HeadAndHands.roles().len() == TrackerRole::HEAD_AND_HANDS.len());
