//! Motion from words by a network with random weights, through the program.

mod program;

use burn_flex::{Flex, FlexDevice};
use kinest::model::align::{AlignConfig, AlignSpec};
use kinest::model::generate::{GenerateConfig, GenerateSpec, Generating};
use kinest::model::tokens::{TokenConfig, TokenSpec, Tokenising};
use kinest::model::{CheckpointOf, ManifestOf, Precision};
use kinest::motion::{MotionClip, amass};
use kinest_nn::align::Htma;
use kinest_nn::generate::Generator;
use kinest_nn::tensors::tensors_of;
use program::{ok, run, text};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// A folder with a generator, an evaluator, a token model, and synthetic clips in `data`.
static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let clips = ["synth", "--out", "data", "--clips", "1", "--seconds", "5"];
    ok(at, &[&clips[..], &["--kind", "walk,wave,squat"]].concat());
    let tokens = TokenConfig {
        width: 8,
        blocks: 1,
        code_dim: 4,
        codes: 16,
        layers: 2,
        ..TokenConfig::default()
    };
    save_generator(&at.join("generator.model.ron"), tokens.clone());
    let manifest = ManifestOf::<Tokenising>::new(tokens.clone(), TokenSpec { rate_hz: 30.0 });
    let network = kinest_nn::tokens::TokenNetwork::<Flex>::new(&tokens, None, &FlexDevice);
    let tensors = tensors_of(&network.unwrap());
    let mut tokens = CheckpointOf::new(manifest, &tensors, Precision::F32).unwrap();
    tokens.save(at.join("tokens.model.ron")).unwrap();
    let config = AlignConfig {
        width: 8,
        heads: 2,
        hidden: 8,
        rows: 64,
        frames: 48,
        patches: [8, 16, 24],
        ..AlignConfig::default()
    };
    let network = Htma::<Flex>::new(&config, &FlexDevice).unwrap();
    let manifest = ManifestOf::new(config, AlignSpec::default());
    let mut evaluator = network.to_checkpoint(manifest, Precision::F32).unwrap();
    evaluator.save(at.join("htma.model.ron")).unwrap();
    folder
});

/// A generator of at most 16 tokens of 4 frames, 2.1 s at 30 Hz, whose codes differ.
fn save_generator(path: &Path, tokens: TokenConfig) {
    let config = GenerateConfig {
        tokens,
        width: 16,
        heads: 2,
        layers: 1,
        residual_layers: 1,
        hidden: 16,
        rows: 64,
        longest: 16,
        ..GenerateConfig::default()
    };
    let network = Generator::<Flex>::new(&config, &FlexDevice).unwrap();
    let mut tensors = tensors_of(&network);
    // A network that was not trained has empty codebooks.
    for (name, (_, values)) in &mut tensors {
        if name.starts_with("tokens.") && name.ends_with(".codes") {
            let values = values.iter_mut().enumerate();
            values.for_each(|(i, value)| *value = (0.7 * i as f32).sin());
        }
    }
    let manifest = ManifestOf::<Generating>::new(config, GenerateSpec::default());
    let mut checkpoint = CheckpointOf::new(manifest, &tensors, Precision::F32).unwrap();
    checkpoint.save(path).unwrap();
}

/// Fails with `status` and a message that has all these parts.
#[track_caller]
fn fails(folder: &Path, arguments: &[&str], status: i32, parts: &[&str]) {
    let output = run(folder, arguments);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {message}");
    assert!(!message.contains("panicked"), "{message}");
    for part in parts {
        assert!(message.contains(part), "{arguments:?}: {part} is not in {message}");
    }
}

const GENERATE: [&str; 5] =
    ["generate", "--model", "generator.model.ron", "--text", "walks forward"];

/// The clip that is made with these options, written to a file of this name, and what is said.
#[track_caller]
fn made(name: &str, more: &[&str]) -> (MotionClip, String) {
    let at = FOLDER.path();
    let said = ok(at, &[&GENERATE[..], &["--out", name], more].concat());
    (amass::load(at.join(name)).unwrap(), said)
}

