//! Position, velocity and angles of the six groups, and their interactions.

use super::{Group, GroupPair, JointTransforms, PerJoint, Pose, Skeleton, SmplJoint as J};
use crate::coordinates::heading;
use glam::{DQuat, DVec3};

/// Horizontal axes with an origin on the floor and a heading.
///
/// For a person who stands at the origin with this heading, x is left, −y forward and z up: the
/// axes of AMASS space, moved and rotated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LevelAxes {
    /// Their origin in AMASS space, metres.
    pub origin: DVec3,
    /// Their heading, radians: the turn about z from AMASS axes.
    pub heading: f64,
}

impl LevelAxes {
    /// The axes of AMASS space itself.
    pub const WORLD: Self = Self { origin: DVec3::ZERO, heading: 0.0 };

    /// The heading axes of a body: the origin is on the floor below its pelvis, the heading is the
    /// pelvis's.
    #[must_use]
    pub fn of(joints: &JointTransforms) -> Self {
        let pelvis = J::Pelvis.index();
        let origin = joints.positions[pelvis].with_z(0.0);
        Self { origin, heading: heading(joints.rotations[pelvis]) }
    }

    fn world_from_axes(&self) -> DQuat {
        DQuat::from_rotation_z(self.heading)
    }
}

/// A kinematic group at one moment, in the axes of its [`KinematicGroups`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupMotion {
    /// P: mean position of its joints, metres.
    pub position: DVec3,
    /// V: mean velocity of its joints, m/s, with fixed axes.
    pub velocity: DVec3,
    /// Θ: rotation of each of its joints relative to the parent, in the order of
    /// [`Group::joints`]; the pelvis relative to the axes. Only the first two of the neck exist, the
    /// others are the identity.
    pub angles: [DQuat; 4],
}

/// The six groups of a body at one moment.
///
/// The conversion is lossless: [`pose`](Self::pose) returns the pose.
///
/// ```
/// use kinest::skeleton::{Group, Interactions, KinematicGroups, LevelAxes, Pose, Skeleton};
///
/// let skeleton = Skeleton::default();
/// let pose = Pose::rest();
/// let joints = skeleton.pose_joints(&pose);
/// let groups = KinematicGroups::new(&pose, &joints, None).seen_from(LevelAxes::of(&joints));
/// let hands = Interactions::new(&groups).between(Group::LeftArm, Group::RightArm).unwrap();
/// assert!(hands.difference.x < -0.5, "the right arm is to the right of the left one");
/// assert!((groups.pose(&skeleton).translation - pose.translation).length() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KinematicGroups {
    /// The axes of all vectors.
    pub axes: LevelAxes,
    /// The groups, in the order of [`Group::ALL`].
    pub groups: [GroupMotion; 6],
}

impl KinematicGroups {
    /// The groups of a pose with these joints, in world axes. Velocities come from the joints'
    /// positions `before.1` seconds before; without them, or if no time has passed, they are zero.
    #[must_use]
    pub fn new(
        pose: &Pose,
        joints: &JointTransforms,
        before: Option<(&PerJoint<DVec3>, f64)>,
    ) -> Self {
        let groups = Group::ALL.map(|group| {
            let position = centre(group, &joints.positions);
            let velocity = match before {
                Some((before, seconds)) if seconds > 0.0 => {
                    (position - centre(group, before)) / seconds
                }
                _ => DVec3::ZERO,
            };
            let mut angles = [DQuat::IDENTITY; 4];
            for (angle, joint) in angles.iter_mut().zip(group.joints()) {
                *angle = pose.rotations[joint.index()];
            }
            GroupMotion { position, velocity, angles }
        });
        Self { axes: LevelAxes::WORLD, groups }
    }

    /// The group's motion.
    #[must_use]
    pub fn of(&self, group: Group) -> &GroupMotion {
        &self.groups[group.index()]
    }

    /// The same motion in other axes.
    #[must_use]
    pub fn seen_from(&self, axes: LevelAxes) -> Self {
        let world_from_old = self.axes.world_from_axes();
        let new_from_old = axes.world_from_axes().conjugate() * world_from_old;
        let mut groups = self.groups;
        for group in &mut groups {
            let world = self.axes.origin + world_from_old * group.position;
            group.position = axes.world_from_axes().conjugate() * (world - axes.origin);
            group.velocity = new_from_old * group.velocity;
        }
        let pelvis = &mut groups[Group::Torso.index()].angles[0];
        *pelvis = new_from_old * *pelvis;
        Self { axes, groups }
    }

