//! Cache-aligned buffers.

use aligned_vec::{AVec, ConstAlign, avec};

/// `f32` buffer that starts at a cache line.
pub(super) type Numbers = AVec<f32, ConstAlign<64>>;

/// `length` zeros.
pub(super) fn zeros(length: usize) -> Numbers {
    avec!([64] | 0.0; length)
}

/// An aligned copy of `values`.
pub(super) fn aligned(values: &[f32]) -> Numbers {
    Numbers::from_slice(64, values)
}
