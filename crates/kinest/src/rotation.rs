//! Rotations: axis-angle, matrix, quaternion, and the network's 6D form.
//!
//! Everything here is `f64`, in radians, with column vectors (`R * v`).
//!
//! The reference implementation uses two slightly different axis-angle formulas, one in its feature
//! code and one in its body model. Both are here, because its numbers can only be reproduced with
//! both: [`matrix_from_axis_angle`] and [`body_matrix_from_axis_angle`].

use glam::{DMat3, DQuat, DVec3};

/// Numbers in the 6D form.
pub const SIXD: usize = 6;

/// The 6D form of a rotation: the first column of its matrix, then the second
/// (Zhou et al. 2019, "On the Continuity of Rotation Representations in Neural Networks").
pub type Sixd = [f64; SIXD];

/// The matrix `[v]×` with `[v]× w = v × w`.
#[must_use]
pub fn skew(v: DVec3) -> DMat3 {
    DMat3::from_cols(
        DVec3::new(0.0, v.z, -v.y),
        DVec3::new(-v.z, 0.0, v.x),
        DVec3::new(v.y, -v.x, 0.0),
    )
}

/// Axis-angle to matrix, computed as the reference does for features and targets.
///
/// With the axis `w = a / (θ + 1e-6)` the matrix is `cos θ I + sin θ [w]× + (1 − cos θ) w wᵀ`.
/// Since `w` is slightly too short, the result is orthonormal only to about `1e-6 / θ`, and
/// Rodrigues' formula with `[w]×²` would differ by as much. Rotations with `θ² ≤ 1e-6` become `I +
/// [a]×`.
#[must_use]
pub fn matrix_from_axis_angle(a: DVec3) -> DMat3 {
    const EPSILON: f64 = 1e-6;
    let angle_squared = a.length_squared();
    if angle_squared > EPSILON {
        let angle = angle_squared.sqrt();
        let axis = a / (angle + EPSILON);
        let outer = DMat3::from_cols(axis * axis.x, axis * axis.y, axis * axis.z);
        DMat3::IDENTITY * angle.cos() + skew(axis) * angle.sin() + outer * (1.0 - angle.cos())
    } else {
        DMat3::IDENTITY + skew(a)
    }
}

/// Axis-angle to matrix, computed as the reference's body model does for forward kinematics: the
/// angle is the length of `a + 1e-8`, the axis `w = a / angle`, the matrix `I + sin θ [w]× + (1 −
/// cos θ) [w]×²`.
#[must_use]
pub fn body_matrix_from_axis_angle(a: DVec3) -> DMat3 {
    let angle = (a + DVec3::splat(1e-8)).length();
    let k = skew(a / angle);
    DMat3::IDENTITY + k * angle.sin() + k * k * (1.0 - angle.cos())
}

/// The 6D form of `m`.
#[must_use]
pub fn sixd_from_matrix(m: DMat3) -> Sixd {
    let (a, b) = (m.x_axis, m.y_axis);
    [a.x, a.y, a.z, b.x, b.y, b.z]
}

fn sixd_columns(s: &Sixd) -> (DVec3, DVec3) {
    (DVec3::new(s[0], s[1], s[2]), DVec3::new(s[3], s[4], s[5]))
}

/// 6D to matrix as in the reference's evaluation: the third column is the cross product of the two
/// given ones and **nothing is normalised**, so the result is a rotation only if the input was.
#[must_use]
pub fn raw_matrix_from_sixd(s: &Sixd) -> DMat3 {
    let (a, b) = sixd_columns(s);
    DMat3::from_cols(a, b, a.cross(b))
}

/// 6D to matrix by Gram-Schmidt: always a rotation for finite, non-parallel columns.
#[must_use]
pub fn matrix_from_sixd(s: &Sixd) -> DMat3 {
    let (a, b) = sixd_columns(s);
    let x = a.normalize_or(DVec3::X);
    let y = (b - x * x.dot(b)).normalize_or(x.any_orthonormal_vector());
    DMat3::from_cols(x, y, x.cross(y))
}

