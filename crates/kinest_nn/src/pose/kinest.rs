//! The KineST network: embedding, temporal flow blocks, kinematic flow blocks, regressor.

use super::kinematic_flow::{KinematicFlow, KinematicTrace};
use super::mixing::MixingTrace;
use super::state::KinestState;
use super::temporal_flow::TemporalFlow;
use crate::layers::kernel::CoreKernels;
use crate::layers::statistics::{DataStatistics, Standardise};
use crate::layers::{linear, linear_layer};
use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use kinest::model::KinestConfig;

/// The KineST network.
#[derive(Module, Debug)]
pub struct Kinest<B: Backend> {
    standardise: Option<Standardise<B>>,
    embed: Linear<B>,
    temporal: Vec<TemporalFlow<B>>,
    kinematic: Vec<KinematicFlow<B>>,
    regress: Linear<B>,
}

/// Intermediate activations of a forward pass, for comparison with golden files.
#[derive(Clone, Debug)]
pub struct KinestTrace<B: Backend> {
    /// After the embedding, `[batch, window, width]`.
    pub embedded: Tensor<B, 3>,
    /// Per temporal block: `x` after the scans, and the mixing.
    pub temporal: Vec<(Tensor<B, 3>, MixingTrace<B>)>,
    /// Per kinematic block: the scans, and the mixing.
    pub kinematic: Vec<(KinematicTrace<B>, MixingTrace<B>)>,
    /// Network output, `[batch, window, outputs]`.
    pub output: Tensor<B, 3>,
}

impl<B: Backend> Kinest<B> {
    /// A network with random weights. `config` must have been checked.
    pub(super) fn new(config: &KinestConfig, device: &B::Device) -> Self {
        Self {
            standardise: config.standardise.then(|| Standardise::identity(config.inputs, device)),
            embed: linear_layer(config.inputs, config.width, device),
            temporal: (0..config.temporal_blocks)
                .map(|_| TemporalFlow::new(config, device))
                .collect(),
            kinematic: (0..config.kinematic_blocks)
                .map(|_| KinematicFlow::new(config, device))
                .collect(),
            regress: linear_layer(config.width, config.outputs, device),
        }
    }

    pub(super) fn use_core_kernels(&mut self, kernels: &CoreKernels) {
        self.temporal.iter_mut().for_each(|block| block.use_core_kernels(kernels));
        self.kinematic.iter_mut().for_each(|block| block.use_core_kernels(kernels));
    }

    /// # Shapes
    /// - `features`: `[batch, window, inputs]`
    /// - output: `[batch, window, outputs]`
    pub fn forward(&self, features: Tensor<B, 3>) -> Tensor<B, 3> {
        let mut x = self.embed(features);
        for block in &self.temporal {
            x = block.forward(x).1.y;
        }
        for block in &self.kinematic {
            x = block.forward(x).1.y;
        }
        linear(&self.regress, x)
    }

    /// Runs the next frames of a batch of streams through a causal network, from `state` (`None`
    /// starts them), and returns the state after them. Many frames at once and one by one give the
    /// same output.
    ///
    /// # Panics
    /// If the network is not causal.
    ///
    /// # Shapes
    /// - `features`: `[batch, frames, inputs]`
    /// - output: `[batch, frames, outputs]`
    pub fn stream(
        &self,
        features: Tensor<B, 3>,
        state: Option<KinestState<B>>,
    ) -> (Tensor<B, 3>, KinestState<B>) {
        let (temporal, kinematic) = state.map(KinestState::into_parts).unzip();
        let mut x = self.embed(features);
        let mut state = KinestState::default();
        let mut before = temporal.into_iter().flatten();
        for block in &self.temporal {
            let (y, after) = block.stream(x, before.next());
            state.temporal.push(after);
            x = y;
        }
        let mut before = kinematic.into_iter().flatten();
        for block in &self.kinematic {
            let (y, after) = block.stream(x, before.next());
            state.kinematic.push(after);
            x = y;
        }
        (linear(&self.regress, x), state)
    }

    /// [`Kinest::forward`], keeping every activation that golden files hold.
    pub fn trace(&self, features: Tensor<B, 3>) -> KinestTrace<B> {
        let embedded = self.embed(features);
        let mut x = embedded.clone();
        let mut temporal = vec![];
        for block in &self.temporal {
            let trace = block.forward(x);
            x = trace.1.y.clone();
            temporal.push(trace);
        }
        let mut kinematic = vec![];
        for block in &self.kinematic {
            let trace = block.forward(x);
            x = trace.1.y.clone();
            kinematic.push(trace);
        }
        KinestTrace { embedded, temporal, kinematic, output: linear(&self.regress, x) }
    }

    fn embed(&self, features: Tensor<B, 3>) -> Tensor<B, 3> {
        let features = match &self.standardise {
            Some(standardise) => standardise.forward(features),
            None => features,
        };
        // Standardise before casting: bf16 loses centimetres.
        linear(&self.embed, features.cast(self.embed.weight.dtype()))
    }

    /// Prepares a fresh network for its data: sets the standardisation, and the last layer's bias
    /// to the mean target, so that training starts near the mean pose.
    pub fn prepare(&mut self, statistics: &DataStatistics) {
        let device = self.regress.weight.device();
        if self.standardise.is_some() {
            self.standardise = Some(statistics.standardise(&device));
        }
        let outputs = self.regress.weight.dims()[1];
        self.regress.bias = Some(statistics.mean_target(outputs, &device));
    }
}
