//! `predict`: estimates a whole body from the head and hands in a motion file.

use super::evaluate::{HEAD_AND_HANDS, on_body, worn};
use crate::data::motion_file;
use crate::output::say;
use crate::{engine, progress};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use kinest::capture::MotionFormat;
use kinest::live::protocol::{self, Protocol};
use kinest::skeleton::Skeleton;
use kinest::tracker::TrackerRole;
use kinest_engine::DeviceChoice;
use std::path::PathBuf;

/// Estimates the body of a clip from its head and hands, and writes it as an AMASS, BVH, glTF or VRM animation file.
#[derive(Args, Clone, Debug)]
pub struct PredictArgs {
    /// The model, a `.model.ron` file with its weights beside it
    #[arg(long)]
    pub model: PathBuf,
    /// The clip, a file of any kind that `convert` reads
    #[arg(long)]
    pub motion: PathBuf,
    /// The file to write, by its ending .npz, .bvh, .glb or .vrma; it has one frame less than the clip at the model's
    /// rate
    #[arg(long)]
    pub out: PathBuf,
    /// Trackers that are worn, separated by commas: head, hands, pelvis, chest, elbows, knees, feet. The network
    /// must see them
    #[arg(long, value_delimiter = ',', value_name = "WHERE", value_parser = worn, default_value = HEAD_AND_HANDS)]
    pub trackers: Vec<&'static [TrackerRole]>,
    /// Frames that each estimate may use
    #[arg(long)]
    pub protocol: ProtocolChoice,
    /// The body of the clip, JSON; without it, the body the model was trained with
    #[arg(long)]
    pub skeleton: Option<PathBuf>,
    /// Device: cpu, wgpu, cuda, or auto for the fastest that works
    #[arg(long, default_value_t = DeviceChoice::Cpu)]
    pub device: DeviceChoice,
}

/// A protocol on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProtocolChoice {
    /// Adjacent windows, with knowledge of the future, as in papers
    Offline,
    /// Past frames only, as in games
    Online,
}

/// Runs the command.
///
/// # Errors
/// If the model, the clip or the skeleton cannot be read, or the prediction cannot be made or written.
pub fn run(args: PredictArgs) -> anyhow::Result<()> {
    let format = MotionFormat::required(&args.out)?;
    let mut engine = engine::open(&args.model, args.device)?;
    let skeleton = match &args.skeleton {
        Some(path) => {
            Skeleton::load(path).with_context(|| format!("skeleton {}", path.display()))?
        }
        None => engine.spec().skeleton.clone(),
    };
    let worn = on_body(&args.trackers)?;
    let unseen = worn.iter().find(|role| !engine.spec().layout.trackers.roles().contains(role));
    if let Some(role) = unseen {
        bail!("model {} does not see a tracker on the {role}", args.model.display());
    }
    let clip = motion_file::load(&args.motion, &skeleton)?.resampled(engine.spec().rate_hz);
    let protocol = match args.protocol {
        ProtocolChoice::Offline => Protocol::Offline,
        ProtocolChoice::Online => Protocol::Online,
    };
    let bar = progress::frames(clip.frames.len().saturating_sub(1), "predicting");
    let predicted =
        protocol::predict(engine.as_mut(), &clip, &skeleton, &worn, protocol, |done, _| {
            bar.set_position(done as u64);
        })
        .with_context(|| format!("motion file {}", args.motion.display()))?;
    bar.finish_and_clear();
    let predicted = predicted.motion;
    format.save(&args.out, &predicted, &skeleton)?;
    let (frames, rate_hz) = (predicted.frames.len(), predicted.rate_hz);
    say!("{frames} frames at {rate_hz} Hz in {}", args.out.display());
    Ok(())
}
