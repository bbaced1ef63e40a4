//! What both transformers of a generator share.

use crate::align::transformer::{Block, Sequence, blocks, places};
use crate::layers::{layer_norm, linear, linear_layer};
use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};
use kinest::model::TransformerConfig;

/// A transformer on the tokens of motions, before which a token stands that tells the text.
#[derive(Module, Debug)]
pub(super) struct Trunk<B: Backend> {
    condition: Linear<B>,
    blocks: Vec<Block<B>>,
    norm: LayerNorm<B>,
}

impl<B: Backend> Trunk<B> {
    pub fn new(config: &TransformerConfig, device: &B::Device) -> Self {
        Self {
            condition: linear_layer(config.width, config.width, device),
            blocks: blocks(config, device),
            norm: layer_norm(config.width, device),
        }
    }

    /// # Shapes
    /// - `tokens`: `[batch, tokens, width]`
    /// - `lengths`: tokens of each motion
    /// - `condition`: `[batch, width]`, 0 where there is no text
    /// - output: `[batch, tokens, width]`
    pub fn forward(
        &self,
        tokens: Tensor<B, 3>,
        lengths: &[usize],
        condition: Tensor<B, 2>,
    ) -> Tensor<B, 3> {
        let [batch, count, width] = tokens.dims();
        let device = tokens.device();
        let tokens = tokens + places(count, width, &device).unsqueeze::<3>();
        let told = linear(&self.condition, condition.reshape([batch, 1, width]));
        let absent = lengths
            .iter()
            .flat_map(|length| (0..=count).map(move |token| i64::from(token > *length)))
            .collect::<Vec<_>>();
        let absent = TensorData::new(absent, [batch, 1 + count]);
        let mut x = Sequence {
            tokens: Tensor::cat(vec![told, tokens], 1),
            absent: Tensor::<B, 2, Int>::from_data(absent, &device).bool(),
        };
        for block in &self.blocks {
            x = block.forward(x);
        }
        self.norm.forward(x.tokens.narrow(1, 1, count))
    }
}
