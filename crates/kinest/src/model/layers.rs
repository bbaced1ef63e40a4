//! Small pieces the blocks are made of.

use burn::module::{Module, Param};
use burn::nn::{Initializer, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, Tensor};

/// A linear map applied to the last axis.
///
/// Folding the leading axes into one makes it a single matrix product, forwards and backwards;
/// Burn's own batched form would sum one weight gradient per batch item.
///
/// # Shapes
/// - `x`: `[batch, tokens, inputs]`
/// - output: `[batch, tokens, outputs]`
pub(super) fn linear<B: Backend>(layer: &Linear<B>, x: Tensor<B, 3>) -> Tensor<B, 3> {
    let [batch, tokens, inputs] = x.dims();
    let flat = layer.forward(x.reshape([batch * tokens, inputs]));
    let outputs = flat.dims()[1];
    flat.reshape([batch, tokens, outputs])
}

/// `ln(1 + e^x)` without overflow.
pub(super) fn softplus<B: Backend, const D: usize>(x: Tensor<B, D>) -> Tensor<B, D> {
    relu(x.clone()) + x.abs().neg().exp().log1p()
}

/// A normalisation over the last axis as PyTorch has it (biased variance, eps 1e-5, affine).
pub(super) fn layer_norm<B: Backend>(width: usize, device: &B::Device) -> LayerNorm<B> {
    LayerNormConfig::new(width).with_epsilon(1e-5).init(device)
}

/// A linear layer as PyTorch starts it: weight and bias uniform in `±1/sqrt(inputs)`.
pub(super) fn linear_layer<B: Backend>(
    inputs: usize,
    outputs: usize,
    device: &B::Device,
) -> Linear<B> {
    LinearConfig::new(inputs, outputs).with_initializer(fan_in_uniform(inputs)).init(device)
}

/// A linear layer without bias, started like [`linear_layer`].
pub(super) fn linear_without_bias<B: Backend>(
    inputs: usize,
    outputs: usize,
    device: &B::Device,
) -> Linear<B> {
    LinearConfig::new(inputs, outputs)
        .with_bias(false)
        .with_initializer(fan_in_uniform(inputs))
        .init(device)
}

fn fan_in_uniform(fan_in: usize) -> Initializer {
    let bound = 1.0 / (fan_in as f64).sqrt();
    Initializer::Uniform { min: -bound, max: bound }
}

/// A parameter uniform in `±1/sqrt(fan_in)`.
pub(super) fn uniform_parameter<B: Backend, const D: usize>(
    shape: [usize; D],
    fan_in: usize,
    device: &B::Device,
) -> Param<Tensor<B, D>> {
    let bound = 1.0 / (fan_in as f64).sqrt();
    Param::from_tensor(Tensor::random(shape, Distribution::Uniform(-bound, bound), device))
}

/// Two linear maps in a row.
///
/// In the released network this is all that is left of the Fourier analysis layer: it creates none
/// of its periodic parts, so no sine, cosine or activation stands between the two.
#[derive(Module, Debug)]
pub struct Fan<B: Backend> {
    embed: Linear<B>,
    project: Linear<B>,
}

impl<B: Backend> Fan<B> {
    pub(super) fn new(inputs: usize, hidden: usize, outputs: usize, device: &B::Device) -> Self {
        Self {
            embed: linear_layer(inputs, hidden, device),
            project: linear_layer(hidden, outputs, device),
        }
    }

    /// # Shapes
    /// - `x`: `[batch, frames, inputs]`
    /// - output: `[batch, frames, outputs]`
    pub fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        linear(&self.project, linear(&self.embed, x))
    }
}

/// A dense map along time, the same for every feature channel: frame `i` of the output is
/// `bias[i] + Σ_j weight[i, j] · frame j`. It ties a network to one window length.
#[derive(Module, Debug)]
pub struct TimeMixer<B: Backend> {
    weight: Param<Tensor<B, 2>>,
    bias: Param<Tensor<B, 1>>,
}

impl<B: Backend> TimeMixer<B> {
    pub(super) fn new(window: usize, device: &B::Device) -> Self {
        Self {
            weight: uniform_parameter([window, window], window, device),
            bias: uniform_parameter([window], window, device),
        }
    }

    /// # Shapes
    /// - `x`, output: `[batch, window, width]`
    pub fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, window, width] = x.dims();
        let by_time = x.swap_dims(0, 1).reshape([window, batch * width]);
        let mixed = self.weight.val().matmul(by_time) + self.bias.val().unsqueeze_dim(1);
        mixed.reshape([window, batch, width]).swap_dims(0, 1)
    }
}
