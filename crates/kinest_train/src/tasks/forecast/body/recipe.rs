//! Recipe of a run that trains a body's forecaster, in RON. Missing fields have default values;
//! unknown fields are errors.

use super::loss::BodyLossConfig;
use super::motion::SensorErrors;
use super::pairs::PairConfig;
use crate::data::augment::Augment;
use crate::run::config::{Arithmetic, OptimizerConfig, RunConfig, ValidationConfig, run_config};
use crate::tasks::checks;
use crate::tasks::kind::TaskKind;
use anyhow::{Context, ensure};
use kinest::model::TrainingRecord;
use kinest::model::forecast::{ForecastConfig, ForecastLayout, ForecastSpec, SiMlpeConfig};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BodyRecipe {
    /// [`TaskKind::Body`].
    pub task: TaskKind,
    /// See [`RunConfig::seed`].
    pub seed: u64,
    /// Training motion.
    pub data: BodyDataConfig,
    /// How pairs are drawn from it.
    pub pairs: PairConfig,
    /// See [`RunConfig::validation`].
    pub validation: ValidationConfig,
    /// Frames per second of the network.
    pub rate_hz: f64,
    /// The network.
    pub network: ForecastConfig,
    /// The loss.
    pub loss: BodyLossConfig,
    /// See [`RunConfig::optimizer`].
    pub optimizer: OptimizerConfig,
    /// See [`RunConfig::arithmetic`].
    pub arithmetic: Arithmetic,
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

/// Training motion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BodyDataConfig {
    /// Folder with AMASS clips, at any depth, or a `.motion` file from `prepare`. `train --data`
    /// overrides it.
    pub folder: PathBuf,
    /// File with one clip per line, relative to `folder`; `None` is all clips.
    pub split: Option<PathBuf>,
    /// Prefixes of the names of the clips that are used; none is all.
    pub only: Vec<String>,
    /// The pose network that estimates what a game shows, a `.model.ron` file.
    pub poses: PathBuf,
    /// Plays each clip a second time, through trackers with these errors.
    pub errors: Option<SensorErrors>,
    /// Record of the data for the checkpoints.
    pub record: TrainingRecord,
}

impl Default for BodyRecipe {
    fn default() -> Self {
        let run = RunConfig::default();
        let numbers = ForecastLayout::Smpl22.numbers();
        let network = SiMlpeConfig { history: 13, horizon: 12, numbers, blocks: 24 };
        Self {
            task: TaskKind::Body,
            seed: run.seed,
            data: BodyDataConfig::default(),
            pairs: PairConfig::default(),
            validation: run.validation,
            rate_hz: 30.0,
            network: ForecastConfig::SiMlpe(network),
            loss: BodyLossConfig::default(),
            optimizer: run.optimizer,
            arithmetic: run.arithmetic,
            batch: run.batch,
            accumulate: run.accumulate,
            average: run.average,
            steps: run.steps,
            log_every: run.log_every,
            save_every: run.save_every,
            loader_threads: run.loader_threads,
        }
    }
}

impl BodyRecipe {
    /// Configuration of the loop.
    #[must_use]
    pub fn run(&self) -> RunConfig {
        run_config!(self, arithmetic: self.arithmetic, average: self.average)
    }

    /// Inputs and outputs of the model.
    #[must_use]
    pub fn spec(&self) -> ForecastSpec {
        ForecastSpec {
            layout: ForecastLayout::Smpl22,
            rate_hz: self.rate_hz,
            history: self.network.history(),
            horizon: self.network.horizon(),
            gate: None,
        }
    }

    /// Checks all values.
    ///
    /// # Errors
    /// If a value is invalid; the error names the field.
    pub fn check(&self) -> anyhow::Result<()> {
        checks::is_for(self.task, TaskKind::Body)?;
        self.run().check()?;
        checks::has_no_split(&self.validation, "a body's forecaster has")?;
        ensure!(
            self.rate_hz.is_finite() && self.rate_hz > 0.0,
            "`rate_hz` {} is not a rate",
            self.rate_hz
        );
        self.network.check()?;
        let (found, expected) = (self.network.numbers(), ForecastLayout::Smpl22.numbers());
        ensure!(found == expected, "`network` has {found} numbers per frame, a body {expected}");
        let observed = self.spec().observed();
        ensure!(observed >= 2, "`network.history` sees {observed} frames: too few for a velocity");
        self.pairs.check()?;
        if let Some(SensorErrors { grip, noise }) = self.data.errors {
            Augment { grip, noise, ..Augment::default() }.check().context("`data.errors`")?;
        }
        self.loss.check(self.network.horizon())
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
        let path = "../../assets/config/body_forecast.train.ron";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        assert_eq!(TaskKind::of(&path).unwrap(), TaskKind::Body);
        let recipe: BodyRecipe = read_recipe(&path).unwrap();
        recipe.check().unwrap();
        assert_eq!(recipe.data.only, ["CMU/"], "it is free for all uses");
    }

    #[test]
    fn the_default_is_read_back_and_what_is_wrong_is_named() {
        let recipe = BodyRecipe::default();
        recipe.check().unwrap();
        let text = ron::to_string(&recipe).unwrap();
        assert_eq!(ron::from_str::<BodyRecipe>(&text).unwrap(), recipe);
        for (set, name) in [
            ("task=Pose", "`task`"),
            ("rate_hz=0", "`rate_hz`"),
            ("network.numbers=66", "69"),
            ("network.history=2", "`network.history`"),
            ("pairs.clean=1.5", "`pairs.clean`"),
            ("loss.position_frames=[13]", "13"),
            ("data.errors=Some((grip: (position: -1.0)))", "grip.position"),
        ] {
            let recipe = apply(recipe.clone(), &[set.parse().unwrap()]).unwrap();
            let error = format!("{:#}", recipe.check().unwrap_err());
            assert!(error.contains(name), "{set}: {error}");
        }
    }
}
