//! The engine of forecasting networks.

use crate::forecast::{ForecastNetwork, Forecaster};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use kinest::forecast::{ForecastEngine, ForecastOutput};
use kinest::model::forecast::{ForecastSpec, Forecasting};
use kinest::model::{CheckpointError, CheckpointOf, EngineError};

/// A forecasting network on one device of back end `B`.
#[derive(Debug)]
pub struct BurnForecaster<B: Backend> {
    network: ForecastNetwork<B>,
    spec: ForecastSpec,
    device: B::Device,
    name: String,
}

impl<B: Backend> BurnForecaster<B> {
    /// Loads a checkpoint's network onto `device`. `name` is the display name of the device.
    ///
    /// # Errors
    /// If the weights do not fit the network.
    pub fn new(
        checkpoint: &CheckpointOf<Forecasting>,
        device: B::Device,
        name: &str,
    ) -> Result<Self, CheckpointError> {
        let network = ForecastNetwork::from_checkpoint(checkpoint, &device)?;
        Ok(Self::from_network(network, checkpoint.manifest.spec.clone(), device, name))
    }

    /// An engine for a network that is already on `device`, for instance during training.
    pub fn from_network(
        network: ForecastNetwork<B>,
        spec: ForecastSpec,
        device: B::Device,
        name: &str,
    ) -> Self {
        Self { network, spec, device, name: name.into() }
    }

    fn read(&self, output: Tensor<B, 3>) -> Result<Vec<f32>, EngineError> {
        let failed = |reason: String| EngineError::Backend { device: self.name.clone(), reason };
        let data = output.try_into_data().map_err(|e| failed(e.to_string()))?;
        data.convert::<f32>().to_vec().map_err(|e| failed(format!("{e:?}")))
    }
}

impl<B: Backend> ForecastEngine for BurnForecaster<B> {
    fn spec(&self) -> &ForecastSpec {
        &self.spec
    }

    fn device(&self) -> &str {
        &self.name
    }

    fn forecast(
        &mut self,
        histories: &[f32],
        batch: usize,
        out: &mut ForecastOutput,
    ) -> Result<(), EngineError> {
        self.spec.check_histories(batch, histories.len())?;
        let shape = [batch, self.spec.history, self.spec.layout.numbers()];
        let histories = Tensor::from_data(TensorData::new(histories.to_vec(), shape), &self.device);
        let said = self.network.forecast(histories);
        out.future = self.read(said.future)?;
        // Only a network with both branches has something to compare.
        (out.temporal, out.graph) = match (said.temporal, said.graph) {
            (Some(temporal), Some(graph)) => (self.read(temporal)?, self.read(graph)?),
            _ => (vec![], vec![]),
        };
        Ok(())
    }
}
