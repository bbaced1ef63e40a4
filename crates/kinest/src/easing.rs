//! Smooth transitions between values.

/// Rises from 0 to 1 with zero slope at both ends; constant outside.
pub(crate) fn smoothstep(t: f64) -> f64 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
