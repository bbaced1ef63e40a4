//! `synth`: writes synthetic motion in the layout of an AMASS download.

use super::number;
use crate::data::synth::Synthetic;
use crate::output::say;
use anyhow::Context;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use kinest::motion::synthetic::Kind;
use kinest::skeleton::Skeleton;
use std::path::PathBuf;

/// `synth`: makes clips of walking, running, squatting and so on, where no motion capture is at
/// hand.
///
/// They are written in the layout of AMASS, `SYNTH/walk/walk_00_poses.npz`, with lists of training
/// and test clips under `splits`.
#[derive(Debug, clap::Args)]
pub struct SynthArgs {
    /// Output folder.
    #[arg(long)]
    out: PathBuf,
    /// Number of clips of each kind.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    clips: u16,
    /// Random seed; the same seed gives the same clips.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Duration of each clip, seconds.
    #[arg(long, default_value_t = 8.0, value_parser = seconds)]
    seconds: f64,
    /// Frame rate.
    #[arg(long, default_value_t = 60.0, value_name = "HZ", value_parser = rate)]
    rate: f64,
    /// Kinds of motion; by default all.
    #[arg(long, value_delimiter = ',', value_name = "KIND,..", value_parser = kind())]
    kind: Vec<Kind>,
    /// Body, instead of the default skeleton.
    #[arg(long)]
    skeleton: Option<PathBuf>,
}

fn kind() -> impl TypedValueParser<Value = Kind> {
    let of = |name: String| Kind::ALL.into_iter().find(|k| k.name() == name).ok_or("no such kind");
    PossibleValuesParser::new(Kind::ALL.map(Kind::name)).try_map(of)
}

fn seconds(text: &str) -> Result<f64, String> {
    number(text, 0.1, 3600.0)
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 1.0, 1000.0)
}

/// Runs `synth`.
///
/// # Errors
/// If there are synthetic clips in the folder already, or one cannot be written.
pub fn run(args: SynthArgs) -> anyhow::Result<()> {
    let skeleton = match &args.skeleton {
        Some(path) => Skeleton::load(path).with_context(|| path.display().to_string())?,
        None => Skeleton::default(),
    };
    let kinds = if args.kind.is_empty() { Kind::ALL.to_vec() } else { args.kind };
    let SynthArgs { clips, seed, seconds, rate: rate_hz, .. } = args;
    let synthetic = Synthetic { kinds, clips, seed, seconds, rate_hz, skeleton };
    let written = synthetic.write(&args.out)?;
    say!("{} clips of {seconds} s in {}", written.clips, written.folder.display());
    for (clips, list) in written.lists {
        say!("{clips} of them in {}", list.display());
    }
    Ok(())
}
