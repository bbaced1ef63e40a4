//! Confidence in the joints of a body.

use kinest::live::PoseSource;
use kinest::skeleton::{PerJoint, SmplJoint};
use kinest::tracker::{BodyTrackers, TrackerRole};

use SmplJoint as J;

/// Error at which the confidence is one half, metres.
const HALF: f64 = 0.1;
/// Time constant of the decay of confidence without tracking, seconds.
const STALE: f64 = 1.0;

/// Mean distance of a three-dimensional normal variable from its mean, in standard deviations per
/// axis: `√(8/π)`.
const MEAN_DISTANCE: f64 = 1.595_769_121_605_731;

/// Expected errors, metres: with all trackers tracked, and with none. The first are those of
/// `kinest_stream`, online, on clips it was not trained on, for networks that do not predict
/// deviations; the second are those of the mean pose.
struct Expected {
    known: f64,
    unknown: f64,
}

const HAND: Expected = Expected { known: 0.0, unknown: 0.378 };
const UPPER: Expected = Expected { known: 0.029, unknown: 0.132 };
const LOWER: Expected = Expected { known: 0.136, unknown: 0.234 };

/// Confidence in each joint, 0 to 1. `lost` is the duration of each tracker's dropout (head, left
/// hand, right hand), 0 while it is tracked; `age` is the age of the trackers in the shown
/// estimate; both in seconds. Joints at trackers `worn` on the body have full confidence;
/// `deviations` are the network's for the others.
pub(crate) fn confidence(
    source: PoseSource,
    lost: [f64; 3],
    age: f64,
    worn: Option<&BodyTrackers>,
    deviations: Option<&PerJoint<f64>>,
) -> PerJoint<f32> {
    if matches!(source, PoseSource::InverseKinematics | PoseSource::RestPose) {
        return [0.0; J::COUNT];
    }
    let [head, left, right] = lost;
    let mut all = J::ALL.map(|joint| {
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
        let at_tracker = matches!(joint, J::Head | J::LeftWrist | J::RightWrist);
        let said = deviations.filter(|_| !at_tracker).map(|all| MEAN_DISTANCE * all[joint.index()]);
        let known = said.unwrap_or(expected.known);
        let error = known + (expected.unknown - known).max(0.0) * gone;
        (1.0 / (1.0 + error / HALF)) as f32
    });
    let tracked = worn.into_iter().flat_map(|worn| worn.iter()).filter(|(_, pose)| pose.tracked);
    for (role, _) in tracked.filter(|_| head == 0.0) {
        for joint in known(role) {
            all[joint.index()] = 1.0;
        }
    }
    all
}

/// The joints whose position follows from a tracker on the body.
fn known(role: TrackerRole) -> &'static [J] {
    match role {
        TrackerRole::Head | TrackerRole::LeftHand | TrackerRole::RightHand => &[],
        TrackerRole::Pelvis => &[J::Pelvis, J::LeftHip, J::RightHip],
        TrackerRole::Chest => &[J::Spine3, J::Neck],
        TrackerRole::LeftElbow => &[J::LeftElbow],
        TrackerRole::RightElbow => &[J::RightElbow],
        TrackerRole::LeftKnee => &[J::LeftKnee],
        TrackerRole::RightKnee => &[J::RightKnee],
        TrackerRole::LeftFoot => &[J::LeftAnkle, J::LeftFoot],
        TrackerRole::RightFoot => &[J::RightAnkle, J::RightFoot],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::{DMat3, DVec3};
    use kinest::tracker::TrackerPose;

    #[test]
    fn confidence_is_full_at_trackers_low_at_legs_and_fades_in_dropouts() {
        let of = |lost, age| confidence(PoseSource::Estimated, lost, age, None, None);
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
            assert_eq!(confidence(source, [0.0; 3], 0.0, None, None), [0.0; J::COUNT]);
        }
    }

    /// The network's deviations determine the confidence, except at trackers, and it decays like
    /// any other.
    #[test]
    fn the_networks_own_deviations_count() {
        let mut deviations = [0.01; J::COUNT];
        deviations[J::LeftFoot.index()] = 0.1 / MEAN_DISTANCE;
        deviations[J::Head.index()] = 1.0;
        let of = |head| {
            confidence(PoseSource::Estimated, [head, 0.0, 0.0], 0.0, None, Some(&deviations))
        };
        let now = of(0.0);
        assert!((now[J::LeftFoot.index()] - 0.5).abs() < 1e-6);
        assert_eq!(now[J::Head.index()], 1.0);
        assert!(now[J::RightFoot.index()] > 0.8 && of(1.0)[J::RightFoot.index()] < 0.5);
    }

    #[test]
    fn joints_at_trackers_are_known_while_they_are_tracked() {
        let pose = TrackerPose::new(DVec3::ZERO, DMat3::IDENTITY);
        let mut worn = BodyTrackers::default();
        worn.set(TrackerRole::LeftFoot, pose);
        worn.set(TrackerRole::RightFoot, pose.lost());
        let of = |head| confidence(PoseSource::Estimated, [head, 0.0, 0.0], 0.0, Some(&worn), None);
        assert_eq!(of(0.0)[J::LeftAnkle.index()], 1.0);
        assert!(of(0.0)[J::RightAnkle.index()] < 0.5 && of(1.0)[J::LeftAnkle.index()] < 0.5);
    }
}
