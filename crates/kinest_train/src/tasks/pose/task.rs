//! Pose estimation as a task of the loop.

use super::dataset::{Draw, WindowDataset};
use super::fused;
use super::loss::ROTATIONS;
use super::recipe::{PoseRecipe, StreamConfig};
use super::teacher::Teacher;
use super::widen::{can_widen, widened};
use crate::data::clips;
use crate::data::config::{DataConfig, Sampling};
use crate::data::motion_store::MotionStore;
use crate::run::config::RunConfig;
use crate::run::{Loss, Numbers, Task, differing, random_stream};
use crate::tasks::checkpoint::{recorded, save};
use anyhow::{Context, ensure};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{ElementConversion, FloatDType, Tensor};
use kinest::model::{Checkpoint, Manifest, ModelSpec, NetworkConfig, Precision, TrainingRecord};
use kinest::skeleton::Skeleton;
use kinest_nn::loss::joint_positions;
use kinest_nn::pose::Network;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Windows from which the statistics of a fresh network's inputs are measured.
const STATISTICS_WINDOWS: usize = 512;

/// Trains a network to estimate the body from simulated trackers on motion clips.
#[derive(Debug)]
pub struct PoseTask {
    recipe: PoseRecipe,
    spec: ModelSpec,
    train: WindowDataset,
    held_out: Option<WindowDataset>,
    /// Checkpoint with the initial weights, if they are not random.
    init: Option<Checkpoint>,
}

/// Properties of a pose estimation run that must not change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PoseIdentity {
    /// The network.
    pub network: NetworkConfig,
    /// Its inputs and outputs.
    pub spec: ModelSpec,
}

impl PoseTask {
    /// Frames per second of a model that is trained on a folder of clips, unless its recipe has another rate.
    const RATE_HZ: f64 = 60.0;

    /// Opens the data, the recipe's teacher, and the checkpoint `init` with the initial weights.
    ///
    /// # Errors
    /// If the data cannot be read or is insufficient, or a model cannot be opened or does not fit.
    pub fn open(
        mut recipe: PoseRecipe,
        skeleton: Skeleton,
        init: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let rate_hz = match recipe.rate_hz {
            Some(rate_hz) => rate_hz,
            None => clips::prepared_rate(&recipe.data.folder)?.unwrap_or(Self::RATE_HZ),
        };
        recipe.rate_hz = Some(rate_hz);
        let spec = ModelSpec {
            layout: recipe.layout,
            rate_hz,
            window: recipe.network.window(),
            feed: recipe.network.feed(),
            skeleton,
        };
        let init = init.map(|path| load_init(path, &recipe)).transpose()?;
        let (mut train, held_out) = load_data(&recipe, &spec)?;
        let widen = |init: Checkpoint| match init.manifest.spec.layout == recipe.layout {
            true => Ok(init),
            false => widened(&init, &recipe.network, &recipe.layout, || {
                train.statistics(recipe.seed, STATISTICS_WINDOWS)
            }),
        };
        let init = init.map(widen).transpose()?;
        if let Some(teacher) = &recipe.teacher {
            train = train.with_teacher(Teacher::open(teacher, &spec)?);
        }
        Ok(Self { recipe, spec, train, held_out, init })
    }

    /// Output of the network for the frames with a loss.
    fn answer<B: Backend>(
        &self,
        network: &Network<B>,
        features: Tensor<B, 3>,
        step: u64,
    ) -> Tensor<B, 3> {
        let Some(StreamConfig { carried, frames }) = self.recipe.stream else {
            return network.forward(features);
        };
        let mut rng = random_stream(!self.recipe.seed, step);
        let before = rng.random_range(0..=carried);
        let state = (before > 0).then(|| {
            let before = features.clone().narrow(1, carried - before, before);
            network.stream(before, None).1.detach()
        });
        network.stream(features.narrow(1, carried, frames), state).0
    }

    /// What checkpoints say about the run.
    fn record(&self) -> TrainingRecord {
        let (clips, minutes) = self.train.clips().size();
        let data = format!("{clips} clips, {minutes:.1} minutes");
        recorded(&self.recipe.data.record, data, self.recipe.seed)
    }
}

impl Task for PoseTask {
    type Network<B: AutodiffBackend> = Network<B>;
    type Examples = WindowDataset;
    type Seen<B: AutodiffBackend> = ();
    type Recipe = PoseRecipe;
    type Identity = PoseIdentity;

    const JUDGED_BY: &'static str = "online_mpjpe_cm";

    fn recipe(&self) -> &PoseRecipe {
        &self.recipe
    }

    fn config(&self) -> RunConfig {
        self.recipe.run()
    }

    fn identity(&self) -> PoseIdentity {
        PoseIdentity { network: self.recipe.network.clone(), spec: self.spec.clone() }
    }

