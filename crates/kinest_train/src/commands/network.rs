//! The text-to-motion network that `generate` works with.

use crate::report::network_motion::{TextToMotion, open};
use anyhow::{Context, ensure};
use clap::Args;
use kinest::align::LevelTexts;
use kinest::compose::grounded;
use kinest::model::CheckpointOf;
use kinest::motion::MotionClip;
use kinest::skeleton::Group;
use kinest_engine::DeviceChoice;
use kinest_language::generate::{Generator, Judged, LONGEST, Reasoner, Request, SHORTEST, Unknown};
use kinest_nn::generate::Sampling;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How motions are made.
pub const METHOD: &str = "text-to-motion network (experimental)";

/// Rate at which the rules of descriptions look at a motion, as at those of a library.
const JUDGED_HZ: f64 = 60.0;

/// A network that makes the motion.
#[derive(Args, Clone, Debug)]
pub struct NetworkArgs {
    /// A trained text-to-motion network, a `.model.ron` file, that makes the motion instead of retrieval;
    /// experimental. A library still says which words are known and what groups do that the text leaves open
    #[arg(long)]
    pub model: Option<PathBuf>,
    /// Passes of the network: the first reads the text, the second also those of groups, the third those of
    /// pairs [default: 3]
    #[arg(long, requires = "model", value_parser = clap::value_parser!(u8).range(1..=3))]
    pub passes: Option<u8>,
    /// How much more than it learned the network follows the text; 1 is as it learned
    #[arg(long, requires = "model")]
    pub scale: Option<f64>,
    /// Leaves feet as the network has them, instead of solving legs so that they stand on the floor
    #[arg(long, requires = "model")]
    pub raw_feet: bool,
    /// Device for the network: cpu, wgpu, cuda, or auto for the fastest that works [default: cpu]
    #[arg(long, requires = "model")]
    pub device: Option<DeviceChoice>,
}

/// A network, and how it is used.
pub struct Network {
    model: String,
    network: Box<dyn TextToMotion>,
    sampling: Sampling,
    raw_feet: bool,
}

/// What a network made of what.
#[derive(Clone, Debug, Serialize)]
pub struct NetworkReport {
    /// How it was made.
    pub method: &'static str,
    /// The model.
    pub model: String,
    /// Passes of the network.
    pub passes: usize,
    /// Scale of guidance.
    pub scale: f64,
    /// The request's number.
    pub seed: u64,
    /// Whether legs were solved so that feet stand on the floor.
    pub feet_solved: bool,
    /// What the network read about the whole body.
    pub text: String,
    /// What it read about each group.
    pub groups: BTreeMap<Group, String>,
    /// Whether it is what was asked for.
    #[serde(flatten)]
    pub judged: Judged,
    /// Words that are not known. The network has read their letters.
    pub unknown: Vec<Unknown>,
}

impl NetworkArgs {
    /// Opens the model; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be loaded, is of another kind, an option is out of range, or the device does not
    /// work.
    pub fn open(&self) -> anyhow::Result<Option<Network>> {
        let Some(path) = &self.model else { return Ok(None) };
        let in_model = || format!("model {}", path.display());
        let mut sampling = Sampling::default();
        sampling.passes = self.passes.map_or(sampling.passes, usize::from);
        sampling.scale = self.scale.unwrap_or(sampling.scale);
        sampling.check()?;
        let checkpoint = CheckpointOf::load(path).with_context(in_model)?;
        let device = self.device.unwrap_or(DeviceChoice::Cpu);
        let network = open(&checkpoint, device).with_context(in_model)?;
        let (model, raw_feet) = (path.display().to_string(), self.raw_feet);
        Ok(Some(Network { model, network, sampling, raw_feet }))
    }
}

impl Network {
    /// The motion of a request. `generator` knows the words and judges the result.
    ///
    /// # Errors
    /// If nothing is asked, no word is known, the motion cannot be as long as it should, or the network
    /// writes what is no motion.
    pub fn make(
        &self,
        generator: &Generator,
        request: &Request,
    ) -> anyhow::Result<(MotionClip, NetworkReport)> {
        if let Some(seconds) = request.seconds {
            let most = self.network.longest_s().min(LONGEST);
            ensure!(
                (SHORTEST..=most + 1e-9).contains(&seconds),
                "{seconds} s is no length for a motion of {}: {SHORTEST} to {most:.2} s",
                self.model
            );
        }
        let repertoire = generator.repertoire();
        let plan = Reasoner::new(repertoire.library()).plan(request)?;
        let texts = plan.texts(&request.text);
        let mut clip = self.clip(&texts, request)?;
        if !self.raw_feet {
            clip = grounded(&clip, repertoire.skeleton());
        }
        let judged = generator.judge(request, &clip.resampled(JUDGED_HZ))?;
        let report = NetworkReport {
            method: METHOD,
            model: self.model.clone(),
            passes: self.sampling.passes,
            scale: self.sampling.scale,
            seed: request.seed,
            feet_solved: !self.raw_feet,
            groups: Group::ALL.into_iter().zip(texts.groups).collect(),
            text: texts.body,
            judged,
            unknown: plan.unknown,
        };
        Ok((clip, report))
    }

    /// The motion of texts, as long as was asked for, or as the network thinks.
    fn clip(&self, texts: &LevelTexts, request: &Request) -> anyhow::Result<MotionClip> {
        let network = &self.network;
        let frames = |seconds: f64| (seconds * network.rate_hz()).round() as usize + 1;
        let least = network.tokens(frames(SHORTEST));
        let (tokens, frames) = match request.seconds {
            Some(seconds) => (network.tokens(frames(seconds)), frames(seconds)),
            None => {
                let tokens = network.lengths(&[texts])[0].clamp(least, network.longest());
                (tokens, tokens * network.frames())
            }
        };
        let made = network.make(&[texts], &[tokens], &self.sampling, request.seed)?;
        let mut clip = made.into_iter().next().context("the network has made nothing")?;
        clip.frames.truncate(frames);
        Ok(clip)
    }
}
