//! Networks, their losses and their checkpoints.
//!
//! [`NetworkConfig`] describes a network, [`NetworkConfig::init`] creates it with fresh weights,
//! and a [`Checkpoint`] holds trained weights. A new kind of network is one file and one variant in
//! each of the two enums here.

mod checkpoint;
pub mod fused;
mod import;
mod kernel;
mod kinematic_flow;
mod kinest;
mod layers;
mod loss;
mod mamba2;
pub(crate) mod math;
mod mixing;
mod mlp;
mod spec;
mod ssd;
mod state;
mod statistics;
mod temporal_flow;

pub use checkpoint::{
    Checkpoint, CheckpointError, Manifest, Precision, TensorProblem, TrainingRecord,
};
pub(crate) use checkpoint::{NamedTensors, quantise, tensors_of};
pub use import::{ImportError, ImportOptions, StateDict, import_pth, import_state_dict};
pub use kernel::{CoreKernel, CoreTensors, Mamba2State, install_core_kernel};
pub use kinematic_flow::{KinematicFlow, KinematicState, KinematicTrace, ScanChain};
pub use kinest::{CausalConfig, Kinest, KinestConfig, KinestTrace};
pub use layers::{Fan, TimeFilter, TimeMixer};
pub use loss::{angular_velocity, angular_velocity_loss, joint_positions, rotation_loss};
pub use mamba2::{Mamba2, Mamba2Config, Mamba2Inner, ScanForm};
pub use mixing::{AttentionPast, EncoderLayer, Mixing, MixingState, MixingTrace, TimeMixing};
pub use mlp::{Activation, Mlp, MlpConfig};
pub use spec::{Feed, ModelSpec, Take};
pub use ssd::{SsdInput, ssd_chunked, ssd_sequential};
pub use state::KinestState;
pub use statistics::{DataStatistics, Standardise};
pub use temporal_flow::{TemporalFlow, TemporalState};

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

/// A kind of network with all its dimensions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NetworkConfig {
    /// KineST.
    Kinest(KinestConfig),
    /// A multi-layer perceptron.
    Mlp(MlpConfig),
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self::Kinest(KinestConfig::default())
    }
}

/// A network's dimensions do not fit together.
#[derive(Debug, thiserror::Error)]
#[error("network configuration: {0}")]
pub struct NetworkConfigError(String);

impl NetworkConfig {
    /// Creates the network with random weights.
    ///
    /// # Errors
    /// If the dimensions do not fit together; the error names the field.
    pub fn init<B: Backend>(&self, device: &B::Device) -> Result<Network<B>, NetworkConfigError> {
        match self {
            Self::Kinest(config) => {
                config.check().map_err(NetworkConfigError)?;
                Ok(Network::Kinest(config.init(device)))
            }
            Self::Mlp(config) => {
                config.check().map_err(NetworkConfigError)?;
                Ok(Network::Mlp(config.init(device)))
            }
        }
    }

    /// Frames per window.
    #[must_use]
    pub fn window(&self) -> usize {
        match self {
            Self::Kinest(config) => config.window,
            Self::Mlp(config) => config.window(),
        }
    }

    /// Frames of a window that the network outputs: the whole window, or the newest frame only.
    #[must_use]
    pub fn answers(&self) -> usize {
        match self {
            Self::Kinest(config) => config.window,
            Self::Mlp(_) => 1,
        }
    }

    /// Whether the network takes windows or single frames.
    #[must_use]
    pub fn feed(&self) -> Feed {
        match self {
            Self::Kinest(KinestConfig { causal: Some(causal), .. }) => {
                Feed::Frames { look_ahead: causal.look_ahead }
            }
            Self::Kinest(_) | Self::Mlp(_) => Feed::Windows,
        }
    }

    /// Whether the network standardises its inputs, and so must be [prepared](Network::prepare)
    /// before training.
    #[must_use]
    pub fn standardises(&self) -> bool {
        match self {
            Self::Kinest(config) => config.standardise,
            Self::Mlp(_) => true,
        }
    }

    /// Input and output numbers per frame.
    #[must_use]
    pub fn inputs_and_outputs(&self) -> (usize, usize) {
        match self {
            Self::Kinest(config) => (config.inputs, config.outputs),
            Self::Mlp(config) => (config.inputs, config.outputs),
        }
    }
}

/// A network of any kind.
#[derive(Module, Debug)]
pub enum Network<B: Backend> {
    /// KineST.
    Kinest(Kinest<B>),
    /// A multi-layer perceptron.
    Mlp(Mlp<B>),
}

impl<B: Backend> Network<B> {
    /// # Shapes
    /// - `features`: `[batch, window, inputs]`
    /// - output: `[batch, answers, outputs]`, the newest frames of the window; see
    ///   [`NetworkConfig::answers`]
    pub fn forward(&self, features: Tensor<B, 3>) -> Tensor<B, 3> {
        match self {
            Self::Kinest(network) => network.forward(features),
            Self::Mlp(network) => network.forward(features),
        }
    }

    /// Runs the next frames of a batch of streams from `state` (`None` starts them) and returns the
    /// state after them. Many frames at once and one by one give the same output.
    ///
    /// # Panics
    /// If the network is not fed by [`Feed::Frames`].
    ///
    /// # Shapes
    /// - `features`: `[batch, frames, inputs]`
    /// - output: `[batch, frames, outputs]`
    pub fn stream(
        &self,
        features: Tensor<B, 3>,
        state: Option<KinestState<B>>,
    ) -> (Tensor<B, 3>, KinestState<B>) {
        match self {
            Self::Kinest(network) => network.stream(features, state),
            Self::Mlp(_) => panic!("a perceptron sees whole windows"),
        }
    }

    /// Frames of a `window` that [`forward`](Self::forward) outputs, counted from the newest.
    #[must_use]
    pub fn answers(&self, window: usize) -> usize {
        match self {
            Self::Kinest(_) => window,
            Self::Mlp(_) => 1,
        }
    }

    /// Prepares a fresh network for its data; see [`Kinest::prepare`] and [`Mlp::prepare`].
    pub fn prepare(&mut self, statistics: &DataStatistics) {
        match self {
            Self::Kinest(network) => network.prepare(statistics),
            Self::Mlp(network) => network.prepare(statistics),
        }
    }
}
