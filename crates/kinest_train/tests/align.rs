//! Texts and motions are aligned on synthetic clips, through the program.

mod program;

use kinest::model::CheckpointOf;
use kinest::model::align::{Alignment, Structure};
use program::{fails, ok, train};
use serde_json::Value;
use std::fs;
use std::path::Path;

const CONFIG: &str = r#"(
    task: Align, batch: 6, steps: 6, log_every: 1, save_every: 1000, average: Some(0.9),
    cuts: (stride_s: 1.2, wordings: 2),
    data: (titles: Some("titles.csv")),
    validation: (hold_out: HELD_OUT, windows: 6, every: 3),
    optimizer: (kind: AdamW, rate: 2e-3, schedule: Constant, clip_norm: Some(1.0)),
    network: (width: 16, heads: 2, hidden: 16, rows: 256, frames: 48, patches: (8, 16, 24)),
)"#;

/// Two clips of each kind of motion. The second ones are held out, and have their kinds as titles.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    ok(at, &["synth", "--out", "data", "--clips", "2", "--seconds", "6"]);
    let kinds = fs::read_dir(at.join("data/SYNTH")).unwrap();
    let mut kinds: Vec<String> =
        kinds.map(|kind| kind.unwrap().file_name().into_string().unwrap()).collect();
    kinds.sort();
    let held: Vec<String> =
        kinds.iter().map(|kind| format!("SYNTH/{kind}/{kind}_01_poses.npz")).collect();
    let titles = |kind: &String| format!("{kind}_00,{kind}\n{kind}_01,{kind}\n");
    let titles: String = kinds.iter().map(titles).collect();
    fs::write(at.join("titles.csv"), format!("trial,title\n{titles}")).unwrap();
    fs::write(at.join("held.txt"), held.join("\n")).unwrap();
    fs::write(at.join("train.ron"), CONFIG.replace("HELD_OUT", &format!("{held:?}"))).unwrap();
    folder
}

fn numbers(run: &Path, name: &str) -> Vec<f64> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line[name].as_f64()).collect()
}

#[test]
fn a_resumed_run_matches_an_uninterrupted_one() {
    let folder = folder();
    let at = folder.path();
    ok(at, &train("whole", &[]));
    ok(at, &train("parts", &["--steps", "4"]));
    ok(at, &["train", "--out", "parts", "--data", "data", "--resume", "--steps", "6"]);
    let load =
        |run: &str| CheckpointOf::<Alignment>::load(at.join(run).join("last.model.ron")).unwrap();
    assert_eq!(numbers(&at.join("whole"), "loss"), numbers(&at.join("parts"), "loss"));
    assert_eq!(load("whole").tensors().unwrap(), load("parts").tensors().unwrap());
    let manifest = load("parts").manifest;
    assert_eq!((manifest.training.steps, manifest.network.structure), (6, Structure::Interactions));
    let report = fs::read_to_string(at.join("parts/report.md")).unwrap();
    assert!(report.contains("different sentences"), "{report}");
    let said = ok(at, &["inspect", "parts/last.model.ron"]);
    assert!(said.contains("up to 48 frames at 20 Hz") && said.contains("words.table"), "{said}");
    let error = fails(
        at,
        &["train", "--out", "parts", "--data", "data", "--resume", "--set=network.structure=Flat"],
    );
    assert!(error.contains("`network` changed"), "{error}");
}

#[test]
fn what_is_learned_is_scored_under_all_protocols_and_by_titles() {
    let folder = folder();
    let at = folder.path();
    ok(at, &train("run", &["--steps=150", "--set=validation.every=50"]));
    let ranks = numbers(&at.join("run"), "validation_mean_rank");
    let contrast = numbers(&at.join("run"), "contrast");
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (first, last) = (mean(&contrast[..10]), mean(&contrast[contrast.len() - 10..]));
    assert!(last < 0.7 * first, "{first} {last}");
    // By chance it would be 3.5.
    assert!(ranks.iter().copied().fold(9.0, f64::min) < 2.8, "{ranks:?}");

    ok(at, &train("flat", &["--steps=2", "--set=network.structure=Flat"]));
    let models = ["--model", "run/best.model.ron", "--model", "flat/last.model.ron"];
    let data = ["--data", "data", "--split", "held.txt", "--titles", "titles.csv"];
    let files = ["--json", "a.json", "--csv", "a.csv", "--markdown", "a.md"];
    let table = ok(at, &[&["evaluate"][..], &models, &data, &files].concat());
    for part in ["near-duplicates right", "dissimilar", "one sequence", "word overlap", "network"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let report: Value = serde_json::from_slice(&fs::read(at.join("a.json")).unwrap()).unwrap();
    let scores = report["scores"].as_array().unwrap();
    let by: Vec<&str> = scores.iter().map(|score| score["by"].as_str().unwrap()).collect();
    let expected = ["mean", "global", "groups", "interactions", "descriptions", "one sequence"];
    assert_eq!(by, expected);
    let median = |score: &Value| score["protocols"][0]["text_to_motion"]["median_rank"].as_f64();
    let cuts = report["cuts"].as_f64().unwrap();
    assert!(median(&scores[0]).unwrap() < 0.7 * (cuts + 1.0) / 2.0, "{table}");
    assert_eq!(report["titles"].as_array().unwrap().len(), 2);
    assert!(report["titles"][0]["network"]["median_rank"].as_f64().unwrap() >= 1.0);
    let protocols: usize = scores.iter().map(|s| s["protocols"].as_array().unwrap().len()).sum();
    let lines = fs::read_to_string(at.join("a.csv")).unwrap().lines().count();
    assert_eq!(lines, 1 + 2 * protocols);
}

#[test]
fn what_does_not_fit_is_named() {
    let folder = folder();
    let at = folder.path();
    let error = fails(at, &train("a", &["--skeleton", "x.json"]));
    assert!(error.contains("--skeleton") && error.contains("Align"), "{error}");
    let error = fails(at, &train("b", &["--set=validation.hold_out=[\"nobody\"]"]));
    assert!(error.contains("`validation.hold_out`"), "{error}");
    let error = fails(at, &train("c", &["--set=batch=500"]));
    assert!(error.contains("different texts") && error.contains("500"), "{error}");
    let error = fails(at, &train("d", &["--set=data.titles=none.csv"]));
    assert!(error.contains("none.csv"), "{error}");

    ok(at, &train("run", &["--steps", "1"]));
    let evaluate = ["evaluate", "--model", "run/last.model.ron", "--data", "data"];
    for option in [&["--baselines"][..], &["--refine"], &["--poses", "x"]] {
        let error = fails(at, &[&evaluate[..], option].concat());
        assert!(error.contains(option[0]), "{error}");
    }
    fs::write(at.join("others.csv"), "trial,title\nnobody,dances\n").unwrap();
    let error = fails(at, &[&evaluate[..], &["--titles", "others.csv"]].concat());
    assert!(error.contains("others.csv"), "{error}");
    let poses = Path::new(env!("CARGO_MANIFEST_DIR"));
    let poses = poses.join("../../assets/models/kinest_stream.model.ron").display().to_string();
    let error = fails(at, &[&evaluate[..], &["--model", &poses]].concat());
    assert!(error.contains("models of alignment"), "{error}");
    let error = fails(at, &["evaluate", "--model", &poses, "--data", "data", "--titles", "t.csv"]);
    assert!(error.contains("--titles"), "{error}");
}
