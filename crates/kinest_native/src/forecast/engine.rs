//! The engine of forecasting networks.

use super::super::engine::NativeError;
use super::super::pack::{Matrix, PackError, Tensors};
use super::ksof::Ksof;
use super::simlpe::SiMlpe;
use kinest::forecast::{ForecastEngine, ForecastOutput};
use kinest::model::forecast::{ForecastConfig, ForecastSpec, Forecasting};
use kinest::model::{CheckpointOf, EngineError, NamedTensors};

/// A forecasting network on the CPU in its native form, with its scratch buffers.
///
/// Computes the same function as `kinest_nn::forecast::ForecastNetwork`, with sums in another
/// order, on the calling thread.
#[derive(Debug)]
pub struct NativeForecaster {
    network: Network,
    spec: ForecastSpec,
    /// Numbers of a history and of a prediction.
    observed: usize,
    predicted: usize,
}

#[derive(Debug)]
enum Network {
    Ksof(Box<Ksof>),
    SiMlpe(Box<SiMlpe>),
}

impl NativeForecaster {
    /// The network of `checkpoint`.
    ///
    /// # Errors
    /// If the tensors are not exactly those of the network; every difference is listed.
    pub fn from_checkpoint(checkpoint: &CheckpointOf<Forecasting>) -> Result<Self, NativeError> {
        let tensors = checkpoint.tensors()?;
        Ok(Self::new(&checkpoint.manifest.network, tensors, checkpoint.manifest.spec.clone())?)
    }

    /// Packs the tensors of a network with the dimensions of `config`. `spec` must match `config`,
    /// as it does in a checkpoint.
    ///
    /// # Errors
    /// If the tensors are not those of `config`.
    pub fn new(
        config: &ForecastConfig,
        tensors: NamedTensors,
        spec: ForecastSpec,
    ) -> Result<Self, PackError> {
        let pack: fn(Matrix) -> _ = |matrix| matrix.pack();
        let mut tensors = Tensors { named: tensors, pack };
        let network = match config {
            ForecastConfig::Ksof(config) => Network::Ksof(Ksof::new(config, &mut tensors)?.into()),
            ForecastConfig::SiMlpe(config) => {
                Network::SiMlpe(SiMlpe::new(config, &mut tensors)?.into())
            }
        };
        tensors.finish()?;
        let observed = config.history() * config.numbers();
        let predicted = config.horizon() * config.numbers();
        Ok(Self { network, spec, observed, predicted })
    }
}

impl ForecastEngine for NativeForecaster {
    fn spec(&self) -> &ForecastSpec {
        &self.spec
    }

    fn device(&self) -> &str {
        "cpu"
    }

    /// Allocates only when a batch is larger than all earlier ones in `out`.
    fn forecast(
        &mut self,
        histories: &[f32],
        batch: usize,
        out: &mut ForecastOutput,
    ) -> Result<(), EngineError> {
        let (expected, found) = (batch * self.observed, histories.len());
        if found != expected {
            return Err(EngineError::InputLength { batch, expected, found });
        }
        let branches = matches!(&self.network, Network::Ksof(ksof) if ksof.has_branches());
        out.resize(batch * self.predicted, branches);
        for (i, history) in histories.chunks_exact(self.observed).enumerate() {
            let part = i * self.predicted..(i + 1) * self.predicted;
            let future = &mut out.future[part.clone()];
            match &mut self.network {
                Network::Ksof(ksof) => {
                    let part = if branches { part } else { 0..0 };
                    let (temporal, graph) = (&mut out.temporal[part.clone()], &mut out.graph[part]);
                    ksof.run(history, future, temporal, graph);
                }
                Network::SiMlpe(simlpe) => simlpe.run(history, future),
            }
        }
        Ok(())
    }
}
