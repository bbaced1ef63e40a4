//! Attention, and the blocks that encoders and the decoder are made of.

use crate::layers::{layer_norm, linear, linear_layer};
use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, LayerNorm, Linear};
use burn::tensor::activation::{gelu, softmax};
use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Tensor, TensorData};
use kinest::model::TransformerConfig;

/// What is added to the score of a token that is not there.
const NEVER: f64 = -1e9;

/// Tokens of a batch, and which of them are not there.
#[derive(Clone, Debug)]
pub struct Sequence<B: Backend> {
    /// `[batch, tokens, width]`
    pub tokens: Tensor<B, 3>,
    /// True for tokens that only fill the batch, `[batch, tokens]`.
    pub absent: Tensor<B, 2, Bool>,
}

/// Attention with several heads.
#[derive(Module, Debug)]
pub(crate) struct Attention<B: Backend> {
    query: Linear<B>,
    key: Linear<B>,
    value: Linear<B>,
    output: Linear<B>,
    heads: usize,
}

impl<B: Backend> Attention<B> {
    pub(crate) fn new(config: &TransformerConfig, device: &B::Device) -> Self {
        let layer = || linear_layer(config.width, config.width, device);
        Self { query: layer(), key: layer(), value: layer(), output: layer(), heads: config.heads }
    }

    /// Cross-attention of the tokens of `x`, `[batch, tokens, width]`, over those of `at`; zero
    /// where `at` has none.
    pub(crate) fn forward(&self, x: Tensor<B, 3>, at: &Sequence<B>) -> Tensor<B, 3> {
        let [batch, tokens, width] = x.dims();
        let split = |x: Tensor<B, 3>| {
            let tokens = x.dims()[1];
            x.reshape([batch, tokens, self.heads, width / self.heads]).swap_dims(1, 2)
        };
        let query = split(linear(&self.query, x));
        let key = split(linear(&self.key, at.tokens.clone()));
        let value = split(linear(&self.value, at.tokens.clone()));
        let scale = ((width / self.heads) as f64).sqrt();
        let scores = query.matmul(key.swap_dims(2, 3)) / scale;
        let absent = at.absent.clone().float() * NEVER;
        let scores = scores + absent.unsqueeze_dims::<4>(&[1, 1]);
        let found = softmax(scores, 3).matmul(value);
        linear(&self.output, found.swap_dims(1, 2).reshape([batch, tokens, width]))
    }
}

/// `x + attention(norm x)`, then `x + shrink(gelu(expand(norm x)))`.
#[derive(Module, Debug)]
pub(crate) struct Block<B: Backend> {
    attention: Attention<B>,
    before_attention: LayerNorm<B>,
    before_hidden: LayerNorm<B>,
    expand: Linear<B>,
    shrink: Linear<B>,
    dropout: Dropout,
}

impl<B: Backend> Block<B> {
    fn new(config: &TransformerConfig, device: &B::Device) -> Self {
        let (width, hidden) = (config.width, config.hidden);
        Self {
            attention: Attention::new(config, device),
            before_attention: layer_norm(width, device),
            before_hidden: layer_norm(width, device),
            expand: linear_layer(width, hidden, device),
            shrink: linear_layer(hidden, width, device),
            dropout: DropoutConfig::new(config.dropout).init(),
        }
    }

    pub(crate) fn forward(&self, x: Sequence<B>) -> Sequence<B> {
        let Sequence { tokens, absent } = x;
        let normed = self.before_attention.forward(tokens.clone());
        let at = Sequence { tokens: normed.clone(), absent: absent.clone() };
        let tokens = tokens + self.dropout.forward(self.attention.forward(normed, &at));
        let normed = self.before_hidden.forward(tokens.clone());
        let hidden = self.dropout.forward(gelu(linear(&self.expand, normed)));
        let tokens = tokens + self.dropout.forward(linear(&self.shrink, hidden));
        Sequence { tokens, absent }
    }
}

/// The blocks of an encoder, a decoder or a generator.
pub(crate) fn blocks<B: Backend>(config: &TransformerConfig, device: &B::Device) -> Vec<Block<B>> {
    (0..config.layers).map(|_| Block::new(config, device)).collect()
}

/// The numbers that say which of `count` places a token has: sines and cosines of `width / 2` waves,
/// `[count, width]`.
pub(crate) fn places<B: Backend>(count: usize, width: usize, device: &B::Device) -> Tensor<B, 2> {
    let value = |i: usize| {
        let (place, number) = ((i / width) as f64, i % width);
        let wave = (number / 2 * 2) as f64 / width as f64;
        let angle = place / 1e4_f64.powf(wave);
        (if number.is_multiple_of(2) { angle.sin() } else { angle.cos() }) as f32
    };
    let values = (0..count * width).map(value).collect();
    Tensor::from_data(TensorData::new(values, [count, width]), device)
}
