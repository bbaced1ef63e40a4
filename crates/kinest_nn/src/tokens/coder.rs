//! The encoder and the decoder of a part of the body: convolutions along time.

use crate::layers::convolution::taps_of;
use crate::layers::{linear, linear_layer};
use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::backend::Backend;
use kinest::model::tokens::TokenConfig;

/// Taps of a convolution.
const TAPS: usize = 3;

/// `x + mix relu(convolution relu(x))`
#[derive(Module, Debug)]
struct Block<B: Backend> {
    /// The convolution, a linear map of what its taps see.
    spread: Linear<B>,
    mix: Linear<B>,
    dilation: usize,
    /// Tokens that the taps reach back; the others reach forwards.
    before: usize,
}

impl<B: Backend> Block<B> {
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let seen = taps_of(relu(x.clone()), TAPS, self.before, self.dilation);
        linear(&self.mix, relu(linear(&self.spread, seen))) + x
    }
}

/// The blocks at one rate; each reaches three times as far as the one before.
fn blocks<B: Backend>(config: &TokenConfig, device: &B::Device) -> Vec<Block<B>> {
    let block = |i| {
        let dilation = TAPS.pow(i as u32);
        Block {
            spread: linear_layer(TAPS * config.width, config.width, device),
            mix: linear_layer(config.width, config.width, device),
            dilation,
            before: if config.causal { (TAPS - 1) * dilation } else { dilation },
        }
    };
    (0..config.blocks).map(block).collect()
}

/// Two neighbours become one, then the blocks.
#[derive(Module, Debug)]
struct Halving<B: Backend> {
    fold: Linear<B>,
    blocks: Vec<Block<B>>,
}

/// The blocks, then one becomes two neighbours.
#[derive(Module, Debug)]
struct Doubling<B: Backend> {
    blocks: Vec<Block<B>>,
    unfold: Linear<B>,
}

/// From frames to vectors, of which each stands for several frames.
#[derive(Module, Debug)]
pub(super) struct Encoder<B: Backend> {
    rates: Vec<Halving<B>>,
    last: Linear<B>,
}

impl<B: Backend> Encoder<B> {
    pub fn new(numbers: usize, config: &TokenConfig, device: &B::Device) -> Self {
        let halving = |i| {
            let inputs = if i == 0 { numbers } else { config.width };
            let fold = linear_layer(2 * inputs, config.width, device);
            Halving { fold, blocks: blocks(config, device) }
        };
        Self {
            rates: (0..config.halvings).map(halving).collect(),
            last: linear_layer(config.width, config.code_dim, device),
        }
    }

    /// # Shapes
    /// - `x`: `[batch, frames, numbers]`, whole tokens
    /// - output: `[batch, tokens, code_dim]`
    pub fn forward(&self, mut x: Tensor<B, 3>) -> Tensor<B, 3> {
        for Halving { fold, blocks } in &self.rates {
            let [batch, frames, numbers] = x.dims();
            x = linear(fold, x.reshape([batch, frames / 2, 2 * numbers]));
            x = blocks.iter().fold(x, |x, block| block.forward(x));
        }
        linear(&self.last, relu(x))
    }
}

/// From vectors back to frames.
#[derive(Module, Debug)]
pub(super) struct Decoder<B: Backend> {
    first: Linear<B>,
    rates: Vec<Doubling<B>>,
}

impl<B: Backend> Decoder<B> {
    pub fn new(numbers: usize, config: &TokenConfig, device: &B::Device) -> Self {
        let doubling = |i| {
            let outputs = if i + 1 == config.halvings { numbers } else { config.width };
            let unfold = linear_layer(config.width, 2 * outputs, device);
            Doubling { blocks: blocks(config, device), unfold }
        };
        Self {
            first: linear_layer(config.code_dim, config.width, device),
            rates: (0..config.halvings).map(doubling).collect(),
        }
    }

    /// # Shapes
    /// - `x`: `[batch, tokens, code_dim]`
    /// - output: `[batch, frames, numbers]`
    pub fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let mut x = linear(&self.first, x);
        for Doubling { blocks, unfold } in &self.rates {
            x = blocks.iter().fold(x, |x, block| block.forward(x));
            let [batch, frames, _] = x.dims();
            let doubled = linear(unfold, relu(x));
            let numbers = doubled.dims()[2] / 2;
            x = doubled.reshape([batch, 2 * frames, numbers]);
        }
        x
    }
}
