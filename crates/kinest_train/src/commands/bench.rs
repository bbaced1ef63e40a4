//! `bench`: times a model on this machine.

use crate::output::say;
use crate::report::latency::{self, BenchReport, ForecasterBenchReport, Latency};
use clap::Args;
use kinest::model::forecast::Forecasting;
use kinest::model::{ModelKind, kind_of};
use kinest_engine::DeviceChoice;
use std::path::PathBuf;

/// Times a model: a window or a step, for one and many avatars, and from program start to the first
/// pose; of a forecaster one call. Run it on an idle machine.
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    /// The model, a `.model.ron` file with its weights beside it
    #[arg(long)]
    pub model: PathBuf,
    /// Device: cpu, wgpu, cuda, or auto for the fastest that works
    #[arg(long, default_value_t = DeviceChoice::Auto)]
    pub device: DeviceChoice,
    /// Minimum time per row, seconds; rare delays need long ones
    #[arg(long, default_value_t = 3.0, value_name = "SECONDS", value_parser = seconds)]
    pub seconds: f64,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Estimate one pose and exit, for timing a cold start
    #[arg(long, hide = true)]
    pub first_pose: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if seconds > 0.0 && seconds <= 3600.0 => Ok(seconds),
        _ => Err("not a number of seconds up to 3600".into()),
    }
}

/// Runs the command.
///
/// # Errors
/// If the model cannot be read, or the device does not work.
pub fn run(args: BenchArgs) -> anyhow::Result<()> {
    if args.first_pose {
        return latency::first_pose(&args.model, args.device);
    }
    if kind_of(&args.model)? == Forecasting::NAME {
        let report = latency::measure_forecaster(&args.model, args.device, args.seconds)?;
        if args.json {
            say!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print_forecaster(&report);
        }
        return Ok(());
    }
    let report = latency::measure(&args.model, args.device, args.seconds)?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

fn print_header(model: &str, device: &str) {
    say!("{model} on {device}");
    say!("\n| ms per call | p50 | p95 | p99 | p99.9 |\n|---|---|---|---|---|");
}

fn row(name: &str, l: &Latency) {
    say!("| {name} | {:.3} | {:.3} | {:.3} | {:.3} |", l.p50_ms, l.p95_ms, l.p99_ms, l.p999_ms);
}

fn print_forecaster(report: &ForecasterBenchReport) {
    print_header(&report.model, &report.device);
    row("one forecast", &report.call);
    say!("\nweights {:.2} MB", report.weights_bytes as f64 / 1e6);
}

fn print(report: &BenchReport) {
    print_header(&report.model, &report.device);
    match &report.step {
        Some(step) => {
            row("one frame", step);
            row("the frames of one second", &report.window);
        }
        None => row("one window", &report.window),
    }
    for (count, latency) in &report.avatars {
        row(&format!("{count} avatars"), latency);
    }
    say!(
        "\nlooks {:.0} ms ahead; weights {:.2} MB, read from memory in {:.3} ms; first pose {:.0} ms \
         after the start of the program",
        report.look_ahead_ms,
        report.weights_bytes as f64 / 1e6,
        report.weights_read_ms,
        report.cold_start_ms
    );
}
