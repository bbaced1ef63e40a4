//! Layers shared by the networks.

pub mod batch_norm;
pub(crate) mod convolution;
pub mod fused;
pub mod kernel;
pub mod mamba2;
pub mod ssd;
pub mod statistics;

use burn::module::{Module, Param};
use burn::nn::{Initializer, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, Tensor};

/// A linear map over the last axis.
///
/// The leading axes are folded into one, so that forward and backward pass are a single matrix
/// product each; Burn's own batched form would sum one weight gradient per batch item.
///
/// # Shapes
/// - `x`: `[batch, tokens, inputs]`
/// - output: `[batch, tokens, outputs]`
pub(crate) fn linear<B: Backend>(layer: &Linear<B>, x: Tensor<B, 3>) -> Tensor<B, 3> {
    let [batch, tokens, inputs] = x.dims();
    let flat = layer.forward(x.reshape([batch * tokens, inputs]));
    let outputs = flat.dims()[1];
    flat.reshape([batch, tokens, outputs])
}

/// [`linear`] over the tokens instead of the last axis.
///
/// # Shapes
/// - `x`: `[batch, inputs, features]`
/// - output: `[batch, outputs, features]`
pub(crate) fn linear_over_tokens<B: Backend>(layer: &Linear<B>, x: Tensor<B, 3>) -> Tensor<B, 3> {
    linear(layer, x.swap_dims(1, 2)).swap_dims(1, 2)
}

/// A map of the tokens, the same for all features: token `i` of the output is
/// `bias[i] + Σ_j weight[i, j] · token j`. A single matrix product, as in [`linear`].
///
/// # Shapes
/// - `weight`: `[outputs, inputs]`; `bias`: `[outputs]`
/// - `x`: `[batch, inputs, features]`
/// - output: `[batch, outputs, features]`
pub(crate) fn mix_tokens<B: Backend>(
    weight: Tensor<B, 2>,
    bias: Option<Tensor<B, 1>>,
    x: Tensor<B, 3>,
) -> Tensor<B, 3> {
    let [batch, inputs, features] = x.dims();
    let outputs = weight.dims()[0];
    let mut mixed = weight.matmul(x.swap_dims(0, 1).reshape([inputs, batch * features]));
    if let Some(bias) = bias {
        mixed = mixed + bias.unsqueeze_dim(1);
    }
    mixed.reshape([outputs, batch, features]).swap_dims(0, 1)
}

/// `ln(1 + e^x)` without overflow.
pub(crate) fn softplus<B: Backend, const D: usize>(x: Tensor<B, D>) -> Tensor<B, D> {
    relu(x.clone()) + x.abs().neg().exp().log1p()
}

/// Layer norm over the last axis with PyTorch's defaults (biased variance, eps 1e-5, affine).
pub(crate) fn layer_norm<B: Backend>(width: usize, device: &B::Device) -> LayerNorm<B> {
    LayerNormConfig::new(width).with_epsilon(1e-5).init(device)
}

/// A linear layer with PyTorch's initialisation: weight and bias uniform in `±1/sqrt(inputs)`.
pub(crate) fn linear_layer<B: Backend>(
    inputs: usize,
    outputs: usize,
    device: &B::Device,
) -> Linear<B> {
    LinearConfig::new(inputs, outputs).with_initializer(fan_in_uniform(inputs)).init(device)
}

