//! The encoder of a level: a sequence becomes a point with a spread.

use super::transformer::{Attention, Block, Sequence, blocks};
use crate::layers::{layer_norm, linear, linear_layer, uniform_parameter};
use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Tensor};
use kinest::model::align::AlignConfig;

/// Where a text or a motion lies: a normal distribution for each item of a batch.
#[derive(Clone, Debug)]
pub struct Point<B: Backend> {
    /// Its middle, `[batch, width]`.
    pub mean: Tensor<B, 2>,
    /// Logarithm of its variance, `[batch, width]`.
    pub log_variance: Tensor<B, 2>,
}

/// How a level looks at the coarser one: `norm(x + attention(x))`.
#[derive(Module, Debug)]
struct Back<B: Backend> {
    attention: Attention<B>,
    norm: LayerNorm<B>,
}

/// A transformer on a level's tokens and two learned ones, from which it tells mean and variance
/// (ACTOR, Petrovich et al. 2021).
#[derive(Module, Debug)]
pub(super) struct Encoder<B: Backend> {
    back: Option<Back<B>>,
    tokens: Param<Tensor<B, 2>>,
    blocks: Vec<Block<B>>,
    norm: LayerNorm<B>,
    mean: Linear<B>,
    log_variance: Linear<B>,
}

impl<B: Backend> Encoder<B> {
    pub(super) fn new(config: &AlignConfig, looks_back: bool, device: &B::Device) -> Self {
        let width = config.width;
        let back =
            || Back { attention: Attention::new(config, device), norm: layer_norm(width, device) };
        Self {
            back: looks_back.then(back),
            tokens: uniform_parameter([2, width], width, device),
            blocks: blocks(config, device),
            norm: layer_norm(width, device),
            mean: linear_layer(width, width, device),
            log_variance: linear_layer(width, width, device),
        }
    }

    /// The point of a sequence, and what a finer level looks at. `coarse` is what the coarser level
    /// leaves to look at.
    pub(super) fn forward(
        &self,
        x: Sequence<B>,
        coarse: Option<&Sequence<B>>,
    ) -> (Point<B>, Sequence<B>) {
        let Sequence { mut tokens, absent } = x;
        if let (Some(back), Some(coarse)) = (&self.back, coarse) {
            let found = back.attention.forward(tokens.clone(), coarse);
            tokens = back.norm.forward(tokens + found);
        }
        let [batch, _, width] = tokens.dims();
        let own = self.tokens.val().unsqueeze::<3>().expand([batch, 2, width]);
        let there = Tensor::<B, 2, Bool>::full([batch, 2], false, &absent.device());
        let mut x = Sequence {
            tokens: Tensor::cat(vec![own, tokens], 1),
            absent: Tensor::cat(vec![there, absent], 1),
        };
        for block in &self.blocks {
            x = block.forward(x);
        }
        x.tokens = self.norm.forward(x.tokens);
        let told = |layer: &Linear<B>, token: usize| {
            linear(layer, x.tokens.clone().narrow(1, token, 1)).reshape([batch, width])
        };
        let (mean, log_variance) = (told(&self.mean, 0), told(&self.log_variance, 1));
        (Point { mean, log_variance }, x)
    }
}
