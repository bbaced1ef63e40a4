//! Analytic inverse kinematics for two bones: an arm or a leg of a body or of a character.
//!
//! Everything here works on vectors in any axes and unit.

use glam::{DQuat, DVec3};
use std::f64::consts::PI;

/// Sine of the smallest bend taken from the limb itself; a limb that bends less, or the wrong way,
/// gets its plane from the hinge.
const LEAST_BEND: f64 = 0.1;

/// Extension of an arm, as a fraction of its length, from which on the shoulder girdle moves and
/// the arm straightens only slowly: near full length an elbow moves many centimetres per centimetre
/// of the hand.
pub(crate) const SOFT_REACH: f64 = 0.98;
/// Maximum extension of an arm, as a fraction of its length, while girdle and trunk can move.
pub(crate) const FULL_REACH: f64 = 0.999;

/// Greatest rotation of the collar joint towards a target, radians: 20°, well within the range of a
/// shoulder girdle (about 30° forward or up; Kapandji, "The Physiology of the Joints").
const GIRDLE_LIMIT: f64 = 0.35;

/// Rotations of the upper and the lower bone of a limb that bring its end to `target`, or point it
/// there if that is out of reach. `bones` and `target` are relative to the top of the limb, `hinge`
/// is the hinge axis of the middle joint; neither bone may have length zero.
///
/// The limb bends or straightens in its own plane until its end has the right distance, and then
/// rotates as a whole along the shortest arc. So the swivel (the elbow's place on its circle around
/// the line from shoulder to wrist) is kept, and a limb that is already right is unchanged. The
/// result is continuous; only a target exactly opposite to the end's direction has no unique
/// shortest arc.
pub(crate) fn bend_to(bones: [DVec3; 2], hinge: DVec3, target: DVec3) -> [DQuat; 2] {
    let [a, b] = bones.map(DVec3::length);
    let [along, onward] = bones.map(DVec3::normalize);
    let distance = target.length().clamp((a - b).abs().max(1e-9 * (a + b)), a + b);
    // Angles at the top joint and of the bend, in the triangle of the two bones and the distance.
    let cosine = (a * a + distance * distance - b * b) / (2.0 * a * distance);
    let lift = cosine.clamp(-1.0, 1.0).acos();
    let cosine = (distance * distance - a * a - b * b) / (2.0 * a * b);
    let bend = cosine.clamp(-1.0, 1.0).acos();

    // The limb's plane: from its bend if it has one, from the hinge if it is straight.
    let to_end = (bones[0] + bones[1]).normalize_or(along);
    let hinge = hinge.reject_from_normalized(along).normalize_or_zero();
    let bent = along.cross(onward);
    let normal = bent + hinge * (LEAST_BEND - bent.dot(hinge)).max(0.0);
    let normal = normal.reject_from_normalized(to_end);
    let normal = normal.normalize_or(to_end.any_orthonormal_vector());
    let at = |angle: f64| to_end * angle.cos() + normal.cross(to_end) * angle.sin();

    let turn = arc(to_end, target.normalize_or(to_end), normal);
    [turn * arc(along, at(-lift), normal), turn * arc(onward, at(bend - lift), normal)]
}

/// The shortest rotation from one direction to another; a half turn, which has no unique axis, is
/// about `axis`.
fn arc(from: DVec3, to: DVec3, axis: DVec3) -> DQuat {
    let (sine, cosine) = (from.cross(to), from.dot(to));
    if sine.length_squared() < 1e-24 && cosine < 0.0 {
        return DQuat::from_axis_angle(axis, PI);
    }
    // Half the angle by way of 1 + cos; normalisation does the scaling.
    DQuat::from_xyzw(sine.x, sine.y, sine.z, 1.0 + cosine).normalize()
}

