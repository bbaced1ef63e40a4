//! Recipe of a run that trains a generator, in RON. Missing fields have default values; unknown fields
//! are errors.

use super::loss::GenerateLossConfig;
use super::masks::MaskConfig;
use crate::run::config::{Arithmetic, OptimizerConfig, RunConfig, ValidationConfig, run_config};
use crate::tasks::align::cuts::CutConfig;
use crate::tasks::align::recipe::AlignDataConfig;
use crate::tasks::checks;
use crate::tasks::kind::TaskKind;
use anyhow::ensure;
use kinest::model::generate::{GenerateConfig, GenerateSpec, Generating};
use kinest::model::{FieldProblem, ModelKind};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GenerateRecipe {
    /// [`TaskKind::Generate`].
    pub task: TaskKind,
    /// See [`RunConfig::seed`].
    pub seed: u64,
    /// The token model whose codes are written, a `.model.ron` file.
    pub tokens: PathBuf,
    /// A model of alignment whose words and encoders of texts the run starts with, instead of random ones.
    pub align: Option<PathBuf>,
    /// Motion and texts.
    pub data: AlignDataConfig,
    /// How clips are cut and told.
    pub cuts: CutConfig,
    /// See [`RunConfig::validation`].
    pub validation: ValidationConfig,
    /// Texts and motions of the model; their rate is that of the token model.
    pub spec: GenerateSpec,
    /// The network; its `tokens` are those of the token model, whatever stands here.
    pub network: GenerateConfig,
    /// How codes are masked.
    pub masks: MaskConfig,
    /// The loss.
    pub loss: GenerateLossConfig,
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

impl Default for GenerateRecipe {
    fn default() -> Self {
        let run = RunConfig::default();
        Self {
            task: TaskKind::Generate,
            seed: run.seed,
            tokens: PathBuf::new(),
            align: None,
            data: AlignDataConfig::default(),
            cuts: CutConfig::default(),
            validation: run.validation,
            spec: GenerateSpec::default(),
            network: GenerateConfig::default(),
            masks: MaskConfig::default(),
            loss: GenerateLossConfig::default(),
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

impl GenerateRecipe {
    /// Configuration of the loop.
    #[must_use]
    pub fn run(&self) -> RunConfig {
        run_config!(self, arithmetic: Arithmetic::F32, average: self.average)
    }

    /// Seconds of the longest motion.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.network.frames() as f64 / self.spec.rate_hz
    }

    /// Checks all values but those that the token model has a say in.
    ///
    /// # Errors
    /// If a value is invalid; the error names the field.
    pub fn check(&self) -> anyhow::Result<()> {
        checks::is_for(self.task, TaskKind::Generate)?;
        self.run().check()?;
        ensure!(!self.tokens.as_os_str().is_empty(), "`tokens` names no token model");
        checks::has_no_split(&self.validation, "generators have")?;
        self.network.check()?;
        Generating::check(&self.network, &self.spec)
            .map_err(|FieldProblem { field, problem }| anyhow::anyhow!("`{field}`: {problem}"))?;
        self.cuts.check()?;
        let both = self.data.titles.is_some() && self.data.captions.is_some();
        ensure!(!both, "`data.titles` and `data.captions` cannot both be given");
        self.masks.check()?;
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
        let path = "../../assets/config/generate.train.ron";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        assert_eq!(TaskKind::of(&path).unwrap(), TaskKind::Generate);
        let recipe: GenerateRecipe = read_recipe(&path).unwrap();
        recipe.check().unwrap();
        assert_eq!(recipe.data.only, ["CMU/"], "it is free for all uses");
        assert!(!recipe.validation.hold_out.is_empty());
        // In 16 bits, with the tokens of their shipped recipe.
        let tokens = "../../assets/config/tokens.train.ron";
        let tokens = Path::new(env!("CARGO_MANIFEST_DIR")).join(tokens);
        let tokens: crate::tasks::tokens::recipe::TokenRecipe = read_recipe(&tokens).unwrap();
        let network = GenerateConfig { tokens: tokens.network, ..recipe.network };
        let numbers = |(_, shape): (&str, &[usize])| shape.iter().product::<usize>();
        let bytes = 2 * network.tensors().iter().map(numbers).sum::<usize>();
        assert!(bytes < 8_500_000, "{bytes}");
    }

    #[test]
    fn the_default_is_read_back_and_what_is_wrong_is_named() {
        let recipe = GenerateRecipe { tokens: "a.model.ron".into(), ..Default::default() };
        recipe.check().unwrap();
        let text = ron::to_string(&recipe).unwrap();
        assert_eq!(ron::from_str::<GenerateRecipe>(&text).unwrap(), recipe);
        for (set, name) in [
            ("task=Pose", "`task`"),
            ("tokens=\"\"", "`tokens`"),
            ("spec.rate_hz=0", "`spec.rate_hz`"),
            ("network.longest=0", "`longest`"),
            ("cuts.stride_s=0", "`cuts.stride_s`"),
            ("masks.most=0", "`masks.most`"),
            ("masks.untold=2", "`masks.untold`"),
            ("loss.length=-1", "`loss.length`"),
        ] {
            let recipe = apply(recipe.clone(), &[set.parse().unwrap()]).unwrap();
            let error = format!("{:#}", recipe.check().unwrap_err());
            assert!(error.contains(name), "{set}: {error}");
        }
    }
}
