//! `evaluate`: scores models and baselines against the true motion.

use super::evaluate_body::{self, BodyEvaluation};
use super::motions::MotionsArgs;
use super::{evaluate_generated, evaluate_tokens};
use crate::data::benchmark::{self, Benchmark, Split};
use crate::data::clips;
use crate::engine;
use crate::output::say;
use crate::report::alignment::{self, AlignReport, TrainedAlignment};
use crate::report::body_forecast::BodyForecastReport;
use crate::report::generation::{GenerationReport, TrainedGenerator};
use crate::report::{
    Baseline, Candidate, Estimator, ForecastReport, TokenReport, TrainedForecaster, TrainedModel,
    TrainedTokens, evaluate, evaluate_forecasters,
};
use crate::run::device::{self, TrainDevice};
use crate::tasks::align::MOTION_RATE;
use anyhow::{Context, bail, ensure};
use burn_flex::Flex;
use clap::{Args, ValueEnum};
use kinest::files::write_atomically;
use kinest::live::protocol::Protocol;
use kinest::model::align::Alignment;
use kinest::model::forecast::{ForecastLayout, Forecasting};
use kinest::model::generate::Generating;
use kinest::model::tokens::Tokenising;
use kinest::model::{CheckpointOf, ModelKind, kind_of};
use kinest::skeleton::Skeleton;
use kinest::tracker::TrackerRole;
use kinest_engine::DeviceChoice;
use serde::Serialize;
use std::fs;
use std::path::PathBuf;

