//! Operations on single rows: normalisation, SiLU, softmax.

use super::numbers::Numbers;
use kinest::math::{exp, mul_add, silu};
use multiversion::multiversion;
use multiversion::target::match_target;

/// Added under the root of every normalisation, as in the reference.
const EPSILON: f32 = 1e-5;

/// Independent partial sums; a single running sum would not vectorise.
pub(super) const LANES: usize = 16;

/// Folds `values` from `start` in [`LANES`] independent parts.
#[inline(always)]
fn fold(
    values: &[f32],
    start: f32,
    term: impl Fn(f32, f32) -> f32,
    join: impl Fn(f32, f32) -> f32,
) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut parts = [start; LANES];
    for chunk in chunks {
        for (part, value) in parts.iter_mut().zip(chunk) {
            *part = term(*part, *value);
        }
    }
    let whole = parts.into_iter().fold(start, join);
    rest.iter().fold(whole, |sum, value| term(sum, *value))
}

/// `1 / sqrt(mean(v²) + ε)`
#[inline(always)]
pub(super) fn inverse_rms<const FUSED: bool>(values: &[f32]) -> f32 {
    let squares = fold(values, 0.0, |sum, v| mul_add::<FUSED>(v, v, sum), |a, b| a + b);
    1.0 / (squares / values.len() as f32 + EPSILON).sqrt()
}

/// Layer norm over the last axis (biased variance, affine).
#[derive(Debug)]
pub(super) struct LayerNorm {
    pub(super) gamma: Numbers,
    pub(super) beta: Numbers,
}

impl LayerNorm {
    /// Normalises every row in place.
    pub(super) fn apply(&self, rows: &mut [f32]) {
        layer_norm(&self.gamma, &self.beta, rows);
    }

    /// Writes the normalised rows of `source` to `out`.
    pub(super) fn copy(&self, source: &[f32], out: &mut [f32]) {
        out.copy_from_slice(source);
        self.apply(out);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma",))]
fn layer_norm(gamma: &[f32], beta: &[f32], rows: &mut [f32]) {
    match_target! {
        "x86_64+fma" => layer_norm_rows::<true>(gamma, beta, rows),
        "aarch64+neon" => layer_norm_rows::<true>(gamma, beta, rows),
        _ => layer_norm_rows::<false>(gamma, beta, rows),
    }
}

#[inline(always)]
fn layer_norm_rows<const FUSED: bool>(gamma: &[f32], beta: &[f32], rows: &mut [f32]) {
    let width = gamma.len();
    for row in rows.chunks_exact_mut(width) {
        let mean = fold(row, 0.0, |sum, v| sum + v, |a, b| a + b) / width as f32;
        row.iter_mut().for_each(|v| *v -= mean);
        let scale = inverse_rms::<FUSED>(row);
        for ((v, gamma), beta) in row.iter_mut().zip(gamma).zip(beta) {
            *v = mul_add::<FUSED>(*v * scale, *gamma, *beta);
        }
    }
}

/// Applies SiLU to a row in place.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
pub(super) fn silu_row(row: &mut [f32]) {
    match_target! {
        "x86_64+fma" => row.iter_mut().for_each(|v| *v = silu::<true>(*v)),
        "aarch64+neon" => row.iter_mut().for_each(|v| *v = silu::<true>(*v)),
        _ => row.iter_mut().for_each(|v| *v = silu::<false>(*v)),
    }
}

/// Softmax over each row of `width` scores, in place.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma",))]
pub(super) fn softmax(rows: &mut [f32], width: usize) {
    match_target! {
        "x86_64+fma" => softmax_rows::<true>(rows, width),
        "aarch64+neon" => softmax_rows::<true>(rows, width),
        _ => softmax_rows::<false>(rows, width),
    }
}

#[inline(always)]
pub(super) fn softmax_rows<const FUSED: bool>(rows: &mut [f32], width: usize) {
    for row in rows.chunks_exact_mut(width) {
        let largest = fold(row, f32::NEG_INFINITY, f32::max, f32::max);
        row.iter_mut().for_each(|v| *v = exp::<FUSED>(*v - largest));
        let scale = 1.0 / fold(row, 0.0, |sum, v| sum + v, |a, b| a + b);
        row.iter_mut().for_each(|v| *v *= scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::zeros;

    #[test]
    fn each_row_is_normalised_separately() {
        let width = 37;
        let mut norm = LayerNorm { gamma: zeros(width), beta: zeros(width) };
        norm.gamma.fill(2.0);
        norm.beta.fill(-1.0);
        let source: Vec<f32> =
            (0..3 * width).map(|i| (i as f32 * 0.7).sin() * 5.0 + (i / width) as f32).collect();
        let mut out = vec![0.0; source.len()];
        norm.copy(&source, &mut out);
        for (out, source) in out.chunks(width).zip(source.chunks(width)) {
            let mean = |f: &dyn Fn(f32) -> f32, rows: &[f32]| {
                rows.iter().map(|v| f(*v)).sum::<f32>() / width as f32
            };
            let average = mean(&|v| v, source);
            let deviation = mean(&|v| (v - average).powi(2), source).sqrt();
            for (out, v) in out.iter().zip(source) {
                assert!((out - (2.0 * (v - average) / deviation - 1.0)).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn softmax_weights_sum_to_one_and_keep_the_ratios_of_the_scores() {
        let mut rows: Vec<f32> = (0..2 * 19).map(|i| (i as f32 * 1.3).sin() * 40.0).collect();
        let scores = rows.clone();
        softmax(&mut rows, 19);
        for (weights, scores) in rows.chunks(19).zip(scores.chunks(19)) {
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            let ratio = (f64::from(weights[3]) / f64::from(weights[7])).ln();
            let expected = f64::from(scores[3] - scores[7]);
            assert!((ratio - expected).abs() < 1e-3, "{ratio} {expected}");
        }
    }
}
