//! Tracked devices: which entities they are, whose body they belong to, and what they say now.

use crate::settings::Clock;
use crate::{AvatarStatus, KinestAvatar, MotionReplay, TrackingSpace};
use bevy::prelude::*;
use bevy::reflect::reflect_remote;
use bevy::transform::helper::TransformHelper;
use glam::DMat3;
use kinest::coordinates::{amass_from_engine_point, amass_from_engine_rotation};
use kinest::live::lowered_hand;
use kinest::skeleton::Skeleton;
use kinest::tracker::{TrackerFrame, TrackerPose, TrackerRole, TrackerSet};
use std::time::Duration;

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
    lost_since: Option<f64>,
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

/// Why a tracker is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Reflect)]
pub enum DropoutReason {
    /// Its [`TrackerValidity`] says so.
    Reported,
    /// Its transform is not finite.
    NotFinite,
    /// The avatar has no tracker of this role.
    Missing,
}

/// A tracker of an avatar is lost.
#[derive(Message, Clone, Copy, Debug, Reflect)]
#[reflect(Message)]
pub struct TrackingLost {
    /// The avatar.
    pub avatar: Entity,
    /// Where the tracker is worn.
    #[reflect(remote = TrackerRoleReflect)]
    pub role: TrackerRole,
    /// Why.
    pub reason: DropoutReason,
}

/// A lost tracker of an avatar is tracked again.
#[derive(Message, Clone, Copy, Debug, Reflect)]
#[reflect(Message)]
pub struct TrackingRegained {
    /// The avatar.
    pub avatar: Entity,
    /// Where the tracker is worn.
    #[reflect(remote = TrackerRoleReflect)]
    pub role: TrackerRole,
    /// Seconds it was lost.
    pub after: f64,
}

/// The trackers that avatars have, in this order.
pub(crate) const ROLES: [TrackerRole; 3] =
    [TrackerRole::Head, TrackerRole::LeftHand, TrackerRole::RightHand];

/// Metres, and parts of a rotation matrix.
const ROUNDING: f64 = 1e-4;

const _: () = assert!(TrackerSet::HeadAndHands.roles().len() == ROLES.len());

/// What an avatar's trackers say in this frame, in its tracking space.
///
/// Times are seconds since its first frame, or the first one after it was reset: so a session that is
/// replayed is the same to the last bit, whenever that is.
#[derive(Component, Default)]
pub(crate) struct Sampled {
    /// The first frame, on the trackers' clock.
    start: Option<Duration>,
    /// This frame.
    pub time: f64,
    /// The devices; `None` as long as the head has never been tracked.
    pub devices: Option<TrackerFrame>,
    pub world_from_space: GlobalTransform,
    /// Since when each is lost.
    pub lost_since: [Option<f64>; 3],
    /// Somebody says that the player was moved since the last frame: until it is sampled, …
    pub teleported: bool,
    /// … and in this frame.
    pub told_moved: bool,
    /// Where each was seen last.
    seen: [Option<TrackerPose>; 3],
    /// The trouble that was warned about, so that it is said once.
    trouble: String,
}

impl Sampled {
    /// A time on the trackers' clock, in seconds.
    pub fn on_clock(&self, time: f64) -> f64 {
        self.start.unwrap_or_default().as_secs_f64() + time
    }

    /// Warns, unless this was the last warning.
    pub fn warn(&mut self, avatar: Entity, trouble: String) {
        if self.trouble != trouble {
            warn!("avatar {avatar}: {trouble}");
            self.trouble = trouble;
        }
    }
}