    fn changes(&self, run: &PoseIdentity) -> Vec<&'static str> {
        differing([
            ("`network`", run.network != self.recipe.network),
            ("`layout`", run.spec.layout != self.spec.layout),
            ("`rate_hz`", run.spec.rate_hz != self.spec.rate_hz),
            ("the skeleton", run.spec.skeleton != self.spec.skeleton),
        ])
    }

    fn examples(&self) -> &WindowDataset {
        &self.train
    }

    fn held_out(&self) -> Option<&WindowDataset> {
        self.held_out.as_ref()
    }

    fn network<B: AutodiffBackend>(&self, device: &B::Device) -> anyhow::Result<Network<B>> {
        Ok(Network::new(&self.recipe.network, device)?.with_core_kernels(&fused::kernels()))
    }

    fn start<B: AutodiffBackend>(&self, device: &B::Device) -> anyhow::Result<Network<B>> {
        if let Some(checkpoint) = &self.init {
            let network = Network::from_checkpoint(checkpoint, device)?;
            return Ok(network.with_core_kernels(&fused::kernels()));
        }
        let mut network = self.network(device)?;
        if self.recipe.prepare {
            network.prepare(&self.train.statistics(self.recipe.seed, STATISTICS_WINDOWS));
        }
        Ok(network)
    }

    fn loss<B: AutodiffBackend>(
        &self,
        network: &Network<B>,
        draw: &Draw,
        step: u64,
        device: &B::Device,
    ) -> Loss<B, ()> {
        let batch = draw.to_batch::<B>(device);
        let output = self.answer(network, batch.features, step).cast(FloatDType::F32);
        let loss = self.recipe.loss.of(output, batch.targets, &self.spec.skeleton);
        Loss { total: loss.total, terms: loss.terms, seen: () }
    }

    /// The training loss, and the mean joint position error in the newest frame with heads aligned:
    /// the online MPJPE of these windows.
    fn scores<B: AutodiffBackend>(
        &self,
        network: &Network<B::InnerBackend>,
        draws: &[Draw],
        device: &B::Device,
    ) -> Numbers {
        let (mut loss_sum, mut distance_sum, mut windows) = (0.0, 0.0, 0.0);
        for draw in draws {
            let batch = draw.to_batch::<B::InnerBackend>(device);
            let count = batch.features.dims()[0] as f64;
            let output_frames = batch.targets.dims()[1];
            let output = network.forward(batch.features);
            let output = output.clone().narrow(1, output.dims()[1] - output_frames, output_frames);
            let newest = |x: &Tensor<B::InnerBackend, 3>| {
                let newest = x.clone().narrow(1, x.dims()[1] - 1, 1);
                joint_positions(newest.narrow(2, 0, ROTATIONS), &self.spec.skeleton)
            };
            let distance = (newest(&output) - newest(&batch.targets)).square().sum_dim(2).sqrt();
            distance_sum += count * 100.0 * distance.mean().into_scalar().elem::<f64>();
            let loss = self.recipe.loss.of(output, batch.targets, &self.spec.skeleton).total;
            loss_sum += count * loss.into_scalar().elem::<f64>();
            windows += count;
        }
        vec![("loss", loss_sum / windows), (Self::JUDGED_BY, distance_sum / windows)]
    }

    fn save<B: AutodiffBackend>(
        &self,
        network: &Network<B::InnerBackend>,
        path: &Path,
        step: u64,
        scores: &[(&'static str, f64)],
    ) -> anyhow::Result<()> {
        let manifest = Manifest::new(self.recipe.network.clone(), self.spec.clone());
        let checkpoint = network.to_checkpoint(manifest, Precision::F32)?;
        save(checkpoint, self.record(), path, step, scores)
    }

    fn about(&self) -> Vec<(&'static str, String)> {
        let (clips, minutes) = self.train.clips().size();
        vec![("data", self.record().data), ("clips in use", format!("{clips}, {minutes:.1} min"))]
    }
}

/// The weights of another run, with this run's network. Settings without weights may differ, such
/// as the look-ahead, and the layout may have [more at its end](can_widen).
fn load_init(path: &Path, recipe: &PoseRecipe) -> anyhow::Result<Checkpoint> {
    let mut checkpoint = Checkpoint::load(path)?;
    let layout = checkpoint.manifest.spec.layout;
    ensure!(
        can_widen(&layout, &recipe.layout),
        "{}: its `layout` is {layout:?}, that of the config {:?}",
        path.display(),
        recipe.layout
    );
    if layout == recipe.layout {
        checkpoint.manifest.network = recipe.network.clone();
    }
    Ok(checkpoint)
}

/// Training windows, and validation windows if configured.
fn load_data(
    recipe: &PoseRecipe,
    spec: &ModelSpec,
) -> anyhow::Result<(WindowDataset, Option<WindowDataset>)> {
    let folder = &recipe.data.folder;
    let clips = clips::open(folder, recipe.data.split.as_deref(), spec.rate_hz)?;
    let validation = &recipe.validation;
    let (mut held, train) = clips.partition(|clip| validation.holds_out(&clip.name));
    validation.check_found("clip", !held.clips().is_empty())?;
    if let Some(split) = &validation.split {
        held.merge(clips::open(folder, Some(split), spec.rate_hz)?)?;
    }
    let set = |what: &str, clips: MotionStore, data: &DataConfig| {
        let set =
            WindowDataset::new(clips, data, recipe.layout, recipe.cut(), spec.skeleton.clone())
                .with_context(|| what.to_owned())?;
        let (count, minutes) = set.clips().size();
        eprintln!("{what}: {count} clips, {minutes:.1} minutes");
        anyhow::Ok(set)
    };
    let train = set("training", train, &recipe.data)?;
    // Without augmentation, every frame with equal probability.
    let plain = DataConfig { sampling: Sampling::Frames, ..DataConfig::default() };
    let validation =
        (!held.clips().is_empty()).then(|| set("validation", held, &plain)).transpose()?;
    Ok((train, validation))
}