#[test]
fn a_motion_is_as_long_as_asked_for_and_depends_on_its_seed() {
    let (clip, said) = made("a.npz", &["--seconds", "1.5", "--seed", "7"]);
    assert!((clip.duration() - 1.5).abs() < 1e-9, "{}", clip.duration());
    assert_eq!((clip.rate_hz, clip.frames.len()), (30.0, 46));
    for part in ["experimental", "generator.model.ron", "passes 3", "feet solved", "walks forward"]
    {
        assert!(said.contains(part), "{said}");
    }
    assert!(said.contains("described: ") && said.contains("1.50 s in a.npz"), "{said}");
    let same = made("b.npz", &["--seconds", "1.5", "--seed", "7"]).0;
    assert_eq!(clip, same);
    let other = made("c.npz", &["--seconds", "1.5", "--seed", "8"]).0;
    assert_ne!(clip, other);
    let raw = made("d.npz", &["--seconds", "1.5", "--seed", "7", "--raw-feet"]);
    assert!(raw.1.contains("as the network has them"), "{}", raw.1);
    let longest = made("e.npz", &["--seconds", "2.1"]).0;
    assert_eq!(longest.frames.len(), 64);

    let (free, json) = made("f.npz", &["--json", "--passes", "1", "--scale", "1"]);
    assert!((0.5..=2.1).contains(&free.duration()), "{}", free.duration());
    let json: Value = serde_json::from_str(&json).unwrap();
    let report = &json["report"];
    assert_eq!((report["passes"].as_u64(), report["scale"].as_f64()), (Some(1), Some(1.0)));
    assert_eq!(report["text"], "walks forward");
    assert_eq!(report["groups"].as_object().unwrap().len(), 6);
    assert_eq!(report["asked"][0]["text"], "walks forward");
    assert!((json["figures"]["seconds"].as_f64().unwrap() - free.duration()).abs() < 1e-9);
}

