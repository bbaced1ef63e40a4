//! Pose networks: trackers in, rotations of a body's joints out.
//!
//! [`Network::new`] makes the network of a [`NetworkConfig`] with random weights,
//! [`Network::from_checkpoint`] one with trained weights. A new kind of network needs one file
//! here, its dimensions in [`kinest::model`](::kinest::model), and one variant each in [`NetworkConfig`] and
//! [`Network`].

mod kinematic_flow;
mod kinest;
mod mixing;
mod mlp;
mod state;
mod temporal_flow;

pub use self::kinest::{Kinest, KinestTrace};
pub use kinematic_flow::{KinematicFlow, KinematicState, KinematicTrace};
pub use mixing::{AttentionPast, EncoderLayer, Mixing, MixingState, MixingTrace, TimeMixing};
pub use mlp::Mlp;
pub use state::KinestState;
pub use temporal_flow::{TemporalFlow, TemporalState};

use crate::layers::kernel::CoreKernels;
use crate::layers::statistics::DataStatistics;
use crate::tensors::{tensors_of, with_tensors};
use ::kinest::model::{
    Checkpoint, CheckpointError, Manifest, NetworkConfig, NetworkConfigError, Precision,
};
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// A pose network of any kind.
#[derive(Module, Debug)]
pub enum Network<B: Backend> {
    /// KineST.
    Kinest(Kinest<B>),
    /// A multi-layer perceptron.
    Mlp(Mlp<B>),
}

/// State of a network that is fed frame by frame, for a batch of streams.
#[derive(Clone, Debug)]
pub enum NetworkState<B: Backend> {
    /// State of KineST.
    Kinest(KinestState<B>),
}

impl<B: Backend> NetworkState<B> {
    /// The same numbers, detached from the autodiff graph.
    #[must_use]
    pub fn detach(self) -> Self {
        match self {
            Self::Kinest(state) => Self::Kinest(state.detach()),
        }
    }

    /// Concatenates batches of streams.
    ///
    /// # Panics
    /// If `states` is empty or comes from different networks.
    #[must_use]
    pub fn cat(states: Vec<Self>) -> Self {
        let states = states.into_iter().map(|Self::Kinest(state)| state);
        Self::Kinest(KinestState::cat(states.collect()))
    }

    /// Splits a batch of `streams` streams into one state per stream.
    #[must_use]
    pub fn split(self, streams: usize) -> Vec<Self> {
        match self {
            Self::Kinest(state) => state.split(streams).into_iter().map(Self::Kinest).collect(),
        }
    }
}

impl<B: Backend> Network<B> {
    /// A network with random weights.
    ///
    /// # Errors
    /// If the dimensions do not fit together; the error names the field.
    pub fn new(config: &NetworkConfig, device: &B::Device) -> Result<Self, NetworkConfigError> {
        config.check()?;
        Ok(match config {
            NetworkConfig::Kinest(config) => Self::Kinest(Kinest::new(config, device)),
            NetworkConfig::Mlp(config) => Self::Mlp(Mlp::new(config, device)),
        })
    }

    /// The network of a checkpoint, on `device`.
    ///
    /// # Errors
    /// If the tensors are not exactly those of the network; every difference is listed.
    pub fn from_checkpoint(
        checkpoint: &Checkpoint,
        device: &B::Device,
    ) -> Result<Self, CheckpointError> {
        let network = Self::new(&checkpoint.manifest.network, device)?;
        Ok(with_tensors(network, checkpoint.tensors()?))
    }

    /// The checkpoint of this network: `manifest`, with `precision` and hash filled in.
    ///
    /// # Errors
    /// If a weight is not finite in that precision.
    pub fn to_checkpoint(
        &self,
        manifest: Manifest,
        precision: Precision,
    ) -> Result<Checkpoint, CheckpointError> {
        Checkpoint::new(manifest, &tensors_of(self), precision)
    }

    /// # Shapes
    /// - `features`: `[batch, window, inputs]`
    /// - output: `[batch, output frames, outputs]`, the newest frames of the window; see
    ///   [`NetworkConfig::output_frames`]
    pub fn forward(&self, features: Tensor<B, 3>) -> Tensor<B, 3> {
        match self {
            Self::Kinest(network) => network.forward(features),
            Self::Mlp(network) => network.forward(features),
        }
    }

    /// Runs the next frames of a batch of streams from `state` (`None` starts new streams) and
    /// returns the state after them. How a stream is split into calls does not change the output.
    ///
    /// # Panics
    /// If the network is not fed by [`Feed::Frames`](::kinest::model::Feed::Frames).
    ///
    /// # Shapes
    /// - `features`: `[batch, frames, inputs]`
    /// - output: `[batch, frames, outputs]`
    pub fn stream(
        &self,
        features: Tensor<B, 3>,
        state: Option<NetworkState<B>>,
    ) -> (Tensor<B, 3>, NetworkState<B>) {
        match self {
            Self::Kinest(network) => {
                let state = state.map(|NetworkState::Kinest(state)| state);
                let (output, state) = network.stream(features, state);
                (output, NetworkState::Kinest(state))
            }
            Self::Mlp(_) => panic!("a perceptron sees whole windows"),
        }
    }

    /// Number of newest frames of a `window` that [`forward`](Self::forward) outputs.
    #[must_use]
    pub fn output_frames(&self, window: usize) -> usize {
        match self {
            Self::Kinest(_) => window,
            Self::Mlp(_) => 1,
        }
    }

    /// This network, with its Mamba-2 blocks computed by `kernels`.
    #[must_use]
    pub fn with_core_kernels(mut self, kernels: &CoreKernels) -> Self {
        match &mut self {
            Self::Kinest(network) => network.use_core_kernels(kernels),
            Self::Mlp(_) => {}
        }
        self
    }

    /// Prepares a fresh network for its data; see [`Kinest::prepare`] and [`Mlp::prepare`].
    pub fn prepare(&mut self, statistics: &DataStatistics) {
        match self {
            Self::Kinest(network) => network.prepare(statistics),
            Self::Mlp(network) => network.prepare(statistics),
        }
    }
}
