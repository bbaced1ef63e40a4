//! `train`: trains a network as a config says.

use crate::run::device;
use crate::run::overrides::{self, Override};
use crate::run::{RunFolder, identity_of};
use crate::tasks::pose::recipe::PoseRecipe;
use crate::tasks::pose::teacher::TeacherConfig;
use crate::tasks::pose::{PoseIdentity, PoseTask};
use anyhow::Context;
use kinest::skeleton::Skeleton;
use kinest_engine::DeviceChoice;
use std::path::PathBuf;

/// `train`: trains a network as a config says.
#[derive(Debug, clap::Args)]
pub struct TrainArgs {
    /// RON file with the run's settings; without it, those of the run to resume, or the
    /// reference's recipe
    #[arg(long)]
    config: Option<PathBuf>,
    /// Folder of the run
    #[arg(long)]
    out: PathBuf,
    /// Folder with AMASS clips or prepared `.motion` file, instead of the config's
    #[arg(long)]
    data: Option<PathBuf>,
    /// File with one clip per line, instead of the config's
    #[arg(long)]
    split: Option<PathBuf>,
    /// Where the run ends, counted from its very start, instead of the config's
    #[arg(long)]
    steps: Option<u64>,
    /// Change a value of the config, written as in a config: `optimizer.rate=1e-3`,
    /// `optimizer.schedule=Cosine(steps: 900)`; can be given many times
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<Override>,
    /// RON file that says where the data is from, its licence and its credit line, for the
    /// checkpoints to carry
    #[arg(long)]
    record: Option<PathBuf>,
    /// Body the motion is played on, JSON, instead of the default skeleton
    #[arg(long)]
    skeleton: Option<PathBuf>,
    /// Start with the weights of this model instead of fresh ones
    #[arg(long, value_name = "FILE.model.ron", conflicts_with = "resume")]
    init: Option<PathBuf>,
    /// Model to learn from besides the motion, instead of the config's: one that sees the future, such
    /// as one trained on windows
    #[arg(long, value_name = "FILE.model.ron")]
    teacher: Option<PathBuf>,
    /// Go on where the run in --out stopped
    #[arg(long)]
    resume: bool,
    /// What to train on: cpu, wgpu, cuda, or the first that works
    #[arg(long, default_value_t = DeviceChoice::Cpu)]
    device: DeviceChoice,
}

/// Runs `train`.
///
/// # Errors
/// If the recipe, the data, the device or the run folder cannot be used, or the loss becomes NaN.
pub fn run(args: TrainArgs) -> anyhow::Result<()> {
    let device = device::open(args.device)?;
    let folder = RunFolder(args.out.clone());
    let recipe = recipe(&args, &folder)?;
    let skeleton = match &args.skeleton {
        Some(path) => Skeleton::load(path).with_context(|| path.display().to_string())?,
        None if args.resume => identity_of::<PoseIdentity>(&folder.state())?.spec.skeleton,
        None => Skeleton::default(),
    };
    let task = PoseTask::open(recipe, skeleton, args.init.as_deref())?;
    device.train(&task, folder, args.resume)
}

/// The recipe with all that the command line changes about it.
fn recipe(args: &TrainArgs, folder: &RunFolder) -> anyhow::Result<PoseRecipe> {
    let recipe = match &args.config {
        Some(path) => PoseRecipe::load(path)?,
        None if args.resume => PoseRecipe::load(&folder.config())?,
        None => PoseRecipe::default(),
    };
    let mut recipe = overrides::apply(recipe, &args.set)?;
    recipe.data.folder = args.data.clone().unwrap_or(recipe.data.folder);
    recipe.data.split = args.split.clone().or(recipe.data.split);
    recipe.steps = args.steps.unwrap_or(recipe.steps);
    if let Some(model) = args.teacher.clone() {
        let part = recipe.teacher.as_ref().map_or(TeacherConfig::PART, |teacher| teacher.part);
        recipe.teacher = Some(TeacherConfig { model, part });
    }
    if let Some(path) = &args.record {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read record {}", path.display()))?;
        recipe.data.record =
            ron::from_str(&text).with_context(|| format!("record {}", path.display()))?;
    }
    let named = args.config.clone().unwrap_or_else(|| folder.config());
    recipe.check().with_context(|| format!("config {}", named.display()))?;
    Ok(recipe)
}
