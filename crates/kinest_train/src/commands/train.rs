//! `train`: trains a network as a config says.

use crate::data::clips;
use crate::data::config::{DataConfig, Sampling};
use crate::data::motion_store::{MotionStore, StoredClip};
use crate::run::config::ValidationConfig;
use crate::run::device::{self, TrainDevice};
use crate::run::overrides::{self, Override};
use crate::run::{self, RunFolder, Setup};
use crate::tasks::pose::config::{TeacherConfig, TrainConfig};
use crate::tasks::pose::dataset::WindowDataset;
use crate::tasks::pose::teacher::Teacher;
use anyhow::{Context, ensure};
use kinest::model::{Checkpoint, ModelSpec};
use kinest::skeleton::Skeleton;
use kinest_engine::DeviceChoice;
use std::path::{Path, PathBuf};

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
    /// Change a value of the config, such as `optimizer.rate=1e-3`; can be given many times
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
/// If the config, the data, the device or the run folder cannot be used, or the loss becomes NaN.
pub fn run(args: TrainArgs) -> anyhow::Result<()> {
    let device = device::open(args.device)?;
    let setup = set_up(args)?;
    match device {
        TrainDevice::Cpu(device) => {
            run::fused::install();
            run::run::<burn::backend::Autodiff<burn_flex::Flex>>(setup, device)
        }
        #[cfg(feature = "wgpu")]
        TrainDevice::Wgpu(device) => {
            run::run::<burn::backend::Autodiff<burn_wgpu::Wgpu>>(setup, device)
        }
        #[cfg(feature = "cuda")]
        TrainDevice::Cuda(device) => {
            run::run::<burn::backend::Autodiff<burn_cuda::Cuda>>(setup, device)
        }
    }
}

fn set_up(args: TrainArgs) -> anyhow::Result<Setup> {
    let folder = RunFolder(args.out);
    let config = match &args.config {
        Some(path) => TrainConfig::load(path)?,
        None if args.resume => TrainConfig::load(&folder.config())?,
        None => TrainConfig::default(),
    };
    let mut config = overrides::apply(&config, &args.set)?;
    config.data.folder = args.data.unwrap_or(config.data.folder);
    config.data.split = args.split.or(config.data.split);
    config.steps = args.steps.unwrap_or(config.steps);
    if let Some(model) = args.teacher {
        let part = config.teacher.as_ref().map_or(TeacherConfig::PART, |teacher| teacher.part);
        config.teacher = Some(TeacherConfig { model, part });
    }
    if let Some(path) = &args.record {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read record {}", path.display()))?;
        config.data.record =
            ron::from_str(&text).with_context(|| format!("record {}", path.display()))?;
    }
    let named = args.config.unwrap_or_else(|| folder.config());
    config.check().with_context(|| format!("config {}", named.display()))?;

    let skeleton = match &args.skeleton {
        Some(path) => Skeleton::load(path).with_context(|| path.display().to_string())?,
        None if args.resume => run::spec_of(&folder.state())?.skeleton,
        None => Skeleton::default(),
    };
    let spec = ModelSpec {
        layout: config.layout,
        rate_hz: 60.0,
        window: config.network.window(),
        feed: config.network.feed(),
        skeleton,
    };
    let init = args.init.map(|path| load_init(&path, &config)).transpose()?;
    let (mut data, validation) = load_data(&config, &spec)?;
    if let Some(teacher) = &config.teacher {
        data = data.with_teacher(Teacher::open(teacher, &spec)?);
    }

    std::fs::create_dir_all(&folder.0)
        .with_context(|| format!("cannot make run folder {}", folder.0.display()))?;
    ensure!(
        args.resume || !folder.state().exists(),
        "{} holds a run already; use --resume or another folder",
        folder.0.display()
    );
    Ok(Setup { folder, config, spec, data, validation, init, resume: args.resume })
}

/// The weights of another run as those of this one's network: what has no weights may differ, such as
/// how far a network looks ahead.
fn load_init(path: &Path, config: &TrainConfig) -> anyhow::Result<Checkpoint> {
    let mut checkpoint = Checkpoint::load(path)?;
    let layout = checkpoint.manifest.spec.layout;
    ensure!(
        layout == config.layout,
        "{}: its `layout` is {layout:?}, that of the config {:?}",
        path.display(),
        config.layout
    );
    checkpoint.manifest.network = config.network.clone();
    Ok(checkpoint)
}

/// The windows to train on, and those to validate on if the config asks for some.
fn load_data(
    config: &TrainConfig,
    spec: &ModelSpec,
) -> anyhow::Result<(WindowDataset, Option<WindowDataset>)> {
    let folder = &config.data.folder;
    let clips = clips::open(folder, config.data.split.as_deref(), spec.rate_hz)?;
    let ValidationConfig { hold_out, split, .. } = &config.validation;
    let is_held = |clip: &StoredClip| hold_out.iter().any(|start| clip.name.starts_with(start));
    let (mut held, train) = clips.partition(is_held);
    ensure!(
        hold_out.is_empty() || !held.clips().is_empty(),
        "no clip's name starts with what `validation.hold_out` says: {}",
        hold_out.join(", ")
    );
    if let Some(split) = split {
        held.merge(clips::open(folder, Some(split), spec.rate_hz)?)?;
    }
    let set = |what: &str, clips: MotionStore, data: &DataConfig| {
        let set =
            WindowDataset::new(clips, data, config.layout, config.cut(), spec.skeleton.clone())
                .with_context(|| what.to_owned())?;
        let (count, minutes) = set.size();
        eprintln!("{what}: {count} clips, {minutes:.1} minutes");
        anyhow::Ok(set)
    };
    let train = set("training", train, &config.data)?;
    // Motion as it is, every moment equally likely.
    let plain = DataConfig { sampling: Sampling::Frames, ..DataConfig::default() };
    let validation =
        (!held.clips().is_empty()).then(|| set("validation", held, &plain)).transpose()?;
    Ok((train, validation))
}
