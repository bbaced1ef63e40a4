//! Storage of weights in fewer bits.

use serde::{Deserialize, Serialize};

/// Precision in which weights are stored. Products with them are always summed in `f32`.
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

/// Quantises a matrix `[inputs, outputs]` to integers from -127 to 127 with one scale per output.
/// Returns the integers, row-major, and the scales; their products are the weights.
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

/// Whether the tensor is a matrix that multiplies tokens, and so is stored in 8 bits.
pub(super) fn is_matrix(name: &str) -> bool {
    name.ends_with(".weight") && !name.ends_with("time_mixer.weight")
}

/// Name of the tensor that holds the scales of an 8-bit tensor.
pub(super) fn scales_of(name: &str) -> String {
    format!("{name}.scale")
}
