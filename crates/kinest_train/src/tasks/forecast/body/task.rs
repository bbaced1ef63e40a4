//! Predicting a game's body as a task of the loop.

use super::loss::{chosen, positions};
use super::motion::BodyMotion;
use super::pairs::{BodyPairs, PairConfig, PairDraw};
use super::recipe::{BodyDataConfig, BodyRecipe};
use super::start::extrapolating;
use crate::data::clips;
use crate::run::config::RunConfig;
use crate::run::{Loss, Numbers, Task, differing};
use crate::tasks::checkpoint::{recorded, save};
use crate::tasks::forecast::loss::widened;
use anyhow::Context;
use burn::tensor::ElementConversion;
use burn::tensor::backend::AutodiffBackend;
use kinest::forecast::Extrapolation;
use kinest::model::forecast::{ForecastConfig, ForecastSpec};
use kinest::model::{Checkpoint, ManifestOf, Precision, TrainingRecord};
use kinest::skeleton::Skeleton;
use kinest_nn::forecast::{ForecastNetwork, Forecaster};
use kinest_nn::layers::batch_norm::BatchMoments;
use kinest_nn::loss::joint_distance;
use kinest_nn::tensors::{tensors_of, with_tensors};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Frames per second of clips from a folder, and of what the game shows of them.
const MOTION_RATE: f64 = 60.0;

/// Trains a network to continue the body that a game shows.
#[derive(Debug)]
pub struct BodyTask {
    recipe: BodyRecipe,
    skeleton: Skeleton,
    train: BodyPairs,
    held_out: Option<BodyPairs>,
}

/// Properties of a run that must not change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BodyIdentity {
    /// The network.
    pub network: ForecastConfig,
    /// Its inputs and outputs.
    pub spec: ForecastSpec,
}

impl BodyTask {
    /// Reads the motion and estimates what a game shows of it.
    ///
    /// # Errors
    /// If the data or the pose network cannot be read, or are not sufficient.
    pub fn open(recipe: BodyRecipe) -> anyhow::Result<Self> {
        let BodyDataConfig { folder, split, only, poses, errors, record: _ } = &recipe.data;
        let poses = Checkpoint::load(poses).context("`data.poses`")?;
        let skeleton = poses.manifest.spec.skeleton.clone();
        let rate_hz = clips::prepared_rate(folder)?.unwrap_or(MOTION_RATE);
        let clips = clips::load_only(folder, split.as_deref(), only, rate_hz)?;
        eprintln!("estimating what a game shows of {} clips", clips.len());
        let motions = BodyMotion::of_clips(clips, &poses, *errors, recipe.seed)?;
        let (held, train) =
            recipe.validation.divide("clip", motions, |motion| motion.name.as_str())?;
        let set = |what: &str, motions: Vec<BodyMotion>, config: PairConfig| {
            let set = BodyPairs::new(motions, config, recipe.spec(), skeleton.clone())
                .with_context(|| what.to_owned())?;
            let (count, minutes) = set.size();
            eprintln!("{what}: {count} clips, {minutes:.1} minutes");
            anyhow::Ok(set)
        };
        let train = set("training", train, recipe.pairs)?;
        let held = (!held.is_empty()).then(|| set("validation", held, PairConfig::plain()));
        let held_out = held.transpose()?;
        Ok(Self { recipe, skeleton, train, held_out })
    }

    /// What checkpoints say about the run.
    fn record(&self) -> TrainingRecord {
        let (clips, minutes) = self.train.size();
        let data = format!("{clips} clips, {minutes:.1} minutes");
        recorded(&self.recipe.data.record, data, self.recipe.seed)
    }
}

impl Task for BodyTask {
    type Network<B: AutodiffBackend> = ForecastNetwork<B>;
    type Examples = BodyPairs;
    type Seen<B: AutodiffBackend> = Vec<BatchMoments<B>>;
    type Recipe = BodyRecipe;
    type Identity = BodyIdentity;

    const JUDGED_BY: &'static str = "forecast_mm";

    fn recipe(&self) -> &BodyRecipe {
        &self.recipe
    }

    fn config(&self) -> RunConfig {
        self.recipe.run()
    }

