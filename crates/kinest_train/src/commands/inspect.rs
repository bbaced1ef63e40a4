//! `inspect`: describes a file.

use crate::data::benchmark::Sequences;
use crate::data::motion_file;
use crate::data::motion_store::MotionStore;
use crate::output::say;
use anyhow::bail;
use kinest::model::align::Alignment;
use kinest::model::forecast::Forecasting;
use kinest::model::generate::Generating;
use kinest::model::tokens::{TokenConfig, Tokenising};
use kinest::model::{Checkpoint, CheckpointOf, ModelKind, kind_of};
use kinest::skeleton::{Pose, Skeleton, SmplJoint};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// `inspect`: describes a motion file, a prepared split or a checkpoint.
#[derive(Debug, clap::Args)]
pub struct InspectArgs {
    /// A `.motion`, a `.positions`, a `.model.ron`, or a motion of any kind that `convert` reads.
    file: PathBuf,
}

/// Runs `inspect`.
///
/// # Errors
/// If the file is none of these, or damaged.
pub fn run(args: InspectArgs) -> anyhow::Result<()> {
    let name = args.file.to_string_lossy();
    if name.ends_with(".motion") {
        prepared(&args.file)
    } else if name.ends_with(".positions") {
        positions(&args.file)
    } else if name.ends_with(".model.ron") {
        match kind_of(&args.file)?.as_str() {
            Forecasting::NAME => forecaster(&args.file),
            Alignment::NAME => alignment(&args.file),
            Tokenising::NAME => tokens(&args.file),
            Generating::NAME => generator(&args.file),
            _ => pose_model(&args.file),
        }
    } else {
        motion(&args.file)
    }
}

fn motion(path: &Path) -> anyhow::Result<()> {
    let skeleton = Skeleton::default();
    let clip = motion_file::load(path, &skeleton)?;
    let heights = |joint: SmplJoint| {
        let height = |f| skeleton.pose_joints(&Pose::from(f)).positions[joint.index()].z;
        clip.frames.iter().map(height).fold((f64::MAX, f64::MIN), |(a, b), h| (a.min(h), b.max(h)))
    };
    say!("frames      {}", clip.frames.len());
    say!("rate        {} Hz", clip.rate_hz);
    say!("duration    {:.2} s", clip.duration());
    say!("at 60 Hz    {} frames", clip.resampled(60.0).frames.len());
    for (label, joint) in [("head", SmplJoint::Head), ("left foot", SmplJoint::LeftFoot)] {
        let (low, high) = heights(joint);
        say!("{label:<11} {low:.2} to {high:.2} m high (default skeleton)");
    }
    Ok(())
}

/// Reads everything, to find damage.
fn prepared(path: &Path) -> anyhow::Result<()> {
    let store = MotionStore::open(path)?;
    let clips = store.clips();
    let damaged = |i: &usize| store.record(*i).is_none();
    if let Some(i) = (0..clips.len()).find(damaged) {
        bail!("{}: clip {} is damaged", path.display(), clips[i].name);
    }
    let frames: usize = clips.iter().map(|clip| clip.frames).sum();
    let mut subsets = BTreeMap::<&str, usize>::new();
    for clip in clips {
        *subsets.entry(clip.subset()).or_default() += 1;
    }
    say!("clips       {}", clips.len());
    say!("rate        {} Hz", store.rate_hz());
    say!("frames      {frames}");
    say!("duration    {:.2} h", frames as f64 / store.rate_hz() / 3600.0);
    for (subset, clips) in subsets {
        say!("subset      {subset} {clips}");
    }
    Ok(())
}

fn positions(path: &Path) -> anyhow::Result<()> {
    let sequences = Sequences::load(path)?;
    let benchmark = sequences.benchmark;
    say!("benchmark   {}", benchmark.name);
    say!("sequences   {}", sequences.list.len());
    say!("rate        {} Hz", benchmark.rate_hz);
    say!("frames      {}", sequences.frames());
    for action in sequences.actions() {
        let inside = sequences.list.iter().filter(|sequence| sequence.action == action);
        say!("action      {action} {}", inside.count());
    }
    Ok(())
}