/// Takes the pose of every avatar's trackers as they are in this frame: the `GlobalTransform`s are
/// still those of the last one.
pub(crate) fn sample(
    clock: Clock,
    transforms: TransformHelper,
    mut trackers: Query<(&SparseTracker, &mut TrackerValidity)>,
    strays: Query<Entity, (With<SparseTracker>, Without<TrackerOf>)>,
    mut avatars: Query<
        (
            Entity,
            Option<&Trackers>,
            Option<&TrackingSpace>,
            Option<&MotionReplay>,
            &mut Sampled,
            &mut AvatarStatus,
        ),
        With<KinestAvatar>,
    >,
    mut lost: MessageWriter<TrackingLost>,
    mut regained: MessageWriter<TrackingRegained>,
) {
    let alone = avatars.iter().len() == 1;
    for (avatar, own, space, replay, mut sampled, mut status) in &mut avatars {
        let sampled = &mut *sampled;
        let start = *sampled.start.get_or_insert(clock.now());
        sampled.time = clock.now().saturating_sub(start).as_secs_f64();
        let now = sampled.time;
        let recorded = replay.and_then(MotionReplay::recorded);
        if let Some(TrackingSpace(space)) = space {
            match transforms.compute_global_transform(*space) {
                Ok(global) => sampled.world_from_space = global,
                Err(_) => sampled.warn(avatar, "its tracking space is gone".into()),
            }
        } else {
            sampled.world_from_space = GlobalTransform::IDENTITY;
        }
        let space_from_world = sampled.world_from_space.affine().inverse();
        let mut missing = None;
        for (k, role) in ROLES.into_iter().enumerate() {
            // One that was given to the avatar goes before one that nobody has claimed.
            let worn = |entity: &Entity| trackers.get(*entity).is_ok_and(|(t, _)| t.role == role);
            let tracker = own.and_then(|own| own.iter().find(worn));
            let tracker = tracker.or_else(|| strays.iter().find(worn).filter(|_| alone));
            let pose = match tracker.map(|tracker| (tracker, trackers.get(tracker))) {
                None | Some((_, Err(_))) => Err(DropoutReason::Missing),
                Some((_, Ok((_, validity)))) if !validity.tracked => Err(DropoutReason::Reported),
                Some((entity, Ok((tracker, _)))) => transforms
                    .compute_global_transform(entity)
                    .map_err(|_| DropoutReason::Missing)
                    .and_then(|global| {
                        let affine = space_from_world * global.affine();
                        pose_of(GlobalTransform::from(affine), &tracker.device_from_joint)
                            .ok_or(DropoutReason::NotFinite)
                    })
                    .map(|pose| match recorded.map(|frame| frame.trackers.poses[k]) {
                        // Transforms have rounded it.
                        Some(recorded) if is_rounded(&pose, &recorded) => recorded,
                        _ => pose,
                    }),
            };
            status.lost[k] = pose.err();
            let since = match pose {
                Ok(pose) => {
                    if let Some(since) = sampled.lost_since[k].take() {
                        if sampled.seen[k].is_some() {
                            regained.write(TrackingRegained { avatar, role, after: now - since });
                        }
                    }
                    if sampled.seen[k].replace(pose) != Some(pose) {
                        status.moves[k] += 1;
                    }
                    None
                }
                Err(reason) => {
                    if sampled.lost_since[k].is_none() && sampled.seen[k].is_some() {
                        lost.write(TrackingLost { avatar, role, reason });
                    }
                    if reason == DropoutReason::Missing {
                        missing = missing.or(Some(role));
                    }
                    Some(*sampled.lost_since[k].get_or_insert(now))
                }
            };
            let since = since.map(|since| sampled.on_clock(since));
            if let Some(Ok((_, mut validity))) = tracker.map(|tracker| trackers.get_mut(tracker))
                && validity.lost_since != since
            {
                validity.lost_since = since;
            }
        }
        if let Some(role) = missing {
            sampled.warn(avatar, format!("no tracker for {role:?}: it counts as lost"));
        }
        let Some(head) = sampled.seen[0] else { continue };
        let pose = |k: usize| match (sampled.seen[k], sampled.lost_since[k]) {
            (Some(pose), None) => pose,
            (Some(pose), Some(_)) => pose.lost(),
            (None, _) => lowered_hand(&Skeleton::default(), &head, ROLES[k]).lost(),
        };
        let poses = [pose(0), pose(1), pose(2)];
        // It keeps its memory from frame to frame.
        let frame =
            sampled.devices.get_or_insert_with(|| TrackerFrame { time: now, poses: vec![] });
        frame.time = now;
        frame.poses.clear();
        frame.poses.extend_from_slice(&poses);
        sampled.told_moved = std::mem::take(&mut sampled.teleported);
        sampled.told_moved |= recorded.is_some_and(|frame| frame.teleported);
    }
}

/// Whether two tracked poses are the same but for what 32-bit transforms make of them.
fn is_rounded(pose: &TrackerPose, exact: &TrackerPose) -> bool {
    exact.tracked
        && pose.position.distance(exact.position) < ROUNDING
        && pose.rotation.abs_diff_eq(exact.rotation, ROUNDING)
}

/// AMASS pose of a joint from its device's transform; `None` if that is no pose.
fn pose_of(
    space_from_device: GlobalTransform,
    device_from_joint: &Transform,
) -> Option<TrackerPose> {
    let (_, rotation, position) = space_from_device.to_scale_rotation_translation();
    let position = position + rotation * device_from_joint.translation;
    let rotation = (rotation * device_from_joint.rotation).normalize();
    (position.is_finite() && rotation.is_finite()).then(|| {
        TrackerPose::new(
            amass_from_engine_point(position),
            DMat3::from_quat(amass_from_engine_rotation(rotation)),
        )
    })
}
