//! The encoder of a level: a sequence becomes a point with a spread.

use super::transformer::{Attention, Block, Sequence, blocks};
use crate::layers::{layer_norm, linear, linear_layer, uniform_parameter};
use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Tensor};
use kinest::model::TransformerConfig;

/// Where a text or a motion lies: a normal distribution for each item of a batch.
#[derive(Clone, Debug)]
pub struct Point<B: Backend> {
    /// Its middle, `[batch, width]`.
    pub mean: Tensor<B, 2>,
    /// Logarithm of its variance, `[batch, width]`; 0 if the encoder does not tell it.
    pub log_variance: Tensor<B, 2>,
}

/// How a level looks at the coarser one: `norm(x + attention(x))`.
#[derive(Module, Debug)]
struct Back<B: Backend> {
    attention: Attention<B>,
    norm: LayerNorm<B>,
}

/// A transformer on a level's tokens and two learned ones, from which it tells mean and variance
/// (ACTOR, Petrovich et al. 2021). Who only wants the mean leaves out the variance.
#[derive(Module, Debug)]
pub(crate) struct Encoder<B: Backend> {
    back: Option<Back<B>>,
    tokens: Param<Tensor<B, 2>>,
    blocks: Vec<Block<B>>,
    norm: LayerNorm<B>,
    mean: Linear<B>,
    log_variance: Option<Linear<B>>,
}

impl<B: Backend> Encoder<B> {
    pub(crate) fn new(
        config: &TransformerConfig,
        looks_back: bool,
        spreads: bool,
        device: &B::Device,
    ) -> Self {
        let width = config.width;
        let back =
            || Back { attention: Attention::new(config, device), norm: layer_norm(width, device) };
        Self {
            back: looks_back.then(back),
            tokens: uniform_parameter([2, width], width, device),
            blocks: blocks(config, device),
            norm: layer_norm(width, device),
            mean: linear_layer(width, width, device),
            log_variance: spreads.then(|| linear_layer(width, width, device)),
        }
    }

    /// The point of a sequence, and what a finer level looks at. `coarse` is what the coarser level
    /// leaves to look at.
    fn forward(&self, x: Sequence<B>, coarse: Option<&Sequence<B>>) -> (Point<B>, Sequence<B>) {
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
        let mean = told(&self.mean, 0);
        let log_variance = self.log_variance.as_ref().map(|layer| told(layer, 1));
        let log_variance = log_variance.unwrap_or_else(|| mean.zeros_like());
        (Point { mean, log_variance }, x)
    }
}

/// The points of levels, each of which may look at what the one before it found.
pub(crate) fn points<B: Backend>(
    encoders: &[Encoder<B>],
    sequences: impl Iterator<Item = Sequence<B>>,
) -> Vec<Point<B>> {
    let mut coarse = None;
    let encode = |(encoder, sequence): (&Encoder<B>, Sequence<B>)| {
        let (point, states) = encoder.forward(sequence, coarse.as_ref());
        coarse = Some(states);
        point
    };
    encoders.iter().zip(sequences).map(encode).collect()
}