fn pose_model(path: &Path) -> anyhow::Result<()> {
    let checkpoint = Checkpoint::load(path)?;
    let spec = &checkpoint.manifest.spec;
    let inputs = [
        ("window", format!("{} frames at {} Hz", spec.window, spec.rate_hz)),
        ("layout", format!("{:?}", spec.layout)),
    ];
    model(&checkpoint, &inputs)
}

fn forecaster(path: &Path) -> anyhow::Result<()> {
    let checkpoint = CheckpointOf::<Forecasting>::load(path)?;
    let manifest = &checkpoint.manifest;
    let spec = &manifest.spec;
    let mut inputs = vec![
        ("sees", format!("{} frames at {} Hz", spec.history, spec.rate_hz)),
        ("predicts", format!("{} frames", spec.horizon)),
        ("layout", format!("{:?}", spec.layout)),
    ];
    if !manifest.training.actions.is_empty() {
        inputs.push(("actions", manifest.training.actions.join(", ")));
    }
    model(&checkpoint, &inputs)
}

fn alignment(path: &Path) -> anyhow::Result<()> {
    let checkpoint = CheckpointOf::<Alignment>::load(path)?;
    let (network, spec) = (&checkpoint.manifest.network, checkpoint.manifest.spec);
    let [body, groups, pairs] = spec.words;
    let inputs = [
        ("motions", format!("up to {} frames at {} Hz", network.frames, spec.rate_hz)),
        ("texts", format!("up to {body}, {groups} and {pairs} words")),
    ];
    model(&checkpoint, &inputs)
}

fn tokens(path: &Path) -> anyhow::Result<()> {
    let checkpoint = CheckpointOf::<Tokenising>::load(path)?;
    let network = &checkpoint.manifest.network;
    let rate_hz = checkpoint.manifest.spec.rate_hz;
    let bits = network.bits_per_second(rate_hz, network.layers);
    let mut inputs = codes(network, rate_hz).to_vec();
    inputs.push(("bits", format!("{bits:.0} per second")));
    model(&checkpoint, &inputs)
}

fn generator(path: &Path) -> anyhow::Result<()> {
    let checkpoint = CheckpointOf::<Generating>::load(path)?;
    let (network, spec) = (&checkpoint.manifest.network, checkpoint.manifest.spec);
    let [body, groups, pairs] = spec.words;
    let mut inputs = codes(&network.tokens, spec.rate_hz).to_vec();
    inputs.push(("motions", format!("up to {} frames at {} Hz", network.frames(), spec.rate_hz)));
    inputs.push(("texts", format!("up to {body}, {groups} and {pairs} words")));
    model(&checkpoint, &inputs)
}

/// What a token network writes.
fn codes(network: &TokenConfig, rate_hz: f64) -> [(&'static str, String); 2] {
    let TokenConfig { layers, codes, .. } = network;
    let (parts, frames) = (network.parts.count(), network.frames());
    [
        ("tokens", format!("{parts} for {frames} frames at {rate_hz} Hz")),
        ("codes", format!("{layers} layers of {codes}")),
    ]
}

/// What every model has, and its own inputs.
fn model<K: ModelKind>(
    checkpoint: &CheckpointOf<K>,
    inputs: &[(&str, String)],
) -> anyhow::Result<()> {
    // Checks that the tensors are those of the network.
    checkpoint.tensors()?;
    let table = checkpoint.tensor_table();
    let numbers: usize = table.iter().map(|(_, shape, _)| shape.iter().product::<usize>()).sum();
    let manifest = &checkpoint.manifest;
    say!(
        "weights     {} ({:?}), {} tensors, {numbers} numbers",
        manifest.weights,
        manifest.precision,
        table.len()
    );
    say!("sha256      {}", manifest.sha256);
    for (name, text) in inputs {
        say!("{name:<11} {text}");
    }
    say!("network     {:?}", manifest.network);
    say!("data        {}", manifest.training.data);
    say!("licence     {}", manifest.training.licence);
    say!("credit      {}", manifest.training.credit);
    say!("steps       {}", manifest.training.steps);
    for (name, value) in &manifest.metrics {
        say!("metric      {name} {value}");
    }
    for (name, shape, kind) in table {
        say!("tensor      {name} {shape:?} {kind}");
    }
    Ok(())
}
