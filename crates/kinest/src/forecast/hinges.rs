//! Knees and elbows that do not bend backwards.

use crate::skeleton::{Pose, SmplJoint};
use glam::{DQuat, DVec3};

/// Knees and elbows, and the axes about which they bend.
const HINGES: [(SmplJoint, DVec3); 4] = [
    (SmplJoint::LeftKnee, DVec3::X),
    (SmplJoint::RightKnee, DVec3::X),
    (SmplJoint::LeftElbow, DVec3::NEG_Y),
    (SmplJoint::RightElbow, DVec3::Y),
];

/// Straightens knees and elbows that a motion which goes on has bent backwards further than they are
/// in the `newest` pose.
pub(super) fn straighten(pose: &mut Pose, newest: &Pose) {
    for (joint, axis) in HINGES {
        let [now, newest] = [&*pose, newest].map(|pose| bend(pose.rotations[joint.index()], axis));
        let least = newest.min(0.0);
        if now < least {
            let rotation = &mut pose.rotations[joint.index()];
            *rotation = (*rotation * DQuat::from_axis_angle(axis, least - now)).normalize();
        }
    }
}

/// How far a rotation turns about `axis`, radians, from −π to π.
fn bend(rotation: DQuat, axis: DVec3) -> f64 {
    let (sine, cosine) = (rotation.xyz().dot(axis), rotation.w);
    2.0 * (sine * cosine.signum()).atan2(cosine.abs())
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
        straighten(&mut pose, &newest);
        for (joint, axis) in HINGES {
            let least = if joint == SmplJoint::LeftKnee { -0.1 } else { 0.0 };
            let found = bend(pose.rotations[joint.index()], axis);
            assert!((found - least).abs() < 1e-9, "{joint:?}: {found}");
        }
        assert!(pose.rotations[KNEE].angle_between(aside) < 1e-7, "it keeps what is not a bend");
        let mut bent = newest;
        bent.rotations[KNEE] = -DQuat::from_rotation_x(2.5);
        let before = bent;
        straighten(&mut bent, &newest);
        assert_eq!(bent, before);
    }
}
