//! Motion prediction as a task of the loop.

use super::learner::Learner;
use super::loss::widened;
use super::recipe::ForecastRecipe;
use super::unit::into_millimetres;
use super::windows::{WindowConfig, WindowDraw, Windows};
use crate::data::benchmark::{self, Benchmark, Sequences, Split, weighted_distance};
use crate::run::config::RunConfig;
use crate::run::{Loss, Numbers, Task, differing};
use crate::tasks::checkpoint::{recorded, save};
use anyhow::{Context, ensure};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{ElementConversion, FloatDType, Tensor, TensorData};
use kinest::model::forecast::{ForecastConfig, ForecastLayout, ForecastSpec, Forecasting};
use kinest::model::{CheckpointOf, ManifestOf, NamedTensors, Precision, TrainingRecord};
use kinest_nn::forecast::{ForecastNetwork, Forecaster};
use kinest_nn::layers::batch_norm::BatchMoments;
use kinest_nn::loss::BranchWeights;
use kinest_nn::tensors::{tensors_of, with_tensors};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Up to which label of the benchmark's table the best checkpoint is chosen, milliseconds.
const JUDGED_TO_MS: u32 = 400;

/// Trains a network to continue the motion of a benchmark.
#[derive(Debug)]
pub struct ForecastTask {
    recipe: ForecastRecipe,
    benchmark: &'static Benchmark,
    train: Windows,
    held_out: Option<Windows>,
    /// Initial weights in millimetres, if they are not random.
    init: Option<NamedTensors>,
}

/// Properties of a forecasting run that must not change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForecastIdentity {
    /// The network.
    pub network: ForecastConfig,
    /// The benchmark.
    pub layout: ForecastLayout,
    /// See [`ForecastRecipe::unit`].
    pub unit: f64,
    /// See [`ForecastRecipe::weighs_branches`].
    pub branches: bool,
}

impl ForecastTask {
    /// Opens the data, and the checkpoint `init` with the initial weights.
    ///
    /// # Errors
    /// If the data cannot be read or is insufficient, or the checkpoint does not fit.
    pub fn open(recipe: ForecastRecipe, init: Option<&Path>) -> anyhow::Result<Self> {
        let benchmark = Benchmark::of(recipe.layout)?;
        let init = init.map(|path| load_init(path, &recipe)).transpose()?;
        let (train, held_out) = load_data(&recipe, benchmark)?;
        Ok(Self { recipe, benchmark, train, held_out, init })
    }

    /// Weights of the joints in the loss, with a mean of 1, `[1, 1, numbers]`.
    fn joint_weights<B: Backend>(&self, device: &B::Device) -> Option<Tensor<B, 3>> {
        let weights = self.recipe.loss.as_scored.then(|| self.benchmark.weights())?;
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        let numbers: Vec<f32> = weights.iter().flat_map(|w| [(w / mean) as f32; 3]).collect();
        let shape = [1, 1, numbers.len()];
        Some(Tensor::from_data(TensorData::new(numbers, shape), device))
    }

    /// The predicted frames by which the best checkpoint is chosen, counted from 1.
    fn judged_frames(&self) -> Vec<usize> {
        let horizons = self.benchmark.horizons_within(self.recipe.network.horizon());
        let frames = horizons.filter(|horizon| horizon.label_ms <= JUDGED_TO_MS);
        let frames: Vec<usize> = frames.map(|horizon| horizon.frame).collect();
        if frames.is_empty() { vec![self.recipe.network.horizon()] } else { frames }
    }

    /// What checkpoints say about the run.
    fn record(&self) -> TrainingRecord {
        let sequences = self.train.sequences();
        let (count, frames) = (sequences.list.len(), sequences.frames());
        let data = format!("{} benchmark, {count} sequences, {frames} frames", self.benchmark.name);
        let record = recorded(&self.recipe.data.record, data, self.recipe.seed);
        TrainingRecord { actions: sequences.actions(), ..record }
    }
}

