//! Training, from the command line, on clips made by code.

use kinest::model::Checkpoint;
use kinest::motion::{amass, synthetic};
use kinest::skeleton::Skeleton;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const TRAIN: &str = env!("CARGO_BIN_EXE_kinest-train");

const CONFIG: &str = r#"(
    batch: 4, steps: 8, log_every: 1, save_every: 100, prepare: true,
    layout: (frame: Heading, decode: GramSchmidt),
    data: (augment: (mirror: true, speed: 0.2, size: 0.1)),
    loss: (position: 1.0, newest: 1.0),
    optimizer: (rate: 2e-3, schedule: Cosine(warm_up: 2), clip_norm: Some(1.0)),
    network: Kinest((
        window: 12, width: 16, temporal_blocks: 1, kinematic_blocks: 1, joint_width: 4,
        temporal_scan: (state: 4, taps: 4, expand: 2, head_width: 8, chunk: 8),
        kinematic_scan: (state: 4, taps: 4, expand: 2, head_width: 8, chunk: 8),
        attention_heads: 2, feed_forward: 16, fan_hidden: 8, standardise: true,
    )),
)"#;

/// A folder with one clip under `data` and a config; the folder of a run is beside them.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    amass::save(
        &data.join("walk_poses.npz"),
        &synthetic::walk_and_wave(&Skeleton::default()),
        "neutral",
    )
    .unwrap();
    std::fs::write(folder.path().join("train.ron"), CONFIG).unwrap();
    folder
}

fn command(folder: &Path, run: &str, more: &[&str]) -> Command {
    let mut command = Command::new(TRAIN);
    command.current_dir(folder).args(["train", "--data", "data", "--out", run]).args(more);
    command
}

fn train(folder: &Path, run: &str, more: &[&str]) -> Output {
    let output = command(folder, run, more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn losses(run: PathBuf) -> Vec<(u64, f64)> {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let line = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        (line["step"].as_u64().unwrap(), line["loss"].as_f64().unwrap())
    };
    text.lines().map(line).collect()
}

#[test]
fn a_resumed_run_goes_on_as_if_it_had_not_stopped() {
    let folder = folder();
    let path = folder.path();
    train(path, "whole", &["--config", "train.ron"]);
    // The schedule counts the steps of the whole run, so the first part is stopped by the file of a
    // run that wants more, cut short here.
    train(path, "parts", &["--config", "train.ron", "--stop-after", "3"]);
    assert_eq!(losses(path.join("parts")).len(), 3);
    train(path, "parts", &["--resume"]);
    let (whole, parts) = (losses(path.join("whole")), losses(path.join("parts")));
    assert_eq!(whole.len(), 8);
    for (a, b) in whole.iter().zip(&parts) {
        assert_eq!(a.0, b.0);
        assert!((a.1 - b.1).abs() < 1e-5, "step {}: {} {}", a.0, a.1, b.1);
    }
    let checkpoint = Checkpoint::load(&path.join("parts/last.model.ron")).unwrap();
    assert_eq!(checkpoint.manifest.training.steps, 8);
    assert!(std::fs::read_to_string(path.join("parts/report.md")).unwrap().contains("8 of 8"));
}

#[test]
fn training_learns() {
    let folder = folder();
    train(folder.path(), "run", &["--config", "train.ron", "--steps", "60"]);
    let losses = losses(folder.path().join("run"));
    let mean = |part: &[(u64, f64)]| part.iter().map(|l| l.1).sum::<f64>() / part.len() as f64;
    let (first, last) = (mean(&losses[..5]), mean(&losses[55..]));
    assert!(last < 0.7 * first, "{first} {last}");
}

/// Ctrl-C saves what there is, ends well, and the run can go on.
#[cfg(unix)]
#[test]
fn an_interrupted_run_saves_and_exits() {
    let folder = folder();
    let path = folder.path();
    let more = ["--config", "train.ron", "--steps", "1000000"];
    let mut child =
        command(path, "run", &more).stderr(std::process::Stdio::null()).spawn().unwrap();
    let metrics = path.join("run/metrics.jsonl");
    while !std::fs::metadata(&metrics).is_ok_and(|m| m.len() > 0) {
        assert!(child.try_wait().unwrap().is_none(), "the run ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    let checkpoint = Checkpoint::load(&path.join("run/last.model.ron")).unwrap();
    let steps = checkpoint.manifest.training.steps;
    assert_eq!(losses(path.join("run")).last().unwrap().0, steps);
    train(path, "run", &["--resume", "--stop-after", "1"]);
    assert_eq!(losses(path.join("run")).last().unwrap().0, steps + 1);
}

#[test]
fn a_folder_that_holds_a_run_is_not_written_over() {
    let folder = folder();
    train(folder.path(), "run", &["--config", "train.ron", "--stop-after", "1"]);
    let output = command(folder.path(), "run", &["--config", "train.ron"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--resume"));
}
