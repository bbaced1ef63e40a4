//! Mounting of the trackers on the body, from a T-pose.

use super::{CalibrationError, POSE_STILLNESS};
use crate::rotation::quat_from_matrix;
use crate::skeleton::{Pose, Skeleton, SmplJoint};
use crate::tracker::{
    BodyDevices, DeviceFromJoint, TrackerFrame, TrackerPose, TrackerRole as Role,
};
use glam::{DQuat, DVec3};

/// Mounting of the trackers on the body of a player with this `skeleton`. In a T-pose every joint
/// has the rotation `upright` (world from joint) and the position of a standing body below `head`;
/// only the distance of the feet is measured. Foot trackers are assumed in the middle of the
/// instep, and knees halfway between hip and foot.
pub(super) fn worn(
    skeleton: &Skeleton,
    frames: &[TrackerFrame],
    head: DVec3,
    upright: DQuat,
) -> Result<BodyDevices, CalibrationError> {
    let mut pose = Pose::rest();
    pose.rotations[0] = upright;
    let below = skeleton.pose_joints(&pose).positions[SmplJoint::Head.index()];
    pose.translation += head - below;
    let joints = skeleton.pose_joints(&pose).positions;
    let across = upright * DVec3::X;
    // Sideways distance of each foot from its ankle in the rest pose, metres.
    let aside = [Role::LeftFoot, Role::RightFoot].map(|foot| {
        let tracker = frames.first().and_then(|frame| frame.body.tracked(foot));
        let ankle = joints[foot.joint().index()];
        tracker.map_or(0.0, |tracker| (tracker.position - ankle).dot(across))
    });
    let mut devices = BodyDevices::default();
    for role in Role::BODY {
        let seen: Option<Vec<&TrackerPose>> = frames.iter().map(|f| f.body.tracked(role)).collect();
        let Some(seen) = seen else { continue };
        let count = seen.len() as f64;
        let position = seen.iter().map(|pose| pose.position).sum::<DVec3>() / count;
        let moved = seen.iter().map(|pose| pose.position.distance(position));
        let metres = moved.fold(0.0, f64::max);
        if metres > POSE_STILLNESS {
            return Err(CalibrationError::Moving { role, metres });
        }
        let first = quat_from_matrix(seen[0].rotation);
        let sum = seen.iter().fold(DQuat::from_xyzw(0.0, 0.0, 0.0, 0.0), |sum, pose| {
            let q = quat_from_matrix(pose.rotation);
            sum + q * first.dot(q).signum()
        });
        let device_from_world = sum.normalize().conjugate();
        let mut joint = joints[role.joint().index()];
        joint += across
            * match role {
                Role::LeftFoot => aside[0],
                Role::RightFoot => aside[1],
                Role::LeftKnee => aside[0] / 2.0,
                Role::RightKnee => aside[1] / 2.0,
                _ => 0.0,
            };
        let worn = DeviceFromJoint {
            position: device_from_world * (joint - position),
            rotation: device_from_world * upright,
        };
        devices.set(role, worn);
    }
    Ok(devices)
}

#[cfg(test)]
mod tests {
    use crate::calibration::tests::{devices, known, sized};
    use crate::calibration::{Calibration, CalibrationError};
    use crate::coordinates::UPRIGHT;
    use crate::motion::synthetic::walk_and_wave;
    use crate::rotation::geodesic_angle;
    use crate::skeleton::{Pose, Skeleton, SmplJoint};
    use crate::tracker::{BodyTrackers, TrackerFrame, TrackerPose, TrackerRole as Role};
    use glam::{DMat3, DQuat, DVec3};

    /// How each tracker is strapped on in these tests: joint in device axes. Feet have theirs straight
    /// above the ankle.
    fn strapped(role: Role) -> (DVec3, DQuat) {
        let k = role as usize as f64;
        let turn = DQuat::from_scaled_axis(DVec3::new(0.3 * k, -0.2 * k, 0.1 + 0.4 * k));
        match role {
            Role::LeftFoot | Role::RightFoot => (turn * DVec3::new(0.0, -0.06, 0.0), turn),
            _ => (DVec3::new(0.02, -0.05, 0.01 * k), turn),
        }
    }

