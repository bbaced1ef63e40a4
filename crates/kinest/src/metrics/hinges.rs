//! Knees and elbows that are not where they can be.

use super::BodyTrack;
use crate::skeleton::SmplJoint as J;
use glam::DVec3;

/// A knee that bends back by more than this is wrong, radians: 9°, where no healthy knee goes.
const BEND_BACK: f64 = 0.15;
/// The direction in which a knee points turns no faster, rad/s; …
const KNEE_FASTEST: f64 = 30.0;
/// … and that of an elbow, which a fast blow swings about shoulder and hand, no faster than this.
const ELBOW_FASTEST: f64 = 90.0;
/// Nearer to the line between the ends of the limb than this, metres, a hinge points nowhere.
const STRAIGHT: f64 = 0.03;

const LEGS: [[J; 3]; 2] =
    [[J::LeftHip, J::LeftKnee, J::LeftAnkle], [J::RightHip, J::RightKnee, J::RightAnkle]];
const ARMS: [[J; 3]; 2] = [
    [J::LeftShoulder, J::LeftElbow, J::LeftWrist],
    [J::RightShoulder, J::RightElbow, J::RightWrist],
];

/// How often a knee bends the wrong way, or points elsewhere from one frame to the next (faster than
/// 30 rad/s): counted over frames and legs.
#[must_use]
pub fn knee_flips(track: &BodyTrack, rate_hz: f64) -> usize {
    // From the rest pose a knee bends about x.
    flips(track, LEGS, KNEE_FASTEST / rate_hz, |knee| knee.x < -BEND_BACK)
}

/// How often an elbow points elsewhere from one frame to the next (faster than 90 rad/s): counted over frames
/// and arms.
#[must_use]
pub fn elbow_flips(track: &BodyTrack, rate_hz: f64) -> usize {
    flips(track, ARMS, ELBOW_FASTEST / rate_hz, |_| false)
}

/// Hinges that turn by more than `most` radians in a frame, or whose axis-angle is `wrong`.
fn flips(track: &BodyTrack, limbs: [[J; 3]; 2], most: f64, wrong: impl Fn(DVec3) -> bool) -> usize {
    let mut flips = 0;
    for [from, hinge, to] in limbs.map(|limb| limb.map(J::index)) {
        let mut before: Option<DVec3> = None;
        for (positions, rotations) in track.positions.iter().zip(&track.rotations) {
            let line = positions[to] - positions[from];
            let out = (positions[hinge] - positions[from]).reject_from(line);
            let direction = (out.length() > STRAIGHT).then_some(out);
            let turned = before.zip(direction).map(|(a, b)| a.angle_between(b));
            flips += usize::from(wrong(rotations[hinge]) || turned.is_some_and(|t| t > most));
            before = direction;
        }
    }
    flips
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::ClipFrame;
    use crate::skeleton::{Pose, Skeleton};
    use glam::DQuat;

    /// A leg with the knee bent and swivelled about the line from hip to ankle, more or less.
    fn track(knees: &[(f64, f64)]) -> BodyTrack {
        let frame = |(bend, swivel): &(f64, f64)| {
            let mut pose = Pose::rest();
            pose.rotations[J::RightHip.index()] =
                DQuat::from_rotation_y(*swivel) * DQuat::from_rotation_x(-bend / 2.0);
            pose.rotations[J::RightKnee.index()] = DQuat::from_rotation_x(*bend);
            ClipFrame::from(&pose)
        };
        let frames: Vec<ClipFrame> = knees.iter().map(frame).collect();
        BodyTrack::new(&frames, &Skeleton::default())
    }

    #[test]
    fn a_knee_may_bend_and_swing_but_not_backwards_and_not_at_once() {
        assert_eq!(knee_flips(&track(&[(0.8, 0.0), (0.8, 0.1), (1.2, 0.2), (-0.1, 0.2)]), 60.0), 0);
        // Twice backwards, and back to the front at once.
        let back = track(&[(0.8, 0.0), (-0.2, 0.0), (-0.3, 0.0), (0.8, 0.0)]);
        assert_eq!(knee_flips(&back, 60.0), 3);
        let jump = track(&[(0.8, 0.0), (0.8, 0.9), (0.8, 1.0)]);
        assert_eq!(knee_flips(&jump, 60.0), 1);
        assert_eq!(knee_flips(&jump, 20.0), 0, "at a third of the rate it is slow");
        assert_eq!(elbow_flips(&jump, 60.0), 0, "arms do nothing");
        let straight = track(&[(0.05, 0.0), (0.05, 1.5), (0.05, 3.0)]);
        assert_eq!(knee_flips(&straight, 60.0), 0, "a straight leg points nowhere");
    }

    #[test]
    fn an_elbow_may_swing_fast_but_not_turn_over() {
        let arm = |bend: f64, swivel: f64| {
            let mut pose = Pose::rest();
            pose.rotations[J::LeftShoulder.index()] = DQuat::from_rotation_x(swivel);
            pose.rotations[J::LeftElbow.index()] = DQuat::from_rotation_y(-bend);
            ClipFrame::from(&pose)
        };
        let flips = |arms: &[(f64, f64)]| {
            let frames: Vec<_> = arms.iter().map(|(bend, swivel)| arm(*bend, *swivel)).collect();
            elbow_flips(&BodyTrack::new(&frames, &Skeleton::default()), 60.0)
        };
        assert_eq!(flips(&[(0.8, 0.0), (0.8, 1.0), (0.9, 2.0)]), 0);
        assert_eq!(flips(&[(0.8, 0.0), (0.8, 2.5), (0.8, 2.6)]), 1);
        assert_eq!(flips(&[(0.05, 0.0), (0.05, 2.5)]), 0, "a straight arm points nowhere");
    }
}
