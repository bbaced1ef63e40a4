//! `evaluate`: scores models and baselines against the true motion.

use crate::data::clips;
use crate::engine;
use crate::output::say;
use crate::report::{Baseline, Candidate, Estimator, evaluate};
use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use kinest::files::write_atomically;
use kinest::live::protocol::Protocol;
use kinest::skeleton::Skeleton;
use kinest_engine::DeviceChoice;
use std::fs;
use std::path::PathBuf;

/// Scores the poses that models estimate from clips against the clips.
#[derive(Args, Clone, Debug)]
pub struct EvaluateArgs {
    /// A model, a `.model.ron` file with its weights beside it; can be given several times
    #[arg(long = "model", required = true, value_name = "MODEL")]
    pub models: Vec<PathBuf>,
    /// Folder with AMASS clips, at any depth, or a prepared `.motion` file
    #[arg(long)]
    pub data: PathBuf,
    /// File with one clip per line, relative to the folder; without it, all clips of the folder
    #[arg(long)]
    pub split: Option<PathBuf>,
    /// Frames that each estimate may use
    #[arg(long, default_value = "both")]
    pub protocol: Protocols,
    /// Also score baselines without a network: a constant pose, the clip's first pose, and inverse
    /// kinematics from head and hands
    #[arg(long)]
    pub baselines: bool,
    /// Folder with the motion for the constant mean pose; without this and a split, it is the rest
    /// pose
    #[arg(long, requires = "baselines")]
    pub baseline_data: Option<PathBuf>,
    /// File with the clips for the mean pose, relative to their folder, or else to the data folder
    #[arg(long, requires = "baselines")]
    pub baseline_split: Option<PathBuf>,
    /// Also apply the corrections of the game plugin to the models' online estimates, step by step:
    /// head exact, hands exact, smoothing, feet on the floor at height 0
    #[arg(long)]
    pub refine: bool,
    /// Also write all figures, per clip too, to this JSON file
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Also write the tables to this Markdown file
    #[arg(long)]
    pub markdown: Option<PathBuf>,
    /// Also write one row per model, protocol and clip to this CSV file
    #[arg(long)]
    pub csv: Option<PathBuf>,
    /// Also draw a contact sheet of each clip, with the truth and all estimates, into this folder
    #[arg(long, value_name = "DIR")]
    pub render: Option<PathBuf>,
    /// Device for the networks: cpu, wgpu, cuda, or auto for the fastest that works
    #[arg(long, default_value_t = DeviceChoice::Cpu)]
    pub device: DeviceChoice,
}

/// Protocols to evaluate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocols {
    /// Adjacent windows, with knowledge of the future, as in papers
    Offline,
    /// Past frames only, as in games
    Online,
    /// Both protocols
    Both,
}

impl Protocols {
    fn list(self) -> &'static [Protocol] {
        match self {
            Self::Offline => &[Protocol::Offline],
            Self::Online => &[Protocol::Online],
            Self::Both => &[Protocol::Offline, Protocol::Online],
        }
    }
}

/// Display names of models: their file names, or their paths where file names are ambiguous.
fn model_names(paths: &[PathBuf]) -> Vec<String> {
    let without = |text: &str| text.strip_suffix(".model.ron").unwrap_or(text).to_string();
    let short = |path: &PathBuf| without(&path.file_name().unwrap_or_default().to_string_lossy());
    let name = |path: &PathBuf| {
        let same = paths.iter().filter(|p| short(p) == short(path)).count();
        if same > 1 { without(&path.to_string_lossy()) } else { short(path) }
    };
    paths.iter().map(name).collect()
}

/// The models and baselines, with their common skeleton and rate.
fn candidates(args: &EvaluateArgs) -> anyhow::Result<(Vec<Candidate>, Skeleton, f64)> {
    let mut candidates = vec![];
    let mut common: Option<(Skeleton, f64)> = None;
    for (path, name) in args.models.iter().zip(model_names(&args.models)) {
        let engine = engine::open(path, args.device)?;
        let spec = engine.spec();
        let (skeleton, rate_hz) =
            common.get_or_insert_with(|| (spec.skeleton.clone(), spec.rate_hz));
        ensure!(
            spec.skeleton == *skeleton && spec.rate_hz == *rate_hz,
            "model {} cannot stand beside {}: its skeleton or its rate is another",
            path.display(),
            args.models[0].display(),
        );
        candidates.push(Candidate { name, estimator: Estimator::Network(engine) });
    }
    let (skeleton, rate_hz) = common.context("there is no model to evaluate")?;
    if args.baselines {
        let (name, constant) = match (&args.baseline_data, &args.baseline_split) {
            (None, None) => ("rest pose", Baseline::rest_pose()),
            (folder, split) => {
                let folder = folder.as_ref().unwrap_or(&args.data);
                let clips = clips::load(folder, split.as_deref(), rate_hz)?;
                let mean = Baseline::mean_pose(clips.iter().map(|c| &c.clip));
                ("mean pose", mean.context("there is no frame to take the mean pose of")?)
            }
        };
        let held = ("first pose held", Baseline::Held);
        let three_point = ("three-point IK", Baseline::ThreePoint);
        for (name, baseline) in [(name, constant), held, three_point] {
            let estimator = Estimator::Baseline(baseline);
            candidates.push(Candidate { name: name.into(), estimator });
        }
    }
    Ok((candidates, skeleton, rate_hz))
}

/// Runs the command.
///
/// # Errors
/// If a model or a clip cannot be read, models do not fit together, or a file cannot be written.
pub fn run(args: EvaluateArgs) -> anyhow::Result<()> {
    let (mut candidates, skeleton, rate_hz) = candidates(&args)?;
    let clips = clips::load(&args.data, args.split.as_deref(), rate_hz)?;
    let sheets = args.render.as_deref();
    if let Some(folder) = sheets {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create folder {}", folder.display()))?;
    }
    let protocols = args.protocol.list();
    ensure!(
        !args.refine || protocols.contains(&Protocol::Online),
        "only online estimates are refined, and --protocol offline asks for none"
    );
    let report = evaluate(&mut candidates, &clips, &skeleton, protocols, args.refine, sheets)?;
    say!("{}", report.to_string().trim_end());
    let write = |path: &Option<PathBuf>, bytes: &dyn Fn() -> anyhow::Result<Vec<u8>>| {
        let Some(path) = path else { return Ok(()) };
        write_atomically(path, &bytes()?)
            .with_context(|| format!("cannot write report {}", path.display()))
    };
    write(&args.json, &|| Ok((serde_json::to_string_pretty(&report)? + "\n").into()))?;
    write(&args.markdown, &|| Ok(report.to_string().into()))?;
    write(&args.csv, &|| report.csv())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_named_by_file_unless_ambiguous() {
        let names = model_names(
            &["a/last.model.ron", "b/last.model.ron", "c/x.model.ron"].map(PathBuf::from),
        );
        assert_eq!(names, ["a/last", "b/last", "x"]);
    }
}
