//! Recipe of a forecasting run, in RON. Missing fields have default values; unknown fields are
//! errors.

use super::loss::ForecastLossConfig;
use super::windows::WindowConfig;
use crate::data::benchmark::Benchmark;
use crate::run::config::{Arithmetic, OptimizerConfig, RunConfig, ValidationConfig, run_config};
use crate::tasks::checks;
use crate::tasks::kind::TaskKind;
use anyhow::ensure;
use kinest::model::forecast::{ForecastConfig, ForecastLayout};
use serde::{Deserialize, Serialize};

/// A forecasting run. The default is KSOF in its authors' size for Human3.6M.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForecastRecipe {
    /// [`TaskKind::Forecast`].
    pub task: TaskKind,
    /// See [`RunConfig::seed`].
    pub seed: u64,
    /// The benchmark.
    pub layout: ForecastLayout,
    /// Training data.
    pub data: WindowConfig,
    /// See [`RunConfig::validation`]. Names of sequences are those inside the training folder,
    /// such as `walking/walking_4`.
    pub validation: ValidationConfig,
    /// The network.
    pub network: ForecastConfig,
    /// Millimetres that are 1 for the network while it is trained.
    pub unit: f64,
    /// The loss, in that unit.
    pub loss: ForecastLossConfig,
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

impl Default for ForecastRecipe {
    fn default() -> Self {
        let run = RunConfig::default();
        Self {
            task: TaskKind::Forecast,
            seed: run.seed,
            layout: ForecastLayout::H36m,
            data: WindowConfig::default(),
            validation: run.validation,
            network: ForecastConfig::default(),
            unit: 100.0,
            loss: ForecastLossConfig::default(),
            optimizer: run.optimizer,
            arithmetic: run.arithmetic,
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

impl ForecastRecipe {
    /// Configuration of the loop.
    #[must_use]
    pub fn run(&self) -> RunConfig {
        run_config!(self, arithmetic: self.arithmetic, average: self.average)
    }

    /// Whether the loss has learned weights of branches: there are none without branches.
    #[must_use]
    pub fn weighs_branches(&self) -> bool {
        self.loss.branches && matches!(self.network, ForecastConfig::Ksof(_))
    }

    /// Checks all values.
    ///
    /// # Errors
    /// If a value is invalid; the error names the field.
    pub fn check(&self) -> anyhow::Result<()> {
        checks::is_for(self.task, TaskKind::Forecast)?;
        self.run().check()?;
        ensure!(
            self.validation.split.is_none(),
            "`validation.split` is a list of clips for poses; a forecaster has `validation.hold_out`"
        );
        Benchmark::of(self.layout)?;
        self.network.check()?;
        let (found, expected) = (self.network.numbers(), self.layout.numbers());
        ensure!(
            found == expected,
            "`network` has {found} numbers per frame, `layout` {:?} needs {expected}",
            self.layout
        );
        ensure!(
            self.unit.is_finite() && self.unit > 0.0,
            "`unit` {} is not a number of millimetres",
            self.unit
        );
        let balance = self.data.balance;
        ensure!((0.0..=1.0).contains(&balance), "`data.balance` {balance} is not in 0..=1");
        ensure!(
            self.batch >= 2 || matches!(self.network, ForecastConfig::SiMlpe(_)),
            "`batch` 1 is too small for the batch normalisation of KSOF"
        );
        self.loss.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::overrides::apply;
    use crate::tasks::kind::read_recipe;
    use std::path::Path;

    #[test]
    fn every_forecasting_recipe_is_valid() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/config");
        let paths = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let paths = paths.filter(|path| path.to_string_lossy().ends_with(".train.ron"));
        let mut found = vec![];
        for path in paths.filter(|path| TaskKind::of(path).unwrap() == TaskKind::Forecast) {
            let recipe: ForecastRecipe = read_recipe(&path).unwrap();
            recipe.check().unwrap();
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
        found.sort();
        let expected = ["ksof_3dpw", "ksof_cmu", "ksof_h36m", "simlpe_cmu"];
        assert_eq!(found, expected.map(|name| format!("{name}.train.ron")));
    }

    #[test]
    fn the_default_is_read_back_and_values_can_be_set() {
        let recipe = ForecastRecipe::default();
        recipe.check().unwrap();
        let text = ron::to_string(&recipe).unwrap();
        assert_eq!(ron::from_str::<ForecastRecipe>(&text).unwrap(), recipe);
        let set = |text: &str| apply(recipe.clone(), &[text.parse().unwrap()]);
        assert_eq!(set("loss.jps=0").unwrap().loss.jps, 0.0);
        let linear = set("network.fusion=Linear").unwrap().network;
        let ForecastConfig::Ksof(linear) = linear else { panic!("{linear:?}") };
        assert_eq!(linear.fusion, kinest::model::forecast::Fusion::Linear);
        assert!(set("loss.jsp=0").is_err());
    }

    #[test]
    fn values_that_do_not_fit_are_named() {
        let good = ForecastRecipe::default();
        let refused = |recipe: ForecastRecipe, name: &str| {
            let error = recipe.check().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        };
        let split = ValidationConfig { split: Some("a.txt".into()), ..Default::default() };
        refused(ForecastRecipe { task: TaskKind::Pose, ..good.clone() }, "`task`");
        refused(ForecastRecipe { layout: ForecastLayout::Cmu38, ..good.clone() }, "Cmu38 needs 75");
        refused(ForecastRecipe { validation: split, ..good.clone() }, "validation.split");
        refused(ForecastRecipe { unit: 0.0, ..good.clone() }, "`unit`");
        refused(ForecastRecipe { batch: 1, ..good.clone() }, "`batch`");
        refused(
            ForecastRecipe {
                data: WindowConfig { balance: 1.5, ..WindowConfig::default() },
                ..good
            },
            "data.balance",
        );
    }
}
