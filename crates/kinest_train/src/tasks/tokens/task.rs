//! Motion tokens as a task of the loop.

use super::loss::positions;
use super::recipe::{TokenDataConfig, TokenRecipe};
use super::windows::{WindowDraw, Windows};
use crate::data::clips::{self, NamedClip};
use crate::run::config::RunConfig;
use crate::run::{Draw, Loss, Numbers, Task, differing};
use crate::tasks::checkpoint::{recorded, save};
use anyhow::Context;
use burn::tensor::ElementConversion;
use burn::tensor::backend::AutodiffBackend;
use kinest::model::tokens::{TokenConfig, TokenSpec};
use kinest::model::{ManifestOf, Precision, TrainingRecord};
use kinest::skeleton::Skeleton;
use kinest_nn::loss::joint_distance;
use kinest_nn::tokens::{CodesSeen, TokenNetwork};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Trains a network that writes motion as tokens.
#[derive(Debug)]
pub struct TokenTask {
    recipe: TokenRecipe,
    skeleton: Skeleton,
    train: Windows,
    held_out: Option<Windows>,
}

/// Properties of a run that must not change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenIdentity {
    /// The network.
    pub network: TokenConfig,
    /// What its numbers are.
    pub spec: TokenSpec,
}

impl TokenTask {
    /// Reads the motion.
    ///
    /// # Errors
    /// If the data cannot be read or are not sufficient.
    pub fn open(recipe: TokenRecipe) -> anyhow::Result<Self> {
        let TokenDataConfig { folder, split, only, record: _ } = &recipe.data;
        let clips = clips::load_only(folder, split.as_deref(), only, recipe.rate_hz)?;
        let (held, train) = recipe.validation.divide("clip", clips, |clip| clip.name.as_str())?;
        let skeleton = Skeleton::default();
        let set = |what: &str, clips: &[NamedClip], config| {
            let layers = recipe.network.layers;
            let set = Windows::new(clips, config, layers, recipe.rate_hz, &skeleton)
                .with_context(|| what.to_owned())?;
            let (count, minutes) = set.size();
            eprintln!("{what}: {count} clips, {minutes:.1} minutes");
            anyhow::Ok(set)
        };
        let train = set("training", &train, recipe.windows)?;
        let plain = recipe.windows.plain();
        let held = (!held.is_empty()).then(|| set("validation", &held, plain));
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

impl Task for TokenTask {
    type Network<B: AutodiffBackend> = TokenNetwork<B>;
    type Examples = Windows;
    type Seen<B: AutodiffBackend> = Vec<CodesSeen<B>>;
    type Recipe = TokenRecipe;
    type Identity = TokenIdentity;

    const JUDGED_BY: &'static str = "joints_mm";

    fn recipe(&self) -> &TokenRecipe {
        &self.recipe
    }

    fn config(&self) -> RunConfig {
        self.recipe.run()
    }

    fn identity(&self) -> TokenIdentity {
        TokenIdentity { network: self.recipe.network.clone(), spec: self.recipe.spec() }
    }

    fn changes(&self, run: &TokenIdentity) -> Vec<&'static str> {
        differing([
            ("`network`", run.network != self.recipe.network),
            ("`rate_hz`", run.spec != self.recipe.spec()),
        ])
    }

    fn examples(&self) -> &Windows {
        &self.train
    }

    fn held_out(&self) -> Option<&Windows> {
        self.held_out.as_ref()
    }

    fn network<B: AutodiffBackend>(&self, device: &B::Device) -> anyhow::Result<TokenNetwork<B>> {
        let statistics = self.train.statistics();
        Ok(TokenNetwork::new(&self.recipe.network, Some(&statistics), device)?)
    }

    fn loss<B: AutodiffBackend>(
        &self,
        network: &TokenNetwork<B>,
        draw: &WindowDraw,
        _step: u64,
        device: &B::Device,
    ) -> Loss<B, Vec<CodesSeen<B>>> {
        let batch = draw.to_batch::<B>(device);
        let learnt = network.learn(batch.motion.clone(), &draw.active);
        let TokenRecipe { rate_hz, loss, .. } = &self.recipe;
        let loss = loss.of(learnt.motion, learnt.commitment, &batch, *rate_hz, &self.skeleton);
        Loss { total: loss.total, terms: loss.terms, seen: learnt.seen }
    }

    fn after_step<B: AutodiffBackend>(
        &self,
        mut network: TokenNetwork<B>,
        seen: Vec<Vec<CodesSeen<B>>>,
    ) -> TokenNetwork<B> {
        seen.into_iter().for_each(|codes| network.absorb(codes));
        network
    }

    /// The training loss, the mean distance of joints with the root in place, and the share of the
    /// codes that are in use.
    fn scores<B: AutodiffBackend>(
        &self,
        network: &TokenNetwork<B::InnerBackend>,
        draws: &[Draw<Self>],
        device: &B::Device,
    ) -> Numbers {
        let (mut loss_sum, mut distance_sum, mut windows) = (0.0, 0.0, 0.0);
        let TokenRecipe { rate_hz, loss, network: config, .. } = &self.recipe;
        for draw in draws {
            let batch = draw.to_batch::<B::InnerBackend>(device);
            let count = draw.active.len() as f64;
            let learnt = network.learn(batch.motion.clone(), &draw.active);
            let said = positions(learnt.motion.clone(), &self.skeleton);
            let distance = joint_distance(said, batch.positions.clone());
            distance_sum += count * 1e3 * distance.into_scalar().elem::<f64>();
            let loss = loss.of(learnt.motion, learnt.commitment, &batch, *rate_hz, &self.skeleton);
            loss_sum += count * loss.total.into_scalar().elem::<f64>();
            windows += count;
        }
        let alive = network.alive().concat();
        let codes = (alive.len() * config.codes) as f64;
        vec![
            ("loss", loss_sum / windows),
            (Self::JUDGED_BY, distance_sum / windows),
            ("codes_used", alive.iter().sum::<usize>() as f64 / codes),
        ]
    }

    fn save<B: AutodiffBackend>(
        &self,
        network: &TokenNetwork<B::InnerBackend>,
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
