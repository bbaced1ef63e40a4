//! What a training run is told, in RON. Anything left out has the value of the default; a key that
//! does not exist is an error.

use anyhow::{Context, bail, ensure};
use kinest::features::FeatureLayout;
use kinest::model::{NetworkConfig, TrainingRecord};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A training run. The default is the reference's recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Seed of weights, data order, augmentation and dropout.
    pub seed: u64,
    /// What is trained on.
    pub data: DataConfig,
    /// What the network's numbers mean.
    pub layout: FeatureLayout,
    /// The network.
    pub network: NetworkConfig,
    /// Whether the network is prepared for its data before the first step: standardised inputs if
    /// it has them, a last layer that starts at the mean target. The reference does not.
    pub prepare: bool,
    /// The loss.
    pub loss: LossConfig,
    /// The optimiser.
    pub optimizer: OptimizerConfig,
    /// Windows per step.
    pub batch: usize,
    /// Steps of the whole run.
    pub steps: u64,
    /// A line of `metrics.jsonl` every so many steps.
    pub log_every: u64,
    /// `last.model.ron` is written every so many steps, and at the end.
    pub save_every: u64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            seed: 10,
            data: DataConfig::default(),
            layout: FeatureLayout::default(),
            network: NetworkConfig::default(),
            prepare: false,
            loss: LossConfig::default(),
            optimizer: OptimizerConfig::default(),
            batch: 256,
            steps: 300_000,
            log_every: 20,
            save_every: 500,
        }
    }
}

/// Training data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// Folder with AMASS clips, at any depth. `train --data` overrides it.
    pub folder: PathBuf,
    /// File with one clip per line, relative to `folder`; none: all clips of the folder.
    pub split: Option<PathBuf>,
    /// How windows are drawn.
    pub sampling: Sampling,
    /// What is changed at random about a window.
    pub augment: Augment,
    /// What the checkpoint says of the data.
    pub record: TrainingRecord,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            folder: "data".into(),
            split: None,
            sampling: Sampling::default(),
            augment: Augment::default(),
            record: TrainingRecord::default(),
        }
    }
}

/// How windows are drawn from clips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sampling {
    /// Every clip equally often, as the reference does.
    #[default]
    Clips,
    /// Every moment equally often: long clips more than short ones.
    Frames,
}

/// Random changes to a window. The reference makes none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Whether half of the windows are mirrored left to right.
    pub mirror: bool,
    /// The pace is changed by up to this factor either way: 0.2 is 0.8 to 1.2 times.
    pub speed: f64,
    /// The body's size is changed by up to this factor either way.
    pub size: f64,
}

/// Weights of the loss terms. The first three are the reference's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossConfig {
    /// 6D numbers, norm over time.
    pub rotation: f64,
    /// 6D numbers of the root, norm over time.
    pub root: f64,
    /// Angular velocities.
    pub angular_velocity: f64,
    /// Joint positions against the head, mean distance per axis in metres, over the newest
    /// `position_frames` frames.
    pub position: f64,
    /// How many frames the position term looks at.
    pub position_frames: usize,
    /// 6D numbers of the newest frame alone, mean distance: the frame a game uses.
    pub newest: f64,
}

impl Default for LossConfig {
    fn default() -> Self {
        Self {
            rotation: 1.0,
            root: 0.02,
            angular_velocity: 1.0,
            position: 0.0,
            position_frames: 1,
            newest: 0.0,
        }
    }
}

/// Adam, as the reference uses it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimizerConfig {
    /// Learning rate, before the schedule.
    pub rate: f64,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// L2 weight decay, added to the gradient.
    pub weight_decay: f32,
    /// The norm of each tensor's gradient is cut to this.
    pub clip_norm: Option<f32>,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self { rate: 3e-4, schedule: Schedule::default(), weight_decay: 1e-5, clip_norm: None }
    }
}

