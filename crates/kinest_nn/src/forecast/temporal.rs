//! The temporal branch of KSOF (K-TCN): velocities in, velocities out, summed to a motion.

use crate::layers::convolution::taps_of;
use crate::layers::{linear, linear_layer};
use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, Linear};
use burn::tensor::activation::relu;
use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, Tensor};
use kinest::model::forecast::KsofConfig;

/// Standard deviation of the initial weights of the convolutions.
const INITIAL_DEVIATION: f64 = 0.01;

/// A causal dilated convolution with normalised weights: each output's column of the matrix is
/// `gain · direction / |direction|`.
#[derive(Module, Debug)]
struct CausalConvolution<B: Backend> {
    /// `[taps * channels, channels]`
    direction: Param<Tensor<B, 2>>,
    gain: Param<Tensor<B, 1>>,
    bias: Param<Tensor<B, 1>>,
    dilation: usize,
}

impl<B: Backend> CausalConvolution<B> {
    fn new(taps: usize, channels: usize, dilation: usize, device: &B::Device) -> Self {
        let normal = Distribution::Normal(0.0, INITIAL_DEVIATION);
        let direction = Tensor::<B, 2>::random([taps * channels, channels], normal, device);
        let gain = length_of_columns(direction.clone()).reshape([channels]);
        let bias = Tensor::zeros([channels], device);
        Self {
            direction: Param::from_tensor(direction),
            gain: Param::from_tensor(gain),
            bias: Param::from_tensor(bias),
            dilation,
        }
    }

    /// # Shapes
    /// - `x`, output: `[batch, tokens, channels]`
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, tokens, channels] = x.dims();
        let direction = self.direction.val();
        let inputs = direction.dims()[0];
        let taps = inputs / channels;
        let seen = taps_of(x, taps, (taps - 1) * self.dilation, self.dilation);
        let scale = self.gain.val().unsqueeze::<2>() / length_of_columns(direction.clone());
        let flat = seen.reshape([batch * tokens, inputs]).matmul(direction * scale);
        (flat + self.bias.val().unsqueeze::<2>()).reshape([batch, tokens, channels])
    }
}

/// Length of each column; the floor only guards against division by zero.
///
/// # Shapes
/// - `matrix`: `[rows, columns]`
/// - output: `[1, columns]`
fn length_of_columns<B: Backend>(matrix: Tensor<B, 2>) -> Tensor<B, 2> {
    matrix.square().sum_dim(0).clamp_min(1e-24).sqrt()
}

/// Two causal convolutions and a residual.
#[derive(Module, Debug)]
struct TemporalBlock<B: Backend> {
    first: CausalConvolution<B>,
    second: CausalConvolution<B>,
    dropout: Dropout,
}

impl<B: Backend> TemporalBlock<B> {
    /// # Shapes
    /// - `x`, output: `[batch, numbers, channels]`
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let y = self.dropout.forward(relu(self.first.forward(x.clone())));
        let y = self.dropout.forward(relu(self.second.forward(y)));
        relu(y + x)
    }
}

/// The temporal branch of KSOF.
///
/// The frames of each number become `channels`, blocks of dilated convolutions transform them, and
/// a linear map makes the velocities of the coming frames, whose sum is the motion. As in the
/// authors' code the convolutions run along the **numbers of a frame**, not along time: number `i`
/// sees the numbers before it.
#[derive(Module, Debug)]
pub struct TemporalNetwork<B: Backend> {
    embed: Linear<B>,
    blocks: Vec<TemporalBlock<B>>,
    regress: Linear<B>,
}

/// Activations of the temporal branch, `[batch, numbers, …]`.
#[derive(Clone, Debug)]
pub struct TemporalTrace<B: Backend> {
    /// Observed velocities, `[…, history]`; the first is zero.
    pub velocity: Tensor<B, 3>,
    /// After the embedding, `[…, channels]`.
    pub embedded: Tensor<B, 3>,
    /// After each block, `[…, channels]`.
    pub blocks: Vec<Tensor<B, 3>>,
    /// Predicted velocities, `[…, horizon]`.
    pub predicted_velocity: Tensor<B, 3>,
    /// Predicted motion, `[…, horizon]`.
    pub output: Tensor<B, 3>,
}

impl<B: Backend> TemporalNetwork<B> {
    pub(super) fn new(config: &KsofConfig, device: &B::Device) -> Self {
        let (taps, channels) = (config.taps, config.channels);
        let block = |i: usize| TemporalBlock {
            first: CausalConvolution::new(taps, channels, 1 << i, device),
            second: CausalConvolution::new(taps, channels, 1 << i, device),
            dropout: DropoutConfig::new(config.dropout).init(),
        };
        Self {
            embed: linear_layer(config.history, channels, device),
            blocks: (0..config.temporal_blocks).map(block).collect(),
            regress: linear_layer(channels, config.horizon, device),
        }
    }

    /// # Shapes
    /// - `x`: `[batch, numbers, history]`
    pub fn forward(&self, x: Tensor<B, 3>) -> TemporalTrace<B> {
        let frames = x.dims()[2];
        let dtype = self.embed.weight.dtype();
        let last = x.clone().narrow(2, frames - 1, 1);
        let steps = x.clone().narrow(2, 1, frames - 1) - x.narrow(2, 0, frames - 1);
        let velocity = Tensor::cat(vec![last.zeros_like(), steps], 2);
        let embedded = linear(&self.embed, velocity.clone().cast(dtype));
        let mut blocks = vec![];
        let mut h = embedded.clone();
        for block in &self.blocks {
            h = block.forward(h);
            blocks.push(h.clone());
        }
        let predicted_velocity = linear(&self.regress, h);
        let output = predicted_velocity.clone().cumsum(2) + last.cast(dtype);
        TemporalTrace { velocity, embedded, blocks, predicted_velocity, output }
    }
}
