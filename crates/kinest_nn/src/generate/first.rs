//! The transformer that writes the first code of each part of a token.

use super::trunk::Trunk;
use super::{numbers, table};
use crate::layers::{linear, linear_layer};
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use kinest::model::align::Level;
use kinest::model::generate::GenerateConfig;

/// It sees first codes, some of which are masked, and says which codes stand there.
#[derive(Module, Debug)]
pub(super) struct First<B: Backend> {
    /// For each part its codes, and behind them what stands for a masked one:
    /// `[parts * (codes + 1), width]`.
    codes: Param<Tensor<B, 2>>,
    /// `[levels, width]`
    levels: Param<Tensor<B, 2>>,
    trunk: Trunk<B>,
    output: Linear<B>,
    parts: usize,
}

impl<B: Backend> First<B> {
    pub fn new(config: &GenerateConfig, device: &B::Device) -> Self {
        let (width, codes) = (config.width, config.tokens.codes);
        let parts = config.tokens.parts.count();
        Self {
            codes: table(parts * (codes + 1), width, parts, device),
            levels: table(Level::ALL.len(), width, 1, device),
            trunk: Trunk::new(&config.first(), device),
            output: linear_layer(width, parts * codes, device),
            parts,
        }
    }

    /// # Shapes
    /// - `seen`: `[batch, tokens, parts]`; the number of codes stands for a masked one
    /// - `lengths`: tokens of each motion
    /// - `condition`: `[batch, width]`
    /// - `levels`: those of the conditions
    /// - output: logits, `[batch, tokens, parts, codes]`
    pub fn forward(
        &self,
        seen: &[u32],
        lengths: &[usize],
        condition: Tensor<B, 2>,
        levels: &[Level],
    ) -> Tensor<B, 4> {
        let ([rows, width], parts, batch) = (self.codes.dims(), self.parts, lengths.len());
        let tokens = seen.len() / (batch * parts);
        let device = condition.device();
        let rows_of = seen.iter().zip((0..parts).cycle());
        let rows_of = rows_of.map(|(code, part)| *code as usize + part * (rows / parts));
        let known = self.codes.val().select(0, numbers(rows_of, &device));
        let known = known.reshape([batch, tokens, parts, width]).sum_dim(2);
        let levels = levels.iter().map(|level| level.index());
        let levels = self.levels.val().select(0, numbers(levels, &device));
        let tokens_in = known.reshape([batch, tokens, width]) + levels.unsqueeze_dim(1);
        let x = self.trunk.forward(tokens_in, lengths, condition);
        linear(&self.output, x).reshape([batch, tokens, parts, rows / parts - 1])
    }
}
