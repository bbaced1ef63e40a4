//! Alignment as a task of the loop.

use super::cuts::{CutDraw, Cuts};
use super::recipe::{AlignDataConfig, AlignRecipe};
use crate::data::captions::Told;
use crate::data::clips::{self, NamedClip};
use crate::data::titles::Titles;
use crate::run::config::RunConfig;
use crate::run::{Loss, Numbers, Task};
use anyhow::{Context, ensure};
use burn::tensor::ElementConversion;
use burn::tensor::backend::AutodiffBackend;
use kinest::model::align::{AlignConfig, AlignSpec, FRAME};
use kinest::model::{ManifestOf, Precision};
use kinest_nn::align::Htma;
use kinest_nn::tensors::{tensors_of, with_tensors};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Frames per second of clips from a folder, which their codes are found in.
pub const MOTION_RATE: f64 = 60.0;

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
        let AlignDataConfig { folder, split, only, titles, captions, record: _ } = &recipe.data;
        let rate_hz = clips::prepared_rate(folder)?.unwrap_or(MOTION_RATE);
        let mut clips = clips::load(folder, split.as_deref(), rate_hz)?;
        let starts_with =
            |name: &str, starts: &[String]| starts.iter().any(|s| name.starts_with(s));
        clips.retain(|clip| only.is_empty() || starts_with(&clip.name, only));
        let titles = titles.as_deref().map(Titles::load).transpose()?.unwrap_or_default();
        let titled = |clip: NamedClip| {
            let title = titles.of(&clip.name).map_or_else(Vec::new, |title| title.titles.clone());
            (clip, title)
        };
        let names = clips.iter().map(|clip| clip.name.as_str());
        let captions = captions.as_ref().map(|captions| captions.load(names)).transpose()?;
        if let Some(Told { spans, missing }) = &captions {
            eprintln!("captions of {} clips; motions of {missing} others are missing", spans.len());
            clips.retain(|clip| spans.contains_key(&clip.name));
        }
        let hold_out = &recipe.validation.hold_out;
        let (held, train): (Vec<_>, Vec<_>) =
            clips.into_iter().map(titled).partition(|(clip, _)| starts_with(&clip.name, hold_out));
        ensure!(
            hold_out.is_empty() || !held.is_empty(),
            "no clip's name starts with what `validation.hold_out` says: {}",
            hold_out.join(", ")
        );
        let set = |what: &str, clips: Vec<(NamedClip, Vec<String>)>, config| {
            let cuts = match &captions {
                Some(Told { spans, .. }) => {
                    let told = |(clip, _): (NamedClip, _)| {
                        let spans = spans.get(&clip.name).cloned().unwrap_or_default();
                        (clip, spans)
                    };
                    let told = clips.into_iter().map(told).collect();
                    Cuts::of_spans(told, config, recipe.spec, &recipe.network)
                }
                None => Cuts::of_clips(clips, config, recipe.spec, &recipe.network),
            };
            let cuts = cuts.with_context(|| what.to_owned())?;
            let (count, different) = (cuts.all().len(), cuts.different());
            eprintln!("{what}: {count} cuts, {different} different, {:.1} minutes", cuts.minutes());
            ensure!(
                different >= recipe.batch,
                "{what}: {different} different texts are less than a `batch` of {}",
                recipe.batch
            );
            anyhow::Ok(cuts)
        };
        let held_out = match held.is_empty() {
            true => None,
            false => Some(set("validation", held, recipe.cuts.held_out(recipe.seconds()))?),
        };
        let train = set("training", train, recipe.cuts)?;
        Ok(Self { recipe, train, held_out })
    }

    /// Description of the data for checkpoints.
    fn data(&self) -> String {
        let record = &self.recipe.data.record.data;
        if !record.is_empty() {
            return record.clone();
        }
        format!("{} cuts, {:.1} minutes", self.train.all().len(), self.train.minutes())
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
        let differs = [
            ("`network`", run.network != self.recipe.network),
            ("`spec`", run.spec != self.recipe.spec),
        ];
        differs.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
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
        let loss = self.recipe.loss.of(network, draw, device);
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
            let loss = self.recipe.loss.of(network, draw, device);
            let cuts = draw.lengths.len();
            let found = loss.similarity.into_data().convert::<f32>();
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
        let mut manifest = ManifestOf::new(self.recipe.network.clone(), self.recipe.spec);
        manifest.training = self.recipe.data.record.clone();
        manifest.training.data = self.data();
        manifest.training.seed = self.recipe.seed;
        manifest.training.steps = step;
        let judged = scores.iter().filter(|(name, _)| *name == Self::JUDGED_BY);
        manifest.metrics.extend(judged.map(|(name, value)| (format!("validation.{name}"), *value)));
        let mut checkpoint = network.to_checkpoint(manifest, Precision::F32)?;
        Ok(checkpoint.save_version(path, &step.to_string())?)
    }

    fn about(&self) -> Vec<(&'static str, String)> {
        let cuts = &self.train;
        let held = self.held_out.as_ref().map_or(0, |cuts| cuts.all().len());
        vec![
            ("data", self.data()),
            ("cuts in use", format!("{}, {:.1} min", cuts.all().len(), cuts.minutes())),
            ("different sentences", cuts.different().to_string()),
            ("cuts held out", held.to_string()),
        ]
    }
}
