//! Motion tokens on synthetic clips, through the program.

mod program;

use kinest::model::CheckpointOf;
use kinest::model::tokens::{TokenParts, Tokenising};
use kinest::motion::{amass, synthetic};
use kinest::skeleton::Skeleton;
use program::{fails, logged, ok, train};
use serde_json::Value;
use std::fs;

const CONFIG: &str = r#"(
    task: Tokens, batch: 8, steps: 150, log_every: 1, save_every: 1000, rate_hz: 30.0,
    windows: (frames: 16, fewer_layers: 0.5),
    validation: (hold_out: ["b_"], windows: 16, every: 50),
    optimizer: (rate: 6e-3, warm_up: 2, schedule: Cosine(steps: 150), weight_decay: 0.0, clip_norm: Some(1.0)),
    network: (width: 24, blocks: 1, halvings: 2, causal: true, code_dim: 8, codes: 16, layers: 2),
)"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("data")).unwrap();
    let clip = synthetic::walk_and_wave(&Skeleton::default());
    for name in ["a_poses.npz", "b_poses.npz"] {
        amass::save(at.join("data").join(name), &clip, "neutral").unwrap();
    }
    fs::write(at.join("train.ron"), CONFIG).unwrap();
    folder
}

#[test]
fn tokens_are_trained_and_scored() {
    let folder = folder();
    let at = folder.path();
    ok(at, &train("whole", &[]));
    ok(at, &train("limbs", &["--set", "network.parts=Groups", "--set", "network.width=12"]));
    for run in ["whole", "limbs"] {
        let losses: Vec<f64> =
            logged(&at.join(run)).iter().map(|line| line["loss"].as_f64().unwrap()).collect();
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        let (first, last) = (mean(&losses[..5]), mean(&losses[losses.len() - 5..]));
        assert!(last < 0.7 * first, "{run}: {first} {last}");
    }
    let limbs = CheckpointOf::<Tokenising>::load(at.join("limbs/best.model.ron")).unwrap();
    assert_eq!(limbs.manifest.network.parts, TokenParts::Groups);
    assert!(limbs.manifest.metrics["validation.joints_mm"] > 0.0);
    assert!(limbs.manifest.metrics["validation.codes_used"] > 0.3);

    let mut arguments = vec!["evaluate", "--data", "data", "--json", "t.json", "--csv", "t.csv"];
    arguments.extend(["--model", "whole/best.model.ron", "--model", "limbs/best.model.ron"]);
    let table = ok(at, &arguments);
    assert!(table.contains("whole/best") && table.contains("key frames"), "{table}");
    let report: Value = serde_json::from_slice(&fs::read(at.join("t.json")).unwrap()).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let of = |row: usize, name: &str| rows[row]["tokens"][name].as_f64().unwrap();
    // 7.5 tokens a second of 4 bits in each layer, and 64 bits every two seconds for the place.
    for (row, kbit_s) in [0.062, 0.092, 0.212, 0.392].into_iter().enumerate() {
        assert!((of(row, "kbit_s") - kbit_s).abs() < 1e-9, "{row}");
        assert!((0.1..20.0).contains(&of(row, "joints_cm")), "{row}");
        let key_frames = &rows[row]["key_frames"]["read"];
        assert!((key_frames["kbit_s"].as_f64().unwrap() - kbit_s).abs() < 1e-9);
    }
    assert_eq!(rows.len(), 4);
    assert!(of(1, "joints_cm") < of(0, "joints_cm"), "a second layer helps");
    // Every frame, off by no more than the packets.
    let every = &report["key_frames"][0]["read"];
    assert!(every["joints_cm"].as_f64().unwrap() < 0.5, "{every}");
    let farther = &report["key_frames"][5]["read"];
    assert!(farther["joints_cm"].as_f64() > every["joints_cm"].as_f64());
    assert_eq!(fs::read_to_string(at.join("t.csv")).unwrap().lines().count(), 1 + 4);

    let arguments = [
        "export",
        "--model",
        "whole/best.model.ron",
        "--out",
        "w.model.ron",
        "--metrics",
        "t.json",
    ];
    ok(at, &arguments);
    let exported = CheckpointOf::<Tokenising>::load(at.join("w.model.ron")).unwrap();
    assert!((exported.manifest.metrics["tokens.joints_cm"] - of(1, "joints_cm")).abs() < 1e-12);
    let told = ok(at, &["inspect", "w.model.ron"]);
    assert!(told.contains("2 layers of 16") && told.contains("60 per second"), "{told}");
}

/// Codebooks and their usage too.
#[test]
fn a_run_that_stopped_goes_on_bit_for_bit() {
    let folder = folder();
    let at = folder.path();
    ok(at, &train("whole", &["--steps", "24"]));
    ok(at, &train("parts", &["--steps", "9"]));
    ok(at, &train("parts", &["--steps", "24", "--resume"]));
    let weights = |run: &str| fs::read(at.join(run).join("last.24.safetensors")).unwrap();
    assert!(weights("whole") == weights("parts"), "the weights differ");
    let ends = [logged(&at.join("whole")), logged(&at.join("parts"))];
    let [whole, parts] = ends.map(|lines| lines[lines.len() - 14..].to_vec());
    assert_eq!(whole, parts);
}

#[test]
fn options_and_data_that_do_not_fit_are_named() {
    let folder = folder();
    let at = folder.path();
    let error = fails(at, &train("a", &["--skeleton", "x.json"]));
    assert!(error.contains("--skeleton") && error.contains("Tokens"), "{error}");
    let error = fails(at, &train("b", &["--set", "windows.frames=18"]));
    assert!(error.contains("windows.frames"), "{error}");
    let error = fails(at, &train("c", &["--set", "windows.frames=400"]));
    assert!(error.contains("as long as a window"), "{error}");
    let error = fails(at, &train("d", &["--set", "validation.hold_out=[\"z\"]"]));
    assert!(error.contains("hold_out"), "{error}");

    ok(at, &train("run", &["--steps", "1"]));
    let other = ["--steps", "2", "--resume", "--set", "network.codes=8"];
    let error = fails(at, &train("run", &other));
    assert!(error.contains("`network` changed"), "{error}");
    let arguments = ["evaluate", "--model", "run/last.model.ron", "--data", "data", "--baselines"];
    let error = fails(at, &arguments);
    assert!(error.contains("--baselines"), "{error}");
    let error = fails(at, &["bench", "--model", "run/last.model.ron"]);
    assert!(error.contains("tokens"), "{error}");
}
