//! Kinds of forecasting network.

use super::ksof::KsofConfig;
use super::simlpe::SiMlpeConfig;
use crate::model::{NetworkConfigError, TensorShapes};
use serde::{Deserialize, Serialize};

/// A kind of forecasting network with all its dimensions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ForecastConfig {
    /// KSOF.
    Ksof(KsofConfig),
    /// siMLPe.
    SiMlpe(SiMlpeConfig),
}

impl Default for ForecastConfig {
    fn default() -> Self {
        Self::Ksof(KsofConfig::default())
    }
}

impl ForecastConfig {
    /// Checks that the dimensions fit together.
    ///
    /// # Errors
    /// If they do not; the error names the field.
    pub fn check(&self) -> Result<(), NetworkConfigError> {
        match self {
            Self::Ksof(config) => config.check(),
            Self::SiMlpe(config) => config.check(),
        }
        .map_err(NetworkConfigError)
    }

    /// Names and shapes of the network's tensors.
    #[must_use]
    pub fn tensors(&self) -> TensorShapes {
        match self {
            Self::Ksof(config) => config.tensors(),
            Self::SiMlpe(config) => config.tensors(),
        }
    }

    /// Frames it sees.
    #[must_use]
    pub fn history(&self) -> usize {
        match self {
            Self::Ksof(config) => config.history,
            Self::SiMlpe(config) => config.history,
        }
    }

    /// Frames it predicts.
    #[must_use]
    pub fn horizon(&self) -> usize {
        match self {
            Self::Ksof(config) => config.horizon,
            Self::SiMlpe(config) => config.horizon,
        }
    }

    /// Numbers per frame.
    #[must_use]
    pub fn numbers(&self) -> usize {
        match self {
            Self::Ksof(config) => config.numbers,
            Self::SiMlpe(config) => config.numbers,
        }
    }
}
