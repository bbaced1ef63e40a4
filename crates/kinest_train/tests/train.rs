//! Training on synthetic clips, through the program.

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
    optimizer: (rate: 2e-3, warm_up: 2, schedule: Cosine(steps: 60), clip_norm: Some(1.0)),
    network: Kinest((
        window: 12, width: 16, temporal_blocks: 1, kinematic_blocks: 1, joint_width: 4,
        temporal_scan: (state: 4, taps: 4, expand: 2, head_width: 8, chunk: 8),
        kinematic_scan: (state: 4, taps: 4, expand: 2, head_width: 8, chunk: 8),
        attention_heads: 2, feed_forward: 16, fan_hidden: 8, standardise: true,
    )),
)"#;

/// A folder with one clip in `data` and a config; run folders are created beside them.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    amass::save(
        data.join("walk_poses.npz"),
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

fn assert_same(a: &[(u64, f64)], b: &[(u64, f64)]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert_eq!(a.0, b.0);
        assert!((a.1 - b.1).abs() < 1e-5, "step {}: {} {}", a.0, a.1, b.1);
    }
}

/// With all stateful features switched on.
#[test]
fn a_resumed_run_matches_an_uninterrupted_one() {
    let folder = folder();
    let path = folder.path();
    let more = [
        "--config=train.ron",
        "--set=average=0.9",
        "--set=network.dropout=0.2",
        "--set=optimizer.kind=AdamW",
        "--set=accumulate=2",
        "--set=batch=2",
    ];
    std::fs::write(path.join("record.ron"), "(data: \"made by code\", credit: \"nobody\")")
        .unwrap();
    let more = [&more[..], &["--record=record.ron"]].concat();
    train(path, "whole", &more);
    train(path, "parts", &[&more[..], &["--steps", "3"]].concat());
    assert_eq!(losses(path.join("parts")).len(), 3);
    train(path, "parts", &["--resume", "--steps", "8"]);
    let (whole, parts) = (losses(path.join("whole")), losses(path.join("parts")));
    assert_eq!(whole.len(), 8);
    assert_same(&whole, &parts);
    let checkpoint = |run: &str| Checkpoint::load(path.join(run).join("last.model.ron")).unwrap();
    let record = checkpoint("parts").manifest.training;
    assert_eq!(
        (record.steps, record.data.as_str(), record.credit.as_str()),
        (8, "made by code", "nobody")
    );
    assert_eq!(checkpoint("parts"), checkpoint("whole"));
    assert!(std::fs::read_to_string(path.join("parts/report.md")).unwrap().contains("8 of 8"));
}

/// The number of passes per step changes neither the windows nor the gradient.
#[test]
fn passes_and_threads_do_not_change_a_step() {
    let folder = folder();
    let path = folder.path();
    // Dropout is drawn per pass.
    let plain = ["--config=train.ron", "--set=network.dropout=0"];
    train(path, "one", &plain);
    train(path, "many", &[&plain[..], &["--set=batch=2", "--set=accumulate=2"]].concat());
    train(path, "threads", &[&plain[..], &["--set=loader_threads=5"]].concat());
    // Rounding in another order is amplified by Adam within a few steps.
    assert_same(&losses(path.join("one"))[..2], &losses(path.join("many"))[..2]);
    assert_eq!(losses(path.join("one")), losses(path.join("threads")));
}

/// A second clip is held out. The best checkpoint is the one with the lowest validation score, and
/// the run stops when it no longer improves.
#[test]
fn the_best_checkpoint_is_kept_and_a_run_stops_without_improvement() {
    let folder = folder();
    let path = folder.path();
    std::fs::copy(path.join("data/walk_poses.npz"), path.join("data/other_poses.npz")).unwrap();
    let more = [
        "--config=train.ron",
        "--set=validation.hold_out=[\"other\"]",
        "--set=validation.every=2",
        "--set=validation.windows=6",
        "--set=validation.patience=3",
        "--set=optimizer.rate=0.05",
        "--steps=400",
    ];
    let output = train(path, "run", &more);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no better for long"));
    let text = std::fs::read_to_string(path.join("run/metrics.jsonl")).unwrap();
    let found: Vec<(u64, f64)> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter_map(|l| Some((l["step"].as_u64()?, l["validation_online_mpjpe_cm"].as_f64()?)))
        .collect();
    assert!(found.len() < 200 && found.iter().all(|(step, _)| step % 2 == 0), "{found:?}");
    let best = found.iter().copied().reduce(|a, b| if b.1 < a.1 { b } else { a }).unwrap();
    let manifest = Checkpoint::load(path.join("run/best.model.ron")).unwrap().manifest;
    assert_eq!(manifest.training.steps, best.0);
    assert_eq!(manifest.metrics["validation.online_mpjpe_cm"], best.1);
    assert_eq!(found.last().unwrap().0, best.0 + 6, "three validations later");
    let other = ["--config=train.ron", "--set=validation.hold_out=[\"nobody\"]"];
    let output = command(path, "none", &other).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("nobody"));
}