    /// The pose they came from, for the same skeleton.
    #[must_use]
    pub fn pose(&self, skeleton: &Skeleton) -> Pose {
        let world = self.seen_from(LevelAxes::WORLD);
        let mut pose = Pose { translation: DVec3::ZERO, rotations: [DQuat::IDENTITY; J::COUNT] };
        for (group, motion) in Group::ALL.into_iter().zip(&world.groups) {
            for (joint, angle) in group.joints().iter().zip(motion.angles) {
                pose.rotations[joint.index()] = angle;
            }
        }
        // The rotations give the torso relative to the root; its position then gives the
        // translation.
        let placed = centre(Group::Torso, &skeleton.pose_joints(&pose).positions);
        pose.translation = world.of(Group::Torso).position - placed;
        pose
    }
}

/// Mean position of each group's joints.
pub(crate) fn group_centres(positions: &PerJoint<DVec3>) -> [DVec3; 6] {
    Group::ALL.map(|group| centre(group, positions))
}

fn centre(group: Group, positions: &PerJoint<DVec3>) -> DVec3 {
    let joints = group.joints();
    joints.iter().map(|joint| positions[joint.index()]).sum::<DVec3>() / joints.len() as f64
}

/// Relation of two groups at one moment, in the axes of the groups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interaction {
    /// ΔP: from the first group's position to the second's, metres.
    pub difference: DVec3,
    /// ΔΘ: rotation of the joint that links the second group to the first, relative to its parent;
    /// `None` for the ten pairs that are not adjacent.
    pub rotation: Option<DQuat>,
    /// ΔV: velocity of the second group relative to the first, m/s.
    pub velocity: DVec3,
}

/// The fifteen interactions of a body at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interactions {
    /// In the order of [`GroupPair::ALL`].
    pub pairs: [Interaction; 15],
}

impl Interactions {
    /// The interactions of these groups, in their axes.
    #[must_use]
    pub fn new(groups: &KinematicGroups) -> Self {
        let pairs = GroupPair::ALL.map(|pair| {
            let (first, second) = (groups.of(pair.first), groups.of(pair.second));
            Interaction {
                difference: second.position - first.position,
                // The link is the root of the second group.
                rotation: pair.link().map(|_| second.angles[0]),
                velocity: second.velocity - first.velocity,
            }
        });
        Self { pairs }
    }

    /// The interaction of a pair.
    #[must_use]
    pub fn of(&self, pair: GroupPair) -> &Interaction {
        &self.pairs[pair.index()]
    }

