//! The decoder: a point becomes the motion that it stands for.

use super::transformer::{Block, Sequence, blocks, places};
use crate::layers::{layer_norm, linear, linear_layer};
use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Tensor};
use kinest::model::align::{AlignConfig, Level, SEEN};

/// A transformer on places in time, each of which is told the point.
#[derive(Module, Debug)]
pub(super) struct Decoder<B: Backend> {
    embed: Linear<B>,
    blocks: Vec<Block<B>>,
    norm: LayerNorm<B>,
    regress: Linear<B>,
    patch: usize,
}

impl<B: Backend> Decoder<B> {
    pub(super) fn new(config: &AlignConfig, device: &B::Device) -> Self {
        let (width, patch) = (config.width, config.patches[Level::Body.index()]);
        Self {
            embed: linear_layer(width, width, device),
            blocks: blocks(&config.transformer(), device),
            norm: layer_norm(width, device),
            regress: linear_layer(width, patch * SEEN, device),
            patch,
        }
    }

    /// # Shapes
    /// - `point`: `[batch, width]`
    /// - output: `[batch, frames, SEEN]`, standardised
    pub(super) fn forward(&self, point: Tensor<B, 2>, frames: usize) -> Tensor<B, 3> {
        let [batch, width] = point.dims();
        let (count, device) = (frames / self.patch, point.device());
        let told = linear(&self.embed, point.reshape([batch, 1, width]));
        let places = places(count, width, &device);
        let mut x = Sequence {
            tokens: told + places.unsqueeze::<3>(),
            absent: Tensor::<B, 2, Bool>::full([batch, count], false, &device),
        };
        for block in &self.blocks {
            x = block.forward(x);
        }
        let motion = linear(&self.regress, self.norm.forward(x.tokens));
        motion.reshape([batch, count * self.patch, SEEN])
    }
}
