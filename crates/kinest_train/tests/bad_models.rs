//! Invalid models, weights and configs: an error with file and field, exit status 1, and no output
//! file.

#[path = "../../../tests/changed.rs"]
mod changed;

use changed::changed;
use kinest::model::TensorProblem;
use kinest::motion::amass;
use kinest::motion::synthetic::walk_and_wave;
use kinest::skeleton::Skeleton;
use kinest_nn::import::{ImportError, ImportOptions, StateDict, import_pth, import_state_dict};
use kinest_train::data::motion_store::MotionStore;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::path::{Path, PathBuf};
use std::process::Command;

const TRAIN: &str = env!("CARGO_BIN_EXE_kinest-train");

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/tiny").join(name)
}

/// Runs the program in `folder`; returns its status and messages.
fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(TRAIN).current_dir(folder).args(args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[track_caller]
fn fails(folder: &Path, args: &[&str], words: &[&str]) {
    let (code, text) = run(folder, args);
    assert_eq!(code, Some(1), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    for word in words {
        assert!(text.contains(word), "no `{word}` in: {text}");
    }
}

fn imported() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let weights = golden("kinest_tiny.pth");
    let (code, text) = run(
        folder.path(),
        &["import", "--weights", weights.to_str().unwrap(), "--out", "m.model.ron"],
    );
    assert_eq!(code, Some(0), "{text}");
    folder
}

/// Like `kinest-train inspect m.model.ron | head -1`.
#[test]
fn a_closed_pipe_is_not_an_error() {
    let folder = imported();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(TRAIN);
    command.current_dir(folder.path()).args(["inspect", "m.model.ron"]).stdout(writer);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn edit(path: PathBuf, from: &str, to: &str) {
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn import_verifies_its_result() {
    let folder = tempfile::tempdir().unwrap();
    let (weights, io) = (golden("kinest_tiny.pth"), golden("io.safetensors"));
    let mut args = vec!["import", "--weights", weights.to_str().unwrap(), "--out", "m.model.ron"];
    args.extend(["--verify", io.to_str().unwrap()]);
    let (code, text) = run(folder.path(), &args);
    assert_eq!(code, Some(0), "{text}");
    let value: f64 =
        text.lines().find_map(|l| l.strip_prefix("max_abs_diff ")).unwrap().parse().unwrap();
    assert!(value < 5e-5, "{value}");

    // The other chain gives another output; nothing is written then.
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    args.extend(["--chain", "unified", "--tolerance", "1e-4"]);
    fails(&other, &args, &["max_abs_diff"]);
    assert_eq!(std::fs::read_dir(&other).unwrap().count(), 0);
}

#[test]
fn missing_and_non_pytorch_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fails(path, &["import", "--weights", "none.pth", "--out", "m.model.ron"], &["none.pth"]);
    std::fs::write(path.join("text.pth"), "not a zip").unwrap();
    fails(path, &["import", "--weights", "text.pth", "--out", "m.model.ron"], &["text.pth"]);
    let whole = std::fs::read(golden("kinest_tiny.pth")).unwrap();
    std::fs::write(path.join("half.pth"), &whole[..whole.len() / 2]).unwrap();
    fails(path, &["import", "--weights", "half.pth", "--out", "m.model.ron"], &["half.pth"]);
    fails(path, &["inspect", "none.model.ron"], &["none.model.ron"]);
    assert!(!path.join("m.model.ron").exists());
}

fn state_dict() -> StateDict {
    let bytes = std::fs::read(golden("weights.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let numbers = |v: &TensorView<'_>| {
        v.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    };
    file.iter().map(|(n, v)| (n.to_string(), (v.shape().to_vec(), numbers(&v)))).collect()
}

#[test]
fn every_wrong_tensor_of_a_state_dict_is_listed_at_once() {
    let mut weights = state_dict();
    weights.remove("output_fc.bias");
    weights.insert("extra.weight".into(), (vec![1], vec![0.0]));
    weights.insert("temporary.mlps.1.norm0.weight".into(), (vec![3], vec![1.0; 3]));
    weights.get_mut("input_fc.bias").unwrap().1[2] = f32::NAN;
    let Err(ImportError::Tensors { problems, .. }) =
        import_state_dict(weights, ImportOptions::default())
    else {
        panic!("the weights are wrong");
    };
    assert_eq!(problems.len(), 4, "{problems:?}");
    let has = |p: TensorProblem| assert!(problems.contains(&p), "{p:?} is not in {problems:?}");
    has(TensorProblem::Missing { name: "output_fc.bias".into(), shape: vec![132] });
    has(TensorProblem::Unexpected { name: "extra.weight".into() });
    has(TensorProblem::NotFinite { name: "input_fc.bias".into() });
    has(TensorProblem::Shape {
        name: "temporary.mlps.1.norm0.weight".into(),
        expected: vec![24],
        found: vec![3],
    });
}

#[test]
fn prefixes_and_unused_tensors_are_ignored() {
    let mut weights = state_dict();
    weights.retain(|name, _| !name.contains("linear1") || name.contains("encoder"));
    import_state_dict(weights, ImportOptions::default()).unwrap();
}

#[test]
fn changes_of_a_checkpoint_are_reported() {
    let change = |from: &str, to: &str, words: &[&str]| {
        let folder = imported();
        edit(folder.path().join("m.model.ron"), from, to);
        fails(folder.path(), &["inspect", "m.model.ron"], words);
    };
    change("sha256: \"", "sha256: \"0", &["SHA-256", "m.safetensors"]);
    change("format: 1", "format: 2", &["format 2"]);
    change("window: 8", "window: 9", &["window"]);
    change("format: 1,", "format: 1, colour: 3,", &["colour", "m.model.ron"]);
    change("feed_forward: 40", "feed_forward: 41", &["widen.weight", "narrow.weight", "[24, 41]"]);
    change("weights: \"m.safetensors\"", "weights: \"n.safetensors\"", &["n.safetensors"]);
    change("width: 24", "width: 25", &["attention_heads"]);
}

/// Replaces a tensor in the weights of `m.model.ron`, and updates the hash.
fn replace_tensor(folder: &Path, name: &str, shape: &[usize], value: f32) {
    let path = folder.join("m.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let numbers: usize = shape.iter().product();
    let data: Vec<u8> = std::iter::repeat_n(value.to_le_bytes(), numbers).flatten().collect();
    let mut views: Vec<_> = file.iter().filter(|(n, _)| *n != name).collect();
    views.push((name, TensorView::new(Dtype::F32, shape.to_vec(), &data).unwrap()));
    let written = safetensors::serialize(views, None).unwrap();
    std::fs::write(&path, &written).unwrap();
    let (_, text) = run(folder, &["inspect", "m.model.ron"]);
    let found = text.split("have SHA-256 ").nth(1).unwrap().split(',').next().unwrap().to_string();
    let manifest = std::fs::read_to_string(folder.join("m.model.ron")).unwrap();
    let old = manifest.split("sha256: \"").nth(1).unwrap().split('"').next().unwrap().to_string();
    edit(folder.join("m.model.ron"), &old, &found);
}

#[test]
fn weights_of_the_wrong_shape_or_not_finite_are_errors() {
    let folder = imported();
    replace_tensor(folder.path(), "embed.bias", &[7], 0.0);
    fails(folder.path(), &["inspect", "m.model.ron"], &["embed.bias", "[7]", "[24]"]);
    let folder = imported();
    replace_tensor(folder.path(), "embed.bias", &[24], f32::NAN);
    fails(folder.path(), &["inspect", "m.model.ron"], &["embed.bias", "NaN"]);
    let folder = imported();
    replace_tensor(folder.path(), "stranger", &[2], 0.0);
    fails(folder.path(), &["inspect", "m.model.ron"], &["unexpected", "stranger"]);
}

#[test]
fn unknown_keys_and_invalid_values_of_a_config_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let config = |text: &str, words: &[&str]| {
        std::fs::write(path.join("c.ron"), text).unwrap();
        fails(path, &["train", "--config", "c.ron", "--out", "run"], words);
        assert!(!path.join("run").exists());
    };
    config("(batsch: 3)", &["c.ron", "batsch"]);
    config("(loss: (rotations: 1.0))", &["c.ron", "rotations"]);
    config("(batch: 0)", &["c.ron", "batch"]);
    config("(data: (augment: (speed: 1.5)))", &["c.ron", "speed"]);
    config("(network: Kinest((outputs: 7)))", &["c.ron", "outputs"]);
    config("(data: (folder: \"nowhere\"))", &["nowhere"]);
}

#[test]
fn wrong_usage_has_exit_status_2() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &["import"]).0, Some(2));
    assert_eq!(run(folder.path(), &["fly"]).0, Some(2));
}

