//! Weights in fewer bits.

use serde::{Deserialize, Serialize};

/// How weights are stored. Sums of products with them are always in f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precision {
    /// 32-bit.
    #[default]
    F32,
    /// 16-bit IEEE half: half the file, relative error 5e-4 per weight.
    F16,
    /// Matrices in symmetric int8, one f32 scale per output channel: a quarter of the file. All other
    /// tensors are f32.
    Int8,
}

/// Quantises a matrix `[inputs, outputs]` to whole numbers up to ±127 with one scale per output.
/// Returns the whole numbers, row-major, and the scales; their products are the weights.
#[must_use]
pub fn quantise(weight: &[f32], outputs: usize) -> (Vec<f32>, Vec<f32>) {
    let mut scales = vec![0.0_f32; outputs];
    for row in weight.chunks_exact(outputs) {
        scales.iter_mut().zip(row).for_each(|(scale, v)| *scale = scale.max(v.abs() / 127.0));
    }
    let multiple = |(i, value): (usize, &f32)| match scales[i % outputs] {
        0.0 => 0.0,
        scale => (value / scale).round(),
    };
    (weight.iter().enumerate().map(multiple).collect(), scales)
}

/// Whether the tensor is a matrix that is stored in 8 bits: tokens are multiplied with it.
pub(super) fn is_matrix(name: &str) -> bool {
    name.ends_with(".weight") && !name.ends_with("time_mixer.weight")
}

/// Name of the tensor that holds the scales of an 8-bit one.
pub(super) fn scales_of(name: &str) -> String {
    format!("{name}.scale")
}
