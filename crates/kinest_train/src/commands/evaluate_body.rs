//! `evaluate` for forecasters of a game's body.

use crate::data::clips;
use crate::report::TrainedForecaster;
use crate::report::body_forecast::{BodyForecastReport, Contender, evaluate as score};
use crate::tasks::forecast::body::motion::BodyMotion;
use anyhow::ensure;
use kinest::forecast::{BodyForecaster, Extrapolation};
use kinest::model::forecast::{ForecastLayout, Forecasting};
use kinest::model::{Checkpoint, CheckpointOf};
use kinest_engine::DeviceChoice;
use std::path::Path;

/// By how much a network has to beat its baseline to be used.
const MARGIN: f64 = 0.05;

/// The baseline that a network has to beat.
const BASELINE: &str = "damped velocity";

/// What is scored on what.
pub(super) struct BodyEvaluation<'a> {
    /// Folder with clips, or a prepared file.
    pub data: &'a Path,
    /// List of clips.
    pub split: Option<&'a Path>,
    /// The pose model whose estimates are shown.
    pub poses: &'a Path,
    /// Where the first forecaster is written, with the gate that its figures justify.
    pub gate: Option<&'a Path>,
    /// For the forecasters.
    pub device: DeviceChoice,
}

/// Scores forecasters and extrapolations on what a pose model shows of clips.
pub(super) fn evaluate(
    args: &BodyEvaluation<'_>,
    forecasters: &[TrainedForecaster],
) -> anyhow::Result<BodyForecastReport> {
    let poses = Checkpoint::load(args.poses)?;
    let spec = &poses.manifest.spec;
    let mut contenders = vec![];
    for (name, extrapolation) in [
        ("held", Extrapolation::Hold),
        ("velocity", Extrapolation::Velocity),
        (BASELINE, Extrapolation::default()),
    ] {
        let forecaster = BodyForecaster::new(extrapolation);
        contenders.push(Contender { name: name.into(), forecaster });
    }
    for TrainedForecaster { name, checkpoint } in forecasters {
        let layout = checkpoint.manifest.spec.layout;
        ensure!(layout == ForecastLayout::Smpl22, "{name} forecasts {layout:?}, others a body");
        let mut open = checkpoint.manifest.clone();
        if open.spec.gate.take().is_some() {
            contenders.push(contender(format!("{name}, gated"), checkpoint, args.device)?);
        }
        let (tensors, precision) = (checkpoint.tensors()?, checkpoint.manifest.precision);
        let everywhere = CheckpointOf::<Forecasting>::new(open, &tensors, precision)?;
        contenders.push(contender(name.clone(), &everywhere, args.device)?);
    }
    let clips = clips::load(args.data, args.split, spec.rate_hz)?;
    eprintln!("estimating what a game shows of {} clips", clips.len());
    let motions = BodyMotion::of_clips(clips, &poses, None, 0)?;
    let report = score(&mut contenders, &motions, &spec.skeleton)?;
    if let Some(path) = args.gate {
        let TrainedForecaster { name, checkpoint } = &forecasters[0];
        let mut manifest = checkpoint.manifest.clone();
        manifest.spec.gate = report.gate(name, &manifest.spec, BASELINE, MARGIN);
        manifest.metrics.extend(report.metrics(name));
        let (tensors, precision) = (checkpoint.tensors()?, manifest.precision);
        CheckpointOf::new(manifest, &tensors, precision)?.save(path)?;
    }
    Ok(report)
}

fn contender(
    name: String,
    checkpoint: &CheckpointOf<Forecasting>,
    device: DeviceChoice,
) -> anyhow::Result<Contender> {
    let engine = kinest_engine::open_forecaster(checkpoint, device)?;
    let forecaster = BodyForecaster::with_engine(Extrapolation::default(), engine)?;
    Ok(Contender { name, forecaster })
}
