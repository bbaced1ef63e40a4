//! What a training run is told, in RON. Anything left out has the value of the default; a key that
//! does not exist is an error.

use super::cut::Cut;
use crate::data::config::DataConfig;
use crate::run::config::{Arithmetic, OptimizerConfig, ValidationConfig};
use anyhow::{Context, ensure};
use kinest::features::FeatureLayout;
use kinest::model::{Feed, NetworkConfig};
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
    /// What the run is judged by while it goes on.
    pub validation: ValidationConfig,
    /// What the network's numbers mean.
    pub layout: FeatureLayout,
    /// The network.
    pub network: NetworkConfig,
    /// How a network that is fed frame by frame is trained; none for one that sees windows.
    pub stream: Option<StreamConfig>,
    /// A trained network that this one learns from besides the motion.
    pub teacher: Option<TeacherConfig>,
    /// Whether the network is prepared for its data before the first step: standardised inputs if
    /// it has them, a last layer that starts at the mean target. The reference does not.
    pub prepare: bool,
    /// The loss.
    pub loss: LossConfig,
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

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            seed: 10,
            data: DataConfig::default(),
            validation: ValidationConfig::default(),
            layout: FeatureLayout::default(),
            network: NetworkConfig::default(),
            stream: None,
            teacher: None,
            prepare: false,
            loss: LossConfig::default(),
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

/// The stretches of motion that a network which is fed frame by frame is trained on.
///
/// In a game its state is never reset, so it has to be trained on states that have seen something: each
/// step runs over a part of the frames before those that count, of a length drawn anew for each step,
/// and takes the state from there without a gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamConfig {
    /// Frames before those that count, at most.
    pub carried: usize,
    /// Frames that count.
    pub frames: usize,
}

/// Distillation: what a trained network says is mixed into the targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherConfig {
    /// The network's `.model.ron`.
    pub model: PathBuf,
    /// How far targets are turned from the truth towards what it says, 0 to 1.
    #[serde(default = "TeacherConfig::part")]
    pub part: f64,
}

impl TeacherConfig {
    /// Half of the way.
    pub const PART: f64 = 0.5;

    fn part() -> f64 {
        Self::PART
    }
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
    /// Movement of the joints from frame to frame, over the same frames as `position`: mean distance
    /// per axis in metres.
    pub velocity: f64,
    /// 6D numbers of the newest `newest_frames` frames, each for itself, mean distance: the frames a
    /// game uses.
    pub newest: f64,
    /// How many frames that term looks at: one of a window, all of a network that is fed frame by
    /// frame.
    pub newest_frames: usize,
}

impl Default for LossConfig {
    fn default() -> Self {
        Self {
            rotation: 1.0,
            root: 0.02,
            angular_velocity: 1.0,
            position: 0.0,
            position_frames: 1,
            velocity: 0.0,
            newest: 0.0,
            newest_frames: 1,
        }
    }
}

impl TrainConfig {
    /// Reads a RON file.
    ///
    /// # Errors
    /// If it cannot be read or a key is unknown. [`TrainConfig::check`] looks at the values.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read config {}", path.display()))?;
        let config: Self =
            ron::from_str(&text).with_context(|| format!("config {}", path.display()))?;
        Ok(config)
    }

    /// What a window of the training data is cut to.
    #[must_use]
    pub fn cut(&self) -> Cut {
        match (self.stream, self.network.feed()) {
            (Some(stream), Feed::Frames { look_ahead }) => Cut {
                window: stream.carried + stream.frames,
                answers: stream.frames,
                behind: look_ahead,
            },
            _ => Cut { window: self.network.window(), answers: self.network.answers(), behind: 0 },
        }
    }

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
        let (inputs, outputs) = self.network.inputs_and_outputs();
        ensure!(
            inputs == self.layout.inputs() && outputs == kinest::features::TARGETS,
            "`network` has {inputs} inputs and {outputs} outputs, `layout` needs {} and {}",
            self.layout.inputs(),
            kinest::features::TARGETS
        );
        ensure!(
            self.prepare || !self.network.standardises(),
            "`network` standardises, `prepare` is false"
        );
        self.loss.check(self.cut().answers)?;
        ensure!(
            (self.network.feed() == Feed::Windows) == self.stream.is_none(),
            "`stream` is for networks that are fed frame by frame, and they need it"
        );
        ensure!(
            self.stream.is_none() || !self.layout.axes.moves_with_window(),
            "`layout.frame` {:?} cannot be fed frame by frame",
            self.layout.axes
        );
        if let (Some(stream), Feed::Frames { look_ahead }) = (self.stream, self.network.feed()) {
            ensure!(stream.frames > 0, "`stream.frames` is 0");
            ensure!(
                stream.carried >= look_ahead,
                "`stream.carried` {} is less than the network's `look_ahead` {look_ahead}",
                stream.carried
            );
        }
        self.data.augment.check()?;
        ensure!(
            self.optimizer.rate.is_finite() && self.optimizer.rate > 0.0,
            "`optimizer.rate` {} is not a rate",
            self.optimizer.rate
        );
        if let Some(TeacherConfig { part, .. }) = &self.teacher {
            ensure!((0.0..=1.0).contains(part), "`teacher.part` {part} is not in 0..=1");
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named() {
        let error = ron::from_str::<TrainConfig>("(batch: 2, bach: 3)").unwrap_err().to_string();
        assert!(error.contains("bach"), "{error}");
    }

    #[test]
    fn every_recipe_is_sound_and_the_references_is_the_default() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/config");
        let mut recipes = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if !path.to_string_lossy().ends_with(".train.ron") {
                continue;
            }
            let recipe = TrainConfig::load(&path).unwrap();
            recipe.check().unwrap();
            recipes += 1;
            if path.ends_with("reference.train.ron") {
                let default = TrainConfig::default();
                assert_eq!(recipe.network, default.network);
                assert_eq!((recipe.layout, recipe.loss), (default.layout, default.loss));
                assert_eq!(recipe.optimizer, default.optimizer);
                assert_eq!((recipe.batch, recipe.seed), (default.batch, default.seed));
            }
        }
        assert_eq!(recipes, 7);
    }

    #[test]
    fn the_default_survives_a_round_trip() {
        let text = ron::to_string(&TrainConfig::default()).unwrap();
        assert_eq!(ron::from_str::<TrainConfig>(&text).unwrap(), TrainConfig::default());
    }
}