#[test]
fn groups_and_tables_are_made_too() {
    let at = FOLDER.path();
    let (_, json) = made("g.npz", &["--json", "--group", "right_arm=waves"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["report"]["groups"]["right_arm"], "waves");
    fs::write(at.join("texts.txt"), "walks forward\n# a remark\nyogging wildebeest\nwaves\n")
        .unwrap();
    let table = ["generate", "--model", "generator.model.ron", "--table", "texts.txt"];
    let said = ok(at, &[&table[..], &["--out", "many", "--seconds", "1"]].concat());
    assert!(said.starts_with("by text-to-motion network (experimental)"), "{said}");
    assert!(said.contains("| waves") && said.contains("not made: yogging wildebeest"), "{said}");
    for file in ["001_poses.npz", "003_poses.npz"] {
        assert_eq!(amass::load(at.join("many").join(file)).unwrap().duration(), 1.0, "{file}");
    }
}

#[test]
fn what_cannot_be_made_is_named() {
    let at = FOLDER.path();
    let refused = |model: &str, said: &str, more: &[&str], status: i32, parts: &[&str]| {
        let how = ["generate", "--model", model, "--text", said, "--out", "none.npz"];
        fails(at, &[&how[..], more].concat(), status, parts);
        assert!(!at.join("none.npz").exists());
    };
    let own = "generator.model.ron";
    refused(own, " ", &[], 1, &["text is empty"]);
    refused(own, "yogging wildebeest", &[], 1, &["nearest", "jog"]);
    for seconds in ["0", "NaN", "-1", "0.2", "2.2", "inf"] {
        let seconds = format!("--seconds={seconds}");
        refused(own, "walks", &[&seconds], 1, &["no length", "0.5 to 2.10 s", own]);
    }
    refused("tokens.model.ron", "walks", &[], 1, &["tokens.model.ron", "`tokens`", "`generate`"]);
    refused("none.model.ron", "walks", &[], 1, &["none.model.ron"]);
    refused(own, "walks", &["--scale=-1"], 1, &["`scale`"]);
    refused(own, "walks", &["--scale=NaN"], 1, &["`scale`"]);
    refused(own, "walks", &["--passes", "4"], 2, &["--passes"]);
    let without = ["generate", "--text", "walks", "--out", "none.npz"];
    for option in [&["--passes", "1"][..], &["--scale", "1"], &["--raw-feet"], &["--device", "cpu"]]
    {
        fails(at, &[&without[..], option].concat(), 2, &["--model"]);
    }
}

#[test]
fn a_network_is_scored_beside_real_motion_and_retrieval() {
    let at = FOLDER.path();
    fs::write(at.join("titles.csv"), "trial,title\nwalk_00,a walk\n").unwrap();
    let evaluate = ["evaluate", "--model", "generator.model.ron", "--data", "data"];
    let with = ["--evaluator", "htma.model.ron", "--titles", "titles.csv", "--library", "data"];
    let files = ["--json", "g.json", "--csv", "g.csv", "--markdown", "g.md"];
    let table = ok(at, &[&evaluate[..], &with, &files].concat());
    assert_eq!(fs::read_to_string(at.join("g.md")).unwrap().trim_end(), table.trim_end());
    let report: Value = serde_json::from_slice(&fs::read(at.join("g.json")).unwrap()).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let motions: Vec<&str> = rows.iter().map(|row| row["motion"].as_str().unwrap()).collect();
    let expected = [
        "real",
        "real, through the tokens",
        "1 pass",
        "2 passes",
        "3 passes",
        "3 passes, feet solved",
        "3 passes, no guidance",
        "3 passes, titles alone",
        "retrieval",
    ];
    assert_eq!(motions, expected, "{table}");
    let cuts = report["cuts"].as_u64().unwrap();
    assert!(cuts >= 6, "{table}");
    for (row, motion) in rows.iter().zip(motions) {
        let count = row["motions"].as_u64().unwrap();
        assert!((1..=cuts).contains(&count), "{motion}: {count}");
        assert!(row["space"]["to_text"].as_f64().unwrap() > 0.0, "{motion}");
        let varied = row["space"]["multimodality"].as_f64();
        let several = motion.ends_with("pass")
            || motion.ends_with("passes")
            || motion.contains("no guidance");
        assert_eq!(varied.is_some(), several, "{motion}");
    }
    assert!(rows[0]["figures"]["f1"].as_f64().unwrap() > 0.6, "{table}");
    assert!(rows[0]["space"]["fid"].as_f64().unwrap() < 1e-6, "{table}");
    assert!(rows[2]["figures"]["f1"].as_f64() < rows[0]["figures"]["f1"].as_f64(), "{table}");
    assert_eq!(rows[2]["space"]["group"].as_u64(), Some(cuts.min(32)));
    assert_eq!(fs::read_to_string(at.join("g.csv")).unwrap().lines().count(), 1 + rows.len());
    // The same numbers again.
    let again = ok(at, &[&evaluate[..], &with].concat());
    assert_eq!(table, again);
}

#[test]
fn options_that_do_not_fit_are_named() {
    let at = FOLDER.path();
    let evaluate = ["evaluate", "--model", "generator.model.ron", "--data", "data"];
    fails(at, &evaluate, 1, &["--evaluator"]);
    let with = |evaluator: &'static str| [&evaluate[..], &["--evaluator", evaluator]].concat();
    fails(at, &with("tokens.model.ron"), 1, &["tokens.model.ron", "--evaluator", "`align`"]);
    fails(at, &with("none.model.ron"), 1, &["none.model.ron"]);
    let both = [&with("htma.model.ron")[..], &["--model", "tokens.model.ron"]].concat();
    fails(at, &both, 1, &["text-to-motion networks"]);
    let refined = [&with("htma.model.ron")[..], &["--refine"]].concat();
    fails(at, &refined, 1, &["--refine"]);
    let tokens = ["evaluate", "--model", "tokens.model.ron", "--data", "data"];
    fails(at, &[&tokens[..], &["--evaluator", "htma.model.ron"]].concat(), 1, &["--evaluator"]);
    fails(at, &[&tokens[..], &["--library", "data"]].concat(), 1, &["--library"]);
}
