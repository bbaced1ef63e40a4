//! The gate of KSOF: how much of each predicted frame passes.

use super::graph::LEAK;
use crate::layers::{linear, linear_without_bias};
use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::activation::{leaky_relu, sigmoid};
use burn::tensor::backend::Backend;

/// Multiplies each frame by a factor in `0..1` that depends on the means of all frames (squeeze and
/// excitation). One gate serves both branches.
#[derive(Module, Debug)]
pub struct Gate<B: Backend> {
    squeeze: Linear<B>,
    expand: Linear<B>,
}

impl<B: Backend> Gate<B> {
    pub(super) fn new(horizon: usize, width: usize, device: &B::Device) -> Self {
        Self {
            squeeze: linear_without_bias(horizon, width, device),
            expand: linear_without_bias(width, horizon, device),
        }
    }

    /// # Shapes
    /// - `x`, output: `[batch, numbers, horizon]`
    pub fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let mean = x.clone().mean_dim(1);
        let squeezed = leaky_relu(linear(&self.squeeze, mean), LEAK);
        x * sigmoid(linear(&self.expand, squeezed))
    }
}
