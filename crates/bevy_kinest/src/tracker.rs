//! Tracked devices: which entities they are and whose body they belong to.

use crate::{KinestAvatar, PoseModel};
use bevy::prelude::*;
use bevy::reflect::reflect_remote;
use bevy::transform::helper::TransformHelper;
use glam::DMat3;
use kinest::coordinates::{amass_from_engine_point, amass_from_engine_rotation};
use kinest::tracker::{TrackerFrame, TrackerPose, TrackerRole, TrackerSet};

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

/// What an avatar's trackers say in this frame.
#[derive(Component, Default)]
pub(crate) struct Sampled {
    pub head: Option<TrackerPose>,
    /// All trackers of the set, if none is missing.
    pub frame: Option<TrackerFrame>,
    /// The trouble that was warned about, so that it is said once.
    trouble: String,
}

impl Sampled {
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
    time: Res<Time>,
    models: Res<Assets<PoseModel>>,
    transforms: TransformHelper,
    trackers: Query<(Entity, &SparseTracker, Option<&TrackerOf>)>,
    mut avatars: Query<(Entity, &KinestAvatar, &mut Sampled)>,
) {
    let alone = avatars.iter().len() == 1;
    for (avatar, KinestAvatar { model }, mut sampled) in &mut avatars {
        let set = models.get(model).map_or_else(TrackerSet::default, |m| m.spec().layout.trackers);
        let pose_of = |role: TrackerRole| {
            let worn = trackers.iter().filter(|(_, tracker, owner)| {
                tracker.role == role && owner.map_or(alone, |owner| owner.0 == avatar)
            });
            // One that was given to the avatar goes before one that nobody has claimed.
            let (tracker, ..) = worn.max_by_key(|(.., owner)| owner.is_some())?;
            let global = transforms.compute_global_transform(tracker).ok()?;
            let (_, rotation, position) = global.to_scale_rotation_translation();
            Some(TrackerPose::new(
                amass_from_engine_point(position),
                DMat3::from_quat(amass_from_engine_rotation(rotation)),
            ))
        };
        let roles = set.roles();
        let poses: Vec<_> = roles.iter().map_while(|role| pose_of(*role)).collect();
        sampled.head = pose_of(TrackerRole::Head)
            .filter(|head| head.position.is_finite() && head.rotation.is_finite());
        sampled.frame = None;
        if let Some(missing) = roles.get(poses.len()) {
            sampled.warn(avatar, format!("no tracker for {missing:?}: its pose stays as it is"));
        } else {
            sampled.frame = Some(TrackerFrame { time: time.elapsed_secs_f64(), poses });
        }
    }
}