    /// The interaction of two groups with `from` as the first: position and velocity of `to`
    /// relative to it. `None` for a group and itself.
    #[must_use]
    pub fn between(&self, from: Group, to: Group) -> Option<Interaction> {
        let pair = GroupPair::of(from, to)?;
        let found = *self.of(pair);
        let turned = Interaction {
            difference: -found.difference,
            velocity: -found.velocity,
            rotation: found.rotation,
        };
        Some(if pair.first == from { found } else { turned })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::geodesic_angle;

    /// Angles, places and speeds as in no particular motion.
    fn pose(seed: f64) -> Pose {
        let wave = |i: usize, k: f64| (seed + 1.7 * i as f64 + k).sin();
        let mut pose = Pose::rest();
        for (i, q) in pose.rotations.iter_mut().enumerate() {
            *q *= DQuat::from_scaled_axis(DVec3::new(wave(i, 0.0), wave(i, 1.0), wave(i, 2.0)));
        }
        pose.translation = DVec3::new(wave(30, 0.0), wave(31, 0.0), wave(32, 0.0)) * 3.0;
        pose
    }

    /// Mirrored at the plane x = 0, as a picture in a looking glass.
    fn mirrored(pose: &Pose) -> Pose {
        Pose {
            translation: flip(pose.translation),
            rotations: J::ALL.map(|j| flip_rotation(pose.rotations[j.mirrored().index()])),
        }
    }

    fn flip(v: DVec3) -> DVec3 {
        DVec3::new(-v.x, v.y, v.z)
    }

    fn flip_rotation(q: DQuat) -> DQuat {
        DQuat::from_xyzw(q.x, -q.y, -q.z, q.w)
    }

    fn groups(poses: [Pose; 2], in_heading: bool) -> KinematicGroups {
        let skeleton = Skeleton::default();
        let [before, now] = poses.map(|pose| skeleton.pose_joints(&pose));
        let world = KinematicGroups::new(&poses[1], &now, Some((&before.positions, 0.02)));
        if in_heading { world.seen_from(LevelAxes::of(&now)) } else { world }
    }

    #[test]
    fn groups_give_the_pose_back() {
        let skeleton = Skeleton::default();
        for i in 0..50 {
            let pose = pose(i as f64);
            for in_heading in [false, true] {
                let back = groups([pose; 2], in_heading).pose(&skeleton);
                let [was, is] = [pose, back].map(|p| skeleton.pose_joints(&p).positions);
                assert!(was.iter().zip(is).all(|(a, b)| a.distance(b) < 1e-9));
                let angles = pose.rotations.iter().zip(back.rotations);
                assert!(angles.map(|(a, b)| geodesic_angle(*a, b)).all(|angle| angle < 1e-9));
            }
        }
    }

    /// Hand-worked: the rest pose, moved by 2 cm to −y within 20 ms.
    #[test]
    fn the_rest_pose_moves_forward_at_one_metre_per_second() {
        let mut ahead = Pose::rest();
        ahead.translation.y -= 0.02;
        let groups = groups([Pose::rest(), ahead], true);
        for group in groups.groups {
            assert!((group.velocity - DVec3::NEG_Y).length() < 1e-9);
        }
        let left = groups.of(Group::LeftArm).position;
        let collar_to_wrist = (0.06 + 0.185 + 0.468 + 0.738) / 4.0;
        assert!((left.x - collar_to_wrist).abs() < 1e-3, "{left}");
        let pairs = Interactions::new(&groups);
        assert!(pairs.pairs.iter().all(|pair| pair.velocity.length() < 1e-9));
        let legs = pairs.between(Group::RightLeg, Group::LeftLeg).unwrap();
        assert!((legs.difference - DVec3::X * 0.18).length() < 1e-9);
        assert!(pairs.between(Group::Neck, Group::Neck).is_none());
        let neck = pairs.between(Group::Neck, Group::Torso).unwrap().rotation;
        assert_eq!((neck, legs.rotation), (Some(DQuat::IDENTITY), None));
    }

    #[test]
    fn heading_axes_do_not_see_place_and_heading() {
        let turn = DQuat::from_rotation_z(2.0);
        let away = |mut pose: Pose| {
            pose.translation = turn * pose.translation + DVec3::new(4.0, -3.0, 0.0);
            pose.rotations[0] = turn * pose.rotations[0];
            pose
        };
        for i in 0..20 {
            let poses = [pose(i as f64), pose(i as f64 + 0.05)];
            let here = groups(poses, true);
            let there = groups(poses.map(away), true);
            for (a, b) in here.groups.iter().zip(there.groups) {
                assert!(a.position.distance(b.position) < 1e-9);
                assert!(a.velocity.distance(b.velocity) < 1e-9);
                assert!(a.angles.iter().zip(b.angles).all(|(a, b)| geodesic_angle(*a, b) < 1e-9));
            }
        }
    }

    #[test]
    fn a_mirrored_motion_has_mirrored_groups() {
        for i in 0..20 {
            for in_heading in [false, true] {
                let poses = [pose(i as f64), pose(i as f64 + 0.05)];
                let own = groups(poses, in_heading);
                let other = groups(poses.map(|pose| mirrored(&pose)), in_heading);
                for group in Group::ALL {
                    let (a, b) = (own.of(group), other.of(group.mirrored()));
                    assert!(flip(a.position).distance(b.position) < 1e-9);
                    assert!(flip(a.velocity).distance(b.velocity) < 1e-9);
                    let angles = a.angles.iter().zip(b.angles);
                    assert!(
                        angles.map(|(a, b)| geodesic_angle(flip_rotation(*a), b)).all(|d| d < 1e-9)
                    );
                }
                let [a, b] = [own, other].map(|groups| Interactions::new(&groups));
                for GroupPair { first, second } in GroupPair::ALL {
                    let here = a.between(first, second).unwrap();
                    let there = b.between(first.mirrored(), second.mirrored()).unwrap();
                    assert!(flip(here.difference).distance(there.difference) < 1e-9);
                    assert!(flip(here.velocity).distance(there.velocity) < 1e-9);
                    assert_eq!(here.rotation.is_some(), there.rotation.is_some());
                }
            }
        }
    }
}
