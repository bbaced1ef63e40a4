//! Timings of a model on this machine.

use crate::{engine, progress};
use anyhow::{Context, ensure};
use kinest::forecast::{ForecastEngine, ForecastOutput};
use kinest::live::{PoseEngine, StreamFrames, Take};
use kinest::model::forecast::{ForecastSpec, Forecasting};
use kinest::model::{Checkpoint, CheckpointOf, Feed, ModelSpec};
use kinest_engine::DeviceChoice;
use serde::Serialize;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Numbers of avatars per call.
const AVATARS: [usize; 4] = [1, 4, 16, 64];
/// Warm-up calls, for compilation of kernels, allocation and clock rates.
const WARM_UP: usize = 50;
/// Minimum number of timed calls, enough for a 99th percentile.
const LEAST_CALLS: usize = 200;
/// Number of program starts.
const STARTS: usize = 5;
/// Bytes to read in sequence, so that every copy of the weights comes from memory and not from a
/// cache.
const MORE_THAN_CACHES: usize = 512 << 20;

/// Timings of a model.
#[derive(Clone, Debug, Serialize)]
pub struct BenchReport {
    /// File of the model.
    pub model: String,
    /// Device it ran on.
    pub device: String,
    /// One call for one avatar with a whole window; for a network that is fed frame by frame, with
    /// the frames of 1 s.
    pub window: Latency,
    /// One call for one avatar with one new frame, for networks that are fed frame by frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Latency>,
    /// One call for several avatars, as games make per frame, by number of avatars.
    pub avatars: BTreeMap<usize, Latency>,
    /// Look-ahead of the model, milliseconds.
    pub look_ahead_ms: f64,
    /// Size of the stored weights, bytes.
    pub weights_bytes: usize,
    /// Time in which one core reads that many bytes from memory, milliseconds.
    pub weights_read_ms: f64,
    /// Time from program start to the first pose, milliseconds. Only the system's file cache is warm.
    pub cold_start_ms: f64,
}

/// Timings of a forecaster.
#[derive(Clone, Debug, Serialize)]
pub struct ForecasterBenchReport {
    /// File of the model.
    pub model: String,
    /// Device it ran on.
    pub device: String,
    /// One call for one motion.
    pub call: Latency,
    /// Size of the stored weights, bytes.
    pub weights_bytes: usize,
}

/// Percentiles of the duration of a call until its results are in main memory.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// Median, milliseconds.
    pub p50_ms: f64,
    /// 95th percentile, milliseconds.
    pub p95_ms: f64,
    /// 99th percentile, milliseconds.
    pub p99_ms: f64,
    /// 99.9th percentile, milliseconds.
    pub p999_ms: f64,
}

impl Latency {
    fn of(mut ms: Vec<f64>) -> Self {
        ms.sort_unstable_by(f64::total_cmp);
        let part = |part: f64| ms[((ms.len() - 1) as f64 * part).round() as usize];
        Self { p50_ms: part(0.5), p95_ms: part(0.95), p99_ms: part(0.99), p999_ms: part(0.999) }
    }
}

/// Times the model for at least `seconds` per row. The cold start is measured by starting this
/// program with `bench --first-pose`.
///
/// # Errors
/// If the model cannot be read, or the device does not work.
pub fn measure(model: &Path, device: DeviceChoice, seconds: f64) -> anyhow::Result<BenchReport> {
    let mut engine = engine::open(model, device)?;
    let engine = engine.as_mut();
    let spec = engine.spec().clone();
    let second = spec.rate_hz.round() as usize;
    let bar = progress::rows(AVATARS.len() + 4, "measuring");

    let (at_once, step) = match spec.feed {
        Feed::Windows => (spec.window, None),
        Feed::Frames { .. } => (second, Some(latency(seconds, || call(engine, &spec, 1, 1))?)),
    };
    bar.inc(1);
    let window = latency(seconds, || call(engine, &spec, 1, at_once))?;
    bar.inc(1);
    let mut avatars = BTreeMap::new();
    for count in AVATARS {
        let frames = if step.is_some() { 1 } else { spec.window };
        avatars.insert(count, latency(seconds, || call(engine, &spec, count, frames))?);
        bar.inc(1);
    }
    let weights_bytes = Checkpoint::load(model)?.weights_bytes();
    let weights_read_ms = read_from_memory(weights_bytes);
    bar.inc(1);
    let cold_start_ms = cold_start(model, device)?;
    bar.finish_and_clear();
    let look_ahead = match spec.feed {
        Feed::Windows => 0,
        Feed::Frames { look_ahead } => look_ahead,
    };
    Ok(BenchReport {
        model: model.display().to_string(),
        device: engine.device().to_owned(),
        window,
        step,
        avatars,
        look_ahead_ms: 1e3 * look_ahead as f64 / spec.rate_hz,
        weights_bytes,
        weights_read_ms,
        cold_start_ms,
    })
}

