//! Packs the trees of benchmarks into one file per part.

use super::facts::Benchmark;
use super::sequences::Sequences;
use super::tree::{self, Split};
use anyhow::{Context, ensure};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

/// Result of a preparation, written to `prepare.json`.
#[derive(Debug, Serialize)]
pub struct PreparedReport {
    data: PathBuf,
    benchmark: &'static str,
    rate_hz: f64,
    splits: Vec<SplitReport>,
}

#[derive(Debug, Serialize)]
struct SplitReport {
    name: Split,
    #[serde(flatten)]
    total: Amount,
    actions: BTreeMap<String, Amount>,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Amount {
    sequences: usize,
    frames: usize,
}

impl SplitReport {
    fn new(name: Split, sequences: &Sequences) -> Self {
        let mut report = Self { name, total: Amount::default(), actions: BTreeMap::new() };
        for sequence in &sequences.list {
            let frames = sequences.frames_of(sequence);
            let action = report.actions.entry(sequence.action.clone()).or_default();
            for amount in [action, &mut report.total] {
                amount.sequences += 1;
                amount.frames += frames;
            }
        }
        report
    }
}

impl Display for PreparedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:10} {:20} {:>9} {:>9}", "split", "action", "sequences", "frames")?;
        for SplitReport { name, total, actions } in &self.splits {
            let rows = actions.iter().map(|(action, amount)| (action.as_str(), amount));
            for (action, Amount { sequences, frames }) in rows.chain([("(whole)", total)]) {
                write!(f, "\n{name:10} {action:20} {sequences:>9} {frames:>9}")?;
            }
        }
        Ok(())
    }
}

/// Writes `SPLIT.positions` into `out` for each part that the tree `data` has. Each file is written
/// whole or not at all.
///
/// # Errors
/// If the tree has no part, a file in it cannot be read, or the output cannot be written.
pub fn prepare(
    data: &Path,
    out: &Path,
    benchmark: &'static Benchmark,
) -> anyhow::Result<PreparedReport> {
    let mut report = PreparedReport {
        data: data.into(),
        benchmark: benchmark.name,
        rate_hz: benchmark.rate_hz,
        splits: vec![],
    };
    std::fs::read_dir(data).with_context(|| format!("cannot read folder {}", data.display()))?;
    for split in Split::ALL {
        if !tree::has(data, benchmark, split) {
            continue;
        }
        let sequences = tree::open(data, benchmark, split)?;
        std::fs::create_dir_all(out)
            .with_context(|| format!("cannot make folder {}", out.display()))?;
        sequences.save(&out.join(format!("{split}.positions")))?;
        report.splits.push(SplitReport::new(split, &sequences));
    }
    ensure!(
        !report.splits.is_empty(),
        "{} is not a tree of {}: no part of it is there",
        data.display(),
        benchmark.name
    );
    Ok(report)
}