/// A run that saves after every step is killed at different times: its files are complete, and
/// after resuming it has the losses of an uninterrupted run.
#[cfg(unix)]
#[test]
fn a_killed_run_leaves_complete_files_and_resumes() {
    let folder = folder();
    let path = folder.path();
    let more = ["--config=train.ron", "--set=save_every=1", "--steps=60"];
    train(path, "whole", &more);
    let model = path.join("run/last.model.ron");
    let mut kills = 0;
    for saves in 1..=6 {
        let more: Vec<_> = more.into_iter().chain((saves > 1).then_some("--resume")).collect();
        let mut child =
            command(path, "run", &more).stderr(std::process::Stdio::null()).spawn().unwrap();
        // Killed once it has saved this often.
        let saved = || steps_saved(&model).unwrap_or(0);
        let until = saved() + saves;
        while saved() < until && child.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        kills += u32::from(child.try_wait().unwrap().is_none());
        // SIGKILL; no effect if it has ended.
        let _ = child.kill();
        child.wait().unwrap();
        Checkpoint::load(&model).unwrap();
    }
    assert!(kills > 0, "it was never killed");
    train(path, "run", &["--resume", "--steps=60"]);
    assert_same(&losses(path.join("whole")), &losses(path.join("run")));
    let weights = std::fs::read_dir(path.join("run")).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name().into_string().unwrap();
        name.ends_with(".safetensors") && !name.contains("state")
    });
    assert!(weights.count() <= 7, "each kill leaves one file behind at most");
}

/// A full disk, simulated by a limit on file sizes: an error that names the file, the files before stay whole, and the
/// next run goes on as if nothing had been.
#[cfg(unix)]
#[test]
fn a_full_disk_stops_a_run_that_can_go_on() {
    let folder = folder();
    let path = folder.path();
    let more = ["--config=train.ron", "--set=save_every=1"];
    train(path, "whole", &[&more[..], &["--steps=6"]].concat());
    train(path, "run", &[&more[..], &["--steps=3"]].concat());
    // A block has 512 or 1024 bytes; the state has 200 KB, the logs have 3.
    let script = format!(
        "trap '' XFSZ; ulimit -f 25; exec {TRAIN} train --data data --out run --resume --steps 6"
    );
    let output = Command::new("sh").args(["-c", &script]).current_dir(path).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("cannot write run/last.state.safetensors"), "{error}");
    let checkpoint = |run: &str| Checkpoint::load(path.join(run).join("last.model.ron")).unwrap();
    assert_eq!(checkpoint("run").manifest.training.steps, 3);
    train(path, "run", &["--resume", "--steps", "6"]);
    assert_same(&losses(path.join("whole")), &losses(path.join("run")));
    assert_eq!(checkpoint("run"), checkpoint("whole"));
}

/// Clips are in memory, and a prepared file stays open: what is deleted while a run goes on is not missed.
#[cfg(unix)]
#[test]
fn clips_deleted_while_training_are_not_missed() {
    let folder = folder();
    let path = folder.path();
    let more = ["--config=train.ron", "--set=save_every=1", "--steps=200"];
    let model = path.join("run/last.model.ron");
    let mut child = command(path, "run", &more).spawn().unwrap();
    while steps_saved(&model).is_none() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    std::fs::remove_dir_all(path.join("data")).unwrap();
    let ended = child.try_wait().unwrap();
    assert!(ended.is_none(), "it was over before its clips were deleted");
    assert!(child.wait().unwrap().success());
    assert_eq!(steps_saved(&model), Some(200));
}

#[cfg(unix)]
fn steps_saved(model: &Path) -> Option<u64> {
    Checkpoint::load(model).ok().map(|c| c.manifest.training.steps)
}

#[test]
fn a_loss_that_is_not_finite_stops_the_run_and_saves_its_windows() {
    let folder = folder();
    let path = folder.path();
    let more = ["--config=train.ron", "--set=save_every=1", "--set=optimizer.rate=1e30"];
    let more = [&more[..], &["--set=optimizer.clip_norm=null"]].concat();
    let output = command(path, "run", &more).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("the loss of step") && error.contains("bad_windows"), "{error}");
    let bytes = std::fs::read(path.join("run/bad_windows.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(tensors.tensor("features.0").unwrap().shape(), [4, 12, 54]);
    Checkpoint::load(path.join("run/last.model.ron")).unwrap();
}

#[test]
fn a_run_is_resumed_only_with_its_own_network() {
    let folder = folder();
    let path = folder.path();
    train(path, "run", &["--config=train.ron", "--steps=1"]);
    for (change, named) in [("network.width=32", "`network`"), ("layout.frame=World", "`layout`")] {
        let output = command(path, "run", &["--resume", "--set", change]).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && error.contains(named), "{error}");
    }
    let state = path.join("run/last.state.safetensors");
    let bytes = std::fs::read(&state).unwrap();
    std::fs::write(&state, &bytes[..bytes.len() / 2]).unwrap();
    let output = command(path, "run", &["--resume"]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("last.state.safetensors is not the state of a run"), "{error}");
}

