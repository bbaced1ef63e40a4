//! Confidence in the joints of a body.

use kinest::live::PoseSource;
use kinest::skeleton::{PerJoint, SmplJoint};

use SmplJoint as J;

/// Error at which the confidence is one half, metres.
const HALF: f64 = 0.1;
/// Time constant with which knowledge becomes stale, seconds.
const STALE: f64 = 1.0;

/// Expected errors, metres: with all trackers tracked, and with none. The first are the shipped
/// model's, online, on clips it was not trained on; the second the mean pose's.
struct Expected {
    known: f64,
    unknown: f64,
}

const HAND: Expected = Expected { known: 0.0, unknown: 0.378 };
const UPPER: Expected = Expected { known: 0.029, unknown: 0.132 };
const LOWER: Expected = Expected { known: 0.136, unknown: 0.234 };

/// Confidence in each joint, 0 to 1. `lost` is the time since each tracker (head, left hand, right
/// hand) was tracked, 0 while it is; `age` the age of the trackers in the shown estimate; both in
/// seconds.
pub(crate) fn confidence(source: PoseSource, lost: [f64; 3], age: f64) -> PerJoint<f32> {
    if matches!(source, PoseSource::InverseKinematics | PoseSource::RestPose) {
        return [0.0; J::COUNT];
    }
    let [head, left, right] = lost;
    J::ALL.map(|joint| {
        let (expected, stale) = match joint {
            J::Head => (HAND, head),
            J::LeftWrist => (HAND, left.max(head)),
            J::RightWrist => (HAND, right.max(head)),
            J::LeftShoulder | J::LeftElbow => (UPPER, left.max(head).max(age)),
            J::RightShoulder | J::RightElbow => (UPPER, right.max(head).max(age)),
            J::Pelvis
            | J::LeftHip
            | J::RightHip
            | J::LeftKnee
            | J::RightKnee
            | J::LeftAnkle
            | J::RightAnkle
            | J::LeftFoot
            | J::RightFoot => (LOWER, head.max(age)),
            J::Spine1 | J::Spine2 | J::Spine3 | J::Neck | J::LeftCollar | J::RightCollar => {
                (UPPER, head.max(age))
            }
        };
        let gone = 1.0 - (-stale / STALE).exp();
        let error = expected.known + (expected.unknown - expected.known) * gone;
        (1.0 / (1.0 + error / HALF)) as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_is_full_at_trackers_low_at_legs_and_fades_in_dropouts() {
        let of = |lost, age| confidence(PoseSource::Estimated, lost, age);
        let all = of([0.0; 3], 0.0);
        for joint in [J::Head, J::LeftWrist, J::RightWrist] {
            assert_eq!(all[joint.index()], 1.0);
        }
        // Hand-worked: 1 / (1 + 1.36).
        assert!((all[J::LeftFoot.index()] - 0.4237).abs() < 1e-3);
        assert!(all[J::Spine2.index()] > all[J::LeftFoot.index()]);
        let lost = of([0.0, 0.5, 0.0], 0.0);
        for joint in J::ALL {
            let arm = matches!(joint, J::LeftShoulder | J::LeftElbow | J::LeftWrist);
            let (before, after) = (all[joint.index()], lost[joint.index()]);
            assert_eq!(after < before, arm, "{joint:?}: {after}");
        }
        assert!(of([0.0, 2.0, 0.0], 0.0)[J::LeftWrist.index()] < 0.25);
        assert!(of([0.0; 3], 1.0)[J::LeftFoot.index()] < all[J::LeftFoot.index()]);
        for source in [PoseSource::InverseKinematics, PoseSource::RestPose] {
            assert_eq!(confidence(source, [0.0; 3], 0.0), [0.0; J::COUNT]);
        }
    }
}
