//! Limits the bends of knees and elbows to the range of a body.

use crate::skeleton::{PerJoint, Pose, SmplJoint};
use glam::{DQuat, DVec3};
use std::f64::consts::{FRAC_PI_2, PI, TAU};

/// Knees and elbows, and the axes about which they bend.
const HINGES: [(SmplJoint, DVec3); 4] = [
    (SmplJoint::LeftKnee, DVec3::X),
    (SmplJoint::RightKnee, DVec3::X),
    (SmplJoint::LeftElbow, DVec3::NEG_Y),
    (SmplJoint::RightElbow, DVec3::Y),
];

/// Furthest bend of a knee or an elbow, radians: calf to thigh.
const FURTHEST: f64 = 2.8;

/// Limits knees and elbows that an extrapolation has bent further backwards, or further together,
/// than in the `newest` pose.
pub(super) fn limit_beyond(pose: &mut Pose, newest: &Pose) {
    for (joint, axis) in HINGES {
        let rotation = &mut pose.rotations[joint.index()];
        let before = bend(newest.rotations[joint.index()], axis);
        // The extrapolation turned the joint by less than half a turn.
        let now = before + wrapped(bend(*rotation, axis) - before);
        limit(rotation, axis, now, before.min(0.0), before.max(FURTHEST));
    }
}

/// Limits knees and elbows that are bent together beyond the range of a body, which sums of two
/// motions may be.
pub(crate) fn limit_bends(rotations: &mut PerJoint<DQuat>) {
    for (joint, axis) in HINGES {
        let rotation = &mut rotations[joint.index()];
        // No joint bends backwards by a quarter turn.
        let now = FRAC_PI_2 + wrapped(bend(*rotation, axis) - FRAC_PI_2);
        limit(rotation, axis, now, f64::NEG_INFINITY, FURTHEST);
    }
}

/// Limits a bend that is `now`, radians.
fn limit(rotation: &mut DQuat, axis: DVec3, now: f64, least: f64, most: f64) {
    let limited = now.max(least).min(most);
    if limited != now {
        *rotation = (*rotation * DQuat::from_axis_angle(axis, limited - now)).normalize();
    }
}

/// Angle of a rotation about `axis`, radians, from −π to π.
fn bend(rotation: DQuat, axis: DVec3) -> f64 {
    let (sine, cosine) = (rotation.xyz().dot(axis), rotation.w);
    2.0 * (sine * cosine.signum()).atan2(cosine.abs())
}

/// The same angle between −π and π.
fn wrapped(angle: f64) -> f64 {
    (angle + PI).rem_euclid(TAU) - PI
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNEE: usize = SmplJoint::RightKnee.index();

    #[test]
    fn what_bends_backwards_is_straightened_and_nothing_else() {
        let mut newest = Pose::rest();
        newest.rotations[SmplJoint::LeftKnee.index()] = DQuat::from_rotation_x(-0.1);
        let mut pose = newest;
        for (joint, axis) in HINGES {
            pose.rotations[joint.index()] = DQuat::from_axis_angle(axis, -0.4);
        }
        let aside = DQuat::from_rotation_z(0.3);
        pose.rotations[KNEE] = aside * DQuat::from_rotation_x(-0.4);
        limit_beyond(&mut pose, &newest);
        for (joint, axis) in HINGES {
            let least = if joint == SmplJoint::LeftKnee { -0.1 } else { 0.0 };
            let found = bend(pose.rotations[joint.index()], axis);
            assert!((found - least).abs() < 1e-9, "{joint:?}: {found}");
        }
        assert!(pose.rotations[KNEE].angle_between(aside) < 1e-7, "it keeps what is not a bend");
        // A slightly bent arm that is extrapolated backwards by more than a quarter turn.
        let elbow = SmplJoint::RightElbow.index();
        newest.rotations[elbow] = DQuat::from_rotation_y(0.5);
        pose.rotations[elbow] = DQuat::from_rotation_y(-2.0);
        limit_beyond(&mut pose, &newest);
        assert!(bend(pose.rotations[elbow], DVec3::Y).abs() < 1e-9);
        let mut bent = newest;
        bent.rotations[KNEE] = -DQuat::from_rotation_x(2.5);
        let before = bent;
        limit_beyond(&mut bent, &newest);
        assert_eq!(bent, before);
    }

    #[test]
    fn a_knee_is_bent_no_further_than_calf_to_thigh() {
        for (angle, right) in [(2.5, 2.5), (3.0, FURTHEST), (3.4, FURTHEST), (-0.4, -0.4)] {
            let mut rotations = Pose::rest().rotations;
            rotations[KNEE] = DQuat::from_rotation_x(angle);
            limit_bends(&mut rotations);
            let found = bend(rotations[KNEE], DVec3::X);
            assert!((found - right).abs() < 1e-9, "{angle}: {found}");
        }
    }
}
