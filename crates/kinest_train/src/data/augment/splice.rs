//! Arms and head of one clip on trunk and legs of another.

use glam::{DMat3, DQuat, DVec2};
use kinest::compose::trunk_angle;
use kinest::coordinates::heading;
use kinest::motion::ClipFrame;
use kinest::skeleton::{Group, Pose, Skeleton};
use serde::{Deserialize, Serialize};

/// What is spliced: everything that hangs from the trunk and is not a leg.
const GROUPS: [Group; 3] = [Group::Neck, Group::LeftArm, Group::RightArm];

/// How much a difference in velocity counts against one in height, seconds.
const VELOCITY: f64 = 0.3;
/// How much a difference in turning counts against one in height, metres per (rad/s).
const TURNING: f64 = 0.1;
/// How much a difference between chests counts against one in height, metres per radian.
const LEAN: f64 = 0.5;

/// Spliced motion: fast hands over feet that stand, and heads that look where nobody goes.
///
/// Legs follow trunk and head in the motion of a few people in more ways than they must. A network that sees other
/// arms over the same legs learns which of them mean something.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Splice {
    /// Probability that a window has arms and head of another clip, 0 to 1.
    pub chance: f64,
    /// Number of stretches drawn; the one whose trunk moves most alike gives arms and head.
    pub candidates: usize,
}

impl Default for Splice {
    fn default() -> Self {
        Self { chance: 0.0, candidates: 8 }
    }
}

/// How a trunk moves in a stretch of motion, wherever it is in the room.
#[derive(Clone, Debug)]
pub struct TrunkMotion {
    /// Height of the pelvis over the floor, metres, mean.
    height: f64,
    /// Of the pelvis, m/s, to its left and ahead.
    velocity: DVec2,
    /// Of the pelvis about the vertical axis, rad/s.
    turning: f64,
    /// First, middle and last pose.
    poses: [Pose; 3],
}

impl TrunkMotion {
    /// Of a stretch that lasts `seconds`, from its first, middle and last frame.
    #[must_use]
    pub fn new(frames: [ClipFrame; 3], seconds: f64) -> Self {
        let poses = frames.map(|frame| Pose::from(&frame));
        let facing = |pose: &Pose| heading(DMat3::from_quat(pose.rotations[0]));
        let turn = |a: usize, b: usize| {
            DVec2::from_angle(facing(&poses[a])).angle_to(DVec2::from_angle(facing(&poses[b])))
        };
        let way = poses[2].translation - poses[0].translation;
        let ahead = DQuat::from_rotation_z(-facing(&poses[1])) * way;
        Self {
            height: poses.iter().map(|pose| pose.translation.z).sum::<f64>() / 3.0,
            velocity: ahead.truncate() / seconds,
            turning: (turn(0, 1) + turn(1, 2)) / seconds,
            poses,
        }
    }

    /// How different two trunks move, metres.
    #[must_use]
    pub fn distance(&self, other: &Self, skeleton: &Skeleton) -> f64 {
        let pairs = self.poses.iter().zip(&other.poses);
        let lean = pairs.map(|(a, b)| trunk_angle(skeleton, a, b)).sum::<f64>() / 3.0;
        (self.height - other.height).abs()
            + VELOCITY * self.velocity.distance(other.velocity)
            + TURNING * (self.turning - other.turning).abs()
            + LEAN * lean
    }
}

/// Gives `frames` the arms and the head of `donor`, which has as many.
pub fn splice(frames: &mut [ClipFrame], donor: &[ClipFrame]) {
    for (frame, donor) in frames.iter_mut().zip(donor) {
        for joint in GROUPS.iter().flat_map(|group| group.joints()) {
            frame.rotations[joint.index()] = donor.rotations[joint.index()];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;
    use kinest::motion::MotionClip;
    use kinest::motion::synthetic::{self, Kind};
    use kinest::skeleton::SmplJoint;

    fn trunk(clip: &MotionClip, from: usize) -> TrunkMotion {
        TrunkMotion::new([0, 60, 120].map(|i| clip.frames[from + i]), 2.0)
    }

    #[test]
    fn trunks_are_alike_wherever_they_are_and_unlike_when_they_move_differently() {
        let skeleton = Skeleton::default();
        let clip = |kind| synthetic::clip(kind, 1, 5.0, 60.0, &skeleton);
        let (walk, squat) = (clip(Kind::Walk), clip(Kind::Squat));
        let mut away = walk.clone();
        let turn = DQuat::from_rotation_z(2.0);
        for frame in &mut away.frames {
            let mut pose = Pose::from(&*frame);
            pose.translation = turn * pose.translation + DVec3::new(3.0, -1.0, 0.0);
            pose.rotations[0] = turn * pose.rotations[0];
            *frame = ClipFrame::from(&pose);
        }
        let own = trunk(&walk, 60);
        assert!(own.distance(&trunk(&away, 60), &skeleton) < 1e-6);
        let other = own.distance(&trunk(&squat, 60), &skeleton);
        let later = own.distance(&trunk(&walk, 100), &skeleton);
        assert!(later < 0.5 * other, "{later} {other}");
    }

    #[test]
    fn trunk_and_legs_stay() {
        let skeleton = Skeleton::default();
        let clip = |kind| synthetic::clip(kind, 1, 2.0, 60.0, &skeleton);
        let (walk, wave) = (clip(Kind::Walk), clip(Kind::Wave));
        let mut spliced = walk.clone();
        splice(&mut spliced.frames, &wave.frames);
        for ((now, walk), wave) in spliced.frames.iter().zip(&walk.frames).zip(&wave.frames) {
            assert_eq!(now.translation, walk.translation);
            for joint in SmplJoint::ALL {
                let group = Group::ALL.into_iter().find(|g| g.joints().contains(&joint)).unwrap();
                let from = match group {
                    Group::Torso | Group::LeftLeg | Group::RightLeg => walk,
                    Group::Neck | Group::LeftArm | Group::RightArm => wave,
                };
                assert_eq!(now.rotations[joint.index()], from.rotations[joint.index()]);
            }
        }
    }
}
