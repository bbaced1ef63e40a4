//! State of a run for resuming, in one file that is written atomically.

use super::average::WeightAverage;
use super::config::RunConfig;
use super::optimizer::NetworkOptimizer;
use super::task::{Task, Trained};
use anyhow::{Context, ensure};
use burn::module::{AutodiffModule, Module};
use burn::record::{FullPrecisionSettings, NamedMpkBytesRecorder, Recorder};
use burn::tensor::backend::{AutodiffBackend, Backend};
use kinest::files::write_atomically;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// Progress of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Finished steps.
    pub step: u64,
    /// Step and score of the best validation so far.
    pub best: Option<(u64, f64)>,
    /// Validations since the best.
    pub waited: u32,
}

/// Progress in the file's header.
#[derive(Serialize, Deserialize)]
struct Where {
    progress: Progress,
}

/// Everything that a step changes.
pub struct RunState<T: Task, B: AutodiffBackend> {
    /// Progress.
    pub progress: Progress,
    /// The weights.
    pub network: T::Network<B>,
    /// The optimiser with its state.
    pub optimizer: NetworkOptimizer<T::Network<B>, B>,
    /// The averaged weights, if there are any.
    pub average: Option<WeightAverage<Trained<T, B>>>,
}

/// Header entry of the progress.
const PROGRESS: &str = "run";
/// Header entry of the task's identity.
const IDENTITY: &str = "task";

impl<T: Task, B: AutodiffBackend> RunState<T, B> {
    /// The initial state of a run that starts with `network`.
    #[must_use]
    pub fn new(config: &RunConfig, network: T::Network<B>) -> Self {
        let average = config.average.map(|decay| WeightAverage::new(network.valid(), decay));
        Self {
            progress: Progress { step: 0, best: None, waited: 0 },
            optimizer: NetworkOptimizer::new(&config.optimizer),
            average,
            network,
        }
    }

    /// The weights to validate and save.
    #[must_use]
    pub fn weights(&self) -> Trained<T, B> {
        match &self.average {
            Some(average) => average.network.clone(),
            None => self.network.valid(),
        }
    }

    /// Writes the state to a file.
    ///
    /// # Errors
    /// If it cannot be encoded or written.
    pub fn save(&self, path: &Path, identity: &T::Identity) -> anyhow::Result<()> {
        let progress = ron::to_string(&Where { progress: self.progress.clone() })?;
        let header = HashMap::from([
            (PROGRESS.to_owned(), progress),
            (IDENTITY.to_owned(), ron::to_string(identity)?),
        ]);
        // Records instead of named tensors, because the optimiser's state refers to weights by
        // identifiers that only records contain.
        let mut parts = vec![
            ("weights", encode::<_, B>(&self.network)?),
            ("optimizer", self.optimizer.to_bytes()?),
        ];
        if let Some(average) = &self.average {
            parts.push(("average", encode::<_, B::InnerBackend>(&average.network)?));
        }
        let parts = parts
            .iter()
            .map(|(name, bytes)| Ok((*name, TensorView::new(Dtype::U8, vec![bytes.len()], bytes)?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let bytes = safetensors::serialize(parts, Some(header))?;
        write_atomically(path, &bytes).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Reads the state of a run, to resume it with `task` and `config`.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or belongs to another network.
    pub fn load(
        path: &Path,
        task: &T,
        config: &RunConfig,
        device: &B::Device,
    ) -> anyhow::Result<Self> {
        let bytes = read(path)?;
        let broken = || format!("{} is not the state of a run", path.display());
        let Where { progress } = entry(&bytes, &[PROGRESS]).with_context(broken)?;
        let changes = task.changes(&entry(&bytes, &IDENTITY_ENTRIES).with_context(broken)?);
        ensure!(
            changes.is_empty(),
            "the config does not fit the run in {}: {} changed",
            path.display(),
            changes.join(", ")
        );
        let parts = SafeTensors::deserialize(&bytes).with_context(broken)?;
        let part = |name| parts.tensor(name).map(|part| part.data().to_vec());

        // A fresh network is cheap, and its weights are replaced at once.
        let empty = task.network::<B>(device)?;
        let weights = part("weights").with_context(broken)?;
        let network = decode::<_, B>(empty, weights, device).with_context(broken)?;
        let optimizer = NetworkOptimizer::new(&config.optimizer);
        let momenta = part("optimizer").with_context(broken)?;
        let optimizer = optimizer.with_bytes(momenta, device).with_context(broken)?;
        let average = match (config.average, part("average")) {
            (None, _) => None,
            // An average that was switched on later starts now.
            (Some(decay), Err(_)) => Some(WeightAverage::new(network.valid(), decay)),
            (Some(decay), Ok(bytes)) => {
                let average = decode::<_, B::InnerBackend>(network.valid(), bytes, device);
                Some(WeightAverage::new(average.with_context(broken)?, decay))
            }
        };
        Ok(Self { progress, network, optimizer, average })
    }
}

/// Identity of the task of the run at `path`.
///
/// # Errors
/// If the file cannot be read or is damaged.
pub fn identity_of<I: DeserializeOwned>(path: &Path) -> anyhow::Result<I> {
    let identity = entry(&read(path)?, &IDENTITY_ENTRIES);
    identity.with_context(|| format!("{} is not the state of a run", path.display()))
}

/// Header entries that may hold the identity: runs of version 0.1 have everything in one entry.
const IDENTITY_ENTRIES: [&str; 2] = [IDENTITY, PROGRESS];

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read the run's state {}", path.display()))
}

/// The first of these entries in the header.
fn entry<E: DeserializeOwned>(bytes: &[u8], names: &[&str]) -> anyhow::Result<E> {
    let (_, metadata) = SafeTensors::read_metadata(bytes)?;
    let entries = metadata.metadata().as_ref();
    let text = names.iter().find_map(|name| entries?.get(*name));
    Ok(ron::from_str(text.with_context(|| format!("it has no `{}`", names[0]))?)?)
}

fn encode<M: Module<B>, B: Backend>(network: &M) -> anyhow::Result<Vec<u8>> {
    let recorder = NamedMpkBytesRecorder::<FullPrecisionSettings>::default();
    let record = network.clone().into_record();
    Recorder::<B>::record(&recorder, record, ()).context("cannot encode the weights")
}

fn decode<M: Module<B>, B: Backend>(
    network: M,
    bytes: Vec<u8>,
    device: &B::Device,
) -> anyhow::Result<M> {
    let recorder = NamedMpkBytesRecorder::<FullPrecisionSettings>::default();
    let record = Recorder::<B>::load(&recorder, bytes, device)?;
    Ok(network.load_record(record))
}
