//! Puts the head exactly at its tracker.

use super::Place;
use crate::rotation::quat_from_matrix;
use crate::skeleton::{Pose, Skeleton, SmplJoint};
use crate::tracker::TrackerPose;
use glam::DQuat;

/// Fraction of the correction taken by the neck; the head joint takes the rest.
const NECK_SHARE: f64 = 0.5;

/// Rotates neck and head, half each, and moves the whole body so that the head joint has the
/// tracker's position and rotation.
///
/// The body below the neck keeps its rotations: rotating it with the head increases the error,
/// because the network's chest heading is better.
pub fn place_head(skeleton: &Skeleton, pose: &mut Pose, head: &TrackerPose) {
    let (neck, top) = (SmplJoint::Neck.index(), SmplJoint::Head.index());
    let chest = Place::of(skeleton, pose, SmplJoint::Spine3).rotation;
    let wanted = chest.conjugate() * quat_from_matrix(head.rotation);
    let estimated = pose.rotations[neck] * pose.rotations[top];
    let correction = wanted * estimated.conjugate();
    let neck_turn = DQuat::IDENTITY.slerp(correction, NECK_SHARE) * pose.rotations[neck];
    pose.rotations[neck] = neck_turn.normalize();
    pose.rotations[top] = (neck_turn.conjugate() * wanted).normalize();
    pose.translation += head.position - Place::of(skeleton, pose, SmplJoint::Head).position;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::{exp, geodesic_angle};
    use crate::skeleton::Skeleton;
    use glam::{DMat3, DVec3};

    #[test]
    fn the_head_is_at_its_tracker_and_the_neck_takes_half() {
        let skeleton = Skeleton::default();
        let mut pose = Pose::rest();
        pose.rotations[SmplJoint::Spine2.index()] = exp(DVec3::new(0.3, 0.1, -0.2));
        let before = pose;
        let turn = 0.8;
        let upright = Place::of(&skeleton, &pose, SmplJoint::Head).rotation;
        let wanted = upright * DQuat::from_rotation_y(turn);
        let head = TrackerPose::new(DVec3::new(1.0, -2.0, 1.5), DMat3::from_quat(wanted));
        place_head(&skeleton, &mut pose, &head);
        let placed = Place::of(&skeleton, &pose, SmplJoint::Head);
        assert!(placed.position.distance(head.position) < 1e-12);
        assert!(geodesic_angle(placed.rotation, wanted) < 1e-9);
        for joint in SmplJoint::ALL {
            let turned =
                geodesic_angle(before.rotations[joint.index()], pose.rotations[joint.index()]);
            let neck_or_head = matches!(joint, SmplJoint::Neck | SmplJoint::Head);
            let expected = if neck_or_head { turn / 2.0 } else { 0.0 };
            assert!((turned - expected).abs() < 1e-9, "{joint:?} turned {turned}");
        }
        // A pose that is already right is unchanged.
        let again = pose;
        place_head(&skeleton, &mut pose, &head);
        let moved = pose.translation.distance(again.translation);
        assert!(moved < 1e-9, "{moved}");
    }
}
