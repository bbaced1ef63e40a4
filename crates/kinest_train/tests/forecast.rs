//! Forecasters on small benchmarks made by code, through the program.

mod pickles;
mod program;

use kinest::model::CheckpointOf;
use kinest::model::forecast::{ForecastLayout, Forecasting};
use program::{fails, ok};
use serde_json::Value;
use std::fs;
use std::path::Path;

const KSOF: &str = r#"(
    task: Forecast, layout: Cmu38, batch: 4, steps: 6, log_every: 1, save_every: 100, average: Some(0.9),
    data: (balance: 0.5, reverse: true, mirror: true),
    loss: (as_scored: true),
    optimizer: (rate: 2e-3, warm_up: 2, schedule: Cosine(steps: 60), weight_decay: 0.0, clip_norm: Some(1.0)),
    network: Ksof((
        history: 10, horizon: 10, numbers: 75, residual: true, channels: 4, temporal_blocks: 2, hidden: 4,
        graph_blocks: 2, dropout: 0.1,
    )),
)"#;

fn put(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Rows of `joints` exponential maps: the left knee, joint 3, turns about x by `turn` from row to
/// row.
fn rows(joints: usize, rows: usize, turn: f64) -> String {
    let row = |i: usize| {
        let mut numbers = vec!["0".to_owned(); 3 + 3 * joints];
        numbers[1] = i.to_string();
        numbers[4] = "0.3".into();
        numbers[12] = (turn * i as f64).to_string();
        numbers.join(",") + "\n"
    };
    (0..rows).map(row).collect()
}

/// Radians from kept frame to kept frame in each test file.
const TURNS: [(&str, f64); 3] = [("running", 0.05), ("walking", 0.01), ("washwindow", 0.02)];

/// A tree of the CMU benchmark, in which nothing is trained on `washwindow`, and the config.
fn cmu() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    put(at, "train.ron", KSOF);
    for (name, turn) in [("running_1", 0.05), ("running_2", 0.04), ("walking_1", 0.01)] {
        let action = name.split('_').next().unwrap();
        put(at, &format!("cmu/train/{action}/{name}.txt"), rows(38, 80, turn / 2.0));
    }
    for (action, turn) in TURNS {
        put(at, &format!("cmu/test/{action}/{action}_1.txt"), rows(38, 80, turn / 2.0));
    }
    folder
}

