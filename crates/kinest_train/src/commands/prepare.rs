//! `prepare`: packs downloaded clips into one file per split.

use crate::data::benchmark::{self, Benchmark};
use crate::data::prepare::prepare;
use crate::data::splits::{Download, Split};
use crate::output::say;
use anyhow::{Context, bail};
use clap::{ArgGroup, ValueEnum};
use kinest::files::write_atomically;
use kinest::model::forecast::ForecastLayout;
use kinest::motion::ImplausibleKind;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// `prepare`: reads clips once, resamples them to one rate, and writes `NAME.motion` for each
/// split; or reads a benchmark of motion prediction and writes `NAME.positions` for each part.
///
/// An interrupted run continues where it stopped; unchanged clips are not read again. Parts of a
/// benchmark are read in seconds, each is written whole.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("which").required(true).args(["protocol", "split", "layout"])))]
pub struct PrepareArgs {
    /// Folder of an AMASS download, or of other clips in its format, at any depth; or the tree of a
    /// benchmark.
    #[arg(long)]
    data: PathBuf,
    /// Output folder: NAME.motion or NAME.positions for each split, and prepare.json.
    #[arg(long)]
    out: PathBuf,
    /// Splits of the literature.
    #[arg(long, value_enum)]
    protocol: Option<Protocol>,
    /// Folder with the lists of protocol 1: train_split.txt and test_split.txt, at any depth.
    #[arg(long, requires = "protocol", required_if_eq("protocol", "1"))]
    splits: Option<PathBuf>,
    /// A custom split and the file that lists its clips, one per line; can be given several times.
    #[arg(long, value_name = "NAME=FILE", value_parser = split_argument)]
    split: Vec<(String, PathBuf)>,
    /// The benchmark of motion prediction that the data folder is.
    #[arg(long, value_enum, conflicts_with_all = ["allow_missing", "rate"])]
    layout: Option<Layout>,
    /// Skip clips that a split names but the data folder lacks.
    #[arg(long)]
    allow_missing: bool,
    /// Leave out clips that no body moved like, in these ways, separated by commas; they are listed
    /// anyway.
    #[arg(long, value_enum, value_delimiter = ',', conflicts_with = "layout")]
    leave_out: Vec<Implausible>,
    /// Frame rate of the output.
    #[arg(long, default_value_t = 60.0, value_parser = rate_argument)]
    rate: f64,
}

/// Splits of the literature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// BMLrub, CMU and HDM05, by lists
    #[value(name = "1")]
    One,
    /// Twelve subsets for training, HumanEva and Transitions for testing
    #[value(name = "2")]
    Two,
}

/// Ways in which a clip is not what a body did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Implausible {
    /// Faster than people, as clips with a wrong rate are
    Speed,
    /// A joint or the whole body is elsewhere for one frame
    Pops,
    /// Feet 30 cm above or below the floor
    Floor,
    /// It starts in a T-pose
    TPose,
}

impl From<Implausible> for ImplausibleKind {
    fn from(kind: Implausible) -> Self {
        match kind {
            Implausible::Speed => Self::Speed,
            Implausible::Pops => Self::Pop,
            Implausible::Floor => Self::Floor,
            Implausible::TPose => Self::TPose,
        }
    }
}

/// Benchmarks of motion prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Layout {
    /// CMU-Mocap: train/ACTION/NAME.txt and test/ACTION/NAME.txt, 38 joints
    Cmu38,
    /// Human3.6M: S1/ACTION_N.txt and other subjects, 32 joints
    H36m,
    /// 3DPW: sequenceFiles/train, validation and test, 24 joints
    #[value(name = "3dpw")]
    ThreeDpw,
}

impl From<Layout> for ForecastLayout {
    fn from(layout: Layout) -> Self {
        match layout {
            Layout::Cmu38 => Self::Cmu38,
            Layout::H36m => Self::H36m,
            Layout::ThreeDpw => Self::ThreeDpw,
        }
    }
}

fn split_argument(text: &str) -> Result<(String, PathBuf), String> {
    let (name, file) = text.split_once('=').ok_or("expected NAME=FILE")?;
    if name.is_empty() || name.contains(['/', '\\', '.']) || file.is_empty() {
        return Err("expected NAME=FILE, where NAME can be the name of a file".into());
    }
    Ok((name.into(), file.into()))
}

fn rate_argument(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number")?;
    if !(1.0..=1000.0).contains(&rate) {
        return Err("not a frame rate from 1 to 1000 Hz".into());
    }
    Ok(rate)
}

/// Runs `prepare`.
///
/// # Errors
/// If the folders or lists cannot be used, a split names missing clips, a split has no clips, or
/// the disk is full. The next run reuses what was written.
pub fn run(args: PrepareArgs) -> anyhow::Result<()> {
    if let Some(layout) = args.layout {
        let report = benchmark::prepare(&args.data, &args.out, Benchmark::of(layout.into())?)?;
        say!("{report}");
        return write(&args.out, &report);
    }
    let choose = |download: &Download<'_>| chosen_splits(&args, download);
    let leave_out: Vec<ImplausibleKind> =
        args.leave_out.iter().map(|kind| (*kind).into()).collect();
    let report = prepare(&args.data, &args.out, args.rate, args.allow_missing, &leave_out, choose)?;
    say!("{report}");
    write(&args.out, &report)?;
    report.refuse_empty()
}

/// Writes `prepare.json`.
fn write(out: &Path, report: &impl Serialize) -> anyhow::Result<()> {
    let path = out.join("prepare.json");
    write_atomically(&path, (serde_json::to_string_pretty(report)? + "\n").as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}

fn chosen_splits(args: &PrepareArgs, download: &Download<'_>) -> anyhow::Result<Vec<Split>> {
    match (args.protocol, &args.splits) {
        (Some(Protocol::One), Some(lists)) => download.protocol_1(lists),
        (Some(Protocol::Two), None) => Ok(download.protocol_2()),
        (Some(_), _) => bail!("--splits goes with --protocol 1, and with that only"),
        (None, _) => {
            let mut names = BTreeSet::new();
            let twice = args.split.iter().find(|(name, _)| !names.insert(name));
            if let Some((name, _)) = twice {
                bail!("there are two splits called {name}");
            }
            args.split.iter().map(|(name, list)| download.listed(name, list)).collect()
        }
    }
}
