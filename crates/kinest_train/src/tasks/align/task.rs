//! Alignment as a task of the loop.

use super::cuts::{CutDraw, Cuts};
use super::data::{Spans, TitledClips};
use super::recipe::AlignRecipe;
use crate::run::config::RunConfig;
use crate::run::{Loss, Numbers, Task, differing};
use crate::tasks::checkpoint::{recorded, save};
use anyhow::{Context, ensure};
use burn::tensor::ElementConversion;
use burn::tensor::backend::AutodiffBackend;
use kinest::model::align::{AlignConfig, AlignSpec, FRAME};
use kinest::model::{ManifestOf, Precision, TrainingRecord};
use kinest_nn::align::Htma;
use kinest_nn::tensors::{tensors_of, with_tensors};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Trains a network to put texts near the motions that they describe.
#[derive(Debug)]
pub struct AlignTask {
    recipe: AlignRecipe,
    train: Cuts,
    held_out: Option<Cuts>,
}

/// Properties of a run that must not change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AlignIdentity {
    /// The network.
    pub network: AlignConfig,
    /// Its inputs.
    pub spec: AlignSpec,
}

impl AlignTask {
    /// Reads the motion, cuts it, and describes the cuts.
    ///
    /// # Errors
    /// If motion or titles cannot be read, or there are fewer different texts than a batch holds.
    pub fn open(recipe: AlignRecipe) -> anyhow::Result<Self> {
        let clips = TitledClips::load(&recipe.data, &recipe.validation)?;
        let (train, held_out) = clips.cut(recipe.cuts, recipe.seconds());
        let set = |what: &str, spans: Spans, config| {
            let cuts = Cuts::of_spans(spans, config, recipe.spec, &recipe.network)
                .with_context(|| what.to_owned())?;
            let (count, different) = (cuts.all().len(), cuts.different());
            eprintln!("{what}: {count} cuts, {different} different, {:.1} minutes", cuts.minutes());
            ensure!(
                different >= recipe.batch,
                "{what}: {different} different texts are less than a `batch` of {}",
                recipe.batch
            );
            anyhow::Ok(cuts)
        };
        let config = recipe.cuts.held_out(recipe.seconds());
        let held_out = held_out.map(|spans| set("validation", spans, config)).transpose()?;
        let train = set("training", train, recipe.cuts)?;
        Ok(Self { recipe, train, held_out })
    }

    /// What checkpoints say about the run.
    fn record(&self) -> TrainingRecord {
        let data = format!("{} cuts, {:.1} minutes", self.train.all().len(), self.train.minutes());
        recorded(&self.recipe.data.record, data, self.recipe.seed)
    }
}

impl Task for AlignTask {
    type Network<B: AutodiffBackend> = Htma<B>;
    type Examples = Cuts;
    type Seen<B: AutodiffBackend> = ();
    type Recipe = AlignRecipe;
    type Identity = AlignIdentity;

    const JUDGED_BY: &'static str = "mean_rank";

    fn recipe(&self) -> &AlignRecipe {
        &self.recipe
    }

    fn config(&self) -> RunConfig {
        self.recipe.run()
    }

    fn identity(&self) -> AlignIdentity {
        AlignIdentity { network: self.recipe.network.clone(), spec: self.recipe.spec }
    }

    fn changes(&self, run: &AlignIdentity) -> Vec<&'static str> {
        differing([
            ("`network`", run.network != self.recipe.network),
            ("`spec`", run.spec != self.recipe.spec),
        ])
    }

    fn examples(&self) -> &Cuts {
        &self.train
    }

    fn held_out(&self) -> Option<&Cuts> {
        self.held_out.as_ref()
    }

    fn network<B: AutodiffBackend>(&self, device: &B::Device) -> anyhow::Result<Htma<B>> {
        Ok(Htma::new(&self.recipe.network, device)?)
    }

    /// A network that knows mean and deviation of the motion.
    fn start<B: AutodiffBackend>(&self, device: &B::Device) -> anyhow::Result<Htma<B>> {
        let network = self.network(device)?;
        let statistics = self.train.statistics();
        let mut tensors = tensors_of(&network);
        let std = statistics.input_scale();
        tensors.insert("standardise.mean".into(), (vec![FRAME], statistics.input_mean));
        tensors.insert("standardise.std".into(), (vec![FRAME], std));
        Ok(with_tensors(network, tensors))
    }

    fn loss<B: AutodiffBackend>(
        &self,
        network: &Htma<B>,
        draw: &CutDraw,
        _step: u64,
        device: &B::Device,
    ) -> Loss<B, ()> {
        let (loss, _) = self.recipe.loss.of(network, draw, device);
        Loss { total: loss.total, terms: loss.terms, seen: () }
    }

    /// The training loss, and the mean rank of what belongs together within each draw, from text to
    /// motion and back.
    fn scores<B: AutodiffBackend>(
        &self,
        network: &Htma<B::InnerBackend>,
        draws: &[CutDraw],
        device: &B::Device,
    ) -> Numbers {
        let (mut loss_sum, mut rank_sum, mut count) = (0.0, 0.0, 0.0);
        for draw in draws {
            let (loss, similarity) = self.recipe.loss.of(network, draw, device);
            let cuts = draw.lengths.len();
            let found = similarity.into_data().convert::<f32>();
            let found: Vec<f32> = found.iter::<f32>().collect();
            for i in 0..cuts {
                let own = found[i * cuts + i];
                let before = |other: f32| f64::from(other > own);
                let row = (0..cuts).map(|j| before(found[i * cuts + j])).sum::<f64>();
                let column = (0..cuts).map(|j| before(found[j * cuts + i])).sum::<f64>();
                rank_sum += 1.0 + 0.5 * (row + column);
            }
            loss_sum += cuts as f64 * loss.total.into_scalar().elem::<f64>();
            count += cuts as f64;
        }
        vec![("loss", loss_sum / count), (Self::JUDGED_BY, rank_sum / count)]
    }

    fn save<B: AutodiffBackend>(
        &self,
        network: &Htma<B::InnerBackend>,
        path: &Path,
        step: u64,
        scores: &[(&'static str, f64)],
    ) -> anyhow::Result<()> {
        let manifest = ManifestOf::new(self.recipe.network.clone(), self.recipe.spec);
        let checkpoint = network.to_checkpoint(manifest, Precision::F32)?;
        save(checkpoint, self.record(), path, step, scores)
    }

    fn about(&self) -> Vec<(&'static str, String)> {
        let cuts = &self.train;
        let held = self.held_out.as_ref().map_or(0, |cuts| cuts.all().len());
        vec![
            ("data", self.record().data),
            ("cuts in use", format!("{}, {:.1} min", cuts.all().len(), cuts.minutes())),
            ("different sentences", cuts.different().to_string()),
            ("cuts held out", held.to_string()),
        ]
    }
}
