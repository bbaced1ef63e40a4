//! `export`: writes a checkpoint for release.

use crate::output::say;
use anyhow::Context;
use kinest::model::align::Alignment;
use kinest::model::forecast::Forecasting;
use kinest::model::generate::Generating;
use kinest::model::tokens::Tokenising;
use kinest::model::{CheckpointOf, ModelKind, PoseEstimation, Precision, kind_of};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// `export`: writes a checkpoint in another precision, with the figures from `evaluate`.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// The checkpoint to read.
    #[arg(long)]
    model: PathBuf,
    /// The checkpoint to write, `NAME.model.ron`.
    #[arg(long)]
    out: PathBuf,
    /// Precision of the stored weights.
    #[arg(long, value_enum, default_value_t)]
    precision: ExportPrecision,
    /// JSON from `evaluate`, whose figures are added to the checkpoint.
    #[arg(long)]
    metrics: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum ExportPrecision {
    /// 32-bit.
    F32,
    /// 16-bit: half the size.
    #[default]
    F16,
    /// 8-bit matrices: a quarter of the size.
    Int8,
}

/// Runs `export`.
///
/// # Errors
/// If a file cannot be read or written, or a weight does not fit the precision.
pub fn run(args: ExportArgs) -> anyhow::Result<()> {
    match kind_of(&args.model)?.as_str() {
        Forecasting::NAME => export::<Forecasting>(&args),
        Alignment::NAME => export::<Alignment>(&args),
        Tokenising::NAME => export::<Tokenising>(&args),
        Generating::NAME => export::<Generating>(&args),
        _ => export::<PoseEstimation>(&args),
    }
}

fn export<K: ModelKind>(args: &ExportArgs) -> anyhow::Result<()> {
    let checkpoint = CheckpointOf::<K>::load(&args.model)?;
    let tensors = checkpoint.tensors()?;
    let mut manifest = checkpoint.manifest;
    if let Some(path) = &args.metrics {
        read_metrics(path, &mut manifest.metrics)?;
    }
    let precision = match args.precision {
        ExportPrecision::F32 => Precision::F32,
        ExportPrecision::F16 => Precision::F16,
        ExportPrecision::Int8 => Precision::Int8,
    };
    CheckpointOf::new(manifest, &tensors, precision)?.save(&args.out)?;
    say!("{}", args.out.display());
    Ok(())
}

/// Adds every number of every protocol, named like `online.mpjpe_cm`, and the mean of a forecaster
/// at every horizon, named like `forecast.mean_80_ms`.
fn read_metrics(path: &Path, metrics: &mut BTreeMap<String, f64>) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read metrics {}", path.display()))?;
    let report: Map<String, Value> = serde_json::from_str(&text)
        .with_context(|| format!("{} is not a report of `evaluate`", path.display()))?;
    for (protocol, figures) in &report {
        let numbers = figures.as_object().into_iter().flatten();
        let numbers = numbers.filter_map(|(name, value)| Some((name, value.as_f64()?)));
        metrics.extend(numbers.map(|(name, value)| (format!("{protocol}.{name}"), value)));

        let rows = figures["rows"].as_array().into_iter().flatten();
        let means = rows.filter(|row| row["name"] == "mean").filter_map(|row| row["mm"].as_array());
        let labels = figures["horizons_ms"].as_array().into_iter().flatten();
        let named = labels.zip(means.flatten());
        let named = named.filter_map(|(label, mm)| Some((label.as_u64()?, mm.as_f64()?)));
        metrics.extend(named.map(|(label, mm)| (format!("{protocol}.mean_{label}_ms"), mm)));
    }
    Ok(())
}