    fn identity(&self) -> BodyIdentity {
        BodyIdentity { network: self.recipe.network.clone(), spec: self.recipe.spec() }
    }

    fn changes(&self, run: &BodyIdentity) -> Vec<&'static str> {
        differing([
            ("`network`", run.network != self.recipe.network),
            ("`rate_hz`", run.spec.rate_hz != self.recipe.rate_hz),
        ])
    }

    fn examples(&self) -> &BodyPairs {
        &self.train
    }

    fn held_out(&self) -> Option<&BodyPairs> {
        self.held_out.as_ref()
    }

    fn network<B: AutodiffBackend>(
        &self,
        device: &B::Device,
    ) -> anyhow::Result<ForecastNetwork<B>> {
        Ok(ForecastNetwork::new(&self.recipe.network, device)?)
    }

    fn start<B: AutodiffBackend>(&self, device: &B::Device) -> anyhow::Result<ForecastNetwork<B>> {
        let network = self.network(device)?;
        let ForecastConfig::SiMlpe(config) = &self.recipe.network else { return Ok(network) };
        let mut tensors = tensors_of(&network);
        extrapolating(&mut tensors, config, Extrapolation::default(), self.recipe.rate_hz);
        Ok(with_tensors(network, tensors))
    }

    fn loss<B: AutodiffBackend>(
        &self,
        network: &ForecastNetwork<B>,
        draw: &PairDraw,
        _step: u64,
        device: &B::Device,
    ) -> Loss<B, Vec<BatchMoments<B>>> {
        let batch = draw.to_batch::<B>(device);
        let (forecast, seen) = network.learn(batch.histories.clone());
        let loss = self.recipe.loss.of(widened(forecast), &batch, &self.skeleton);
        Loss { total: loss.total, terms: loss.terms, seen }
    }

    fn after_step<B: AutodiffBackend>(
        &self,
        mut network: ForecastNetwork<B>,
        seen: Vec<Vec<BatchMoments<B>>>,
    ) -> ForecastNetwork<B> {
        seen.into_iter().for_each(|moments| network.absorb(moments));
        network
    }

    /// The training loss, and the mean distance of joints with the head in place over the frames
    /// whose positions count.
    fn scores<B: AutodiffBackend>(
        &self,
        network: &ForecastNetwork<B::InnerBackend>,
        draws: &[PairDraw],
        device: &B::Device,
    ) -> Numbers {
        let (mut loss_sum, mut distance_sum, mut pairs) = (0.0, 0.0, 0.0);
        let frames: Vec<usize> = match &self.recipe.loss.position_frames {
            frames if frames.is_empty() => (1..=self.recipe.network.horizon()).collect(),
            frames => frames.clone(),
        };
        for draw in draws {
            let batch = draw.to_batch::<B::InnerBackend>(device);
            let count = batch.histories.dims()[0] as f64;
            let forecast = widened(network.forecast(batch.histories.clone()));
            let said = chosen(forecast.future.clone(), &frames);
            let said = positions(said, batch.bases.clone(), &self.skeleton);
            let right = chosen(batch.positions.clone(), &frames);
            let distance = joint_distance(said, right).into_scalar().elem::<f64>();
            distance_sum += count * 1e3 * distance;
            let loss = self.recipe.loss.of(forecast, &batch, &self.skeleton).total;
            loss_sum += count * loss.into_scalar().elem::<f64>();
            pairs += count;
        }
        vec![("loss", loss_sum / pairs), (Self::JUDGED_BY, distance_sum / pairs)]
    }

    fn save<B: AutodiffBackend>(
        &self,
        network: &ForecastNetwork<B::InnerBackend>,
        path: &Path,
        step: u64,
        scores: &[(&'static str, f64)],
    ) -> anyhow::Result<()> {
        let manifest = ManifestOf::new(self.recipe.network.clone(), self.recipe.spec());
        let checkpoint = network.to_checkpoint(manifest, Precision::F32)?;
        save(checkpoint, self.record(), path, step, scores)
    }

    fn about(&self) -> Vec<(&'static str, String)> {
        let (clips, minutes) = self.train.size();
        vec![("data", self.record().data), ("clips in use", format!("{clips}, {minutes:.1} min"))]
    }
}
