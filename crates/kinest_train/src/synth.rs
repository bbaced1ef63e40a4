//! `synth`: motion made by code, as a download would lie on disk.

use crate::output::say;
use crate::progress;
use anyhow::{Context, ensure};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use kinest::files::write_atomically;
use kinest::motion::amass;
use kinest::motion::synthetic::{self, Kind};
use kinest::skeleton::Skeleton;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// The folder of all clips inside `--out`: what AMASS calls a subset.
const SUBSET: &str = "SYNTH";
/// One clip in so many is kept for testing.
const TEST_EVERY: usize = 5;

/// `synth`: makes clips of people who walk, run, squat and so on, for those who have no motion
/// capture at hand.
///
/// They lie as AMASS does, `SYNTH/walk/walk_00_poses.npz`, with lists of clips to train on and to test
/// with under `splits`.
#[derive(Debug, clap::Args)]
pub struct SynthArgs {
    /// Folder to write to.
    #[arg(long)]
    out: PathBuf,
    /// How many clips of each kind.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    clips: u16,
    /// What differs between the clips; the same seed gives the same clips.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How long each clip is.
    #[arg(long, default_value_t = 8.0, value_parser = seconds)]
    seconds: f64,
    /// Frames per second.
    #[arg(long, default_value_t = 60.0, value_name = "HZ", value_parser = rate)]
    rate: f64,
    /// What is done in them; all of it, unless told otherwise.
    #[arg(long, value_delimiter = ',', value_name = "KIND,..", value_parser = kind())]
    kind: Vec<Kind>,
    /// Body that does it, instead of the default skeleton.
    #[arg(long)]
    skeleton: Option<PathBuf>,
}

fn kind() -> impl TypedValueParser<Value = Kind> {
    let of = |name: String| Kind::ALL.into_iter().find(|k| k.name() == name).ok_or("no such kind");
    PossibleValuesParser::new(Kind::ALL.map(Kind::name)).try_map(of)
}

fn number(text: &str, low: f64, high: f64) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if (low..=high).contains(&value) { Ok(value) } else { Err(format!("not in {low} to {high}")) }
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
    let mut kinds = if args.kind.is_empty() { Kind::ALL.to_vec() } else { args.kind.clone() };
    kinds.sort_unstable();
    kinds.dedup();
    let folder = args.out.join(SUBSET);
    ensure!(!folder.exists(), "{} holds clips already; use another folder", folder.display());
    for kind in &kinds {
        let folder = folder.join(kind.name());
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make folder {}", folder.display()))?;
    }

    let clips: Vec<(Kind, u16, String)> = kinds
        .iter()
        .flat_map(|kind| (0..args.clips).map(|i| (*kind, i)))
        .map(|(kind, i)| {
            let name = kind.name();
            (kind, i, format!("{SUBSET}/{name}/{name}_{i:02}_poses.npz"))
        })
        .collect();
    let bar = progress::clips(clips.len(), "synth");
    clips.par_iter().try_for_each(|(kind, i, name)| {
        let seed = args.seed.wrapping_add(u64::from(*i));
        let clip = synthetic::clip(*kind, seed, args.seconds, args.rate, &skeleton);
        bar.inc(1);
        amass::save(&args.out.join(name), &clip, "neutral")
    })?;
    bar.finish_and_clear();

    let (test, train): (Vec<_>, Vec<_>) = clips
        .iter()
        .map(|(.., name)| name.as_str())
        .enumerate()
        .partition(|(i, _)| i % TEST_EVERY == TEST_EVERY - 1);
    say!("{} clips of {} s in {}", clips.len(), args.seconds, folder.display());
    for (name, clips) in [("train", train), ("test", test)] {
        split(&args.out.join("splits").join(format!("{name}.txt")), &clips)?;
    }
    Ok(())
}

/// Writes a list of clips, unless there are none: a list without clips is no list.
fn split(path: &Path, clips: &[(usize, &str)]) -> anyhow::Result<()> {
    if clips.is_empty() {
        return Ok(());
    }
    let write = || {
        std::fs::create_dir_all(path.parent().unwrap_or(path))?;
        let lines: String = clips.iter().map(|(_, name)| format!("{name}\n")).collect();
        write_atomically(path, lines.as_bytes())
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    say!("{} of them in {}", clips.len(), path.display());
    Ok(())
}
