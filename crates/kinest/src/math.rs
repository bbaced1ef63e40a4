//! Activations in a form that compilers vectorise; calls of the standard library's scalar functions
//! would dominate the run time.
//!
//! `FUSED` says that the processor has a fused multiply-add; without one, `f32::mul_add` is a slow
//! library call.

/// `a b + c`
#[inline(always)]
#[must_use]
pub fn mul_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// `e^x` to about two units in the last place (after Cephes).
#[inline(always)]
#[must_use]
pub fn exp<const FUSED: bool>(x: f32) -> f32 {
    // Adding this rounds to the nearest integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = mul_add::<FUSED>(x, std::f32::consts::LOG2_E, ROUND);
    let whole = shifted - ROUND;
    let r = mul_add::<FUSED>(whole, -355.0 / 512.0, x);
    let r = mul_add::<FUSED>(whole, 2.121_944_4e-4, r);
    let mut p = 1.987_569_1e-4_f32;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1] {
        p = mul_add::<FUSED>(p, r, c);
    }
    let fraction = mul_add::<FUSED>(p * r, r, r) + 1.0;
    fraction * f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()))
}

/// `1 / (1 + e^-x)`
#[inline(always)]
#[must_use]
pub fn sigmoid<const FUSED: bool>(x: f32) -> f32 {
    1.0 / (1.0 + exp::<FUSED>(-x))
}

/// `x σ(x)`
#[inline(always)]
#[must_use]
pub fn silu<const FUSED: bool>(x: f32) -> f32 {
    x / (1.0 + exp::<FUSED>(-x))
}

/// `ln(1 + e^x)`, to a relative error of about 1e-6.
#[inline(always)]
#[must_use]
pub fn softplus<const FUSED: bool>(x: f32) -> f32 {
    // ln(1 + u) = 2 artanh(u / (2 + u)); with u ≤ 1 the argument of the series is at most 1/3.
    let u = exp::<FUSED>(-x.abs());
    let s = u / (2.0 + u);
    let square = s * s;
    let mut p = 1.0 / 15.0;
    for odd in [13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0_f32] {
        p = mul_add::<FUSED>(p, square, 1.0 / odd);
    }
    mul_add::<FUSED>(2.0 * s, p, x.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, tolerance: f64, x: f32, found: [f32; 2], right: f64) {
        for found in found.map(f64::from) {
            assert!((found / right - 1.0).abs() < tolerance, "{name}({x}) is {found}, not {right}");
        }
    }

    #[test]
    fn activations_match_the_standard_library() {
        for i in (-8600..8700).filter(|i| *i != 0) {
            let x = i as f32 * 0.01;
            let (wide, big) = (f64::from(x), f64::from(x).exp());
            check("exp", 4e-7, x, [exp::<true>(x), exp::<false>(x)], big);
            let found = [silu::<true>(x), silu::<false>(x)];
            check("silu", 1e-6, x, found, wide * big / (1.0 + big));
            check("softplus", 1e-6, x, [softplus::<true>(x), softplus::<false>(x)], big.ln_1p());
        }
    }

    #[test]
    fn activations_are_finite_for_huge_inputs() {
        for x in [-1e4, -200.0, 200.0, 1e4_f32] {
            assert!(exp::<false>(x).is_finite() && exp::<false>(x) >= 0.0);
            assert_eq!(softplus::<true>(x).max(1e-30), x.max(1e-30));
            assert!((sigmoid::<true>(x) - f32::from(x > 0.0)).abs() < 1e-30);
        }
    }
}
