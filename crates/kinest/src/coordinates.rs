//! The two coordinate systems and the conversions between them.
//!
//! * **AMASS space**: right-handed, metres, z up. This crate works in it throughout. A person
//!   standing upright has a root rotation of about `(π/2, 0, 0)` (axis-angle) and then faces −y.
//! * **Engine space**: right-handed, metres, y up, as in Bevy and OpenXR.
//!
//! Conversion happens in two places only: reading trackers and writing joints.

use glam::{DMat3, DQuat, DVec3, Quat, Vec3};
use std::f64::consts::FRAC_1_SQRT_2;

/// Rotates AMASS axes to engine axes: −90° about x.
const ENGINE_FROM_AMASS: DQuat = DQuat::from_xyzw(-FRAC_1_SQRT_2, 0.0, 0.0, FRAC_1_SQRT_2);

/// World rotation of an upright body in its rest pose: the body's y points up, +90° about x.
pub const UPRIGHT: DQuat = DQuat::from_xyzw(FRAC_1_SQRT_2, 0.0, 0.0, FRAC_1_SQRT_2);

/// Converts a point or direction from AMASS to engine space: `(x, y, z)` becomes `(x, z, −y)`.
#[must_use]
pub fn engine_from_amass_point(p: DVec3) -> Vec3 {
    DVec3::new(p.x, p.z, -p.y).as_vec3()
}

/// Converts a point or direction from engine to AMASS space: `(x, y, z)` becomes `(x, −z, y)`.
#[must_use]
pub fn amass_from_engine_point(p: Vec3) -> DVec3 {
    let p = p.as_dvec3();
    DVec3::new(p.x, -p.z, p.y)
}

/// Converts a world rotation (world from body part) from AMASS to engine space.
///
/// Only the world axes change. A body part's own axes are the same in both spaces, so rotations
/// relative to a parent joint need no conversion.
#[must_use]
pub fn engine_from_amass_rotation(q: DQuat) -> Quat {
    (ENGINE_FROM_AMASS * q).as_quat()
}

/// Converts a world rotation (world from body part) from engine to AMASS space.
#[must_use]
pub fn amass_from_engine_rotation(q: Quat) -> DQuat {
    (ENGINE_FROM_AMASS.conjugate() * q.as_dquat()).normalize()
}

/// Heading of a body part whose rest pose has y up and z forward, radians: its rotation about the
/// world's vertical (z) axis, with the tilt from upright removed.
///
/// This is the twist of the swing-twist decomposition, so it remains well defined when the player
/// looks straight up or down. Only an exactly upside-down part has no heading; it gets 0.
#[must_use]
pub fn heading(world_from_part: DMat3) -> f64 {
    let q = DQuat::from_mat3(&world_from_part) * UPRIGHT.conjugate();
    // `q` and `-q` are the same rotation; the signs select the one within half a turn.
    if q.w == 0.0 && q.z == 0.0 { 0.0 } else { 2.0 * (q.z * q.w.signum()).atan2(q.w.abs()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::FRAC_PI_2;

    #[test]
    fn up_stays_up_and_the_conversions_are_inverse() {
        assert_eq!(engine_from_amass_point(DVec3::Z), Vec3::Y);
        let p = DVec3::new(0.25, -1.5, 3.0);
        assert_eq!(amass_from_engine_point(engine_from_amass_point(p)), p);
        let q = DQuat::from_euler(glam::EulerRot::XYZ, 0.3, -1.0, 2.0);
        assert!(
            amass_from_engine_rotation(engine_from_amass_rotation(q)).dot(q).abs() > 1.0 - 1e-6
        );
    }

    #[test]
    fn points_and_rotations_convert_alike() {
        let q = DQuat::from_euler(glam::EulerRot::XYZ, 0.3, -1.0, 2.0);
        let v = DVec3::new(0.1, 0.2, -0.7);
        let a = engine_from_amass_point(q * v);
        let b = engine_from_amass_rotation(q) * v.as_vec3();
        assert!((a - b).length() < 1e-6);
    }

    #[test]
    fn heading_ignores_looking_up_and_down() {
        for (yaw, pitch) in [(0.0, 0.0), (1.0, 0.0), (1.0, 1.2), (-3.0, -1.5), (0.7, FRAC_PI_2)] {
            let head = DQuat::from_rotation_z(yaw) * UPRIGHT * DQuat::from_rotation_x(pitch);
            assert!((heading(DMat3::from_quat(head)) - yaw).abs() < 1e-9, "{yaw} {pitch}");
        }
    }
}