/// [`linear_layer`] without a bias.
pub(crate) fn linear_without_bias<B: Backend>(
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
pub(crate) fn uniform_parameter<B: Backend, const D: usize>(
    shape: [usize; D],
    fan_in: usize,
    device: &B::Device,
) -> Param<Tensor<B, D>> {
    let bound = 1.0 / (fan_in as f64).sqrt();
    Param::from_tensor(Tensor::random(shape, Distribution::Uniform(-bound, bound), device))
}

/// Two consecutive linear maps.
///
/// This is what the released network computes for the Fourier analysis layer (FAN): its code never
/// creates the periodic parts, so there is no sine, cosine or activation between the two maps.
#[derive(Module, Debug)]
pub struct Fan<B: Backend> {
    embed: Linear<B>,
    project: Linear<B>,
}

impl<B: Backend> Fan<B> {
    pub(crate) fn new(inputs: usize, hidden: usize, outputs: usize, device: &B::Device) -> Self {
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

/// A causal filter along the tokens with separate taps per channel:
/// `y_t = bias + Σ_k weight_k x_{t - taps + 1 + k}`.
///
/// # Shapes
/// - `before`: `[batch, taps - 1, channels]`, the tokens before the first
/// - `x`: `[batch, tokens, channels]`
/// - `weight`: `[taps, channels]`, newest tap last; `bias`: `[channels]`
/// - output: `[batch, tokens, channels]`, and the last tokens of `x`: the next `before`
pub(crate) fn causal_filter<B: Backend>(
    before: Tensor<B, 3>,
    x: Tensor<B, 3>,
    weight: Tensor<B, 2>,
    bias: Tensor<B, 1>,
) -> (Tensor<B, 3>, Tensor<B, 3>) {
    let [batch, tokens, channels] = x.dims();
    let taps = weight.dims()[0];
    let history = taps - 1;
    let device = x.device();
    let padded = Tensor::cat(vec![before, x], 1);
    let tail = padded.clone().narrow(1, tokens, history);
    // With the sequences of the batch concatenated, each tap is one contiguous slice. Rows that
    // would mix two sequences end up after the end of the first and are cut off.
    let rows = batch * (history + tokens);
    let padded = padded.reshape([rows, channels]);
    let mut sum = bias.unsqueeze::<2>();
    for tap in 0..taps {
        let weight = weight.clone().narrow(0, tap, 1);
        sum = padded.clone().narrow(0, tap, rows - history) * weight + sum;
    }
    let fill = Tensor::<B, 2>::zeros([history, channels], &device).cast(sum.dtype());
    let filtered = Tensor::cat(vec![sum, fill], 0)
        .reshape([batch, (history + tokens) * channels])
        .narrow(1, 0, tokens * channels)
        .reshape([batch, tokens, channels]);
    (filtered, tail)
}

/// A dense map along time, shared by all feature channels: frame `i` of the output is
/// `bias[i] + Σ_j weight[i, j] · frame j`. Its weights fix the length of the window.
#[derive(Module, Debug)]
pub struct TimeMixer<B: Backend> {
    weight: Param<Tensor<B, 2>>,
    bias: Param<Tensor<B, 1>>,
}

impl<B: Backend> TimeMixer<B> {
    pub(crate) fn new(window: usize, device: &B::Device) -> Self {
        Self {
            weight: uniform_parameter([window, window], window, device),
            bias: uniform_parameter([window], window, device),
        }
    }

    /// # Shapes
    /// - `x`, output: `[batch, window, width]`
    pub fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        mix_tokens(self.weight.val(), Some(self.bias.val()), x)
    }
}

/// The causal counterpart of [`TimeMixer`]: each channel is filtered over the newest frames. Takes
/// any number of frames, one by one or many at once.
#[derive(Module, Debug)]
pub struct TimeFilter<B: Backend> {
    weight: Param<Tensor<B, 2>>,
    bias: Param<Tensor<B, 1>>,
}

impl<B: Backend> TimeFilter<B> {
    pub(crate) fn new(taps: usize, width: usize, device: &B::Device) -> Self {
        Self {
            weight: uniform_parameter([taps, width], taps, device),
            bias: uniform_parameter([width], taps, device),
        }
    }

    /// # Shapes
    /// - `before`, and the second output: the last `taps - 1` frames
    pub fn forward(&self, before: Tensor<B, 3>, x: Tensor<B, 3>) -> (Tensor<B, 3>, Tensor<B, 3>) {
        causal_filter(before, x, self.weight.val(), self.bias.val())
    }

    /// The frames before the first: zeros.
    pub(crate) fn before(&self, batch: usize) -> Tensor<B, 3> {
        let [taps, width] = self.weight.dims();
        let none = Tensor::<B, 3>::zeros([batch, taps - 1, width], &self.weight.device());
        none.cast(self.weight.dtype())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Tolerance};
    use burn_flex::{Flex, FlexDevice};

    /// Mixed-precision training runs on 16-bit tensors.
    #[test]
    fn time_filters_work_in_sixteen_bits() {
        let numbers = |shape: [usize; 3]| {
            let count = shape.iter().product::<usize>() as i64;
            let numbers = Tensor::<Flex, 1, burn::tensor::Int>::arange(0..count, &FlexDevice);
            (numbers.float() * 0.7).sin().reshape(shape)
        };
        let filtered = |dtype: DType| {
            let [before, x] = [[2, 3, 5], [2, 6, 5]].map(|shape| numbers(shape).cast(dtype));
            let [weight, bias] = [[1, 4, 5], [1, 1, 5]].map(|shape| numbers(shape).cast(dtype));
            let (filtered, _) = causal_filter(before, x, weight.reshape([4, 5]), bias.reshape([5]));
            filtered.cast(DType::F32).into_data()
        };
        filtered(DType::BF16)
            .assert_approx_eq::<f32>(&filtered(DType::F32), Tolerance::absolute(0.05));
    }
}
