//! What a run needs to go on as if it had not stopped, in one file that is there whole or not at all.

use super::average::WeightAverage;
use super::optimizer::NetworkOptimizer;
use crate::tasks::pose::config::TrainConfig;
use anyhow::{Context, bail, ensure};
use burn::module::{AutodiffModule, Module};
use burn::record::{FullPrecisionSettings, NamedMpkBytesRecorder, Recorder};
use burn::tensor::backend::{AutodiffBackend, Backend};
use kinest::files::write_atomically;
use kinest::model::{ModelSpec, NetworkConfig};
use kinest_nn::pose::Network;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// Where a run is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// The best validation so far: its step and online MPJPE, centimetres.
    pub best: Option<(u64, f64)>,
    /// Validations since.
    pub waited: u32,
}

#[derive(Serialize, Deserialize)]
struct Header {
    progress: Progress,
    network: NetworkConfig,
    spec: ModelSpec,
}

/// Everything that changes from step to step.
pub struct RunState<B: AutodiffBackend> {
    /// Where the run is.
    pub progress: Progress,
    /// The weights.
    pub network: Network<B>,
    /// The optimiser with its momenta.
    pub optimizer: NetworkOptimizer<B>,
    /// The average of the weights, if there is one.
    pub average: Option<WeightAverage<B::InnerBackend>>,
}

const HEADER: &str = "run";

impl<B: AutodiffBackend> RunState<B> {
    /// The state of a run that begins with `network`.
    #[must_use]
    pub fn new(config: &TrainConfig, network: Network<B>) -> Self {
        let average = config.average.map(|decay| WeightAverage::new(network.valid(), decay));
        Self {
            progress: Progress { step: 0, best: None, waited: 0 },
            optimizer: NetworkOptimizer::new(&config.optimizer),
            average,
            network,
        }
    }

    /// The weights to judge and to keep.
    #[must_use]
    pub fn weights(&self) -> Network<B::InnerBackend> {
        match &self.average {
            Some(average) => average.network.clone(),
            None => self.network.valid(),
        }
    }

    /// Writes the state.
    ///
    /// # Errors
    /// If it cannot be encoded or written.
    pub fn save(&self, path: &Path, spec: &ModelSpec, config: &TrainConfig) -> anyhow::Result<()> {
        let header = Header {
            progress: self.progress.clone(),
            network: config.network.clone(),
            spec: spec.clone(),
        };
        let header = HashMap::from([(HEADER.to_owned(), ron::to_string(&header)?)]);
        // Records, and not named tensors: momenta belong to weights by identifiers that only the
        // records have.
        let mut parts = vec![
            ("weights", encode::<B>(&self.network)?),
            ("optimizer", self.optimizer.to_bytes()?),
        ];
        if let Some(average) = &self.average {
            parts.push(("average", encode::<B::InnerBackend>(&average.network)?));
        }
        let parts = parts
            .iter()
            .map(|(name, bytes)| Ok((*name, TensorView::new(Dtype::U8, vec![bytes.len()], bytes)?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let bytes = safetensors::serialize(parts, Some(header))?;
        write_atomically(path, &bytes).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Reads the state of a run that is to go on as `config` and `spec` say.
    ///
    /// # Errors
    /// If the file cannot be read, is broken, or is of another network.
    pub fn load(
        path: &Path,
        spec: &ModelSpec,
        config: &TrainConfig,
        device: &B::Device,
    ) -> anyhow::Result<Self> {
        let bytes = std::fs::read(path)
            .with_context(|| format!("cannot read the run's state {}", path.display()))?;
        let broken = || format!("{} is not the state of a run", path.display());
        let header = header(&bytes).with_context(broken)?;
        let differs = differences(&header, spec, config);
        ensure!(
            differs.is_empty(),
            "the config does not fit the run in {}: {} changed",
            path.display(),
            differs.join(", ")
        );
        let parts = SafeTensors::deserialize(&bytes).with_context(broken)?;
        let part = |name| parts.tensor(name).map(|part| part.data().to_vec());

        // The weights are replaced at once; made anew they cost little.
        let empty = Network::<B>::new(&config.network, device)?;
        let weights = part("weights").with_context(broken)?;
        let network = decode::<B>(empty, weights, device).with_context(broken)?;
        let optimizer = NetworkOptimizer::new(&config.optimizer);
        let momenta = part("optimizer").with_context(broken)?;
        let optimizer = optimizer.with_bytes(momenta, device).with_context(broken)?;
        let average = match (config.average, part("average")) {
            (None, _) => None,
            // An average that is asked for from now on starts now.
            (Some(decay), Err(_)) => Some(WeightAverage::new(network.valid(), decay)),
            (Some(decay), Ok(bytes)) => {
                let average = decode::<B::InnerBackend>(network.valid(), bytes, device);
                Some(WeightAverage::new(average.with_context(broken)?, decay))
            }
        };
        Ok(Self { progress: header.progress, network, optimizer, average })
    }
}

/// How the model of the run in `path` is fed and read.
///
/// # Errors
/// If the file cannot be read or is broken.
pub fn spec_of(path: &Path) -> anyhow::Result<ModelSpec> {
    let bytes = std::fs::read(path)
        .with_context(|| format!("cannot read the run's state {}", path.display()))?;
    let header = header(&bytes);
    Ok(header.with_context(|| format!("{} is not the state of a run", path.display()))?.spec)
}

fn header(bytes: &[u8]) -> anyhow::Result<Header> {
    let (_, metadata) = SafeTensors::read_metadata(bytes)?;
    let Some(text) = metadata.metadata().as_ref().and_then(|m| m.get(HEADER)) else {
        bail!("it has no `{HEADER}`");
    };
    Ok(ron::from_str(text)?)
}

/// The fields that tie a run's weights to its config.
fn differences(header: &Header, spec: &ModelSpec, config: &TrainConfig) -> Vec<&'static str> {
    [
        ("`network`", header.network != config.network),
        ("`layout`", header.spec.layout != spec.layout),
        ("the skeleton", header.spec.skeleton != spec.skeleton),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

fn encode<B: Backend>(network: &Network<B>) -> anyhow::Result<Vec<u8>> {
    let recorder = NamedMpkBytesRecorder::<FullPrecisionSettings>::default();
    let record = network.clone().into_record();
    Recorder::<B>::record(&recorder, record, ()).context("cannot encode the weights")
}

fn decode<B: Backend>(
    network: Network<B>,
    bytes: Vec<u8>,
    device: &B::Device,
) -> anyhow::Result<Network<B>> {
    let recorder = NamedMpkBytesRecorder::<FullPrecisionSettings>::default();
    let record = Recorder::<B>::load(&recorder, bytes, device)?;
    Ok(network.load_record(record))
}
