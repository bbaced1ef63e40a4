//! Recipe of a pose estimation run, in RON. Missing fields have default values; unknown fields are
//! errors.

use super::cut::Cut;
use super::loss::LossConfig;
use super::teacher::TeacherConfig;
use crate::data::config::DataConfig;
use crate::run::config::{Arithmetic, OptimizerConfig, RunConfig, ValidationConfig, run_config};
use crate::tasks::checks;
use crate::tasks::kind::TaskKind;
use anyhow::ensure;
use kinest::features::FeatureLayout;
use kinest::model::{Feed, NetworkConfig};
use serde::{Deserialize, Serialize};

/// A training run. The default is the reference's recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoseRecipe {
    /// [`TaskKind::Pose`].
    pub task: TaskKind,
    /// See [`RunConfig::seed`].
    pub seed: u64,
    /// Training data.
    pub data: DataConfig,
    /// See [`RunConfig::validation`].
    pub validation: ValidationConfig,
    /// Frame rate of the windows and the model, Hz. `None`: the rate of a prepared file, or 60 Hz for a
    /// folder of clips.
    pub rate_hz: Option<f64>,
    /// Meaning of the network's inputs and outputs.
    pub layout: FeatureLayout,
    /// The network.
    pub network: NetworkConfig,
    /// Training of a network that is fed frame by frame; `None` for one that takes windows.
    pub stream: Option<StreamConfig>,
    /// A trained network to learn from, in addition to the motion.
    pub teacher: Option<TeacherConfig>,
    /// Whether to prepare the network for its data before the first step: input standardisation, if
    /// it has one, and a last layer that outputs the mean target. The reference does not.
    pub prepare: bool,
    /// The loss.
    pub loss: LossConfig,
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

