//! Recipe of a run that aligns texts and motions, in RON. Missing fields have default values; unknown
//! fields are errors.

use super::cuts::CutConfig;
use super::loss::AlignLossConfig;
use crate::data::captions::Captions;
use crate::run::config::{Arithmetic, OptimizerConfig, RunConfig, ValidationConfig, run_config};
use crate::tasks::checks;
use crate::tasks::kind::TaskKind;
use anyhow::ensure;
use kinest::model::align::{AlignConfig, AlignSpec, Alignment};
use kinest::model::{FieldProblem, ModelKind, TrainingRecord};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlignRecipe {
    /// [`TaskKind::Align`].
    pub task: TaskKind,
    /// See [`RunConfig::seed`].
    pub seed: u64,
    /// Motion and texts.
    pub data: AlignDataConfig,
    /// How clips are cut and told.
    pub cuts: CutConfig,
    /// See [`RunConfig::validation`].
    pub validation: ValidationConfig,
    /// Inputs of the model.
    pub spec: AlignSpec,
    /// The network.
    pub network: AlignConfig,
    /// The loss.
    pub loss: AlignLossConfig,
    /// See [`RunConfig::optimizer`].
    pub optimizer: OptimizerConfig,
    /// See [`RunConfig::batch`].
    pub batch: usize,
    /// See [`RunConfig::accumulate`].
    pub accumulate: usize,
    /// See [`RunConfig::average`].
    pub average: Option<f64>,
    /// See [`RunConfig::steps`].
    pub steps: u64,
    /// See [`RunConfig::log_every`].
    pub log_every: u64,
    /// See [`RunConfig::save_every`].
    pub save_every: u64,
    /// See [`RunConfig::loader_threads`].
    pub loader_threads: usize,
}

/// Motion and texts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlignDataConfig {
    /// Folder with AMASS clips, at any depth. `train --data` overrides it.
    pub folder: PathBuf,
    /// File with one clip per line, relative to `folder`; `None` is all clips.
    pub split: Option<PathBuf>,
    /// Prefixes of the names of the clips that are used; none is all.
    pub only: Vec<String>,
    /// What people call trials: CSV with the columns `trial` and `title`.
    pub titles: Option<PathBuf>,
    /// What people say about spans of clips; only these spans are used, and their texts count as
    /// titles.
    pub captions: Option<Captions>,
    /// Record of the data for the checkpoints.
    pub record: TrainingRecord,
}

impl Default for AlignRecipe {
    fn default() -> Self {
        let run = RunConfig::default();
        Self {
            task: TaskKind::Align,
            seed: run.seed,
            data: AlignDataConfig::default(),
            cuts: CutConfig::default(),
            validation: run.validation,
            spec: AlignSpec::default(),
            network: AlignConfig::default(),
            loss: AlignLossConfig::default(),
            optimizer: run.optimizer,
            batch: 32,
            accumulate: run.accumulate,
            average: run.average,
            steps: run.steps,
            log_every: run.log_every,
            save_every: run.save_every,
            loader_threads: run.loader_threads,
        }
    }
}

impl AlignRecipe {
    /// Configuration of the loop.
    #[must_use]
    pub fn run(&self) -> RunConfig {
        run_config!(self, arithmetic: Arithmetic::F32, average: self.average)
    }

    /// Seconds of a cut.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.network.frames as f64 / self.spec.rate_hz
    }

    /// Checks all values.
    ///
    /// # Errors
    /// If a value is invalid; the error names the field.
    pub fn check(&self) -> anyhow::Result<()> {
        checks::is_for(self.task, TaskKind::Align)?;
        self.run().check()?;
        ensure!(self.batch > 1, "`batch` 1 has nothing to tell a text from");
        checks::has_no_split(&self.validation, "alignment has")?;
        self.network.check()?;
        Alignment::check(&self.network, &self.spec)
            .map_err(|FieldProblem { field, problem }| anyhow::anyhow!("`{field}`: {problem}"))?;
        self.cuts.check()?;
        let both = self.data.titles.is_some() && self.data.captions.is_some();
        ensure!(!both, "`data.titles` and `data.captions` cannot both be given");
        ensure!(
            self.cuts.shortest_s <= self.seconds(),
            "`cuts.shortest_s` {} is more than the network's {} s",
            self.cuts.shortest_s,
            self.seconds()
        );
        self.loss.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::overrides::apply;
    use crate::tasks::read_recipe;
    use std::path::Path;

    #[test]
    fn the_shipped_recipe_is_valid() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/config/htma.train.ron");
        assert_eq!(TaskKind::of(&path).unwrap(), TaskKind::Align);
        let recipe: AlignRecipe = read_recipe(&path).unwrap();
        recipe.check().unwrap();
        assert_eq!(recipe.data.only, ["CMU/"], "it is free for all uses");
        assert!(!recipe.validation.hold_out.is_empty());
    }

    #[test]
    fn the_default_is_read_back_and_what_is_wrong_is_named() {
        let recipe = AlignRecipe::default();
        recipe.check().unwrap();
        let text = ron::to_string(&recipe).unwrap();
        assert_eq!(ron::from_str::<AlignRecipe>(&text).unwrap(), recipe);
        for (set, name) in [
            ("task=Pose", "`task`"),
            ("batch=1", "`batch`"),
            ("spec.rate_hz=0", "`spec.rate_hz`"),
            ("network.heads=5", "`width`"),
            ("cuts.stride_s=0", "`cuts.stride_s`"),
            ("cuts.wordings=0", "`cuts.wordings`"),
            ("cuts.titles=2", "`cuts.titles`"),
            ("cuts.shortest_s=9", "`cuts.shortest_s`"),
            ("loss.temperature=0", "`loss.temperature`"),
            ("loss.latent=-1", "`loss.latent`"),
        ] {
            let recipe = apply(recipe.clone(), &[set.parse().unwrap()]).unwrap();
            let error = format!("{:#}", recipe.check().unwrap_err());
            assert!(error.contains(name), "{set}: {error}");
        }
    }
}