/// Learning rate over the run, as a factor of [`OptimizerConfig::rate`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Schedule {
    /// 1, and `factor` after step `after`.
    Drop {
        /// The last step at the full rate.
        after: u64,
        /// What the rate is multiplied with from then on.
        factor: f64,
    },
    /// Straight up to 1 over `warm_up` steps, then half a cosine down to 0 at the last step.
    Cosine {
        /// Steps of the way up.
        warm_up: u64,
    },
}

impl Default for Schedule {
    fn default() -> Self {
        Self::Drop { after: 200_000, factor: 0.1 }
    }
}

impl Schedule {
    /// The factor at `step` (from 0) of `steps`.
    #[must_use]
    pub fn factor(self, step: u64, steps: u64) -> f64 {
        match self {
            Self::Drop { after, factor } => {
                // The reference changes the rate after the step it counts, so one step later.
                if step > after + 1 { factor } else { 1.0 }
            }
            Self::Cosine { warm_up } if step < warm_up => (step + 1) as f64 / warm_up as f64,
            Self::Cosine { warm_up } => {
                let way = (step - warm_up) as f64 / steps.saturating_sub(warm_up).max(1) as f64;
                0.5 + 0.5 * (way.min(1.0) * std::f64::consts::PI).cos()
            }
        }
    }
}

impl TrainConfig {
    /// Reads a RON file.
    ///
    /// # Errors
    /// If it cannot be read, a key is unknown, or a value cannot be.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read config {}", path.display()))?;
        let config: Self =
            ron::from_str(&text).with_context(|| format!("config {}", path.display()))?;
        config.check().with_context(|| format!("config {}", path.display()))?;
        Ok(config)
    }

    fn check(&self) -> anyhow::Result<()> {
        ensure!(self.batch > 0, "`batch` is 0");
        ensure!(self.log_every > 0, "`log_every` is 0");
        ensure!(self.save_every > 0, "`save_every` is 0");
        let (inputs, outputs) = self.network.inputs_and_outputs();
        ensure!(
            inputs == self.layout.inputs() && outputs == kinest::features::TARGETS,
            "`network` has {inputs} inputs and {outputs} outputs, `layout` needs {} and {}",
            self.layout.inputs(),
            kinest::features::TARGETS
        );
        let NetworkConfig::Kinest(network) = &self.network;
        ensure!(self.prepare || !network.standardise, "`network` standardises, `prepare` is false");
        let window = self.network.window();
        ensure!(
            (1..=window).contains(&self.loss.position_frames),
            "`loss.position_frames` {} is not in 1..={window}",
            self.loss.position_frames
        );
        for (name, value) in [("speed", self.data.augment.speed), ("size", self.data.augment.size)]
        {
            if !(0.0..1.0).contains(&value) {
                bail!("`data.augment.{name}` {value} is not in 0..1");
            }
        }
        ensure!(
            self.optimizer.rate.is_finite() && self.optimizer.rate > 0.0,
            "`optimizer.rate` {} is not a rate",
            self.optimizer.rate
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cosine_goes_up_and_comes_down() {
        let schedule = Schedule::Cosine { warm_up: 10 };
        assert!((schedule.factor(0, 110) - 0.1).abs() < 1e-12);
        assert!((schedule.factor(10, 110) - 1.0).abs() < 1e-12);
        assert!((schedule.factor(60, 110) - 0.5).abs() < 1e-12);
        assert!(schedule.factor(110, 110) < 1e-12);
    }

    #[test]
    fn the_references_drop_comes_after_the_step_it_counts() {
        let schedule = Schedule::Drop { after: 5, factor: 0.1 };
        assert_eq!([5, 6, 7].map(|s| schedule.factor(s, 100)), [1.0, 1.0, 0.1]);
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = ron::from_str::<TrainConfig>("(batch: 2, bach: 3)").unwrap_err().to_string();
        assert!(error.contains("bach"), "{error}");
    }

    #[test]
    fn the_default_survives_a_round_trip() {
        let text = ron::to_string(&TrainConfig::default()).unwrap();
        assert_eq!(ron::from_str::<TrainConfig>(&text).unwrap(), TrainConfig::default());
    }
}
