//! Kinds of pose network.

use super::kinest::KinestConfig;
use super::mlp::MlpConfig;
use super::spec::Feed;
use super::tensors::TensorShapes;
use serde::{Deserialize, Serialize};

/// A kind of pose network with all its dimensions.
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
pub struct NetworkConfigError(pub(super) String);

impl NetworkConfig {
    /// Checks that the dimensions fit together.
    ///
    /// # Errors
    /// If they do not; the error names the field.
    pub fn check(&self) -> Result<(), NetworkConfigError> {
        match self {
            Self::Kinest(config) => config.check(),
            Self::Mlp(config) => config.check(),
        }
        .map_err(NetworkConfigError)
    }

    /// Names and shapes of the network's tensors.
    #[must_use]
    pub fn tensors(&self) -> TensorShapes {
        match self {
            Self::Kinest(config) => config.tensors(),
            Self::Mlp(config) => config.tensors(),
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
    pub fn output_frames(&self) -> usize {
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

    /// Whether the network standardises its inputs, and so must be prepared for its data before
    /// training.
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