    fn frame(skeleton: &Skeleton, pose: &Pose, time: f64, roles: &[Role]) -> TrackerFrame {
        let joints = skeleton.pose_joints(pose);
        let device = |role: Role| {
            let joint = TrackerPose::of(role, &joints);
            let (position, turn) = strapped(role);
            let rotation = joint.rotation * DMat3::from_quat(turn.conjugate());
            (role, TrackerPose::new(joint.position - rotation * position, rotation))
        };
        let mut frame = devices(skeleton, pose, time);
        frame.body = roles.iter().map(|role| device(*role)).collect();
        frame
    }

    fn t_pose(turn: f64) -> Pose {
        let mut pose = Pose::rest();
        pose.rotations[0] = DQuat::from_rotation_z(turn) * UPRIGHT;
        pose
    }

    fn stand(skeleton: &Skeleton, pose: &mut Pose) {
        let ankle = skeleton.pose_joints(pose).positions[SmplJoint::LeftAnkle.index()].z;
        pose.translation.z += skeleton.ankle_height - ankle;
    }

    /// A T-pose of a body of another size determines every mounting, and then the joints of any
    /// motion.
    #[test]
    fn a_t_pose_says_where_trackers_are_worn() {
        let base = Skeleton::default();
        let (skeleton, _) = sized(1.9, 1.05);
        let mut pose = t_pose(0.7);
        pose.translation = DVec3::new(1.0, -2.0, 0.0);
        stand(&skeleton, &mut pose);
        let frames: Vec<_> =
            (0..40).map(|i| frame(&skeleton, &pose, f64::from(i) / 60.0, &Role::BODY)).collect();
        let player = Calibration::from_t_pose(&base, &frames, known()).unwrap();
        for role in Role::BODY {
            let (position, turn) = strapped(role);
            let found = player.body.get(role).unwrap();
            assert!(found.position.distance(position) < 0.01, "{role}: {}", found.position);
            assert!(geodesic_angle(found.rotation, turn) < 1e-6, "{role}");
        }
        let walk = walk_and_wave(&skeleton);
        let pose = Pose::from(&walk.frames[200]);
        let seen = player.joints(&frame(&skeleton, &pose, 0.0, &Role::BODY));
        let truth = BodyTrackers::from_joints(&Role::BODY, &skeleton.pose_joints(&pose));
        for ((role, seen), (_, truth)) in seen.body.iter().zip(truth.iter()) {
            assert!(seen.position.distance(truth.position) < 0.01, "{role}");
            assert!(seen.rotation.abs_diff_eq(truth.rotation, 1e-6), "{role}");
        }
        // The network's input has them on its own body.
        let seen = player.to_model(&base, &frames[0]);
        let mut pose = t_pose(0.7);
        pose.translation =
            seen.poses[0].position - base.pose_joints(&pose).positions[SmplJoint::Head.index()];
        let truth = BodyTrackers::from_joints(&Role::BODY, &base.pose_joints(&pose));
        for ((role, seen), (_, truth)) in seen.body.iter().zip(truth.iter()) {
            let off = seen.position.distance(truth.position);
            // Arms are scaled from between the shoulders.
            assert!(off < 0.015, "{role}: {off} m");
        }
        let text = ron::ser::to_string_pretty(&player, Default::default()).unwrap();
        assert_eq!(ron::from_str::<Calibration>(&text).unwrap(), player);
        let wrong = text.replace("Pelvis", "Head");
        assert!(ron::from_str::<Calibration>(&wrong).unwrap_err().to_string().contains("not worn"));
    }

    #[test]
    fn trackers_that_move_are_named_and_lost_ones_are_left_out() {
        let base = Skeleton::default();
        let mut pose = t_pose(0.0);
        stand(&base, &mut pose);
        let roles = [Role::Pelvis, Role::LeftFoot];
        let mut frames: Vec<_> =
            (0..40).map(|i| frame(&base, &pose, f64::from(i) / 60.0, &roles)).collect();
        let foot = frames[7].body.get(Role::LeftFoot).unwrap().lost();
        frames[7].body.set(Role::LeftFoot, foot);
        let player = Calibration::from_t_pose(&base, &frames, known()).unwrap();
        assert!(
            player.body.get(Role::Pelvis).is_some() && player.body.get(Role::LeftFoot).is_none()
        );
        let mut pelvis = *frames[9].body.get(Role::Pelvis).unwrap();
        pelvis.position.x += 0.3;
        frames[9].body.set(Role::Pelvis, pelvis);
        let error = Calibration::from_t_pose(&base, &frames, known()).unwrap_err();
        assert!(matches!(error, CalibrationError::Moving { role: Role::Pelvis, .. }), "{error}");
    }
}
