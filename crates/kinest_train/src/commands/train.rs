//! `train`: trains a network as a config says.

use crate::run::device;
use crate::run::overrides::{self, Override};
use crate::run::{RunFolder, identity_of};
use crate::tasks::align::AlignTask;
use crate::tasks::align::recipe::AlignRecipe;
use crate::tasks::forecast::ForecastTask;
use crate::tasks::forecast::body::BodyTask;
use crate::tasks::forecast::body::recipe::BodyRecipe;
use crate::tasks::forecast::recipe::ForecastRecipe;
use crate::tasks::generate::GenerateTask;
use crate::tasks::generate::recipe::GenerateRecipe;
use crate::tasks::pose::recipe::PoseRecipe;
use crate::tasks::pose::teacher::TeacherConfig;
use crate::tasks::pose::{PoseIdentity, PoseTask};
use crate::tasks::tokens::TokenTask;
use crate::tasks::tokens::recipe::TokenRecipe;
use crate::tasks::{TaskKind, read_recipe};
use anyhow::{Context, bail};
use kinest::model::TrainingRecord;
use kinest::skeleton::Skeleton;
use kinest_engine::DeviceChoice;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

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
    /// Folder with AMASS clips or a prepared `.motion` file, or for a forecaster a benchmark's tree or
    /// a prepared `.positions` file, instead of the config's
    #[arg(long)]
    data: Option<PathBuf>,
    /// File with one clip per line, instead of the config's; not for benchmarks
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
    /// Body on which the motion is played, JSON, instead of the default skeleton; pose networks only
    #[arg(long)]
    skeleton: Option<PathBuf>,
    /// Start from the weights of this model instead of random ones
    #[arg(long, value_name = "FILE.model.ron", conflicts_with = "resume")]
    init: Option<PathBuf>,
    /// Teacher model, instead of the config's: one that sees the future, such as a model that takes
    /// windows; pose networks only
    #[arg(long, value_name = "FILE.model.ron")]
    teacher: Option<PathBuf>,
    /// Resume the run in --out
    #[arg(long)]
    resume: bool,
    /// Device: cpu, wgpu, cuda, or auto for the first that works
    #[arg(long, default_value_t = DeviceChoice::Cpu)]
    device: DeviceChoice,
}

/// The recipe of a task that learns from clips, with the overrides of the command line. Recipes share the names of these
/// fields, not a type.
macro_rules! clip_recipe {
    ($args:expr, $path:expr, $recipe:ty, $task:expr) => {{
        refuse_foreign($args, $path, $task)?;
        let mut recipe: $recipe = recipe($args, $path)?;
        recipe.data.folder = $args.data.clone().unwrap_or(recipe.data.folder);
        recipe.data.split = $args.split.clone().or(recipe.data.split);
        recipe.data.record = record($args)?.unwrap_or(recipe.data.record);
        recipe.steps = $args.steps.unwrap_or(recipe.steps);
        recipe.check().with_context(|| name($path))?;
        recipe
    }};
}

/// Runs `train`.
///
/// # Errors
/// If the recipe, the data, the device or the run folder cannot be used, or the loss is not finite.
pub fn run(args: TrainArgs) -> anyhow::Result<()> {
    let device = device::open(args.device)?;
    let folder = RunFolder(args.out.clone());
    // The config, or that of the run to resume.
    let path = args.config.clone().or_else(|| args.resume.then(|| folder.config()));
    let path = path.as_deref();
    match path.map_or(Ok(TaskKind::Pose), TaskKind::of)? {
        TaskKind::Pose => {
            let recipe = pose_recipe(&args, path)?;
            let skeleton = match &args.skeleton {
                Some(path) => Skeleton::load(path).with_context(|| path.display().to_string())?,
                None if args.resume => identity_of::<PoseIdentity>(&folder.state())?.spec.skeleton,
                None => Skeleton::default(),
            };
            let task = PoseTask::open(recipe, skeleton, args.init.as_deref())?;
            device.train(&task, folder, args.resume)
        }
        TaskKind::Forecast => {
            let recipe = forecast_recipe(&args, path)?;
            let task = ForecastTask::open(recipe, args.init.as_deref())?;
            device.train(&task, folder, args.resume)
        }
        TaskKind::Body => {
            let recipe = clip_recipe!(&args, path, BodyRecipe, TaskKind::Body);
            let task = BodyTask::open(recipe)?;
            device.train(&task, folder, args.resume)
        }
        TaskKind::Align => {
            let recipe = clip_recipe!(&args, path, AlignRecipe, TaskKind::Align);
            let task = AlignTask::open(recipe)?;
            device.train(&task, folder, args.resume)
        }
        TaskKind::Tokens => {
            let recipe = clip_recipe!(&args, path, TokenRecipe, TaskKind::Tokens);
            let task = TokenTask::open(recipe)?;
            device.train(&task, folder, args.resume)
        }
        TaskKind::Generate => {
            let recipe = clip_recipe!(&args, path, GenerateRecipe, TaskKind::Generate);
            let task = GenerateTask::open(recipe)?;
            device.train(&task, folder, args.resume)
        }
    }
}

