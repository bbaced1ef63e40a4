//! Going from one value to another without a jolt.

/// From 0 to 1 as `t` does, with no speed at either end, and held before and after.
pub(crate) fn smoothstep(t: f64) -> f64 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
