//! A generator is trained on synthetic clips, through the program.

mod program;

use kinest::model::CheckpointOf;
use kinest::model::generate::Generating;
use kinest::model::tokens::Tokenising;
use program::{fails, logged, ok, train};
use std::fs;

const TOKENS: &str = r#"(
    task: Tokens, batch: 8, steps: 40, save_every: 1000, rate_hz: 30.0,
    windows: (frames: 16),
    optimizer: (rate: 6e-3, schedule: Constant, clip_norm: Some(1.0)),
    network: (parts: Groups, width: 8, blocks: 1, halvings: 2, code_dim: 6, codes: 12, layers: 2),
)"#;

const ALIGN: &str = r#"(
    task: Align, batch: 2, steps: 1, save_every: 1000,
    cuts: (wordings: 1),
    network: (width: 16, heads: 2, hidden: 24, rows: 256, frames: 48, patches: (8, 16, 24)),
)"#;

const CONFIG: &str = r#"(
    task: Generate, batch: 8, steps: 8, log_every: 1, save_every: 1000, average: Some(0.9),
    tokens: "tokens/last.model.ron",
    cuts: (stride_s: 1.2, shortest_s: 1.0, wordings: 2),
    validation: (hold_out: ["SYNTH/wave"], windows: 8, every: 4),
    optimizer: (kind: AdamW, rate: 4e-3, schedule: Constant, clip_norm: Some(1.0)),
    network: (width: 16, heads: 2, text_layers: 1, layers: 1, residual_layers: 1, hidden: 24, dropout: 0.1, rows: 256, longest: 12),
)"#;

/// Arguments that train a config on `data`.
fn train_as<'a>(config: &'a str, run: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["train", "--config", config, "--data", "data", "--out", run], more].concat()
}

/// A clip of each kind of motion, and a token model of them.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    ok(at, &["synth", "--out", "data", "--clips", "1", "--seconds", "4"]);
    for (name, config) in [("tokens.ron", TOKENS), ("align.ron", ALIGN), ("train.ron", CONFIG)] {
        fs::write(at.join(name), config).unwrap();
    }
    ok(at, &train_as("tokens.ron", "tokens", &[]));
    folder
}

/// A token network that is part of a generator stays what it was, to the last bit, also in an average.
#[test]
fn a_generator_learns_and_its_tokens_do_not() {
    let folder = folder();
    let at = folder.path();
    let longer = ["--steps=150", "--set=validation.every=50", "--set=network.dropout=0.0"];
    ok(at, &train("run", &longer));
    let lines = logged(&at.join("run"));
    for (name, most) in [("masked", 0.8), ("residual", 0.9), ("loss", 0.8)] {
        let losses: Vec<f64> = lines.iter().map(|line| line[name].as_f64().unwrap()).collect();
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        let (first, last) = (mean(&losses[..10]), mean(&losses[losses.len() - 20..]));
        assert!(last < most * first, "{name}: {first} {last}");
    }
    let best = CheckpointOf::<Generating>::load(at.join("run/best.model.ron")).unwrap();
    assert!(best.manifest.metrics["validation.masked_loss"] > 0.0);
    assert!(best.manifest.metrics["validation.masked_accuracy"] > 1.0 / 12.0);
    let tokens = CheckpointOf::<Tokenising>::load(at.join("tokens/last.model.ron")).unwrap();
    assert_eq!(best.manifest.network.tokens, tokens.manifest.network);
    let inside = best.tensors().unwrap();
    for (name, tensor) in tokens.tensors().unwrap() {
        assert_eq!(inside[&format!("tokens.{name}")], tensor, "{name}");
    }

    let export = ["export", "--model", "run/best.model.ron", "--out", "g.model.ron"];
    ok(at, &export);
    let told = ok(at, &["inspect", "g.model.ron"]);
    for part in ["6 for 4 frames", "2 layers of 12", "up to 48 frames at 30 Hz", "first.codes"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_run_that_stopped_goes_on_bit_for_bit() {
    let folder = folder();
    let at = folder.path();
    ok(at, &train("whole", &[]));
    ok(at, &train("parts", &["--steps", "3"]));
    ok(at, &["train", "--out", "parts", "--data", "data", "--resume", "--steps", "8"]);
    let weights = |run: &str| fs::read(at.join(run).join("last.8.safetensors")).unwrap();
    assert!(weights("whole") == weights("parts"), "the weights differ");
    let ends = [logged(&at.join("whole")), logged(&at.join("parts"))];
    let [whole, parts] = ends.map(|lines| lines[lines.len() - 5..].to_vec());
    assert_eq!(whole, parts);

    let resume = ["train", "--out", "parts", "--data", "data", "--resume", "--steps", "9"];
    let error = fails(at, &[&resume[..], &["--set=network.longest=10"]].concat());
    assert!(error.contains("`network` changed"), "{error}");
    ok(at, &train_as("tokens.ron", "others", &["--set=seed=11"]));
    let error = fails(at, &[&resume[..], &["--set=tokens=\"others/last.model.ron\""]].concat());
    assert!(error.contains("`tokens` changed"), "{error}");
}

#[test]
fn words_can_start_from_a_model_of_alignment() {
    let folder = folder();
    let at = folder.path();
    ok(at, &train_as("align.ron", "align", &[]));
    let align = "--set=align=Some(\"align/last.model.ron\")";
    let still = ["--steps=1", "--set=optimizer.rate=1e-30", align];
    ok(at, &train("run", &still));
    let load = |file: &str| fs::read(at.join(file)).unwrap();
    let (run, words) = (load("run/last.1.safetensors"), load("align/last.1.safetensors"));
    let read = |bytes: &[u8], name: &str| {
        let tensors = safetensors::SafeTensors::deserialize(bytes).unwrap();
        tensors.tensor(name).unwrap().data().to_vec()
    };
    for name in ["words.table", "text.0.mean.weight", "text.2.back.attention.key.weight"] {
        assert!(read(&run, name) == read(&words, name), "{name}");
    }
    let error = fails(at, &train("wide", &["--set=network.hidden=32", align]));
    assert!(error.contains("`hidden` is 24") && error.contains("32"), "{error}");
}

#[test]
fn what_does_not_fit_is_named() {
    let folder = folder();
    let at = folder.path();
    for (more, parts) in [
        (&["--skeleton", "x.json"][..], ["--skeleton", "Generate"]),
        (&["--set=tokens=\"none.model.ron\""], ["token model", "none.model.ron"]),
        (&["--set=spec.rate_hz=20"], ["`spec.rate_hz` is 20", "30"]),
        (&["--set=cuts.shortest_s=2"], ["`cuts.shortest_s` 2", "1.6 s"]),
        (&["--set=validation.hold_out=[\"nobody\"]"], ["`validation.hold_out`", "nobody"]),
    ] {
        let error = fails(at, &train("a", more));
        assert!(parts.iter().all(|part| error.contains(part)), "{more:?}: {error}");
    }
}
