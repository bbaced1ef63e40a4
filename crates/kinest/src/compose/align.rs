//! Moves a take to where another one ends.

use super::take::Take;
use crate::coordinates::heading;
use crate::skeleton::{Skeleton, SmplJoint as J};
use glam::{DMat3, DQuat, DVec2, DVec3};

/// The joints under which the feet are.
pub(super) const BALLS: [J; 2] = [J::LeftFoot, J::RightFoot];

impl Take {
    /// Turns the motion about the vertical through the origin, radians, then moves it along the floor,
    /// metres.
    pub fn relocate(&mut self, skeleton: &Skeleton, turn: f64, shift: DVec2) {
        let rotation = DQuat::from_rotation_z(turn);
        let pelvis = skeleton.offsets[J::Pelvis.index()];
        for pose in &mut self.poses {
            pose.rotations[0] = (rotation * pose.rotations[0]).normalize();
            let at = rotation * (pose.translation + pelvis) + shift.extend(0.0);
            pose.translation = at - pelvis;
        }
    }

    /// Puts frame `own` where frame `there` of `other` is and makes it face the same way: with a foot
    /// that stands in both at the same place, else with the pelvis above the same place.
    pub(super) fn align(&mut self, skeleton: &Skeleton, own: usize, other: &Self, there: usize) {
        let (mine, theirs) = (&self.poses[own], &other.poses[there]);
        let facing = |q: DQuat| heading(DMat3::from_quat(q));
        let turn = facing(theirs.rotations[0]) - facing(mine.rotations[0]);
        let places = |pose| skeleton.pose_joints(pose).positions;
        let (mine, theirs) = (places(mine), places(theirs));
        let stands = |side: usize| self.stands[own][side] && other.stands[there][side];
        let feet: Vec<J> = (0..2).filter(|side| stands(*side)).map(|side| BALLS[side]).collect();
        let anchors = if feet.is_empty() { vec![J::Pelvis] } else { feet };
        let mean = |places: &[DVec3; J::COUNT]| {
            let sum: DVec3 = anchors.iter().map(|joint| places[joint.index()]).sum();
            sum / anchors.len() as f64
        };
        let turned = DQuat::from_rotation_z(turn) * mean(&mine);
        self.relocate(skeleton, turn, (mean(&theirs) - turned).truncate());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::{self, Kind};

    #[test]
    fn a_take_is_put_where_another_ends() {
        let skeleton = Skeleton::default();
        let take =
            |kind, seed| Take::new(&synthetic::clip(kind, seed, 3.0, 60.0, &skeleton), &skeleton);
        let (there, mut moved) = (take(Kind::Wave, 1), take(Kind::Reach, 5));
        let before = moved.clone();
        moved.align(&skeleton, 60, &there, 120);
        let facing = |pose: &crate::skeleton::Pose| heading(DMat3::from_quat(pose.rotations[0]));
        assert!((facing(&moved.poses[60]) - facing(&there.poses[120])).abs() < 1e-9);
        let balls = |pose| {
            let places = skeleton.pose_joints(pose).positions;
            BALLS.map(|ball| places[ball.index()])
        };
        let (a, b) = (balls(&moved.poses[60]), balls(&there.poses[120]));
        assert!(((a[0] + a[1]) - (b[0] + b[1])).truncate().length() < 1e-9);
        // Nothing but place and heading changed.
        assert_eq!(moved.poses[10].rotations[1..], before.poses[10].rotations[1..]);
        assert!((moved.poses[10].translation.z - before.poses[10].translation.z).abs() < 1e-12);
    }
}
