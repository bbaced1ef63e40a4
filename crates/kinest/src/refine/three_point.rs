//! A whole body from head and hands by inverse kinematics, as in games without a network.

use super::limb::{LEGS, Limb};
use super::{Place, place_trackers};
use crate::coordinates::{UPRIGHT, heading};
use crate::skeleton::{Pose, Skeleton, SmplJoint};
use crate::tracker::TrackerPose;
use glam::{DQuat, DVec3};

use SmplJoint as J;

/// Lean of the trunk per radian of the head's nod.
const LEAN_PER_NOD: f64 = 0.25;
/// Lean of the trunk, radians, when the head is lowered by its whole standing height.
const LEAN_PER_DROP: f64 = 1.2;
/// Range of the trunk's lean, radians: back, forward.
const LEAN_RANGE: [f64; 2] = [-0.15, 1.2];

/// Rotations of shoulder and elbow of an arm held ready: hand in front and to the side, elbow
/// below. About x, y and z of the left arm, radians.
const READY_SHOULDER: DVec3 = DVec3::new(-0.75, -0.44, -0.58);
const READY_ELBOW: f64 = 1.3;

/// Bend of the knees that gives them their direction, radians.
const READY_KNEE: f64 = 0.3;

/// The body that inverse kinematics makes from `trackers` (head, left hand, right hand) alone.
///
/// The pelvis hangs below the head with its heading. The trunk leans with the head's nod and with
/// how far the head is below its standing height, spread over pelvis and spine. Arms reach the
/// hands with elbows down and out; feet stand on the floor (z = 0) below the hips, with knees to
/// the front. Head and hands are exactly at the trackers, as in [`place_trackers`]. The function
/// keeps no state: bodies do not step, feet slide.
///
/// # Panics
/// If there are not three trackers.
#[must_use]
pub fn three_point_pose(skeleton: &Skeleton, trackers: &[TrackerPose]) -> Pose {
    let mut pose = ready(skeleton, &trackers[0]);
    place_trackers(skeleton, &mut pose, trackers);
    for leg in &LEGS {
        stand(skeleton, &mut pose, leg);
    }
    pose
}

/// Trunk below the head, arms held ready.
fn ready(skeleton: &Skeleton, head: &TrackerPose) -> Pose {
    let turn = DQuat::from_rotation_z(heading(head.rotation));
    // The head's z axis is its view direction; below the horizon is a nod.
    let nod = (-head.rotation.z_axis.z).clamp(-1.0, 1.0).asin();
    let standing = standing_head_height(skeleton);
    let drop = ((standing - head.position.z) / standing).clamp(0.0, 1.0);
    let lean = (LEAN_PER_NOD * nod + LEAN_PER_DROP * drop).clamp(LEAN_RANGE[0], LEAN_RANGE[1]);

    let mut pose = Pose::rest();
    let share = DQuat::from_rotation_x(lean / 4.0);
    pose.rotations[0] = turn * UPRIGHT * share;
    for joint in [J::Spine1, J::Spine2, J::Spine3] {
        pose.rotations[joint.index()] = share;
    }
    for (side, [shoulder, elbow]) in
        [(1.0, [J::LeftShoulder, J::LeftElbow]), (-1.0, [J::RightShoulder, J::RightElbow])]
    {
        pose.rotations[shoulder.index()] = DQuat::from_rotation_y(side * READY_SHOULDER.y)
            * DQuat::from_rotation_z(side * READY_SHOULDER.z)
            * DQuat::from_rotation_x(READY_SHOULDER.x);
        pose.rotations[elbow.index()] = DQuat::from_rotation_y(-side * READY_ELBOW);
    }
    pose
}

/// Puts a foot flat on the floor below its hip, with the pelvis's heading.
fn stand(skeleton: &Skeleton, pose: &mut Pose, leg: &Limb) {
    let [hip, knee, ankle] = leg.joints;
    let pelvis = pose.rotations[0];
    let turn = DQuat::from_rotation_z(heading(glam::DMat3::from_quat(pelvis)));
    let upright = turn * UPRIGHT;
    // Before solving, the leg hangs straight down and the knee points forward.
    pose.rotations[hip.index()] =
        pelvis.conjugate() * upright * DQuat::from_rotation_x(-READY_KNEE / 2.0);
    pose.rotations[knee.index()] = DQuat::from_rotation_x(READY_KNEE);
    let place = Place::of(skeleton, pose, hip).position;
    leg.reach(skeleton, pose, place.with_z(skeleton.ankle_height));
    let shank = Place::of(skeleton, pose, knee).rotation;
    pose.rotations[ankle.index()] = (shank.conjugate() * upright).normalize();
}

