//! The siMLPe network: a perceptron along time, in the frequencies of the motion.

use super::forecaster::{Forecast, Forecaster};
use crate::layers::batch_norm::BatchMoments;
use crate::layers::{TimeMixer, layer_norm, linear, linear_layer, linear_over_tokens, mix_tokens};
use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use kinest::model::forecast::SiMlpeConfig;
use std::f64::consts::PI;

/// `x + norm(mix x)`
#[derive(Module, Debug)]
struct TimeBlock<B: Backend> {
    time_mixer: TimeMixer<B>,
    norm: LayerNorm<B>,
}

/// The siMLPe network: a cosine transform of the history, a linear map of the numbers of a frame,
/// residual blocks that mix the frequencies, a second linear map, and the inverse transform. The
/// last observed frame is added to the output.
///
/// There is no activation function; the layer norm is what is not linear.
#[derive(Module, Debug)]
pub struct SiMlpe<B: Backend> {
    embed: Linear<B>,
    blocks: Vec<TimeBlock<B>>,
    regress: Linear<B>,
    /// From observed to predicted frames, if their numbers differ.
    to_horizon: Option<Linear<B>>,
}

impl<B: Backend> SiMlpe<B> {
    /// A network with random weights that at first predicts that the last frame is held. `config`
    /// must have been checked.
    pub(super) fn new(config: &SiMlpeConfig, device: &B::Device) -> Self {
        let (history, horizon, numbers) = (config.history, config.horizon, config.numbers);
        let block = || TimeBlock {
            time_mixer: TimeMixer::new(history, device),
            norm: layer_norm(numbers, device),
        };
        let zeros = |width: usize| Some(Param::from_tensor(Tensor::zeros([width], device)));
        let regress = Linear {
            weight: Param::from_tensor(Tensor::zeros([numbers, numbers], device)),
            bias: zeros(numbers),
        };
        let to_horizon =
            || Linear { bias: zeros(horizon), ..linear_layer(history, horizon, device) };
        Self {
            embed: linear_layer(numbers, numbers, device),
            blocks: (0..config.blocks).map(|_| block()).collect(),
            regress,
            to_horizon: (history != horizon).then(to_horizon),
        }
    }
}

impl<B: Backend> Forecaster<B> for SiMlpe<B> {
    fn forecast(&self, history: Tensor<B, 3>) -> Forecast<B> {
        let frames = history.dims()[1];
        let last = history.clone().narrow(1, frames - 1, 1);
        let cosines = cosine_transform(frames, &history.device()).cast(history.dtype());
        let spectrum = mix_tokens(cosines.clone(), None, history.clone());
        let mut h = linear(&self.embed, spectrum.cast(self.embed.weight.dtype()));
        for block in &self.blocks {
            h = block.norm.forward(block.time_mixer.forward(h.clone())) + h;
        }
        let spectrum = linear(&self.regress, h).cast(history.dtype());
        let mut motion = mix_tokens(cosines.transpose(), None, spectrum);
        if let Some(to_horizon) = &self.to_horizon {
            let inner = motion.cast(to_horizon.weight.dtype());
            motion = linear_over_tokens(to_horizon, inner).cast(history.dtype());
        }
        Forecast { future: motion + last, temporal: None, graph: None }
    }

    fn learn(&self, history: Tensor<B, 3>) -> (Forecast<B>, Vec<BatchMoments<B>>) {
        (self.forecast(history), vec![])
    }

    /// Nothing to move: there is no batch normalisation.
    fn absorb(&mut self, _: Vec<BatchMoments<B>>) {}
}

/// The orthonormal cosine transform (DCT-II), `[frequencies, frames]`, of as many frequencies as
/// frames. Its inverse is its transpose.
fn cosine_transform<B: Backend>(frames: usize, device: &B::Device) -> Tensor<B, 2> {
    let count = frames as f64;
    let value = |i: usize| {
        let (frequency, frame) = (i / frames, i % frames);
        let power = if frequency == 0 { 1.0 } else { 2.0 };
        let angle = PI * (frame as f64 + 0.5) * frequency as f64 / count;
        ((power / count).sqrt() * angle.cos()) as f32
    };
    let values = (0..frames * frames).map(value).collect();
    Tensor::from_data(TensorData::new(values, [frames, frames]), device)
}
