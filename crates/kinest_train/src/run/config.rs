//! Configuration of the training loop, in RON.

use crate::data::clips::starts_with;
use anyhow::ensure;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Configuration of the training loop. The default is the reference's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunConfig {
    /// Seed of weights, data order, augmentation and dropout.
    pub seed: u64,
    /// Validation during the run.
    pub validation: ValidationConfig,
    /// The optimiser.
    pub optimizer: OptimizerConfig,
    /// Precision of the network's arithmetic.
    pub arithmetic: Arithmetic,
    /// Windows per pass through the network (micro-batch).
    pub batch: usize,
    /// Passes whose gradients are averaged in a step: `batch * accumulate` windows per step, in the
    /// memory of `batch`.
    pub accumulate: usize,
    /// Decay of an exponential moving average of the weights, for instance 0.999. The average is
    /// what is validated and saved in checkpoints. `None`: the weights themselves.
    pub average: Option<f64>,
    /// Total number of steps.
    pub steps: u64,
    /// Steps between lines of `metrics.jsonl`.
    pub log_every: u64,
    /// Steps between writes of `last.model.ron`, which is also written at the end.
    pub save_every: u64,
    /// Threads that draw windows in advance. Their number does not change the windows.
    pub loader_threads: usize,
}

/// The [`RunConfig`] of a recipe, whose fields have the same names. RON cannot flatten a struct into another one and
/// refuse unknown fields, so each recipe has them itself.
macro_rules! run_config {
    ($recipe:expr, arithmetic: $arithmetic:expr, average: $average:expr) => {
        RunConfig {
            seed: $recipe.seed,
            validation: $recipe.validation.clone(),
            optimizer: $recipe.optimizer,
            arithmetic: $arithmetic,
            batch: $recipe.batch,
            accumulate: $recipe.accumulate,
            average: $average,
            steps: $recipe.steps,
            log_every: $recipe.log_every,
            save_every: $recipe.save_every,
            loader_threads: $recipe.loader_threads,
        }
    };
}
pub(crate) use run_config;

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            seed: 10,
            validation: ValidationConfig::default(),
            optimizer: OptimizerConfig::default(),
            arithmetic: Arithmetic::default(),
            batch: 256,
            accumulate: 1,
            average: None,
            steps: 300_000,
            log_every: 20,
            save_every: 500,
            loader_threads: 2,
        }
    }
}

impl RunConfig {
    /// Checks all values.
    ///
    /// # Errors
    /// If a value is invalid; the error names the field.
    pub fn check(&self) -> anyhow::Result<()> {
        for (name, value) in [
            ("batch", self.batch as u64),
            ("accumulate", self.accumulate as u64),
            ("log_every", self.log_every),
            ("save_every", self.save_every),
            ("loader_threads", self.loader_threads as u64),
            ("validation.every", self.validation.every),
            ("validation.windows", self.validation.windows as u64),
        ] {
            ensure!(value > 0, "`{name}` is 0");
        }
        ensure!(
            self.optimizer.rate.is_finite() && self.optimizer.rate > 0.0,
            "`optimizer.rate` {} is not a rate",
            self.optimizer.rate
        );
        if let Some(norm) = self.optimizer.clip_norm {
            ensure!(norm > 0.0, "`optimizer.clip_norm` {norm} is not above 0");
        }
        if let Some(decay) = self.average {
            ensure!((0.0..1.0).contains(&decay), "`average` {decay} is not in 0..1");
        }
        let validated = !self.validation.hold_out.is_empty() || self.validation.split.is_some();
        ensure!(
            validated || self.validation.patience.is_none(),
            "`validation.patience` needs `validation.hold_out` or `validation.split`"
        );
        Ok(())
    }
}

/// Precision of the network's arithmetic. Weights, accumulated gradients and optimiser state are
/// always f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Arithmetic {
    /// 32-bit.
    #[default]
    F32,
    /// 16-bit with the exponent range of f32; the loss is computed in f32.
    Bf16,
}

/// Validation motion, which is not trained on; the best checkpoint is the one with the lowest score
/// on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValidationConfig {
    /// Prefixes of the names of training clips to hold out for validation, for instance `CMU/08/`
    /// for a subject.
    pub hold_out: Vec<String>,
    /// File with further validation clips in the data folder, one per line.
    pub split: Option<PathBuf>,
    /// Number of validation windows, the same each time.
    pub windows: usize,
    /// Steps between validations.
    pub every: u64,
    /// Number of validations without a new best after which the run stops.
    pub patience: Option<u32>,
}

impl Default for ValidationConfig {
    fn default() -> Self {
        Self { hold_out: vec![], split: None, windows: 1024, every: 500, patience: None }
    }
}