/// The recipe with the overrides of the command line.
fn pose_recipe(args: &TrainArgs, path: Option<&Path>) -> anyhow::Result<PoseRecipe> {
    let mut recipe: PoseRecipe = recipe(args, path)?;
    recipe.data.folder = args.data.clone().unwrap_or(recipe.data.folder);
    recipe.data.split = args.split.clone().or(recipe.data.split);
    recipe.data.record = record(args)?.unwrap_or(recipe.data.record);
    recipe.steps = args.steps.unwrap_or(recipe.steps);
    if let Some(model) = args.teacher.clone() {
        let part = recipe.teacher.as_ref().map_or(TeacherConfig::PART, |teacher| teacher.part);
        recipe.teacher = Some(TeacherConfig { model, part });
    }
    recipe.check().with_context(|| name(path))?;
    Ok(recipe)
}

/// The same for forecasters, which have no body, no teacher and no lists of clips.
fn forecast_recipe(args: &TrainArgs, path: Option<&Path>) -> anyhow::Result<ForecastRecipe> {
    let foreign = [
        ("--split", args.split.is_some()),
        ("--skeleton", args.skeleton.is_some()),
        ("--teacher", args.teacher.is_some()),
    ];
    if let Some((option, _)) = foreign.iter().find(|(_, given)| *given) {
        bail!("{option} is for pose networks, and the task of {} is Forecast", name(path));
    }
    let mut recipe: ForecastRecipe = recipe(args, path)?;
    recipe.data.folder = args.data.clone().unwrap_or(recipe.data.folder);
    recipe.data.record = record(args)?.unwrap_or(recipe.data.record);
    recipe.steps = args.steps.unwrap_or(recipe.steps);
    recipe.check().with_context(|| name(path))?;
    Ok(recipe)
}

/// Refuses the options of pose networks for another task.
fn refuse_foreign(args: &TrainArgs, path: Option<&Path>, task: TaskKind) -> anyhow::Result<()> {
    let foreign = [
        ("--skeleton", args.skeleton.is_some()),
        ("--teacher", args.teacher.is_some()),
        ("--init", args.init.is_some()),
    ];
    if let Some((option, _)) = foreign.iter().find(|(_, given)| *given) {
        bail!("{option} is for other networks, and the task of {} is {task:?}", name(path));
    }
    Ok(())
}

/// The recipe at `path`, or the default one, with the values of `--set`.
fn recipe<R: Default + Serialize + DeserializeOwned>(
    args: &TrainArgs,
    path: Option<&Path>,
) -> anyhow::Result<R> {
    let recipe = path.map_or_else(|| Ok(R::default()), read_recipe)?;
    overrides::apply(recipe, &args.set)
}

/// The record of `--record`.
fn record(args: &TrainArgs) -> anyhow::Result<Option<TrainingRecord>> {
    let Some(path) = &args.record else { return Ok(None) };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read record {}", path.display()))?;
    Ok(Some(ron::from_str(&text).with_context(|| format!("record {}", path.display()))?))
}

/// What errors call the recipe.
fn name(path: Option<&Path>) -> String {
    path.map_or_else(|| "the default config".into(), |path| format!("config {}", path.display()))
}
