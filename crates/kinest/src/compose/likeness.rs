//! Similarity of two moments, independent of their place in the room.

use super::take::Take;
use crate::coordinates::heading;
use crate::rotation::quat_from_matrix;
use crate::skeleton::{LevelAxes, Pose, Skeleton, SmplJoint as J};
use glam::{DMat3, DQuat, DVec3};

/// Joints that are compared.
const JOINTS: [J; 12] = [
    J::Pelvis,
    J::Spine3,
    J::Head,
    J::LeftElbow,
    J::RightElbow,
    J::LeftWrist,
    J::RightWrist,
    J::LeftKnee,
    J::RightKnee,
    J::LeftAnkle,
    J::RightAnkle,
    J::LeftShoulder,
];
/// Weight of a velocity difference relative to a position difference, seconds.
const SPEED: f64 = 0.12;
/// Penalty (m) for a foot that is planted in only one of the two moments.
const FOOT: f64 = 0.06;

/// Descriptor of a moment: joints and their velocities in the axes of the body.
#[derive(Clone, Debug)]
struct Look {
    places: [DVec3; JOINTS.len()],
    speeds: [DVec3; JOINTS.len()],
    stands: [bool; 2],
}

/// Descriptors of all moments of a take.
#[derive(Clone, Debug)]
pub struct Likeness(Vec<Look>);

impl Likeness {
    /// Of a take of a body with this skeleton.
    #[must_use]
    pub fn new(take: &Take, skeleton: &Skeleton) -> Self {
        let joints: Vec<_> = take.poses.iter().map(|pose| skeleton.pose_joints(pose)).collect();
        let look = |i: usize| {
            let axes = LevelAxes::of(&joints[i]);
            let turn = DQuat::from_rotation_z(-axes.heading);
            let (before, after) = (i.saturating_sub(1), (i + 1).min(joints.len() - 1));
            let seconds = (after - before).max(1) as f64 / take.rate_hz;
            let place = |joint: J| turn * (joints[i].positions[joint.index()] - axes.origin);
            let speed = |joint: J| {
                let at = |i: usize| joints[i].positions[joint.index()];
                turn * (at(after) - at(before)) / seconds
            };
            Look { places: JOINTS.map(place), speeds: JOINTS.map(speed), stands: take.stands[i] }
        };
        Self((0..joints.len()).map(look).collect())
    }

    /// Number of moments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no moment.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Distance of moment `i` from moment `j` of another take, metres: mean distance of joints,
    /// plus weighted differences of their velocities, plus a penalty for feet that are planted in
    /// only one of them.
    #[must_use]
    pub fn distance(&self, i: usize, other: &Self, j: usize) -> f64 {
        let (a, b) = (&self.0[i], &other.0[j]);
        let mean = |a: &[DVec3], b: &[DVec3]| {
            a.iter().zip(b).map(|(a, b)| a.distance(*b)).sum::<f64>() / JOINTS.len() as f64
        };
        let feet = (0..2).filter(|side| a.stands[*side] != b.stands[*side]).count();
        mean(&a.places, &b.places) + SPEED * mean(&a.speeds, &b.speeds) + FOOT * feet as f64
    }

    /// The moments, one of `own` and one of `theirs`, at which the other take follows best.
    #[must_use]
    pub fn best(
        &self,
        own: std::ops::Range<usize>,
        other: &Self,
        theirs: std::ops::Range<usize>,
    ) -> (usize, usize, f64) {
        let first = (own.start, theirs.start, f64::INFINITY);
        let pairs = own.flat_map(|i| theirs.clone().map(move |j| (i, j)));
        let rated = pairs.map(|(i, j)| (i, j, self.distance(i, other, j)));
        rated.fold(first, |best, pair| if pair.2 < best.2 { pair } else { best })
    }
}

/// Angle (rad) between the chests of two poses, each in its own heading axes: the rotation error of
/// arms and head copied from one pose to the other.
#[must_use]
pub fn trunk_angle(skeleton: &Skeleton, one: &Pose, other: &Pose) -> f64 {
    let up = |pose: &Pose| {
        let chest = quat_from_matrix(skeleton.pose_joints(pose).rotations[J::Spine3.index()]);
        let facing = heading(DMat3::from_quat(chest));
        DQuat::from_rotation_z(-facing) * (chest * DVec3::Y)
    };
    up(one).angle_between(up(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::{self, Kind};
    use glam::DVec2;

    #[test]
    fn place_and_heading_do_not_matter_and_other_poses_do() {
        let skeleton = Skeleton::default();
        let take = |kind| Take::new(&synthetic::clip(kind, 1, 4.0, 60.0, &skeleton), &skeleton);
        let (walk, sit) = (take(Kind::Walk), take(Kind::Sit));
        let mut away = walk.clone();
        away.relocate(&skeleton, 2.0, DVec2::new(3.0, -1.0));
        let [a, b, c] = [&walk, &away, &sit].map(|take| Likeness::new(take, &skeleton));
        assert!(a.distance(100, &b, 100) < 1e-9);
        assert!(a.distance(100, &c, 200) > 0.2);
        let (i, j, distance) = a.best(100..140, &b, 80..120);
        assert!(distance < 1e-9 && i == j, "{i} {j} {distance}");
        assert!(trunk_angle(&skeleton, &walk.poses[100], &away.poses[100]) < 1e-9);
    }
}