/// Matrix to axis-angle without assuming an orthonormal input; angle in `[-π, π]`.
///
/// The quaternion follows the reference's largest-entry rule, so that slightly non-orthonormal
/// network outputs give the same numbers. An input far from any rotation can give NaN.
#[must_use]
pub fn axis_angle_from_matrix(m: DMat3) -> DVec3 {
    // `m(row, column)`.
    let e = |row: usize, column: usize| m.col(column)[row];
    let (w, v, t) = if e(2, 2) < 1e-6 {
        if e(0, 0) > e(1, 1) {
            let t = 1.0 + e(0, 0) - e(1, 1) - e(2, 2);
            (e(2, 1) - e(1, 2), DVec3::new(t, e(1, 0) + e(0, 1), e(0, 2) + e(2, 0)), t)
        } else {
            let t = 1.0 - e(0, 0) + e(1, 1) - e(2, 2);
            (e(0, 2) - e(2, 0), DVec3::new(e(1, 0) + e(0, 1), t, e(2, 1) + e(1, 2)), t)
        }
    } else if e(0, 0) < -e(1, 1) {
        let t = 1.0 - e(0, 0) - e(1, 1) + e(2, 2);
        (e(1, 0) - e(0, 1), DVec3::new(e(0, 2) + e(2, 0), e(2, 1) + e(1, 2), t), t)
    } else {
        let t = 1.0 + e(0, 0) + e(1, 1) + e(2, 2);
        (t, DVec3::new(e(2, 1) - e(1, 2), e(0, 2) - e(2, 0), e(1, 0) - e(0, 1)), t)
    };
    let scale = 0.5 / t.sqrt();
    let (w, v) = (w * scale, v * scale);
    let sine = v.length();
    if sine == 0.0 {
        return v * 2.0;
    }
    let angle = if w >= 0.0 { 2.0 * sine.atan2(w) } else { 2.0 * (-sine).atan2(-w) };
    v * (angle / sine)
}

/// SO(3) exponential: axis-angle to unit quaternion, for any length of `a`.
#[must_use]
pub fn exp(a: DVec3) -> DQuat {
    DQuat::from_scaled_axis(a)
}

/// SO(3) logarithm: unit quaternion to axis-angle with angle in `[0, π]`.
#[must_use]
pub fn log(q: DQuat) -> DVec3 {
    let v = q.xyz();
    let sine = v.length();
    // Below this the series `2 v / w` is exact to machine precision, while the division is not.
    if sine < 1e-12 {
        return v * (2.0 * q.w.signum());
    }
    let angle = if q.w >= 0.0 { 2.0 * sine.atan2(q.w) } else { 2.0 * (-sine).atan2(-q.w) };
    v * (angle / sine)
}

/// The angle in `[0, π]` of the rotation that takes `a` to `b`.
#[must_use]
pub fn geodesic_angle(a: DQuat, b: DQuat) -> f64 {
    log(a.conjugate() * b).length()
}

/// The rotation nearest to `m` as a quaternion, through [`axis_angle_from_matrix`].
#[must_use]
pub fn quat_from_matrix(m: DMat3) -> DQuat {
    exp(axis_angle_from_matrix(m))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::{FRAC_PI_2, PI};

    #[test]
    fn a_quarter_turn_about_z_takes_x_to_y_in_both_formulas() {
        let a = DVec3::Z * FRAC_PI_2;
        for m in [matrix_from_axis_angle(a), body_matrix_from_axis_angle(a)] {
            assert!((m * DVec3::X - DVec3::Y).length() < 2e-6);
        }
        assert!((exp(a) * DVec3::X - DVec3::Y).length() < 1e-15);
    }

    #[test]
    fn sixd_is_first_column_then_second() {
        let s = sixd_from_matrix(DMat3::from_cols_array(&[1., 2., 3., 4., 5., 6., 7., 8., 9.]));
        assert_eq!(s, [1., 2., 3., 4., 5., 6.]);
    }

    #[test]
    fn exp_and_log_are_inverse_up_to_pi() {
        for angle in [0.0, 1e-9, 1e-3, 1.0, 3.0, PI - 1e-6] {
            let a = DVec3::new(1.0, -2.0, 0.5).normalize() * angle;
            assert!((log(exp(a)) - a).length() < 1e-9, "{angle}");
            assert!((log(-exp(a)) - a).length() < 1e-9, "{angle} negated");
        }
    }

    #[test]
    fn gram_schmidt_repairs_what_is_not_a_rotation() {
        let q = exp(DVec3::new(0.3, -0.8, 1.1));
        let mut s = sixd_from_matrix(DMat3::from_quat(q));
        s.iter_mut().for_each(|v| *v *= 1.7);
        let m = matrix_from_sixd(&s);
        assert!(
            (m * m.transpose() - DMat3::IDENTITY).to_cols_array().iter().all(|v| v.abs() < 1e-12)
        );
        assert!(geodesic_angle(quat_from_matrix(m), q) < 1e-12);
    }

    #[test]
    fn geodesic_angle_ignores_the_sign_of_a_quaternion() {
        let q = exp(DVec3::X * 0.4);
        assert!((geodesic_angle(DQuat::IDENTITY, -q) - 0.4).abs() < 1e-12);
    }
}
