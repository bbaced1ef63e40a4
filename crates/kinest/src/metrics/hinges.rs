//! Implausible bends of knees and elbows.

use super::BodyTrack;
use crate::skeleton::SmplJoint as J;
use glam::DVec3;

/// Minimum hyperextension of a knee that counts as an error, radians: 9°, beyond any healthy knee.
const BEND_BACK: f64 = 0.15;
/// Maximum plausible rate of change of a knee's direction, rad/s.
const KNEE_FASTEST: f64 = 30.0;
/// The same for an elbow, which a fast punch swings about the line from shoulder to hand.
const ELBOW_FASTEST: f64 = 90.0;
/// Minimum distance of a hinge from the line between the limb's ends, metres; closer hinges have no
/// direction.
const STRAIGHT: f64 = 0.03;

const LEGS: [[J; 3]; 2] =
    [[J::LeftHip, J::LeftKnee, J::LeftAnkle], [J::RightHip, J::RightKnee, J::RightAnkle]];
const ARMS: [[J; 3]; 2] = [
    [J::LeftShoulder, J::LeftElbow, J::LeftWrist],
    [J::RightShoulder, J::RightElbow, J::RightWrist],
];

/// Number of frames in which a knee bends backwards, or changes direction implausibly fast (above
/// 30 rad/s); each leg counts separately.
#[must_use]
pub fn knee_flips(track: &BodyTrack, rate_hz: f64) -> usize {
    // In rest pose axes a knee bends about x.
    flips(track, LEGS, KNEE_FASTEST / rate_hz, |knee| knee.x < -BEND_BACK)
}

/// Number of frames in which an elbow changes direction implausibly fast (above 90 rad/s); each arm
/// counts separately.
#[must_use]
pub fn elbow_flips(track: &BodyTrack, rate_hz: f64) -> usize {
    flips(track, ARMS, ELBOW_FASTEST / rate_hz, |_| false)
}

/// Counts hinges whose direction turns by more than `most` radians in a frame, or whose axis-angle
/// is `wrong`.
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

    /// A right leg per frame, with the knee bent and swivelled about the line from hip to ankle,
    /// radians.
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
    fn a_knee_flips_if_it_bends_backwards_or_jumps() {
        assert_eq!(knee_flips(&track(&[(0.8, 0.0), (0.8, 0.1), (1.2, 0.2), (-0.1, 0.2)]), 60.0), 0);
        // Two frames backwards, then a jump to the front.
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
    fn an_elbow_flips_if_it_turns_over_but_not_if_it_swings_fast() {
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
