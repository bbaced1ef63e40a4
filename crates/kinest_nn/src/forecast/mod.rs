//! Forecasting networks: the last frames of a motion in, the next ones out.
//!
//! [`ForecastNetwork::new`] makes the network of a [`ForecastConfig`] with random weights,
//! [`ForecastNetwork::from_checkpoint`] one with trained weights. All are used as [`Forecaster`]s:
//!
//! * [`Ksof`]: a temporal branch on velocities ([`TemporalNetwork`], K-TCN), a graph branch on
//!   positions ([`GraphNetwork`], S-GCN), a [`Gate`] on both and their [`Fusion`] (SOF);
//! * [`SiMlpe`]: a perceptron along time, with a fiftieth of the weights.

mod forecaster;
mod fusion;
mod gate;
mod graph;
mod ksof;
mod simlpe;
mod temporal;

pub use forecaster::{Forecast, Forecaster};
pub use fusion::Fusion;
pub use gate::Gate;
pub use graph::{GraphNetwork, GraphTrace};
pub use ksof::{Ksof, KsofTrace};
pub use simlpe::SiMlpe;
pub use temporal::{TemporalNetwork, TemporalTrace};

use crate::layers::batch_norm::BatchMoments;
use crate::tensors::{tensors_of, with_tensors};
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use kinest::model::forecast::{ForecastConfig, Forecasting};
use kinest::model::{CheckpointError, CheckpointOf, ManifestOf, NetworkConfigError, Precision};

/// A forecasting network of any kind.
#[allow(clippy::large_enum_variant, reason = "a program has few networks and does not move them")]
#[derive(Module, Debug)]
pub enum ForecastNetwork<B: Backend> {
    /// KSOF.
    Ksof(Ksof<B>),
    /// siMLPe.
    SiMlpe(SiMlpe<B>),
}

impl<B: Backend> ForecastNetwork<B> {
    /// A network with random weights.
    ///
    /// # Errors
    /// If the dimensions do not fit together; the error names the field.
    pub fn new(config: &ForecastConfig, device: &B::Device) -> Result<Self, NetworkConfigError> {
        config.check()?;
        Ok(match config {
            ForecastConfig::Ksof(config) => Self::Ksof(Ksof::new(config, device)),
            ForecastConfig::SiMlpe(config) => Self::SiMlpe(SiMlpe::new(config, device)),
        })
    }

    /// The network of a checkpoint, on `device`.
    ///
    /// # Errors
    /// If the tensors are not exactly those of the network; every difference is listed.
    pub fn from_checkpoint(
        checkpoint: &CheckpointOf<Forecasting>,
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
        manifest: ManifestOf<Forecasting>,
        precision: Precision,
    ) -> Result<CheckpointOf<Forecasting>, CheckpointError> {
        CheckpointOf::new(manifest, &tensors_of(self), precision)
    }
}

impl<B: Backend> Forecaster<B> for ForecastNetwork<B> {
    fn forecast(&self, history: Tensor<B, 3>) -> Forecast<B> {
        match self {
            Self::Ksof(network) => network.forecast(history),
            Self::SiMlpe(network) => network.forecast(history),
        }
    }

    fn learn(&self, history: Tensor<B, 3>) -> (Forecast<B>, Vec<BatchMoments<B>>) {
        match self {
            Self::Ksof(network) => network.learn(history),
            Self::SiMlpe(network) => network.learn(history),
        }
    }

    fn absorb(&mut self, moments: Vec<BatchMoments<B>>) {
        match self {
            Self::Ksof(network) => network.absorb(moments),
            Self::SiMlpe(network) => network.absorb(moments),
        }
    }
}