/// The smallest rotation about the origin that brings `point` to within `distance` of `target`, in
/// their common plane and by at most `limit` radians.
///
/// Near half a turn between the two, where that plane is not unique, the rotation fades to none.
pub(crate) fn lean(point: DVec3, target: DVec3, distance: f64, limit: f64) -> DQuat {
    let (near, far) = (point.length(), target.length());
    if near * far <= f64::MIN_POSITIVE {
        return DQuat::IDENTITY;
    }
    let opening = point.angle_between(target);
    // The law of cosines in the triangle of point, target and origin.
    let cosine = (far * far + near * near - distance * distance) / (2.0 * far * near);
    let needed = opening - cosine.clamp(-1.0, 1.0).acos();
    let turn = needed.clamp(0.0, limit.min(PI - opening));
    DQuat::from_scaled_axis(point.cross(target).normalize_or_zero() * turn)
}

/// Rotation of a shoulder girdle towards `target`, and the distance that the shoulder should then
/// have from the target. `shoulder` and `target` are relative to the girdle's joint.
///
/// No rotation up to a distance of `soft`; beyond it the girdle rotates, by up to [`GIRDLE_LIMIT`],
/// so that the arm extends by at most `rest` more.
pub(crate) fn girdle(shoulder: DVec3, target: DVec3, soft: f64, rest: f64) -> (DQuat, f64) {
    let distance = target.distance(shoulder);
    if distance <= soft {
        return (DQuat::IDENTITY, soft);
    }
    let wanted = soften(distance, soft, rest);
    (lean(shoulder, target, wanted, GIRDLE_LIMIT), wanted)
}

/// `distance` up to `soft`; from there it rises ever slower, by less than `rest`.
pub(crate) fn soften(distance: f64, soft: f64, rest: f64) -> f64 {
    if distance <= soft {
        return distance;
    }
    soft + rest * (1.0 - ((soft - distance) / rest).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hand-worked: an arm of length 1 from the origin, a target 2 away at a right angle. At 60°
    /// from the target the distance is √(1 + 4 − 2) = √3, so the rotation is 30°.
    #[test]
    fn a_lean_is_no_larger_than_needed() {
        let turned = |distance, limit| {
            let turn = lean(DVec3::X, DVec3::Y * 2.0, distance, limit);
            assert!(turn.xyz().reject_from(DVec3::Z).length() < 1e-12);
            2.0 * turn.z.asin()
        };
        assert!((turned(3.0_f64.sqrt(), 1.0) - PI / 6.0).abs() < 1e-12);
        assert!((turned(3.0_f64.sqrt(), 0.2) - 0.2).abs() < 1e-12);
        // Near enough already; then as near as possible.
        assert_eq!(turned(2.5, 1.0), 0.0);
        assert!((turned(0.5, 2.0) - PI / 2.0).abs() < 1e-12);
        let behind = lean(DVec3::X, DVec3::new(-2.0, 1e-9, 0.0), 1.5, 0.3);
        assert!(behind.xyz().length() < 1e-8, "no plane, no turn: {behind}");
    }

    #[test]
    fn half_a_turn_is_about_the_given_axis() {
        let turn = arc(DVec3::X, DVec3::NEG_X, DVec3::Z);
        assert!((turn * DVec3::X - DVec3::NEG_X).length() < 1e-12);
        assert!((turn * DVec3::Z - DVec3::Z).length() < 1e-12);
        let quarter = arc(DVec3::X, DVec3::Y, DVec3::Z);
        assert!((quarter * DVec3::X - DVec3::Y).length() < 1e-12);
    }

    /// Hand-worked: beyond the soft limit by its distance to the full one, 1 − 1/e of that is left.
    #[test]
    fn a_soft_limit_is_approached_without_a_kink() {
        assert_eq!(soften(0.9, 0.9, 0.1), 0.9);
        assert!((soften(1.0, 0.9, 0.1) - (1.0 - 0.1 / 1.0_f64.exp())).abs() < 1e-12);
        let slope = (soften(0.9 + 1e-6, 0.9, 0.1) - 0.9) / 1e-6;
        assert!((slope - 1.0).abs() < 1e-4 && soften(9.0, 0.9, 0.1) <= 1.0);
    }
}