impl Task for ForecastTask {
    type Network<B: AutodiffBackend> = Learner<B>;
    type Examples = Windows;
    type Seen<B: AutodiffBackend> = Vec<BatchMoments<B>>;
    type Recipe = ForecastRecipe;
    type Identity = ForecastIdentity;

    const JUDGED_BY: &'static str = "mm_to_400_ms";

    fn recipe(&self) -> &ForecastRecipe {
        &self.recipe
    }

    fn config(&self) -> RunConfig {
        self.recipe.run()
    }

    fn identity(&self) -> ForecastIdentity {
        ForecastIdentity {
            network: self.recipe.network.clone(),
            layout: self.recipe.layout,
            unit: self.recipe.unit,
            branches: self.recipe.weighs_branches(),
        }
    }

    fn changes(&self, run: &ForecastIdentity) -> Vec<&'static str> {
        let own = self.identity();
        differing([
            ("`network`", run.network != own.network),
            ("`layout`", run.layout != own.layout),
            ("`unit`", run.unit != own.unit),
            ("`loss.branches`", run.branches != own.branches),
        ])
    }

    fn examples(&self) -> &Windows {
        &self.train
    }

    fn held_out(&self) -> Option<&Windows> {
        self.held_out.as_ref()
    }

    fn network<B: AutodiffBackend>(&self, device: &B::Device) -> anyhow::Result<Learner<B>> {
        Ok(Learner {
            network: ForecastNetwork::new(&self.recipe.network, device)?,
            branches: self.recipe.weighs_branches().then(|| BranchWeights::new(device)),
        })
    }

    fn start<B: AutodiffBackend>(&self, device: &B::Device) -> anyhow::Result<Learner<B>> {
        let learner = self.network(device)?;
        let Some(mut tensors) = self.init.clone() else { return Ok(learner) };
        into_millimetres(&mut tensors, &self.recipe.network, 1.0 / self.recipe.unit);
        Ok(Learner { network: with_tensors(learner.network, tensors), ..learner })
    }

    fn loss<B: AutodiffBackend>(
        &self,
        learner: &Learner<B>,
        draw: &WindowDraw,
        _step: u64,
        device: &B::Device,
    ) -> Loss<B, Vec<BatchMoments<B>>> {
        let (history, future) = draw.to_tensors::<B>(device);
        let (forecast, seen) = learner.network.learn(history);
        let (weights, branches) = (self.joint_weights(device), learner.branches.as_ref());
        let loss = self.recipe.loss.of(widened(forecast), future, weights, branches);
        Loss { total: loss.total.cast(FloatDType::F32), terms: loss.terms, seen }
    }

    fn after_step<B: AutodiffBackend>(
        &self,
        mut learner: Learner<B>,
        seen: Vec<Vec<BatchMoments<B>>>,
    ) -> Learner<B> {
        seen.into_iter().for_each(|moments| learner.network.absorb(moments));
        learner
    }

    /// The training loss, and the mean over the benchmark's horizons to 400 ms of its own score,
    /// millimetres.
    fn scores<B: AutodiffBackend>(
        &self,
        learner: &Learner<B::InnerBackend>,
        draws: &[WindowDraw],
        device: &B::Device,
    ) -> Numbers {
        let (weights, frames) = (self.benchmark.weights(), self.judged_frames());
        let numbers = self.benchmark.numbers();
        let horizon = self.recipe.network.horizon();
        let (mut loss_sum, mut distance_sum, mut windows) = (0.0, 0.0, 0.0);
        for draw in draws {
            let (history, future) = draw.to_tensors::<B::InnerBackend>(device);
            let forecast = learner.network.forecast(history);
            let predicted = forecast.future.to_data().convert::<f32>();
            let predicted: Vec<f32> = predicted.to_vec().expect("it has been converted");
            let pairs = predicted
                .chunks_exact(horizon * numbers)
                .zip(draw.future.chunks_exact(horizon * numbers));
            for (predicted, truth) in pairs {
                for frame in &frames {
                    let at = (frame - 1) * numbers;
                    let distance = weighted_distance(&weights, &predicted[at..], &truth[at..]);
                    distance_sum += self.recipe.unit * distance / frames.len() as f64;
                }
            }
            let (joints, branches) = (self.joint_weights(device), learner.branches.as_ref());
            let loss = self.recipe.loss.of(forecast, future, joints, branches).total;
            let count = draw.windows() as f64;
            loss_sum += count * loss.into_scalar().elem::<f64>();
            windows += count;
        }
        vec![("loss", loss_sum / windows), (Self::JUDGED_BY, distance_sum / windows)]
    }

    fn save<B: AutodiffBackend>(
        &self,
        learner: &Learner<B::InnerBackend>,
        path: &Path,
        step: u64,
        scores: &[(&'static str, f64)],
    ) -> anyhow::Result<()> {
        let spec = ForecastSpec {
            layout: self.recipe.layout,
            rate_hz: self.benchmark.rate_hz,
            history: self.recipe.network.history(),
            horizon: self.recipe.network.horizon(),
            gate: None,
        };
        let manifest = ManifestOf::<Forecasting>::new(self.recipe.network.clone(), spec);
        let mut tensors = tensors_of(&learner.network);
        into_millimetres(&mut tensors, &self.recipe.network, self.recipe.unit);
        let checkpoint = CheckpointOf::new(manifest, &tensors, Precision::F32)?;
        save(checkpoint, self.record(), path, step, scores)
    }

    fn about(&self) -> Vec<(&'static str, String)> {
        let list = |windows: &Windows| {
            let sequences = windows.sequences();
            let (count, frames) = (sequences.list.len(), sequences.frames());
            format!("{count} sequences, {frames} frames, {} windows", windows.count())
        };
        let TrainingRecord { data, actions, .. } = self.record();
        let mut rows =
            vec![("data", data), ("actions", actions.join(", ")), ("training", list(&self.train))];
        rows.extend(self.held_out.as_ref().map(|windows| ("held out", list(windows))));
        rows
    }
}

/// The weights of another run with the same network.
fn load_init(path: &Path, recipe: &ForecastRecipe) -> anyhow::Result<NamedTensors> {
    let checkpoint = CheckpointOf::<Forecasting>::load(path)?;
    let manifest = &checkpoint.manifest;
    ensure!(
        manifest.network == recipe.network && manifest.spec.layout == recipe.layout,
        "{}: its network or layout is not that of the config",
        path.display()
    );
    Ok(checkpoint.tensors()?)
}

/// Training windows, and validation windows if configured.
fn load_data(
    recipe: &ForecastRecipe,
    benchmark: &'static Benchmark,
) -> anyhow::Result<(Windows, Option<Windows>)> {
    let Sequences { list, .. } = benchmark::open(&recipe.data.folder, benchmark, Split::Train)?;
    let (held, train) =
        recipe.validation.divide("sequence", list, |sequence| sequence.name.as_str())?;
    ensure!(!train.is_empty(), "`validation.hold_out` leaves no sequence to train on");
    let frames = (recipe.network.history(), recipe.network.horizon());
    let set = |what: &str, list, config: &WindowConfig| {
        let sequences = Sequences::new(benchmark, list)?;
        let windows = Windows::new(sequences, frames, recipe.unit, config)
            .with_context(|| what.to_owned())?;
        let sequences = windows.sequences();
        eprintln!(
            "{what}: {} sequences, {} frames, {} windows",
            sequences.list.len(),
            sequences.frames(),
            windows.count()
        );
        anyhow::Ok(windows)
    };
    let train = set("training", train, &recipe.data)?;
    // As they are, and every action equally often, as in the benchmark's mean.
    let plain = WindowConfig { balance: 1.0, ..WindowConfig::default() };
    let held_out = (!held.is_empty()).then(|| set("validation", held, &plain)).transpose()?;
    Ok((train, held_out))
}
