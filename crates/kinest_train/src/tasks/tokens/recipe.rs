//! Recipe of a run that trains motion tokens, in RON. Missing fields have default values; unknown
//! fields are errors.

use super::loss::TokenLossConfig;
use super::windows::WindowConfig;
use crate::run::config::{Arithmetic, OptimizerConfig, RunConfig, ValidationConfig, run_config};
use crate::tasks::checks;
use crate::tasks::kind::TaskKind;
use anyhow::ensure;
use kinest::model::TrainingRecord;
use kinest::model::tokens::{TokenConfig, TokenSpec};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A run. The weights are neither averaged nor computed with in 16 bits: a code that is revived is
/// no average of what it was, and how often a code is chosen needs all its digits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenRecipe {
    /// [`TaskKind::Tokens`].
    pub task: TaskKind,
    /// See [`RunConfig::seed`].
    pub seed: u64,
    /// Training motion.
    pub data: TokenDataConfig,
    /// How windows are drawn from it.
    pub windows: WindowConfig,
    /// See [`RunConfig::validation`].
    pub validation: ValidationConfig,
    /// Frames per second of the network.
    pub rate_hz: f64,
    /// The network.
    pub network: TokenConfig,
    /// The loss.
    pub loss: TokenLossConfig,
    /// See [`RunConfig::optimizer`].
    pub optimizer: OptimizerConfig,
    /// See [`RunConfig::batch`].
    pub batch: usize,
    /// See [`RunConfig::accumulate`].
    pub accumulate: usize,
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
pub struct TokenDataConfig {
    /// Folder with AMASS clips, at any depth, or a `.motion` file from `prepare`. `train --data`
    /// overrides it.
    pub folder: PathBuf,
    /// File with one clip per line, relative to `folder`; `None` is all clips.
    pub split: Option<PathBuf>,
    /// Prefixes of the names of the clips that are used; none is all.
    pub only: Vec<String>,
    /// Record of the data for the checkpoints.
    pub record: TrainingRecord,
}

impl Default for TokenRecipe {
    fn default() -> Self {
        let run = RunConfig::default();
        Self {
            task: TaskKind::Tokens,
            seed: run.seed,
            data: TokenDataConfig::default(),
            windows: WindowConfig::default(),
            validation: run.validation,
            rate_hz: 30.0,
            network: TokenConfig::default(),
            loss: TokenLossConfig::default(),
            optimizer: run.optimizer,
            batch: 32,
            accumulate: run.accumulate,
            steps: run.steps,
            log_every: run.log_every,
            save_every: run.save_every,
            loader_threads: run.loader_threads,
        }
    }
}

impl TokenRecipe {
    /// Configuration of the loop.
    #[must_use]
    pub fn run(&self) -> RunConfig {
        run_config!(self, arithmetic: Arithmetic::F32, average: None)
    }

    /// What the model's numbers are.
    #[must_use]
    pub fn spec(&self) -> TokenSpec {
        TokenSpec { rate_hz: self.rate_hz }
    }

    /// Checks all values.
    ///
    /// # Errors
    /// If a value is invalid; the error names the field.
    pub fn check(&self) -> anyhow::Result<()> {
        checks::is_for(self.task, TaskKind::Tokens)?;
        self.run().check()?;
        checks::has_no_split(&self.validation, "tokens have")?;
        ensure!(
            self.rate_hz.is_finite() && self.rate_hz > 0.0,
            "`rate_hz` {} is not a rate",
            self.rate_hz
        );
        self.network.check()?;
        self.windows.check(self.network.frames())?;
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
        let path = "../../assets/config/tokens.train.ron";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        assert_eq!(TaskKind::of(&path).unwrap(), TaskKind::Tokens);
        let recipe: TokenRecipe = read_recipe(&path).unwrap();
        recipe.check().unwrap();
        assert_eq!(recipe.data.only, ["CMU/"], "it is free for all uses");
    }

    #[test]
    fn the_default_is_read_back_and_what_is_wrong_is_named() {
        let recipe = TokenRecipe::default();
        recipe.check().unwrap();
        let text = ron::to_string(&recipe).unwrap();
        assert_eq!(ron::from_str::<TokenRecipe>(&text).unwrap(), recipe);
        for (set, name) in [
            ("task=Pose", "`task`"),
            ("rate_hz=0", "`rate_hz`"),
            ("network.codes=0", "`codes`"),
            ("windows.frames=62", "`windows.frames`"),
            ("loss.root=-1.0", "`loss.root`"),
        ] {
            let recipe = apply(recipe.clone(), &[set.parse().unwrap()]).unwrap();
            let error = format!("{:#}", recipe.check().unwrap_err());
            assert!(error.contains(name), "{set}: {error}");
        }
    }
}
