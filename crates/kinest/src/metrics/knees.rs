//! Knees that are not where knees can be.

use super::BodyTrack;
use crate::skeleton::SmplJoint as J;

/// A knee that bends back by more than this is wrong, radians: 9°, where no healthy knee goes.
const BEND_BACK: f64 = 0.15;
/// The direction in which a knee points turns no faster, rad/s.
const FASTEST: f64 = 30.0;
/// With the knee nearer to the line from hip to ankle than this, metres, it points nowhere.
const STRAIGHT: f64 = 0.03;

const LEGS: [[J; 3]; 2] =
    [[J::LeftHip, J::LeftKnee, J::LeftAnkle], [J::RightHip, J::RightKnee, J::RightAnkle]];

/// How often a knee bends the wrong way, or points elsewhere from one frame to the next (faster than
/// 30 rad/s): counted over frames and legs.
#[must_use]
pub fn knee_flips(track: &BodyTrack, rate_hz: f64) -> usize {
    let mut flips = 0;
    for leg in LEGS {
        let [hip, knee, ankle] = leg.map(J::index);
        let mut before = None;
        for (positions, rotations) in track.positions.iter().zip(&track.rotations) {
            // From the rest pose a knee bends about x.
            let backwards = rotations[knee].x < -BEND_BACK;
            let line = positions[ankle] - positions[hip];
            let out = (positions[knee] - positions[hip]).reject_from(line);
            let direction = (out.length() > STRAIGHT).then_some(out);
            let turned = before.zip(direction).map(|(a, b): (glam::DVec3, _)| a.angle_between(b));
            flips += usize::from(backwards || turned.is_some_and(|t| t * rate_hz > FASTEST));
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
        let straight = track(&[(0.05, 0.0), (0.05, 1.5), (0.05, 3.0)]);
        assert_eq!(knee_flips(&straight, 60.0), 0, "a straight leg points nowhere");
    }
}