/// Scores the poses that models estimate from clips against the clips, or the motion that
/// forecasters predict on a benchmark beside baselines without a network.
#[derive(Args, Clone, Debug)]
pub struct EvaluateArgs {
    /// A model, a `.model.ron` file with its weights beside it; can be given several times
    #[arg(long = "model", required = true, value_name = "MODEL")]
    pub models: Vec<PathBuf>,
    /// Folder with AMASS clips, at any depth, or a prepared `.motion` file; for forecasters the tree of a
    /// benchmark, its folder for tests, or a prepared `.positions` file
    #[arg(long)]
    pub data: PathBuf,
    /// File with one clip per line, relative to the folder; without it, all clips of the folder
    #[arg(long)]
    pub split: Option<PathBuf>,
    /// Frames that each estimate may use [default: both]
    #[arg(long)]
    pub protocol: Option<Protocols>,
    /// Horizons of forecasters, as the benchmark calls them, milliseconds, separated by commas; without
    /// it, all that the models reach
    #[arg(long, value_delimiter = ',', value_name = "MS")]
    pub horizons: Vec<u32>,
    /// The pose model whose estimates a game shows; for forecasters of a game's body, which need it
    #[arg(long, value_name = "MODEL")]
    pub poses: Option<PathBuf>,
    /// Also write the first forecaster of a game's body with the gate that its figures justify: it is
    /// used where it beats damped velocity by 5 % from estimated histories
    #[arg(long, value_name = "FILE.model.ron")]
    pub gate: Option<PathBuf>,
    /// What people call trials, CSV with the columns `trial` and `title`; for models of alignment, which are
    /// scored on it beside the library's own search, and text-to-motion networks, which make motion of it
    #[arg(long)]
    pub titles: Option<PathBuf>,
    /// The model of alignment in whose space motions and texts are compared; for text-to-motion networks,
    /// which need it
    #[arg(long, value_name = "MODEL")]
    pub evaluator: Option<PathBuf>,
    /// Library of motion, as of `generate`: text-to-motion networks are scored beside retrieval from it
    #[arg(long)]
    pub library: Option<PathBuf>,
    /// The folder that the library file was made of
    #[arg(long, requires = "library", value_name = "DIR")]
    pub library_data: Option<PathBuf>,
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
    /// Trackers that players wear, separated by commas: head, hands, pelvis, chest, elbows, knees, feet.
    /// Networks see head and hands, and the others if they were trained with them; --refine puts all joints
    /// at their trackers
    #[arg(long, value_delimiter = ',', value_name = "WHERE", value_parser = worn, default_value = HEAD_AND_HANDS)]
    pub trackers: Vec<&'static [TrackerRole]>,
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

/// What every player wears.
pub(super) const HEAD_AND_HANDS: &str = "head,hands";

pub(super) fn worn(name: &str) -> Result<&'static [TrackerRole], &'static str> {
    TrackerRole::named(name).ok_or("head, hands, pelvis, chest, elbows, knees or feet expected")
}

/// The trackers worn beside head and hands.
pub(super) fn on_body(trackers: &[&'static [TrackerRole]]) -> anyhow::Result<Vec<TrackerRole>> {
    let mut body = trackers.concat();
    for role in TrackerRole::HEAD_AND_HANDS {
        ensure!(body.contains(&role), "--trackers lacks the {role}, which pose models see");
    }
    body.retain(|role| !TrackerRole::HEAD_AND_HANDS.contains(role));
    body.sort_unstable();
    body.dedup();
    Ok(body)
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
    if let Some(models) = loaded::<Generating>(&args, "text-to-motion networks")? {
        let report = generated(&args, &models)?;
        return output(&args, &report, report.to_string(), || report.csv());
    }
    for (option, given) in
        [("--evaluator", args.evaluator.is_some()), ("--library", args.library.is_some())]
    {
        ensure!(!given, "{option} is for text-to-motion networks, and no model is one");
    }
    if let Some(models) = loaded::<Alignment>(&args, "models of alignment")? {
        let report = align(&args, &models)?;
        return output(&args, &report, report.to_string(), || report.csv());
    }
    ensure!(args.titles.is_none(), "--titles is for models of alignment, and no model is one");
    if let Some(models) = loaded::<Tokenising>(&args, "motion tokens")? {
        let report = tokens(&args, &models)?;
        return output(&args, &report, report.to_string(), || report.csv());
    }
    if let Some(forecasters) = loaded::<Forecasting>(&args, "forecasters")? {
        if forecasters[0].checkpoint.manifest.spec.layout == ForecastLayout::Smpl22 {
            let report = body_forecast(&args, &forecasters)?;
            return output(&args, &report, report.to_string(), || report.csv());
        }
        let report = forecast(&args, &forecasters)?;
        return output(&args, &report, report.to_string(), || report.csv());
    }
    ensure!(args.horizons.is_empty(), "--horizons is for forecasters, and no model is one");
    refuse_body_options(&args)?;
    let body = on_body(&args.trackers)?;
    let (mut candidates, skeleton, rate_hz) = candidates(&args)?;
    let clips = clips::load(&args.data, args.split.as_deref(), rate_hz)?;
    let sheets = args.render.as_deref();
    if let Some(folder) = sheets {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create folder {}", folder.display()))?;
    }
    let protocols = args.protocol.unwrap_or(Protocols::Both).list();
    ensure!(
        !args.refine || protocols.contains(&Protocol::Online),
        "only online estimates are refined, and --protocol offline asks for none"
    );
    let sees = candidates.iter().any(|candidate| candidate.sees_bodies());
    ensure!(
        args.refine || body.is_empty() || sees,
        "--trackers beyond head,hands needs --refine: these networks do not see them, players are put there"
    );
    let report =
        evaluate(&mut candidates, &clips, &skeleton, protocols, &body, args.refine, sheets)?;
    output(&args, &report, report.to_string(), || report.csv())
}

/// Prints the tables and writes the files that were asked for.
fn output(
    args: &EvaluateArgs,
    report: &impl Serialize,
    tables: String,
    csv: impl Fn() -> anyhow::Result<Vec<u8>>,
) -> anyhow::Result<()> {
    say!("{}", tables.trim_end());
    let write = |path: &Option<PathBuf>, bytes: &dyn Fn() -> anyhow::Result<Vec<u8>>| {
        let Some(path) = path else { return Ok(()) };
        write_atomically(path, &bytes()?)
            .with_context(|| format!("cannot write report {}", path.display()))
    };
    write(&args.json, &|| Ok((serde_json::to_string_pretty(report)? + "\n").into()))?;
    write(&args.markdown, &|| Ok(tables.clone().into()))?;
    write(&args.csv, &csv)
}

/// The models, if they are of kind `K`, which errors call `what`.
fn loaded<K: ModelKind>(
    args: &EvaluateArgs,
    what: &str,
) -> anyhow::Result<Option<Vec<TrainedModel<K>>>> {
    let kinds = args.models.iter().map(kind_of).collect::<Result<Vec<_>, _>>()?;
    let count = kinds.iter().filter(|kind| *kind == K::NAME).count();
    if count == 0 {
        return Ok(None);
    }
    ensure!(count == kinds.len(), "{what} and other models cannot stand in one table");
    let named = args.models.iter().zip(model_names(&args.models));
    let loaded = named.map(|(path, name)| {
        anyhow::Ok(TrainedModel { name, checkpoint: CheckpointOf::load(path)? })
    });
    loaded.collect::<anyhow::Result<_>>().map(Some)
}

/// Scores text-to-motion networks on cuts of clips.
fn generated(args: &EvaluateArgs, models: &[TrainedGenerator]) -> anyhow::Result<GenerationReport> {
    refuse_pose_options(args, "text-to-motion networks")?;
    refuse_body_options(args)?;
    let Some(path) = &args.evaluator else {
        bail!(
            "--evaluator is missing: generated motion is compared in the space of a model of alignment"
        );
    };
    let library = args.library.clone().map(|library| MotionsArgs {
        library: Some(library),
        data: args.library_data.clone(),
        skeleton: None,
    });
    let evaluation = evaluate_generated::Evaluation {
        data: &args.data,
        split: args.split.as_deref(),
        titles: args.titles.as_deref(),
        evaluator: (path, model_names(std::slice::from_ref(path)).concat()),
        library,
        device: args.device,
    };
    evaluate_generated::evaluate(evaluation, models)
}

/// Scores motion tokens.
fn tokens(args: &EvaluateArgs, models: &[TrainedTokens]) -> anyhow::Result<TokenReport> {
    refuse_pose_options(args, "motion tokens")?;
    refuse_body_options(args)?;
    evaluate_tokens::evaluate(models, &args.data, args.split.as_deref(), args.device)
}

/// Scores models of alignment on cuts of clips.
fn align(args: &EvaluateArgs, models: &[TrainedAlignment]) -> anyhow::Result<AlignReport> {
    refuse_pose_options(args, "models of alignment")?;
    refuse_body_options(args)?;
    let rate_hz = clips::prepared_rate(&args.data)?.unwrap_or(MOTION_RATE);
    let clips = clips::load(&args.data, args.split.as_deref(), rate_hz)?;
    let titles = args.titles.as_deref();
    match device::open(args.device)? {
        TrainDevice::Cpu(device) => alignment::evaluate::<Flex>(models, &clips, titles, &device),
        #[cfg(feature = "wgpu")]
        TrainDevice::Wgpu(device) => {
            alignment::evaluate::<burn_wgpu::Wgpu>(models, &clips, titles, &device)
        }
        #[cfg(feature = "cuda")]
        TrainDevice::Cuda(device) => {
            alignment::evaluate::<burn_cuda::Cuda>(models, &clips, titles, &device)
        }
    }
}

/// Refuses the options of pose models; `what` is evaluated instead.
fn refuse_pose_options(args: &EvaluateArgs, what: &str) -> anyhow::Result<()> {
    let foreign = [
        ("--protocol", args.protocol.is_some()),
        ("--horizons", !args.horizons.is_empty()),
        ("--baselines", args.baselines),
        ("--refine", args.refine),
        ("--trackers", args.trackers.concat() != TrackerRole::HEAD_AND_HANDS),
        ("--render", args.render.is_some()),
    ];
    if let Some((option, _)) = foreign.iter().find(|(_, given)| *given) {
        bail!("{option} is not for {what}");
    }
    Ok(())
}

/// Scores forecasters of a game's body on what a pose model shows of clips.
fn body_forecast(
    args: &EvaluateArgs,
    forecasters: &[TrainedForecaster],
) -> anyhow::Result<BodyForecastReport> {
    refuse_pose_options(args, "forecasters of a game's body")?;
    let Some(poses) = &args.poses else {
        bail!("--poses is missing: forecasters of a game's body see what a pose model estimates");
    };
    let evaluation = BodyEvaluation {
        data: &args.data,
        split: args.split.as_deref(),
        poses,
        gate: args.gate.as_deref(),
        device: args.device,
    };
    evaluate_body::evaluate(&evaluation, forecasters)
}

/// Refuses the options of forecasters of a game's body, for other models.
fn refuse_body_options(args: &EvaluateArgs) -> anyhow::Result<()> {
    for (option, given) in [("--poses", args.poses.is_some()), ("--gate", args.gate.is_some())] {
        ensure!(!given, "{option} is for forecasters of a game's body, and no model is one");
    }
    Ok(())
}

/// Scores forecasters on the test part of their benchmark.
fn forecast(
    args: &EvaluateArgs,
    forecasters: &[TrainedForecaster],
) -> anyhow::Result<ForecastReport> {
    let foreign = [
        ("--split", args.split.is_some()),
        ("--protocol", args.protocol.is_some()),
        ("--baselines", args.baselines),
        ("--refine", args.refine),
        ("--trackers", args.trackers.concat() != TrackerRole::HEAD_AND_HANDS),
        ("--render", args.render.is_some()),
    ];
    if let Some((option, _)) = foreign.iter().find(|(_, given)| *given) {
        bail!("{option} is for pose models, and {} is a forecaster", args.models[0].display());
    }
    refuse_body_options(args)?;
    let benchmark = Benchmark::of(forecasters[0].checkpoint.manifest.spec.layout)
        .with_context(|| format!("model {}", args.models[0].display()))?;
    let sequences = benchmark::open(&args.data, benchmark, Split::Test)?;
    let asked = &args.horizons;
    match device::open(args.device)? {
        TrainDevice::Cpu(device) => {
            evaluate_forecasters::<Flex>(forecasters, &sequences, asked, &device)
        }
        #[cfg(feature = "wgpu")]
        TrainDevice::Wgpu(device) => {
            evaluate_forecasters::<burn_wgpu::Wgpu>(forecasters, &sequences, asked, &device)
        }
        #[cfg(feature = "cuda")]
        TrainDevice::Cuda(device) => {
            evaluate_forecasters::<burn_cuda::Cuda>(forecasters, &sequences, asked, &device)
        }
    }
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
