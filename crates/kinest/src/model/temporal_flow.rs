//! The temporal flow module (TFM): two Mamba-2 scans over time, one each way, then mixing.

use super::KinestConfig;
use super::layers::layer_norm;
use super::mamba2::Mamba2;
use super::mixing::{Mixing, MixingTrace};
use burn::module::Module;
use burn::nn::LayerNorm;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// One temporal flow block.
#[derive(Module, Debug)]
pub struct TemporalFlow<B: Backend> {
    norm: LayerNorm<B>,
    forward_scan: Mamba2<B>,
    backward_scan: Mamba2<B>,
    mixing: Mixing<B>,
}

impl<B: Backend> TemporalFlow<B> {
    pub(super) fn new(config: &KinestConfig, device: &B::Device) -> Self {
        Self {
            norm: layer_norm(config.width, device),
            forward_scan: config.temporal_scan.init(config.width, device),
            backward_scan: config.temporal_scan.init(config.width, device),
            mixing: Mixing::new(config, device),
        }
    }

    /// Returns the sum after the scans and what the mixing made of it.
    ///
    /// # Shapes
    /// - `x`: `[batch, window, width]`
    pub fn forward(&self, x: Tensor<B, 3>) -> (Tensor<B, 3>, MixingTrace<B>) {
        // One norm serves both directions.
        let n = self.norm.forward(x.clone());
        let ahead = self.forward_scan.forward(n.clone());
        let back = self.backward_scan.forward(n.flip([1])).flip([1]);
        let x1 = x + ahead + back;
        (x1.clone(), self.mixing.forward(x1))
    }
}