/// Motion prepared at 25 Hz or another rate trains a model of that rate, which evaluates and predicts at it.
#[test]
fn the_rate_of_a_prepared_file_is_the_rate_of_the_model() {
    let folder = folder();
    let path = folder.path();
    std::fs::write(path.join("list.txt"), "walk_poses.npz").unwrap();
    let run = |arguments: &str| {
        let mut command = Command::new(TRAIN);
        command.current_dir(path).args(arguments.split(' ')).output().unwrap()
    };
    let runs = |arguments: &str| {
        let output = run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let refused = |arguments: &str, why: &str| {
        let output = run(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && error.contains(why), "{error}");
    };
    runs("prepare --data data --split walk=list.txt --rate 25 --out slow");
    runs("prepare --data data --split walk=list.txt --out fast");
    runs("train --config train.ron --data slow/walk.motion --out run --steps 2");
    runs("train --out run --steps 3 --resume");
    let model = "run/last.model.ron";
    assert_eq!(Checkpoint::load(path.join(model)).unwrap().manifest.spec.rate_hz, 25.0);
    assert_eq!(losses(path.join("run")).len(), 3);

    runs(&format!("evaluate --model {model} --data slow/walk.motion --json figures.json"));
    let json = std::fs::read(path.join("figures.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let frames = amass::load(path.join("data/walk_poses.npz")).unwrap().resampled(25.0).frames;
    assert_eq!(report["online"]["frames"].as_u64(), Some(frames.len() as u64 - 1));
    let predict = "--motion data/walk_poses.npz --protocol online --out estimate.npz";
    runs(&format!("predict --model {model} {predict}"));
    let estimate = amass::load(path.join("estimate.npz")).unwrap();
    assert_eq!((estimate.rate_hz, estimate.frames.len()), (25.0, frames.len() - 1));

    refused(&format!("evaluate --model {model} --data fast/walk.motion"), "at 60 Hz, not at 25");
    refused("train --out run --resume --data fast/walk.motion", "at 60 Hz, not at 25");
    let other = "train --out run --resume --data fast/walk.motion --set rate_hz=None";
    refused(other, "`rate_hz` changed");
    let other = "train --config train.ron --data slow/walk.motion --out other --set rate_hz=60";
    refused(other, "at 25 Hz, not at 60");
    runs("train --config train.ron --data data --out other --set rate_hz=25 --steps 1");
}

#[test]
fn training_works_in_sixteen_bits() {
    let folder = folder();
    let path = folder.path();
    let plain = ["--config=train.ron", "--set=network.dropout=0"];
    train(path, "wide", &[&plain[..], &["--steps=1"]].concat());
    train(path, "narrow", &[&plain[..], &["--steps=60", "--set=arithmetic=Bf16"]].concat());
    let (wide, narrow) = (losses(path.join("wide"))[0].1, losses(path.join("narrow")));
    // bf16 has 8 significant bits.
    let off = (wide - narrow[0].1).abs() / wide;
    assert!(off > 0.0 && off < 0.1, "{wide} {}", narrow[0].1);
    let mean = |part: &[(u64, f64)]| part.iter().map(|l| l.1).sum::<f64>() / part.len() as f64;
    assert!(mean(&narrow[55..]) < 0.7 * mean(&narrow[..5]), "{narrow:?}");
}

/// On the clips that it was calibrated with, a model expects the errors that are found, and its poses are the same.
#[test]
fn a_calibrated_model_expects_what_is_found() {
    let folder = folder();
    let path = folder.path();
    let config = CONFIG
        .replace(
            "layout: (frame: Heading, decode: GramSchmidt),",
            "layout: (trackers: HeadHandsAndBody, frame: OwnHeading, decode: GramSchmidt, \
             contacts: true, deviations: true), stream: Some((carried: 4, frames: 12)),",
        )
        .replace(
            "loss: (position: 1.0, newest: 1.0),",
            "loss: (position: 1.0, position_frames: 12, newest: 1.0, slide: 1.0, contact: 0.1, \
             deviation: 0.1),",
        )
        .replace(
            "window: 12,",
            "inputs: 158, outputs: 158, window: 1, \
             causal: Some((mixer_taps: 3, attention_frames: 8)),",
        );
    std::fs::write(path.join("train.ron"), config).unwrap();
    train(path, "run", &["--config", "train.ron"]);
    let run = |args: &[&str]| {
        let output = Command::new(TRAIN).current_dir(path).args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let figures = |model: &str| {
        run(&["evaluate", "--model", model, "--data", "data", "--json", "figures.json"]);
        let text = std::fs::read_to_string(path.join("figures.json")).unwrap();
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        let rows = report["online"]["certainty"]["errors"].as_array().unwrap().clone();
        let mean = |name: &str| -> f64 {
            rows.iter().map(|r| r["part"].as_f64().unwrap() * r[name].as_f64().unwrap()).sum()
        };
        let mpjpe = report["online"]["mpjpe_cm"].as_f64().unwrap();
        (mean("expected_cm"), mean("found_cm"), mpjpe)
    };
    let (said, found, error) = figures("run/last.model.ron");
    assert!((said / found - 1.0).abs() > 0.05, "{said} {found}: nothing to calibrate");
    let calibrate = ["calibrate", "--model", "run/last.model.ron", "--data", "data", "--out"];
    run(&[&calibrate[..], &["calibrated.model.ron"]].concat());
    let (said, calibrated, same) = figures("calibrated.model.ron");
    assert!((calibrated - found).abs() < 1e-6 && (same - error).abs() < 1e-6);
    // The head, at which both bodies are held, keeps what it says.
    assert!((said / found - 1.0).abs() < 0.05, "{said} {found}");
}

#[test]
fn training_reduces_the_loss() {
    let folder = folder();
    train(folder.path(), "run", &["--config", "train.ron", "--steps", "60"]);
    let losses = losses(folder.path().join("run"));
    let mean = |part: &[(u64, f64)]| part.iter().map(|l| l.1).sum::<f64>() / part.len() as f64;
    let (first, last) = (mean(&losses[..5]), mean(&losses[55..]));
    assert!(last < 0.7 * first, "{first} {last}");
}

const MLP_CONFIG: &str = r#"(
    batch: 8, steps: 40, log_every: 1, save_every: 100, prepare: true,
    layout: (frame: Heading, decode: GramSchmidt),
    loss: (rotation: 0.0, root: 0.0, angular_velocity: 0.0, position: 2.0, newest: 1.0),
    optimizer: (rate: 2e-3, warm_up: 2, schedule: Cosine(steps: 40), clip_norm: Some(5.0)),
    network: Mlp((offsets: [0, 2, 7], width: 32, layers: 1)),
)"#;

/// A network that outputs only the newest frame trains the same way and does not use the future.
#[test]
fn a_network_with_one_output_frame_scores_the_same_offline_and_online() {
    let folder = folder();
    let path = folder.path();
    std::fs::write(path.join("mlp.ron"), MLP_CONFIG).unwrap();
    train(path, "run", &["--config", "mlp.ron"]);
    let losses = losses(path.join("run"));
    assert!(losses[39].1 < 0.7 * losses[0].1, "{losses:?}");
    let output = Command::new(TRAIN)
        .current_dir(path)
        .args(["evaluate", "--model", "run/last.model.ron", "--data", "data", "--json", "out.json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let json = std::fs::read(path.join("out.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert!(report["online"]["mpjpe_cm"].as_f64().unwrap() > 0.0);
    assert_eq!(report["offline"], report["online"]);
}

#[test]
fn an_incompatible_loss_is_refused_before_anything_is_written() {
    let folder = folder();
    let config = MLP_CONFIG.replace("angular_velocity: 0.0", "angular_velocity: 1.0");
    std::fs::write(folder.path().join("mlp.ron"), config).unwrap();
    let output = command(folder.path(), "run", &["--config", "mlp.ron"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        message.contains("mlp.ron") && message.contains("`loss.angular_velocity`"),
        "{message}"
    );
    assert!(!folder.path().join("run").exists());
}

/// Ctrl-C saves the state and exits with success; the run can be resumed.
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
    let checkpoint = Checkpoint::load(path.join("run/last.model.ron")).unwrap();
    let steps = checkpoint.manifest.training.steps;
    assert_eq!(losses(path.join("run")).last().unwrap().0, steps);
    train(path, "run", &["--resume", "--steps", &(steps + 1).to_string()]);
    assert_eq!(losses(path.join("run")).last().unwrap().0, steps + 1);
}

#[test]
fn a_folder_with_a_run_is_not_overwritten() {
    let folder = folder();
    train(folder.path(), "run", &["--config", "train.ron", "--steps", "1"]);
    let output = command(folder.path(), "run", &["--config", "train.ron"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--resume"));
}
