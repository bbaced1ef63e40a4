//! Synthetic motion, through the program: made, trained on and scored without any download.

mod program;

use kinest::motion::amass;
use std::fs;
use std::path::Path;
use std::process::Output;

const CONFIG: &str = r#"(
    batch: 8, steps: 5, prepare: true,
    layout: (frame: Heading, decode: GramSchmidt),
    loss: (rotation: 0.0, root: 0.0, angular_velocity: 0.0, position: 2.0, newest: 1.0),
    network: Mlp((offsets: [0, 2, 7], width: 16, layers: 1)),
)"#;

fn run(folder: &Path, arguments: &str) -> Output {
    program::run(folder, &arguments.split_whitespace().collect::<Vec<_>>())
}

fn succeed(folder: &Path, arguments: &str) -> String {
    program::ok(folder, &arguments.split_whitespace().collect::<Vec<_>>())
}

fn list(folder: &Path, split: &str) -> Vec<String> {
    let text = fs::read_to_string(folder.join("data/splits").join(split)).unwrap();
    text.lines().map(String::from).collect()
}

#[test]
fn clips_are_synthesised_trained_on_and_scored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let said = succeed(path, "synth --out data --clips 3 --seconds 1.5 --kind squat,walk");
    assert!(said.contains("6 clips of 1.5 s"), "{said}");
    let (train, test) = (list(path, "train.txt"), list(path, "test.txt"));
    let clips = |kind: &str, n: u16| format!("SYNTH/{kind}/{kind}_{n:02}_poses.npz");
    assert_eq!(test, [clips("squat", 1)], "walk comes first");
    assert_eq!(train.len(), 5);
    assert!(train.contains(&clips("walk", 2)) && !train.contains(&test[0]));
    for clip in train.iter().chain(&test) {
        let clip = amass::load(path.join("data").join(clip)).unwrap();
        assert_eq!((clip.rate_hz, clip.frames.len()), (60.0, 91));
    }
    fs::write(path.join("mlp.ron"), CONFIG).unwrap();
    let data = "--data data --split data/splits";
    succeed(path, &format!("train --config mlp.ron --out run {data}/train.txt"));
    let figures = succeed(path, &format!("evaluate --model run/last.model.ron {data}/test.txt"));
    assert!(figures.contains("online"), "{figures}");
}

#[test]
fn a_seed_determines_the_clips_and_existing_ones_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for (out, seed) in [("a", 4), ("b", 4), ("c", 5)] {
        let how = "--clips 1 --seconds 0.5 --rate 30 --kind punch";
        succeed(path, &format!("synth --out {out} --seed {seed} {how}"));
    }
    let clip =
        |out: &str| amass::load(path.join(out).join("SYNTH/punch/punch_00_poses.npz")).unwrap();
    assert_eq!(clip("a"), clip("b"));
    assert_ne!(clip("a"), clip("c"));
    // Too few clips for a test list.
    assert!(path.join("a/splits/train.txt").exists() && !path.join("a/splits/test.txt").exists());

    let again = run(path, "synth --out a");
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("SYNTH"));
    for wrong in ["--kind crawl", "--seconds 0", "--rate -1", "--clips 0"] {
        assert_eq!(run(path, &format!("synth --out d {wrong}")).status.code(), Some(2), "{wrong}");
    }
    assert!(!path.join("d").exists());
}
