//! The temporal flow module (TFM): two Mamba-2 scans over time, forward and backward, then mixing.
//! A causal network has only the forward scan.

use super::mixing::{Mixing, MixingState, MixingTrace};
use crate::layers::kernel::{CoreKernels, Mamba2State};
use crate::layers::layer_norm;
use crate::layers::mamba2::Mamba2;
use burn::module::Module;
use burn::nn::LayerNorm;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use kinest::model::KinestConfig;

/// One temporal flow block.
#[derive(Module, Debug)]
pub struct TemporalFlow<B: Backend> {
    norm: LayerNorm<B>,
    forward_scan: Mamba2<B>,
    backward_scan: Option<Mamba2<B>>,
    mixing: Mixing<B>,
}

/// State of [`TemporalFlow::stream`] between two calls.
#[derive(Clone, Debug)]
pub struct TemporalState<B: Backend> {
    /// State of the scan.
    pub scan: Mamba2State<B>,
    /// State of the mixing.
    pub mixing: MixingState<B>,
}

impl<B: Backend> TemporalFlow<B> {
    pub(super) fn new(config: &KinestConfig, device: &B::Device) -> Self {
        Self {
            norm: layer_norm(config.width, device),
            forward_scan: Mamba2::new(&config.temporal_scan, config.width, device),
            backward_scan: config
                .causal
                .is_none()
                .then(|| Mamba2::new(&config.temporal_scan, config.width, device)),
            mixing: Mixing::new(config, device),
        }
    }

    pub(super) fn use_core_kernels(&mut self, kernels: &CoreKernels) {
        self.forward_scan.use_core_kernels(kernels);
        self.backward_scan.iter_mut().for_each(|scan| scan.use_core_kernels(kernels));
    }

    /// Returns `x` after the scans' residual, and the mixing.
    ///
    /// # Shapes
    /// - `x`: `[batch, window, width]`
    pub fn forward(&self, x: Tensor<B, 3>) -> (Tensor<B, 3>, MixingTrace<B>) {
        // One norm for both directions.
        let n = self.norm.forward(x.clone());
        let mut x1 = x + self.forward_scan.forward(n.clone());
        if let Some(scan) = &self.backward_scan {
            x1 = x1 + scan.forward(n.flip([1])).flip([1]);
        }
        (x1.clone(), self.mixing.forward(x1))
    }

    /// Runs the next frames of a causal network's streams from `state`; `None` starts them.
    ///
    /// # Shapes
    /// - `x`, output: `[batch, frames, width]`
    pub fn stream(
        &self,
        x: Tensor<B, 3>,
        state: Option<TemporalState<B>>,
    ) -> (Tensor<B, 3>, TemporalState<B>) {
        let (scan, mixing) = state.map(|s| (s.scan, s.mixing)).unzip();
        let (scanned, scan) = self.forward_scan.stream(self.norm.forward(x.clone()), scan);
        let (trace, mixing) = self.mixing.stream(x + scanned, mixing);
        (trace.y, TemporalState { scan, mixing })
    }
}