impl Default for PoseRecipe {
    fn default() -> Self {
        let run = RunConfig::default();
        Self {
            task: TaskKind::Pose,
            seed: run.seed,
            data: DataConfig::default(),
            validation: run.validation,
            rate_hz: None,
            layout: FeatureLayout::default(),
            network: NetworkConfig::default(),
            stream: None,
            teacher: None,
            prepare: false,
            loss: LossConfig::default(),
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

/// Stretches of motion for training a network that is fed frame by frame.
///
/// In a game its state is never reset, so it must be trained on states with a history: each step
/// first runs over a random number of the frames before those with a loss, and takes the resulting
/// state without a gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamConfig {
    /// Maximum number of frames before those with a loss.
    pub carried: usize,
    /// Number of frames with a loss.
    pub frames: usize,
}

impl PoseRecipe {
    /// Configuration of the loop.
    #[must_use]
    pub fn run(&self) -> RunConfig {
        run_config!(self, arithmetic: self.arithmetic, average: self.average)
    }

    /// How training clips are cut into examples.
    #[must_use]
    pub fn cut(&self) -> Cut {
        match (self.stream, self.network.feed()) {
            (Some(stream), Feed::Frames { look_ahead }) => Cut {
                window: stream.carried + stream.frames,
                output_frames: stream.frames,
                behind: look_ahead,
            },
            _ => Cut {
                window: self.network.window(),
                output_frames: self.network.output_frames(),
                behind: 0,
            },
        }
    }

    /// Checks all values.
    ///
    /// # Errors
    /// If a value is invalid; the error names the field.
    pub fn check(&self) -> anyhow::Result<()> {
        checks::is_for(self.task, TaskKind::Pose)?;
        self.run().check()?;
        let (inputs, outputs) = self.network.inputs_and_outputs();
        ensure!(
            inputs == self.layout.inputs() && outputs == self.layout.outputs(),
            "`network` has {inputs} inputs and {outputs} outputs, `layout` needs {} and {}",
            self.layout.inputs(),
            self.layout.outputs()
        );
        ensure!(
            self.prepare || !self.network.standardises(),
            "`network` standardises, `prepare` is false"
        );
        self.loss.check(self.cut().output_frames)?;
        for (name, weight, part, has) in [
            ("contact", self.loss.contact, "contacts", self.layout.contacts),
            ("deviation", self.loss.deviation, "deviations", self.layout.deviations),
        ] {
            ensure!(
                (weight > 0.0) == has,
                "`loss.{name}` is {weight}, `layout.{part}` is {has}: both or neither"
            );
        }
        ensure!(
            self.loss.slide == 0.0 || self.layout.contacts,
            "`loss.slide` is {}, `layout.contacts` is false: feet that stand are unknown",
            self.loss.slide
        );
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
        if let Some(rate_hz) = self.rate_hz {
            ensure!(rate_hz.is_finite() && rate_hz > 0.0, "`rate_hz` {rate_hz} is not a rate");
        }
        if let Some(TeacherConfig { part, .. }) = &self.teacher {
            ensure!((0.0..=1.0).contains(part), "`teacher.part` {part} is not in 0..=1");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::config::Schedule;
    use crate::tasks::kind::read_recipe;
    use std::path::Path;

    #[test]
    fn an_unknown_field_is_named() {
        let error = ron::from_str::<PoseRecipe>("(batch: 2, bach: 3)").unwrap_err().to_string();
        assert!(error.contains("bach"), "{error}");
    }

    fn recipes() -> Vec<PoseRecipe> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/config");
        let paths = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let paths = paths.filter(|path| path.to_string_lossy().ends_with(".train.ron"));
        let paths = paths.filter(|path| TaskKind::of(path).unwrap() == TaskKind::Pose);
        paths.map(|path| read_recipe(&path).unwrap()).collect()
    }

    #[test]
    fn every_recipe_is_valid_and_the_references_is_the_default() {
        let recipes = recipes();
        recipes.iter().for_each(|recipe| recipe.check().unwrap());
        let path = "../../assets/config/reference.train.ron";
        let reference: PoseRecipe =
            read_recipe(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        let default = PoseRecipe::default();
        assert_eq!(reference.network, default.network);
        assert_eq!((reference.layout, reference.loss), (default.layout, default.loss));
        assert_eq!(reference.optimizer, default.optimizer);
        assert_eq!((reference.batch, reference.seed), (default.batch, default.seed));
    }

    /// In RON as in a recipe, and as JSON, value by value.
    #[test]
    fn every_value_of_every_recipe_can_be_set() {
        use crate::run::overrides::apply;
        use serde_json::Value;

        /// All leaf values with their paths; lists count as one value.
        fn leaves(path: &str, value: &Value, found: &mut Vec<(String, Value)>) {
            match value {
                Value::Object(fields) if !fields.is_empty() => {
                    for (name, value) in fields {
                        leaves(&format!("{path}.{name}"), value, found);
                    }
                }
                value => found.push((path.trim_start_matches('.').to_owned(), value.clone())),
            }
        }

        for recipe in recipes() {
            let field = |name: &str, text: String| format!("{name}={text}").parse().unwrap();
            let r = &recipe;
            let whole = [
                field("seed", ron::to_string(&r.seed).unwrap()),
                field("data", ron::to_string(&r.data).unwrap()),
                field("validation", ron::to_string(&r.validation).unwrap()),
                field("rate_hz", ron::to_string(&r.rate_hz).unwrap()),
                field("layout", ron::to_string(&r.layout).unwrap()),
                field("network", ron::to_string(&r.network).unwrap()),
                field("stream", ron::to_string(&r.stream).unwrap()),
                field("teacher", ron::to_string(&r.teacher).unwrap()),
                field("prepare", ron::to_string(&r.prepare).unwrap()),
                field("loss", ron::to_string(&r.loss).unwrap()),
                field("optimizer", ron::to_string(&r.optimizer).unwrap()),
                field("arithmetic", ron::to_string(&r.arithmetic).unwrap()),
                field("batch", ron::to_string(&r.batch).unwrap()),
                field("accumulate", ron::to_string(&r.accumulate).unwrap()),
                field("average", ron::to_string(&r.average).unwrap()),
                field("steps", ron::to_string(&r.steps).unwrap()),
                field("log_every", ron::to_string(&r.log_every).unwrap()),
                field("save_every", ron::to_string(&r.save_every).unwrap()),
                field("loader_threads", ron::to_string(&r.loader_threads).unwrap()),
            ];
            assert_eq!(apply(PoseRecipe::default(), &whole).unwrap(), recipe);

            let mut found = vec![];
            leaves("", &serde_json::to_value(&recipe).unwrap(), &mut found);
            assert!(found.len() > 50);
            for (path, value) in found {
                // Strings are written without quotes.
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let again = apply(recipe.clone(), &[field(&path, text)]);
                assert_eq!(again.unwrap(), recipe, "{path}");
            }
        }
        let set = |text: &str| apply(PoseRecipe::default(), &[text.parse().unwrap()]).unwrap();
        let schedule = set("optimizer.schedule=Cosine(steps: 1100)").optimizer.schedule;
        assert_eq!(schedule, Schedule::Cosine { steps: 1100 });
        let causal = set("network.causal=Some((mixer_taps: 9, attention_frames: 60))").network;
        assert!(matches!(causal.feed(), Feed::Frames { look_ahead: 0 }));
    }

    #[test]
    fn the_default_is_read_back() {
        let text = ron::to_string(&PoseRecipe::default()).unwrap();
        assert_eq!(ron::from_str::<PoseRecipe>(&text).unwrap(), PoseRecipe::default());
    }
}