/// Weights of the reference (a pickle in an archive) and prepared motion, changed at random.
#[test]
fn no_bytes_make_the_readers_of_weights_and_prepared_motion_panic() {
    let rounds: u32 =
        std::env::var("KINEST_FUZZ_ROUNDS").map_or(100, |rounds| rounds.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut walk = walk_and_wave(&Skeleton::default());
    walk.frames.truncate(90);
    std::fs::create_dir(at("clips")).unwrap();
    amass::save(at("clips/a_poses.npz"), &walk, "neutral").unwrap();
    std::fs::write(at("list.txt"), "a_poses.npz\n").unwrap();
    let prepare = ["prepare", "--data", "clips", "--out", "out", "--split", "all=list.txt"];
    let (code, text) = run(folder.path(), &prepare);
    assert_eq!(code, Some(0), "{text}");
    let motion = std::fs::read(at("out/all.motion")).unwrap();
    let weights = std::fs::read(golden("kinest_tiny.pth")).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(18);
    import_pth(golden("kinest_tiny.pth"), ImportOptions::default()).unwrap();
    for round in 0..rounds {
        for (name, good) in [("a.motion", &motion), ("a.pth", &weights)] {
            std::fs::write(at(name), changed(good, &mut random)).unwrap();
        }
        let (motion, weights) = (at("a.motion"), at("a.pth"));
        let read = std::panic::catch_unwind(|| {
            if let Ok(store) = MotionStore::open(&motion) {
                (0..store.clips().len()).for_each(|clip| drop(store.clip(clip)));
            }
            drop(import_pth(&weights, ImportOptions::default()));
        });
        assert!(read.is_ok(), "round {round}");
    }
}