impl ValidationConfig {
    /// Divides into what is held out, by its name, and the rest. Errors call one of them `what`.
    ///
    /// # Errors
    /// If something is to be held out, and no name starts like that.
    pub fn divide<T>(
        &self,
        what: &str,
        all: impl IntoIterator<Item = T>,
        name: impl Fn(&T) -> &str,
    ) -> anyhow::Result<(Vec<T>, Vec<T>)> {
        let (held, rest): (Vec<T>, Vec<T>) =
            all.into_iter().partition(|one| self.holds_out(name(one)));
        self.check_found(what, !held.is_empty())?;
        Ok((held, rest))
    }

    /// Whether what has this name is held out.
    #[must_use]
    pub fn holds_out(&self, name: &str) -> bool {
        starts_with(name, &self.hold_out)
    }

    /// Checks that what is to be held out was `found`.
    ///
    /// # Errors
    /// If not.
    pub fn check_found(&self, what: &str, found: bool) -> anyhow::Result<()> {
        ensure!(
            self.hold_out.is_empty() || found,
            "no {what}'s name starts with what `validation.hold_out` says: {}",
            self.hold_out.join(", ")
        );
        Ok(())
    }
}

/// The optimiser and its learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimizerConfig {
    /// Algorithm.
    pub kind: OptimizerKind,
    /// Learning rate, before the schedule.
    pub rate: f64,
    /// Steps in which the rate rises linearly from 0, before the schedule starts.
    pub warm_up: u64,
    /// Learning rate schedule.
    pub schedule: Schedule,
    /// Weight decay.
    pub weight_decay: f32,
    /// Maximum norm of the gradient of all weights together.
    pub clip_norm: Option<f64>,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            kind: OptimizerKind::default(),
            rate: 3e-4,
            warm_up: 0,
            schedule: Schedule::default(),
            weight_decay: 1e-5,
            clip_norm: None,
        }
    }
}

/// Optimisation algorithm, with momenta 0.9 and 0.999.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OptimizerKind {
    /// Adam, with weight decay added to the gradient (L2), as in the reference.
    #[default]
    Adam,
    /// AdamW: decoupled weight decay.
    AdamW,
}

/// Learning rate schedule, as a factor of [`OptimizerConfig::rate`].
///
/// Schedules have their own lengths, independent of the number of steps, so a run that is extended
/// continues as if it had been that long from the start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Schedule {
    /// Always 1.
    Constant,
    /// 1, and `factor` after step `after`.
    Drop {
        /// The last step at the full rate.
        after: u64,
        /// Factor from then on.
        factor: f64,
    },
    /// Half a cosine from 1 to 0 at step `steps`, then 0.
    Cosine {
        /// Length, including the warm-up.
        steps: u64,
    },
}

impl Default for Schedule {
    fn default() -> Self {
        Self::Drop { after: 200_000, factor: 0.1 }
    }
}

impl OptimizerConfig {
    /// Learning rate of step `step`, counted from 0.
    #[must_use]
    pub fn rate_at(&self, step: u64) -> f64 {
        if step < self.warm_up {
            return self.rate * (step + 1) as f64 / self.warm_up as f64;
        }
        let factor = match self.schedule {
            Schedule::Constant => 1.0,
            // The reference changes the rate after step `after`, so it takes effect one step later.
            Schedule::Drop { after, factor } => {
                if step > after + 1 {
                    factor
                } else {
                    1.0
                }
            }
            Schedule::Cosine { steps } => {
                let way = (step - self.warm_up) as f64;
                let way = way / steps.saturating_sub(self.warm_up).max(1) as f64;
                0.5 + 0.5 * (way.min(1.0) * std::f64::consts::PI).cos()
            }
        };
        self.rate * factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(schedule: Schedule, warm_up: u64, steps: &[u64]) -> Vec<f64> {
        let optimizer = OptimizerConfig { rate: 2.0, warm_up, schedule, ..Default::default() };
        steps.iter().map(|step| optimizer.rate_at(*step)).collect()
    }

    #[test]
    fn the_cosine_warms_up_decays_and_stays_at_zero() {
        let found = rates(Schedule::Cosine { steps: 110 }, 10, &[0, 4, 10, 60, 110, 500]);
        for (found, expected) in found.iter().zip([0.2, 1.0, 2.0, 1.0, 0.0, 0.0]) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn the_drop_takes_effect_after_its_step() {
        let schedule = Schedule::Drop { after: 5, factor: 0.1 };
        assert_eq!(rates(schedule, 0, &[5, 6, 7]), [2.0, 2.0, 0.2]);
        assert_eq!(rates(Schedule::Constant, 0, &[0, 1_000_000]), [2.0, 2.0]);
    }
}
