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
    /// RON file with the run's settings; by default those of the run to resume, or else the
    /// reference's
    #[arg(long)]
    config: Option<PathBuf>,
    /// Folder of the run
    #[arg(long)]
    out: PathBuf,
    /// Folder with AMASS clips or a prepared `.motion` file, instead of the config's
    #[arg(long)]
    data: Option<PathBuf>,
    /// File with one clip per line, instead of the config's
    #[arg(long)]
    split: Option<PathBuf>,
    /// Total number of steps of the run, including those before it was resumed, instead of the
    /// config's
    #[arg(long)]
    steps: Option<u64>,
    /// Override a value of the config, in the config's syntax: `optimizer.rate=1e-3`,
    /// `optimizer.schedule=Cosine(steps: 900)`; can be given several times
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<Override>,
    /// RON file with origin, licence and credit line of the data, for the checkpoints
    #[arg(long)]
    record: Option<PathBuf>,
    /// Body on which the motion is played, JSON, instead of the default skeleton
    #[arg(long)]
    skeleton: Option<PathBuf>,
    /// Start from the weights of this model instead of random ones
    #[arg(long, value_name = "FILE.model.ron", conflicts_with = "resume")]
    init: Option<PathBuf>,
    /// Teacher model, instead of the config's: one that sees the future, such as a model that takes
    /// windows
    #[arg(long, value_name = "FILE.model.ron")]
    teacher: Option<PathBuf>,
    /// Resume the run in --out
    #[arg(long)]
    resume: bool,
    /// Device: cpu, wgpu, cuda, or auto for the first that works
    #[arg(long, default_value_t = DeviceChoice::Cpu)]
    device: DeviceChoice,
}

/// Runs `train`.
///
/// # Errors
/// If the recipe, the data, the device or the run folder cannot be used, or the loss is not finite.
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

/// The recipe with the overrides of the command line.
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
