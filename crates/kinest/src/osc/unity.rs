//! Unity's space: y up, metres, left-handed. A body that faces +z has its left on −x there.
//!
//! So x is mirrored against engine space, where a body that is not turned faces +z too.

use glam::{DQuat, DVec3, EulerRot};

/// A point from engine space, or back.
pub(super) fn mirrored(point: DVec3) -> DVec3 {
    DVec3::new(-point.x, point.y, point.z)
}

/// A rotation from engine space, or back.
pub(super) fn mirrored_turn(turn: DQuat) -> DQuat {
    DQuat::from_xyzw(turn.x, -turn.y, -turn.z, turn.w)
}

/// Unity's Euler angles of a rotation in its space, degrees: about z first, then x, then y.
pub(super) fn euler_degrees(turn: DQuat) -> [f64; 3] {
    let (y, x, z) = turn.to_euler(EulerRot::YXZ);
    [x, y, z].map(f64::to_degrees)
}
