//! The engine that runs a network on a Burn back end.

use super::{EngineError, PoseEngine, Take};
use crate::model::{Checkpoint, CheckpointError, ModelSpec, Network};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

/// A network on one device of the back end `B`.
#[derive(Debug)]
pub struct BurnEngine<B: Backend> {
    network: Network<B>,
    inputs: usize,
    spec: ModelSpec,
    device: B::Device,
    name: String,
}

impl<B: Backend> BurnEngine<B> {
    /// Puts a checkpoint's network on `device`; `name` is what people read in logs.
    ///
    /// # Errors
    /// If the weights do not fit the network.
    pub fn new(
        checkpoint: &Checkpoint,
        device: B::Device,
        name: &str,
    ) -> Result<Self, CheckpointError> {
        let network = checkpoint.network(&device)?;
        Ok(Self::from_network(network, checkpoint.manifest.spec.clone(), device, name))
    }

    /// An engine for a network that is on `device` already, as during training.
    pub fn from_network(
        network: Network<B>,
        spec: ModelSpec,
        device: B::Device,
        name: &str,
    ) -> Self {
        Self { network, inputs: spec.layout.inputs(), spec, device, name: name.into() }
    }
}

impl<B: Backend> PoseEngine for BurnEngine<B> {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn device(&self) -> &str {
        &self.name
    }

    fn answers(&self) -> usize {
        self.network.answers(self.spec.window)
    }

    fn infer(
        &mut self,
        windows: &[f32],
        batch: usize,
        take: Take,
    ) -> Result<Vec<f32>, EngineError> {
        let expected = batch * self.spec.window * self.inputs;
        if windows.len() != expected {
            return Err(EngineError::InputLength { batch, expected, found: windows.len() });
        }
        let shape = [batch, self.spec.window, self.inputs];
        let input = Tensor::from_data(TensorData::new(windows.to_vec(), shape), &self.device);
        let output = self.network.forward(input);
        let output = match take {
            Take::All => output,
            Take::Newest => {
                let newest = output.dims()[1] - 1;
                output.narrow(1, newest, 1)
            }
        };
        let failed = |reason: String| EngineError::Backend { device: self.name.clone(), reason };
        let data = output.try_into_data().map_err(|e| failed(e.to_string()))?;
        data.convert::<f32>().to_vec().map_err(|e| failed(format!("{e:?}")))
    }
}
