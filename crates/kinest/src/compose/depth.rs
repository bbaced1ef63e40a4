//! The same motion closer to the floor, or further from it.

use crate::refine::{LEGS, Place, within};
use crate::skeleton::{Pose, Skeleton, SmplJoint as J};

/// Clearance that joints of trunk, arms and head keep from the floor when a body is lowered, metres.
const CLEARANCE: f64 = 0.1;

/// Range (m) by which a body can be lowered, until a hip or a joint above is 10 cm above the floor,
/// and raised, until a leg is straight. Both are zero or more; most standing bodies cannot be
/// raised.
#[must_use]
pub fn depth_range(skeleton: &Skeleton, pose: &Pose) -> [f64; 2] {
    let joints = skeleton.pose_joints(pose).positions;
    let is_leg = |joint: J| LEGS.iter().any(|leg| leg.joints[1..].contains(&joint));
    let above =
        J::ALL.into_iter().filter(|j| !is_leg(*j) && !matches!(j, J::LeftFoot | J::RightFoot));
    let lowest = above.map(|j| joints[j.index()].z).fold(f64::INFINITY, f64::min);
    let rises = LEGS.iter().map(|leg| {
        let [hip, ankle] = [0, 2].map(|k| joints[leg.joints[k].index()]);
        let (longest, aside) = (leg.longest(skeleton, 0.0), (ankle - hip).truncate().length());
        ankle.z + (longest * longest - aside * aside).max(0.0).sqrt() - hip.z
    });
    [lowest - CLEARANCE, rises.fold(f64::INFINITY, f64::min)].map(|by| by.max(0.0))
}

/// Lowers the body by `by`, metres, or raises it if that is negative. Feet keep place and rotation as far as legs
/// reach, and legs bend in their own planes.
pub fn lower(skeleton: &Skeleton, pose: &mut Pose, by: f64) {
    let feet = LEGS.map(|leg| Place::of(skeleton, pose, leg.joints[2]));
    pose.translation.z -= by;
    for (leg, foot) in LEGS.iter().zip(feet) {
        let hip = Place::of(skeleton, pose, leg.joints[0]).position;
        let longest = leg.longest(
            skeleton,
            (foot.position - hip).length().min(leg.bones(skeleton).iter().sum()),
        );
        leg.reach(skeleton, pose, hip + within(foot.position - hip, longest));
        let shank = Place::of(skeleton, pose, leg.joints[1]).rotation;
        pose.rotations[leg.joints[2].index()] = (shank.conjugate() * foot.rotation).normalize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::{self, Kind};
    use crate::rotation::geodesic_angle;

    /// A squat at every depth: feet stay, everything above the hips moves straight up or down, and a body that is
    /// lowered and raised again is the same.
    #[test]
    fn feet_stay_and_the_rest_moves_along() {
        let skeleton = Skeleton::default();
        let clip = synthetic::clip(Kind::Squat, 3, 4.0, 60.0, &skeleton);
        let (mut lowered, mut raised) = (0, 0);
        for frame in clip.frames.iter().step_by(5) {
            let pose = Pose::from(frame);
            let [down, up] = depth_range(&skeleton, &pose);
            for by in [-up, 0.0, 0.5 * down, down] {
                let mut now = pose;
                lower(&skeleton, &mut now, by);
                let [was, is] = [pose, now].map(|pose| skeleton.pose_joints(&pose));
                for joint in J::ALL {
                    let moved = is.positions[joint.index()] - was.positions[joint.index()];
                    if matches!(joint, J::LeftAnkle | J::RightAnkle | J::LeftFoot | J::RightFoot) {
                        assert!(moved.length() < 1e-6, "{joint:?} by {by}: {moved}");
                    } else if !matches!(joint, J::LeftKnee | J::RightKnee) {
                        assert!((moved.z + by).abs() < 1e-9 && moved.truncate().length() < 1e-9);
                        assert!(by <= 0.0 || is.positions[joint.index()].z > CLEARANCE - 1e-9);
                    }
                }
                lower(&skeleton, &mut now, -by);
                for (a, b) in now.rotations.iter().zip(&pose.rotations) {
                    assert!(geodesic_angle(*a, *b) < 1e-3, "by {by}");
                }
                lowered += usize::from(by > 0.1);
                raised += usize::from(by < -0.1);
            }
        }
        assert!(lowered > 20 && raised > 5, "{lowered} {raised}");
    }

    #[test]
    fn a_body_near_the_floor_is_not_lowered() {
        let skeleton = Skeleton::default();
        let clip = synthetic::clip(Kind::Walk, 3, 1.0, 60.0, &skeleton);
        let mut pose = Pose::from(&clip.frames[30]);
        pose.translation.z -= 2.0;
        assert_eq!(depth_range(&skeleton, &pose)[0], 0.0);
    }
}