/// Times the forecaster for at least `seconds`.
///
/// # Errors
/// If the model cannot be read, or the device does not work.
pub fn measure_forecaster(
    model: &Path,
    device: DeviceChoice,
    seconds: f64,
) -> anyhow::Result<ForecasterBenchReport> {
    let checkpoint = CheckpointOf::<Forecasting>::load(model)?;
    let mut engine = kinest_engine::open_forecaster(&checkpoint, device)
        .with_context(|| format!("model {}", model.display()))?;
    let ForecastSpec { history, layout, .. } = *engine.spec();
    let motion: Vec<f32> = (0..history * layout.numbers()).map(|i| (i as f32).sin()).collect();
    let mut out = ForecastOutput::default();
    let call = latency(seconds, || {
        let start = Instant::now();
        engine.forecast(black_box(&motion), 1, &mut out)?;
        Ok(start.elapsed())
    })?;
    Ok(ForecasterBenchReport {
        model: model.display().to_string(),
        device: engine.device().to_owned(),
        call,
        weights_bytes: checkpoint.weights_bytes(),
    })
}

/// One call with `frames` frames for each of `avatars` avatars.
fn call(
    engine: &mut dyn PoseEngine,
    spec: &ModelSpec,
    avatars: usize,
    frames: usize,
) -> anyhow::Result<Duration> {
    let numbers = frames * spec.layout.inputs();
    let features: Vec<f32> =
        (0..avatars * numbers).map(|i| 0.5 * (i as f32 * 0.37).sin()).collect();
    let streams: Vec<_> = features
        .chunks_exact(numbers)
        .zip(0..)
        .map(|(features, stream)| StreamFrames { stream, features })
        .collect();
    let start = Instant::now();
    let output = match engine.streams() {
        Some(engine) => engine.advance(&streams, Take::Newest)?,
        None => engine.infer(&features, avatars, Take::Newest)?,
    };
    let took = start.elapsed();
    ensure!(output.iter().all(|v| v.is_finite()), "the network's output is not finite");
    Ok(took)
}

fn latency(
    seconds: f64,
    mut call: impl FnMut() -> anyhow::Result<Duration>,
) -> anyhow::Result<Latency> {
    for _ in 0..WARM_UP {
        call()?;
    }
    let (start, mut ms) = (Instant::now(), vec![]);
    while ms.len() < LEAST_CALLS || start.elapsed().as_secs_f64() < seconds {
        ms.push(1e3 * call()?.as_secs_f64());
    }
    Ok(Latency::of(ms))
}

/// Median time to read `bytes` once, over copies that are not in a cache, milliseconds.
fn read_from_memory(bytes: usize) -> f64 {
    let words = bytes.div_ceil(8).max(1);
    let copies = (MORE_THAN_CACHES / bytes.max(1)).clamp(8, 4096);
    let memory: Vec<u64> = (0..(words * copies) as u64).collect();
    let read = |copy: &[u64]| {
        let start = Instant::now();
        // Several sums, so that memory is the bottleneck.
        let mut sums = [0_u64; 8];
        for chunk in copy.chunks(8) {
            sums.iter_mut().zip(chunk).for_each(|(sum, word)| *sum = sum.wrapping_add(*word));
        }
        black_box(sums);
        1e3 * start.elapsed().as_secs_f64()
    };
    Latency::of(memory.chunks_exact(words).map(read).collect()).p50_ms
}

/// Median time from program start to the first pose, milliseconds.
fn cold_start(model: &Path, device: DeviceChoice) -> anyhow::Result<f64> {
    let program = std::env::current_exe().context("where this program is")?;
    let start = |_| {
        let mut command = Command::new(&program);
        command.args(["bench", "--first-pose", "--device", device.name(), "--model"]);
        command.arg(model).stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let status = command.status().with_context(|| program.display().to_string())?;
        ensure!(status.success(), "a cold start failed: {status}");
        Ok(1e3 * start.elapsed().as_secs_f64())
    };
    Ok(Latency::of((0..STARTS).map(start).collect::<anyhow::Result<_>>()?).p50_ms)
}

/// Estimates one pose, for measuring a cold start.
///
/// # Errors
/// If the model cannot be read, or the device does not work.
pub fn first_pose(model: &Path, device: DeviceChoice) -> anyhow::Result<()> {
    let mut engine = engine::open(model, device)?;
    let spec = engine.spec().clone();
    call(engine.as_mut(), &spec, 1, spec.window).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_cover_all_calls() {
        let latency = Latency::of((0..=1000).rev().map(f64::from).collect());
        let expected = Latency { p50_ms: 500.0, p95_ms: 950.0, p99_ms: 990.0, p999_ms: 999.0 };
        assert_eq!(latency, expected);
    }
}
