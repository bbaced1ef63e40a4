//! The L2 norm, with a gradient everywhere.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// L2 norm along an axis, which is left with length 1. Where the norm is exactly 0 its gradient
/// is 0.
pub(super) fn norm<B: Backend, const D: usize>(x: Tensor<B, D>, axis: usize) -> Tensor<B, D> {
    let squares = x.square().sum_dim(axis);
    let zero = squares.clone().equal_elem(0.0);
    squares.mask_fill(zero.clone(), 1.0).sqrt().mask_fill(zero, 0.0)
}
