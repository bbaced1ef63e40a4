//! A forecaster of a game's body on synthetic clips, through the program.

mod program;

use kinest::model::CheckpointOf;
use kinest::model::forecast::{ForecastLayout, Forecasting};
use kinest::motion::{amass, synthetic};
use kinest::skeleton::Skeleton;
use program::{fails, ok, train};
use serde_json::Value;
use std::fs;
use std::path::Path;

const CONFIG: &str = r#"(
    task: Body, batch: 8, steps: 60, log_every: 1, save_every: 1000, average: Some(0.9),
    data: (poses: "POSES", errors: Some((grip: (position: 0.02)))),
    validation: (hold_out: ["b_"], windows: 16, every: 30),
    optimizer: (rate: 3e-3, warm_up: 2, schedule: Cosine(steps: 60), weight_decay: 0.0, clip_norm: Some(1.0)),
    network: Ksof((
        history: 13, horizon: 12, numbers: 69, channels: 4, temporal_blocks: 2, hidden: 4, graph_blocks: 2,
        fusion: Linear, dropout: 0.0,
    )),
)"#;

/// The shipped streaming model.
fn poses() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    path.join("../../assets/models/kinest_stream.model.ron").display().to_string()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("data")).unwrap();
    let clip = synthetic::walk_and_wave(&Skeleton::default());
    for name in ["a_poses.npz", "b_poses.npz"] {
        amass::save(at.join("data").join(name), &clip, "neutral").unwrap();
    }
    fs::write(at.join("train.ron"), CONFIG.replace("POSES", &poses())).unwrap();
    folder
}

fn losses(run: &Path) -> Vec<f64> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let line = |line: &str| serde_json::from_str::<Value>(line).unwrap()["loss"].as_f64().unwrap();
    text.lines().map(line).collect()
}

#[test]
fn a_forecaster_is_trained_scored_and_gated() {
    let folder = folder();
    let at = folder.path();
    ok(at, &train("run", &[]));
    let losses = losses(&at.join("run"));
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (first, last) = (mean(&losses[..5]), mean(&losses[losses.len() - 5..]));
    assert!(last < 0.8 * first, "{first} {last}");
    let checkpoint = CheckpointOf::<Forecasting>::load(at.join("run/best.model.ron")).unwrap();
    assert_eq!(checkpoint.manifest.spec.layout, ForecastLayout::Smpl22);
    assert!(checkpoint.manifest.metrics["validation.forecast_mm"] > 0.0);

    let poses = poses();
    let score = |model: &str, more: &[&str]| {
        let arguments = ["evaluate", "--model", model, "--data", "data", "--poses", &poses];
        ok(at, &[&arguments, more].concat())
    };
    let more = ["--gate", "gated.model.ron", "--json", "body.json", "--csv", "body.csv"];
    let table = score("run/best.model.ron", &more);
    assert!(table.contains("damped velocity") && table.contains("| left_leg "), "{table}");
    let report: Value = serde_json::from_slice(&fs::read(at.join("body.json")).unwrap()).unwrap();
    assert_eq!(report["rows"].as_array().unwrap().len(), 8);
    assert_eq!(fs::read_to_string(at.join("body.csv")).unwrap().lines().count(), 1 + 8 * 12);
    let gated = CheckpointOf::<Forecasting>::load(at.join("gated.model.ron")).unwrap();
    assert!(gated.manifest.spec.gate.is_some());
    assert!(gated.manifest.metrics.contains_key("forecast.mm_100_ms"));
    // What is gated is scored beside the whole network.
    assert!(score("gated.model.ron", &[]).contains("gated, gated"));
}

#[test]
fn options_and_data_that_do_not_fit_are_named() {
    let folder = folder();
    let at = folder.path();
    let poses = poses();
    let error = fails(at, &train("a", &["--skeleton", "x.json"]));
    assert!(error.contains("--skeleton") && error.contains("Body"), "{error}");
    let error = fails(at, &train("b", &["--set", "data.poses=nowhere.model.ron"]));
    assert!(error.contains("data.poses") && error.contains("nowhere"), "{error}");
    let error = fails(at, &train("c", &["--set", "data.only=[\"z\"]"]));
    assert!(error.contains("clip"), "{error}");
    let error = fails(at, &train("d", &["--set", "rate_hz=0.5"]));
    assert!(error.contains("long enough"), "{error}");

    ok(at, &train("run", &["--steps", "1"]));
    let model = "run/last.model.ron";
    let error = fails(at, &["evaluate", "--model", model, "--data", "data"]);
    assert!(error.contains("--poses"), "{error}");
    let arguments = ["evaluate", "--model", model, "--data", "data", "--poses", &poses];
    let error = fails(at, &[&arguments[..], &["--baselines"]].concat());
    assert!(error.contains("--baselines"), "{error}");
    let error = fails(at, &["evaluate", "--model", &poses, "--data", "data", "--poses", &poses]);
    assert!(error.contains("--poses"), "{error}");
    let mut wrong = arguments;
    wrong[6] = model;
    let error = fails(at, &wrong);
    assert!(error.contains("forecast"), "{error}");
}