/// Height of the head joint above the soles of an upright body, metres.
fn standing_head_height(skeleton: &Skeleton) -> f64 {
    let rest = Pose::rest();
    let height = |joint| Place::of(skeleton, &rest, joint).position.z;
    height(J::Head) - height(J::LeftAnkle) + skeleton.ankle_height
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::walk_and_wave;
    use crate::refine::tests::mirrored;
    use crate::rotation::{geodesic_angle, quat_from_matrix};
    use crate::tracker::{TrackerFrame, TrackerSet};
    use glam::DMat3;

    fn trackers(skeleton: &Skeleton, pose: &Pose) -> Vec<TrackerPose> {
        TrackerFrame::from_joints(TrackerSet::HeadAndHands, 0.0, &skeleton.pose_joints(pose)).poses
    }

    /// A body standing on the floor with the hands in front.
    fn standing(skeleton: &Skeleton) -> Vec<TrackerPose> {
        let mut pose = Pose::rest();
        let ankle = Place::of(skeleton, &pose, J::LeftAnkle).position.z;
        pose.translation.z = skeleton.ankle_height - ankle;
        pose.rotations[J::LeftElbow.index()] = DQuat::from_rotation_y(-1.5);
        pose.rotations[J::RightElbow.index()] = DQuat::from_rotation_y(1.5);
        trackers(skeleton, &pose)
    }

    fn position(skeleton: &Skeleton, pose: &Pose, joint: J) -> DVec3 {
        Place::of(skeleton, pose, joint).position
    }

    #[test]
    fn head_and_hands_are_at_the_trackers_in_a_walk() {
        let skeleton = Skeleton::default();
        for frame in walk_and_wave(&skeleton).frames.iter().step_by(7) {
            let trackers = trackers(&skeleton, &Pose::from(frame));
            let pose = three_point_pose(&skeleton, &trackers);
            for (role, tracker) in TrackerSet::HeadAndHands.roles().iter().zip(&trackers) {
                let joint = Place::of(&skeleton, &pose, role.joint());
                let off = joint.position.distance(tracker.position);
                assert!(off < 1e-9, "{role:?} is {off} m off");
                let wanted = quat_from_matrix(tracker.rotation);
                assert!(geodesic_angle(joint.rotation, wanted) < 1e-7, "{role:?}");
            }
        }
    }

    #[test]
    fn feet_are_on_the_floor_standing_and_crouching_and_knees_in_front() {
        let skeleton = Skeleton::default();
        let mut trackers = standing(&skeleton);
        let (mut hips, mut lean) = (f64::INFINITY, -1.0);
        for lower in 0..8 {
            for tracker in &mut trackers {
                tracker.position.z -= if lower == 0 { 0.0 } else { 0.1 };
            }
            let pose = three_point_pose(&skeleton, &trackers);
            for leg in LEGS {
                let [hip, knee, ankle] = leg.joints.map(|j| position(&skeleton, &pose, j));
                assert!((ankle.z - skeleton.ankle_height).abs() < 1e-3, "{lower}: {ankle}");
                assert!(ankle.truncate().distance(hip.truncate()) < 1e-3);
                // A body with heading 0 faces −y.
                assert!(knee.y <= hip.y + 1e-9 && (lower == 0 || knee.y < hip.y - 0.05), "{lower}");
            }
            let pelvis = position(&skeleton, &pose, J::Pelvis);
            let chest = position(&skeleton, &pose, J::Neck) - pelvis;
            assert!(pelvis.z < hips, "the pelvis goes down with the head");
            assert!(-chest.y / chest.z > lean, "the trunk leans forward");
            (hips, lean) = (pelvis.z, -chest.y / chest.z);
        }
    }

    #[test]
    fn looking_down_bends_the_back_a_little() {
        let skeleton = Skeleton::default();
        let lean = |nod: f64| {
            let mut trackers = standing(&skeleton);
            trackers[0].rotation *= DMat3::from_rotation_x(nod);
            let pose = three_point_pose(&skeleton, &trackers);
            let back =
                position(&skeleton, &pose, J::Spine3) - position(&skeleton, &pose, J::Pelvis);
            (-back.y).atan2(back.z)
        };
        let (straight, down) = (lean(0.0), lean(0.8));
        assert!((0.05..0.3).contains(&(down - straight)), "{straight} {down}");
    }

    #[test]
    fn a_head_higher_than_standing_lifts_the_feet() {
        let skeleton = Skeleton::default();
        let mut trackers = standing(&skeleton);
        for tracker in &mut trackers {
            tracker.position.z += 0.3;
        }
        let pose = three_point_pose(&skeleton, &trackers);
        let ankle = position(&skeleton, &pose, J::LeftAnkle).z - skeleton.ankle_height;
        assert!((ankle - 0.3).abs() < 0.01, "{ankle}");
    }

    #[test]
    fn elbows_are_below_the_hands_in_front_and_to_the_outside() {
        let skeleton = Skeleton::default();
        let trackers = standing(&skeleton);
        let pose = three_point_pose(&skeleton, &trackers);
        for (side, joints) in [
            (1.0, [J::LeftShoulder, J::LeftElbow, J::LeftWrist]),
            (-1.0, [J::RightShoulder, J::RightElbow, J::RightWrist]),
        ] {
            let [shoulder, elbow, wrist] = joints.map(|j| position(&skeleton, &pose, j));
            let out = (elbow - shoulder).reject_from(wrist - shoulder);
            assert!(out.z < -0.05, "{out}");
            assert!(side * elbow.x > side * shoulder.x, "{out}");
        }
    }

    #[test]
    fn the_pose_rotates_with_the_head_and_mirrors() {
        let skeleton = Skeleton::default();
        let here = standing(&skeleton);
        let pose = three_point_pose(&skeleton, &here);
        let turn = DQuat::from_rotation_z(2.0);
        let turned: Vec<TrackerPose> = here
            .iter()
            .map(|t| TrackerPose::new(turn * t.position, DMat3::from_quat(turn) * t.rotation))
            .collect();
        let other = three_point_pose(&skeleton, &turned);
        assert!(geodesic_angle(turn * pose.rotations[0], other.rotations[0]) < 1e-6);
        for (a, b) in pose.rotations[1..].iter().zip(&other.rotations[1..]) {
            assert!(geodesic_angle(*a, *b) < 1e-6);
        }
        for (a, b) in mirrored(&pose).rotations.iter().zip(&pose.rotations) {
            assert!(geodesic_angle(*a, *b) < 1e-6, "trackers are symmetric, so is the body");
        }
    }
}