fn train(folder: &Path, out: &str, more: &[&str]) {
    ok(folder, &[&["train", "--data", "cmu", "--out", out][..], more].concat());
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Score when the joints below the knee, each at its distance from the axis, are off by `off` times
/// that distance.
fn score(off: f64) -> f64 {
    let (down, forward) = (-479.339 - 37.8952_f64, 150.2067_f64);
    let distances = [479.339, down.hypot(forward), down.hypot(forward + 77.8743)];
    off * distances.iter().sum::<f64>() / 38.0
}

/// A joint on a circle, and on the tangent for `time` frames, `frames` frames after it was seen.
fn off(turn: f64, frames: f64, time: f64) -> f64 {
    let x = (frames * turn).cos() - 1.0 - time * (1.0 - turn.cos());
    let y = (frames * turn).sin() - time * turn.sin();
    x.hypot(y)
}

#[test]
fn baselines_on_a_circle_are_as_worked_out_by_hand() {
    let folder = cmu();
    let at = folder.path();
    train(at, "run", &["--config", "train.ron"]);
    let model = "run/last.model.ron";
    let files = ["--json", "a.json", "--markdown", "a.md", "--csv", "a.csv"];
    let evaluate = ["evaluate", "--model", model, "--data", "cmu"];
    let table = ok(at, &[&evaluate[..], &files].concat());
    let report = json(&at.join("a.json"));
    let forecast = &report["forecast"];
    let horizons = [(80, 2.0), (160, 4.0), (320, 8.0), (400, 10.0)];
    let labels: Vec<Value> = horizons.iter().map(|(label, _)| (*label).into()).collect();
    assert_eq!(forecast["horizons_ms"], Value::Array(labels.clone()));
    let keys: Vec<_> = report.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["forecast"]);

    let damped = |frames: f64| 5.0 * (1.0 - (-frames / 5.0).exp());
    type Time<'a> = &'a dyn Fn(f64) -> f64;
    let baselines: [(&str, Time<'_>); 3] =
        [("hold", &|_| 0.0), ("velocity", &|frames| frames), ("damped", &damped)];
    for (baseline, time) in baselines {
        let scores = &forecast["baselines"][baseline];
        assert_eq!(scores["horizons_ms"], Value::Array(labels.clone()));
        let rows = scores["rows"].as_array().unwrap();
        let names: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["running", "walking", "washwindow", "mean"]);
        let mut means = [0.0; 4];
        for ((action, turn), row) in TURNS.into_iter().zip(rows) {
            // 40 frames, windows of 35.
            assert_eq!(row["windows"], 6);
            for (i, (_, frames)) in horizons.into_iter().enumerate() {
                let expected = score(off(turn, frames, time(frames)));
                let found = row["mm"][i].as_f64().unwrap();
                assert!(
                    (found - expected).abs() < 1e-3,
                    "{baseline} {action} {i}: {found} {expected}"
                );
                means[i] += if action == "washwindow" { 0.0 } else { expected / 2.0 };
            }
        }
        assert_eq!(rows[3]["windows"], 12, "washwindow is not in the mean");
        for (i, mean) in means.into_iter().enumerate() {
            assert!((rows[3]["mm"][i].as_f64().unwrap() - mean).abs() < 1e-3);
        }
    }
    let rows = forecast["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row["mm"][3].as_f64().unwrap() > 0.0));

    assert_eq!(table.trim_end(), fs::read_to_string(at.join("a.md")).unwrap().trim_end());
    for part in ["washwindow (not in the mean)", "damped velocity", "16.7 ms", "1.24 times"] {
        assert!(table.contains(part), "{part} is not in\n{table}");
    }
    // A header, and four rows of the network and each baseline.
    let csv = fs::read_to_string(at.join("a.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + 4 * 4);
    assert!(csv.starts_with("forecaster,action,in_mean,windows,mm_80_ms,"), "{csv}");

    // The part's own folder and chosen horizons; two models in one table.
    let two = ["--model", model, "--horizons", "80,400", "--json", "b.json"];
    ok(at, &[&["evaluate", "--model", model, "--data", "cmu/test"][..], &two].concat());
    let other = json(&at.join("b.json"));
    assert_eq!(other["forecast"]["horizons_ms"], serde_json::json!([80, 400]));
    assert_eq!(other["models"][0]["rows"], other["forecast"]["rows"]);
    for (i, place) in [(0, 0), (1, 3)] {
        assert_eq!(other["forecast"]["rows"][3]["mm"][i], forecast["rows"][3]["mm"][place]);
    }
}

fn losses(run: &Path) -> Vec<(u64, f64)> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        (line["step"].as_u64().unwrap(), line["loss"].as_f64().unwrap())
    };
    text.lines().map(line).collect()
}

/// Batch normalisation, weights of the loss, the average and dropout go on where they were.
#[test]
fn a_resumed_run_matches_an_uninterrupted_one() {
    let folder = cmu();
    let at = folder.path();
    train(at, "whole", &["--config", "train.ron"]);
    train(at, "parts", &["--config", "train.ron", "--steps", "3"]);
    train(at, "parts", &["--resume", "--steps", "6"]);
    let load =
        |run: &str| CheckpointOf::<Forecasting>::load(at.join(run).join("last.model.ron")).unwrap();
    assert_eq!(losses(&at.join("whole")), losses(&at.join("parts")));
    assert_eq!(load("whole"), load("parts"));
    let manifest = load("parts").manifest;
    assert_eq!((manifest.spec.layout, manifest.spec.rate_hz), (ForecastLayout::Cmu38, 60.0));
    assert_eq!(manifest.training.actions, ["running", "walking"]);
    assert_eq!(manifest.training.steps, 6);
    let report = fs::read_to_string(at.join("parts/report.md")).unwrap();
    assert!(report.contains("3 sequences, 120 frames"), "{report}");

    let other =
        fails(at, &["train", "--data", "cmu", "--out", "parts", "--resume", "--set=unit=1"]);
    assert!(other.contains("`unit` changed"), "{other}");
}

#[test]
fn a_run_learns_and_keeps_the_best_checkpoint_on_held_out_clips() {
    let folder = cmu();
    let at = folder.path();
    let more = [
        "--config=train.ron",
        "--set=validation=(hold_out: [\"running/running_2\"], every: 50, windows: 16)",
        "--set=optimizer.schedule=Constant",
        "--steps=300",
    ];
    train(at, "run", &more);
    let best = CheckpointOf::<Forecasting>::load(at.join("run/best.model.ron")).unwrap().manifest;
    let text = fs::read_to_string(at.join("run/metrics.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let scores: Vec<f64> =
        lines.filter_map(|line| line["validation_mm_to_400_ms"].as_f64()).collect();
    let least = scores.iter().copied().fold(f64::MAX, f64::min);
    assert_eq!(best.metrics["validation.mm_to_400_ms"], least);
    assert_eq!(scores.len(), 6);
    assert!(least < 0.7 * scores[0], "{scores:?}");

    // From the best checkpoint a new run starts where it ended.
    let init = ["--init=run/best.model.ron", "--steps=1", "--set=optimizer.rate=1e-9"];
    train(at, "on", &[&more[..2], &init, &["--set=validation.every=1"]].concat());
    let text = fs::read_to_string(at.join("on/metrics.jsonl")).unwrap();
    let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let score = line["validation_mm_to_400_ms"].as_f64().unwrap();
    assert!((score - least).abs() < 0.02 * least, "{score} {least}");
}

#[test]
fn a_prepared_benchmark_is_the_tree() {
    let folder = cmu();
    let at = folder.path();
    let table = ok(at, &["prepare", "--layout", "cmu38", "--data", "cmu", "--out", "out"]);
    let row = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(table.lines().any(|line| row(line) == "train running 2 80"), "{table}");
    assert!(table.lines().any(|line| row(line) == "test (whole) 3 120"), "{table}");
    assert_eq!(json(&at.join("out/prepare.json"))["splits"][0]["actions"]["walking"]["frames"], 40);
    let about = ok(at, &["inspect", "out/test.positions"]);
    assert!(about.contains("action      washwindow 1"), "{about}");

    train(at, "tree", &["--config", "train.ron"]);
    for (run, data) in [("file", "out/train.positions"), ("folder", "out")] {
        ok(at, &["train", "--data", data, "--out", run, "--config", "train.ron"]);
        assert_eq!(losses(&at.join(run)), losses(&at.join("tree")));
    }
    let model = "tree/last.model.ron";
    let evaluate = |data: &str| ok(at, &["evaluate", "--model", model, "--data", data]);
    assert_eq!(evaluate("cmu"), evaluate("out/test.positions"));
    assert_eq!(evaluate("cmu"), evaluate("out"));

    let about = ok(at, &["inspect", model]);
    assert!(about.contains("actions     running, walking"), "{about}");
    ok(at, &["evaluate", "--model", model, "--data", "cmu", "--json", "a.json"]);
    ok(at, &["export", "--model", model, "--metrics", "a.json", "--out", "small.model.ron"]);
    let small = CheckpointOf::<Forecasting>::load(at.join("small.model.ron")).unwrap();
    let mean = &json(&at.join("a.json"))["forecast"]["rows"][3]["mm"][0];
    assert_eq!(Some(small.manifest.metrics["forecast.mean_80_ms"]), mean.as_f64());
    ok(at, &["evaluate", "--model", "small.model.ron", "--data", "cmu"]);
}

/// Every kind of network learns for a few steps, with and without each part of the loss.
#[test]
fn ablations_are_settings() {
    let folder = cmu();
    let at = folder.path();
    for (run, settings) in [
        ("no_jps", vec!["--set=loss.jps=0"]),
        ("linear", vec!["--set=network.fusion=Linear"]),
        ("temporal", vec!["--set=network.fusion=Temporal"]),
        ("graph", vec!["--set=network.fusion=Graph"]),
        ("plain", vec!["--set=loss.branches=false", "--set=network.residual=false"]),
        ("longer", vec!["--set=network.horizon=25"]),
        ("bf16", vec!["--set=arithmetic=Bf16"]),
        (
            "simlpe",
            vec!["--set=network=SiMlpe((history: 10, horizon: 10, numbers: 75, blocks: 2))"],
        ),
    ] {
        train(at, run, &[&["--config=train.ron", "--steps=2"][..], &settings].concat());
        let model = format!("{run}/last.model.ron");
        let table = ok(at, &["evaluate", "--model", &model, "--data", "cmu"]);
        assert_eq!(table.contains("1000 ms"), run == "longer", "{table}");
    }
}

/// Subjects are the parts of Human3.6M; joint 3 is its right ankle, which moves only the toes.
#[test]
fn human36m_is_read_by_subject() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let recipe = KSOF.replace("Cmu38", "H36m").replace("numbers: 75", "numbers: 66");
    put(at, "train.ron", recipe);
    for (subject, rows_of) in
        [("S1", 50), ("S5", 80), ("S6", 50), ("S7", 50), ("S8", 50), ("S9", 50)]
    {
        for name in ["walking_1", "walking_2", "eating_1"] {
            put(at, &format!("h36m/{subject}/{name}.txt"), rows(32, rows_of, 0.02));
        }
    }
    let table = ok(at, &["prepare", "--layout", "h36m", "--data", "h36m", "--out", "out"]);
    let row = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(table.lines().any(|line| row(line) == "train walking 10 250"), "{table}");
    assert!(table.lines().any(|line| row(line) == "test eating 1 40"), "{table}");
    assert!(!table.contains("validation"), "{table}");
    let hold = "--set=validation=(hold_out: [\"S9/\"], windows: 8)";
    ok(at, &["train", "--config", "train.ron", "--data", "h36m", "--out", "run", hold]);
    let evaluate = ["evaluate", "--model", "run/last.model.ron", "--json", "a.json", "--data"];
    ok(at, &[&evaluate[..], &["h36m"]].concat());
    let hold = json(&at.join("a.json"))["forecast"]["baselines"]["hold"]["rows"].clone();
    assert_eq!(hold[1]["name"], "walking");
    assert_eq!(hold[1]["windows"], 12, "both files");
    // Foot and toe, at their distance from the axis, over 32 joints.
    let expected =
        2.0 * (4.0 * 0.04_f64 / 2.0).sin() * (162.767078 + 162.767078 + 74.999437) / 32.0;
    let found = hold[1]["mm"][1].as_f64().unwrap();
    assert!((found - expected).abs() < 1e-3, "{found} {expected}");
    ok(at, &[&evaluate[..], &["h36m/S5"]].concat());
    assert_eq!(json(&at.join("a.json"))["forecast"]["baselines"]["hold"]["rows"], hold);
}

/// Two actors per file; the hands of the second swing.
#[test]
fn threedpw_is_read_from_pickles() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let recipe = KSOF.replace("Cmu38", "ThreeDpw").replace("numbers: 75", "numbers: 69");
    put(at, "train.ron", recipe);
    let actor = |frames: usize, swing: f64| {
        let number = move |frame: usize, i: usize| {
            let still = 1.0 + 0.01 * i as f64;
            let moves = i / 3 == 23 && i.is_multiple_of(3);
            still + if moves { swing * frame as f64 } else { 0.0 }
        };
        let numbers: Vec<f64> =
            (0..frames).flat_map(|frame| (0..72).map(move |i| number(frame, i))).collect();
        pickles::array(&[frames, 72], &numbers, true)
    };
    for (split, frames) in [("train", 30), ("validation", 30), ("test", 90)] {
        let actors = pickles::list(&[actor(frames, 0.0), actor(frames, 0.024)]);
        let file = pickles::file(&[("sequence", pickles::text("a")), ("jointPositions", actors)]);
        put(at, &format!("3dpw/sequenceFiles/{split}/courtyard_{split}_00.pkl"), file);
    }
    let table = ok(at, &["prepare", "--layout", "3dpw", "--data", "3dpw", "--out", "out"]);
    let row = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in ["train all 2 60", "validation all 2 60", "test all 2 180"] {
        assert!(table.lines().any(|line| row(line) == expected), "{table}");
    }
    ok(at, &["train", "--config", "train.ron", "--data", "3dpw", "--out", "run"]);
    let evaluate = ["evaluate", "--model", "run/last.model.ron", "--json", "a.json", "--data"];
    for data in ["3dpw", "3dpw/sequenceFiles", "3dpw/sequenceFiles/test", "out"] {
        ok(at, &[&evaluate[..], &[data]].concat());
        let report = json(&at.join("a.json"));
        assert_eq!(report["forecast"]["horizons_ms"], serde_json::json!([200]));
        let hold = &report["forecast"]["baselines"]["hold"]["rows"][0];
        // Windows of 50 and 30 frames; 24 mm a frame for 6 frames, one of 24 joints, one of 2
        // actors.
        assert_eq!(hold["windows"], 2 * 11);
        assert!((hold["mm"][0].as_f64().unwrap() - 3.0).abs() < 1e-3, "{hold}");
    }
}

#[test]
fn errors_name_the_file_the_option_or_the_field() {
    let folder = cmu();
    let at = folder.path();
    train(at, "run", &["--config", "train.ron", "--steps", "1"]);
    let model = "run/last.model.ron";
    let evaluate = |more: &[&str]| fails(at, &[&["evaluate", "--model", model], more].concat());
    let run = |more: &[&str]| {
        fails(at, &[&["train", "--config", "train.ron", "--out", "other"], more].concat())
    };
    let said = |message: String, expected: &str| {
        assert!(message.contains(expected), "{message} lacks {expected}");
    };

    let good = rows(38, 80, 0.01);
    let line = good.lines().nth(4).unwrap();
    for (name, bad, expected) in [
        (
            "columns",
            good.replacen(line, &format!("{line},0"), 1),
            "line 5: 118 columns, expected 117",
        ),
        ("nan", good.replacen("0.3", "nan", 1), "line 1: column 5: NaN is not finite"),
        ("word", good.replacen("0.3", "walk", 1), "line 1: column 5: `walk`"),
        ("empty", String::new(), "it has no frames"),
    ] {
        put(at, &format!("{name}/test/running/running_1.txt"), bad.clone());
        put(at, &format!("{name}/train/running/running_1.txt"), bad);
        for message in [evaluate(&["--data", name]), run(&["--data", name])] {
            said(message.clone(), expected);
            said(message, "running_1.txt");
        }
    }
    // Frames are every second row.
    put(at, "short/test/running/running_1.txt", rows(38, 69, 0.01));
    ok(at, &["evaluate", "--model", model, "--data", "short"]);
    put(at, "short/test/running/running_1.txt", rows(38, 68, 0.01));
    said(evaluate(&["--data", "short"]), "running/running_1 has 34 frames, a window has 35");
    put(at, "short/train/running/running_1.txt", rows(38, 38, 0.01));
    said(run(&["--data", "short"]), "running/running_1 has 19 frames, a window has 20");
    fs::create_dir_all(at.join("hollow/test/walking")).unwrap();
    said(evaluate(&["--data", "hollow"]), "walking has no files");
    fs::create_dir_all(at.join("nothing/test")).unwrap();
    said(evaluate(&["--data", "nothing"]), "no action");
    said(evaluate(&["--data", "nowhere"]), "nowhere");
    said(fails(at, &["prepare", "--layout", "h36m", "--data", "cmu", "--out", "out"]), "no part");

    said(evaluate(&["--data", "cmu", "--horizons", "80,1000"]), "horizon 1000 ms");
    said(evaluate(&["--data", "cmu", "--horizons", "100"]), "horizon 100 ms");
    said(evaluate(&["--data", "cmu", "--protocol", "online"]), "--protocol is for pose models");
    said(evaluate(&["--data", "cmu", "--baselines"]), "--baselines is for pose models");
    train(at, "brief", &["--config", "train.ron", "--steps", "1", "--set=network.horizon=1"]);
    let brief = ["evaluate", "--model", "brief/last.model.ron", "--data", "cmu"];
    said(fails(at, &brief), "predicts 1 frames");

    put(at, "h36m/S5/walking_1.txt", rows(32, 80, 0.02));
    ok(at, &["prepare", "--layout", "h36m", "--data", "h36m", "--out", "h36m_out"]);
    said(evaluate(&["--data", "h36m_out/test.positions"]), "is of h36m, not of cmu38");
    said(evaluate(&["--data", "h36m/S5"]), "no action");
    put(at, "mixed/test/walking/walking_1.txt", rows(32, 80, 0.02));
    said(evaluate(&["--data", "mixed"]), "line 1: 99 columns, expected 117");

    for option in ["--split", "--teacher", "--skeleton"] {
        said(run(&["--data", "cmu", option, "x"]), &format!("{option} is for pose networks"));
    }
    said(run(&["--data", "cmu", "--set=network.hidden=0"]), "`hidden` is 0");
    said(run(&["--data", "cmu", "--set=layout=H36m"]), "`layout` H36m needs 66");
    said(run(&["--data", "cmu", "--set=validation.hold_out=[\"golf\"]"]), "golf");
    said(run(&["--data", "cmu", "--set=validation.hold_out=[\"\"]"]), "no sequence to train on");
    said(run(&["--data", "cmu", "--init", model, "--set=network.hidden=8"]), "its network");
    let pose = "../../assets/models/kinest_small.model.ron";
    let pose = Path::new(env!("CARGO_MANIFEST_DIR")).join(pose);
    let pose = pose.to_str().unwrap();
    said(run(&["--data", "cmu", "--init", pose]), "pose");
    let both = ["evaluate", "--model", pose, "--model", model, "--data", "cmu"];
    said(fails(at, &both), "cannot stand in one table");
    let posed = ["evaluate", "--model", pose, "--data", "cmu", "--horizons", "80"];
    said(fails(at, &posed), "--horizons is for forecasters");
    let motion = ["predict", "--model", model, "--motion", "a.npz", "--out", "b.npz", "--protocol"];
    said(fails(at, &[&motion[..], &["online"]].concat()), "forecast");
    assert!(!at.join("other").exists());
}
