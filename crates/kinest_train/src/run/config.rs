//! What the loop of any task is told, in RON.

use anyhow::ensure;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What the loop of any task is told. The default is the reference's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunConfig {
    /// Seed of weights, data order, augmentation and dropout.
    pub seed: u64,
    /// What the run is judged by while it goes on.
    pub validation: ValidationConfig,
    /// The optimiser.
    pub optimizer: OptimizerConfig,
    /// What the network computes with.
    pub arithmetic: Arithmetic,
    /// Windows per pass through the network.
    pub batch: usize,
    /// Passes whose gradients are averaged for one step: `batch * accumulate` windows per step in
    /// the memory of `batch`.
    pub accumulate: usize,
    /// Decay of an exponential moving average of the weights, such as 0.999; the average is what
    /// is validated and written to checkpoints. None: the weights themselves.
    pub average: Option<f64>,
    /// Steps of the whole run.
    pub steps: u64,
    /// A line of `metrics.jsonl` every so many steps.
    pub log_every: u64,
    /// `last.model.ron` is written every so many steps, and at the end.
    pub save_every: u64,
    /// Threads that draw windows ahead of the steps that use them. Their number does not change
    /// what is drawn.
    pub loader_threads: usize,
}

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
    /// Checks what the types cannot.
    ///
    /// # Errors
    /// If a value cannot be; the error names the field.
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

/// Numbers the network computes with. Weights, their gradients' sum and the optimiser stay in f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Arithmetic {
    /// 32-bit.
    #[default]
    F32,
    /// 16-bit with the range of f32; the loss is computed in f32.
    Bf16,
}

/// Motion that is not trained on, by which the best checkpoint is chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValidationConfig {
    /// Clips of the training data whose names start with one of these are held out for validation,
    /// such as `CMU/08/` for a subject.
    pub hold_out: Vec<String>,
    /// Clips inside the data folder to validate on besides, one per line.
    pub split: Option<PathBuf>,
    /// Windows that are looked at each time; always the same ones.
    pub windows: usize,
    /// Validation every so many steps.
    pub every: u64,
    /// The run stops after so many validations without a new best.
    pub patience: Option<u32>,
}

impl Default for ValidationConfig {
    fn default() -> Self {
        Self { hold_out: vec![], split: None, windows: 1024, every: 500, patience: None }
    }
}

/// How weights follow their gradients.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimizerConfig {
    /// Which one.
    pub kind: OptimizerKind,
    /// Learning rate, before the schedule.
    pub rate: f64,
    /// The rate goes straight up from 0 over so many steps before the schedule counts.
    pub warm_up: u64,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// Weight decay.
    pub weight_decay: f32,
    /// The norm of the gradient of all weights together is cut to this.
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

/// An optimiser, with the usual momenta 0.9 and 0.999.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OptimizerKind {
    /// Adam, weight decay added to the gradient (L2), as the reference has it.
    #[default]
    Adam,
    /// AdamW: weight decay apart from the gradient.
    AdamW,
}

/// Learning rate over the run, as a factor of [`OptimizerConfig::rate`].
///
/// A schedule has lengths of its own and does not ask how many steps the run has: a run that is
/// made longer goes on as if it had been so from the start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Schedule {
    /// Always 1.
    Constant,
    /// 1, and `factor` after step `after`.
    Drop {
        /// The last step at the full rate.
        after: u64,
        /// What the rate is multiplied with from then on.
        factor: f64,
    },
    /// Half a cosine from 1 down to 0 at step `steps`, where it stays.
    Cosine {
        /// Steps of the way down, the warm-up's among them.
        steps: u64,
    },
}

impl Default for Schedule {
    fn default() -> Self {
        Self::Drop { after: 200_000, factor: 0.1 }
    }
}

impl OptimizerConfig {
    /// The learning rate of `step`, counted from 0.
    #[must_use]
    pub fn rate_at(&self, step: u64) -> f64 {
        if step < self.warm_up {
            return self.rate * (step + 1) as f64 / self.warm_up as f64;
        }
        let factor = match self.schedule {
            Schedule::Constant => 1.0,
            // The reference changes the rate after the step it counts, so one step later.
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
    fn the_cosine_goes_up_and_comes_down_and_stays() {
        let found = rates(Schedule::Cosine { steps: 110 }, 10, &[0, 4, 10, 60, 110, 500]);
        for (found, expected) in found.iter().zip([0.2, 1.0, 2.0, 1.0, 0.0, 0.0]) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn the_references_drop_comes_after_the_step_it_counts() {
        let schedule = Schedule::Drop { after: 5, factor: 0.1 };
        assert_eq!(rates(schedule, 0, &[5, 6, 7]), [2.0, 2.0, 0.2]);
        assert_eq!(rates(Schedule::Constant, 0, &[0, 1_000_000]), [2.0, 2.0]);
    }
}
