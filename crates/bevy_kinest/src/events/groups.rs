//! The six groups of a body, in the engine's space.

use crate::body::BodyPose;
use crate::frame::Clock;
use bevy::prelude::*;
use glam::DVec3;
use kinest::coordinates::engine_from_amass_point;
use kinest::skeleton as z_up;
use kinest::skeleton::{Group, GroupPair, LevelAxes, PerJoint, SmplJoint};
use kinest::tracker::Teleport;

/// Positions, velocities and angles of the six kinematic groups of a body. Written in every frame,
/// beside a [`BodyPose`].
#[derive(Component, Clone, Debug, Default, Reflect)]
#[reflect(Component, Default)]
pub struct KinematicGroups {
    positions: [Vec3; 6],
    velocities: [Vec3; 6],
    #[reflect(ignore)]
    z_up: Option<z_up::KinematicGroups>,
    /// Positions of the joints in the previous frame, and its time.
    #[reflect(ignore)]
    before: Option<(PerJoint<DVec3>, f64)>,
}

impl KinematicGroups {
    /// Mean position of the group's joints in the world: Bevy's space (y up), metres.
    #[must_use]
    pub fn position(&self, group: Group) -> Vec3 {
        self.positions[group.index()]
    }

    /// Mean velocity of the group's joints since the previous frame, in the world: Bevy's space (y
    /// up), m/s. It does not include motion of the [`TrackingSpace`](crate::TrackingSpace), and is
    /// zero after a teleport.
    #[must_use]
    pub fn velocity(&self, group: Group) -> Vec3 {
        self.velocities[group.index()]
    }

    /// The groups in the [`TrackingSpace`](crate::TrackingSpace), with all angles: AMASS space (z
    /// up), metres. `None` until there is a body.
    #[must_use]
    pub fn z_up(&self) -> Option<&z_up::KinematicGroups> {
        self.z_up.as_ref()
    }
}

/// Relation of one group to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Reflect)]
pub struct GroupInteraction {
    /// Vector from the first group to the second, metres.
    pub difference: Vec3,
    /// Velocity of the second group relative to the first, m/s.
    pub velocity: Vec3,
    /// Rotation of the joint that links the second group to the first, relative to its parent;
    /// `None` for the ten pairs that are not adjacent.
    pub rotation: Option<Quat>,
}

/// The fifteen interactions of a body's groups. Written in every frame, beside a [`BodyPose`].
///
/// Vectors are in the heading axes of the pelvis: x to the body's left, y up, z forward.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_kinest::Interactions;
/// use bevy_kinest::kinest::skeleton::Group;
///
/// fn crossed(bodies: Query<&Interactions>) {
///     for body in &bodies {
///         let right_arm = body.between(Group::LeftArm, Group::RightArm).difference;
///         if right_arm.x > 0.0 {
///             info!("the arms are crossed");
///         }
///     }
/// }
/// # bevy::ecs::system::assert_is_system(crossed);
/// ```
#[derive(Component, Clone, Debug, Default, Reflect)]
#[reflect(Component, Default)]
#[require(KinematicGroups)]
pub struct Interactions {
    pairs: [GroupInteraction; 15],
}

impl Interactions {
    /// Relation of `to` to `from`. Zero for a group and itself.
    #[must_use]
    pub fn between(&self, from: Group, to: Group) -> GroupInteraction {
        let Some(pair) = GroupPair::of(from, to) else { return GroupInteraction::default() };
        let found = self.pairs[pair.index()];
        if pair.first == from {
            found
        } else {
            let (difference, velocity) = (-found.difference, -found.velocity);
            GroupInteraction { difference, velocity, ..found }
        }
    }
}

pub(super) fn measure_groups(clock: Clock, mut bodies: Query<(&BodyPose, &mut KinematicGroups)>) {
    let now = clock.now().as_secs_f64();
    for (body, mut groups) in &mut bodies {
        if body.time().is_none() {
            continue;
        }
        let joints = body.joints_z_up();
        let head = SmplJoint::Head.index();
        let before = groups.before.as_ref().map(|(before, time)| (before, now - time));
        let goes_on = before.filter(|(before, seconds)| {
            !Teleport::is_one(before[head], joints.positions[head], *seconds)
        });
        if goes_on.is_some_and(|(_, seconds)| seconds <= 0.0) {
            continue;
        }
        let measured = z_up::KinematicGroups::new(body.pose_z_up(), joints, goes_on);
        let world_from_space = body.world_from_space;
        for (group, motion) in Group::ALL.into_iter().zip(&measured.groups) {
            let at = engine_from_amass_point(motion.position);
            let to = engine_from_amass_point(motion.velocity);
            groups.positions[group.index()] = world_from_space.transform_point(at);
            groups.velocities[group.index()] = world_from_space.affine().transform_vector3(to);
        }
        groups.z_up = Some(measured);
        groups.before = Some((joints.positions, now));
    }
}

pub(super) fn measure_interactions(
    mut bodies: Query<(&BodyPose, &KinematicGroups, &mut Interactions)>,
) {
    for (body, groups, mut interactions) in &mut bodies {
        let Some(groups) = groups.z_up() else { continue };
        let seen = groups.seen_from(LevelAxes::of(body.joints_z_up()));
        let measured = z_up::Interactions::new(&seen);
        interactions.pairs = measured.pairs.map(|pair| GroupInteraction {
            difference: engine_from_amass_point(pair.difference),
            velocity: engine_from_amass_point(pair.velocity),
            rotation: pair.rotation.map(|rotation| rotation.as_quat()),
        });
    }
}
