//! Invalid motion files, through the program: exit status 1, a message with file and field, no
//! panic, and no output file.

mod npz;

use kinest::motion::{ClipFrame, MotionClip, amass};
use kinest::skeleton::Pose;
use npz::{npy, npz};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

/// A folder with a small model, imported once for all tests.
static MODEL: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("tiny.model.ron");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/tiny");
    let weights = golden.join("kinest_tiny.pth");
    let output = run(&["import", "--weights", path(&weights), "--out", path(&model)]);
    assert!(output.status.success(), "{}", stderr(&output));
    (folder, model)
});

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kinest-train")).args(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A clip of `frames` frames with the values of `pose` and the rate `rate_hz`.
fn motion(frames: usize, width: usize, pose: impl Fn(usize) -> f64, rate_hz: f64) -> Vec<u8> {
    npz(&[
        ("poses", npy(&[frames, width], pose)),
        ("trans", npy(&[frames, 3], |_| 0.5)),
        ("mocap_framerate", npy(&[], |_| rate_hz)),
    ])
}

/// Name of the fault, content of the file (`None`: it does not exist), and the expected part of the
/// message.
fn faults() -> Vec<(&'static str, Option<Vec<u8>>, &'static str)> {
    let zero = |_: usize| 0.0;
    let at = |place: usize, bad: f64| move |i: usize| if i == place { bad } else { 0.0 };
    let mut truncated = motion(20, 156, zero, 60.0);
    truncated.truncate(truncated.len() / 2);
    let trans = || ("trans", npy(&[4, 3], zero));
    let poses = || ("poses", npy(&[4, 156], zero));
    let rate = || ("mocap_framerate", npy(&[], |_| 60.0));
    vec![
        ("missing file", None, "cannot read"),
        ("not a zip", Some(b"PK\x03\x04, perhaps".to_vec()), "zip"),
        ("truncated zip", Some(truncated), "zip"),
        ("missing poses", Some(npz(&[trans(), rate()])), "`poses`: missing"),
        ("missing trans", Some(npz(&[poses(), rate()])), "`trans`: missing"),
        ("no rate", Some(npz(&[poses(), trans()])), "`mocap_framerate`: missing"),
        ("wrong rank", Some(npz(&[("poses", npy(&[4, 52, 4], zero)), trans(), rate()])), "`poses`"),
        ("wrong width", Some(motion(4, 71, zero, 60.0)), "[4, 71]"),
        ("NaN", Some(motion(4, 66, at(70, f64::NAN), 60.0)), "`poses`: frame 1, L_hip"),
        ("infinity", Some(motion(4, 66, at(0, f64::INFINITY), 60.0)), "`poses`: frame 0, pelvis"),
        ("no frame", Some(motion(0, 66, zero, 60.0)), "`poses`: 0 frames"),
        ("one frame", Some(motion(1, 66, zero, 60.0)), "`poses`: 1 frames"),
        ("one frame at 60 Hz", Some(motion(2, 66, zero, 120.0)), "1 frames at the model's rate"),
        ("rate zero", Some(motion(4, 66, zero, 0.0)), "`mocap_framerate`: 0 is not"),
        ("rate negative", Some(motion(4, 66, zero, -60.0)), "`mocap_framerate`: -60 is not"),
        ("rate NaN", Some(motion(4, 66, zero, f64::NAN)), "`mocap_framerate`: NaN is not"),
    ]
}

#[test]
fn errors_in_motion_files_name_file_and_field() {
    let model = path(&MODEL.1);
    for (fault, file, expected) in faults() {
        let folder = tempfile::tempdir().unwrap();
        let motion = folder.path().join("walk_poses.npz");
        let split = folder.path().join("split.txt");
        fs::write(&split, "walk_poses.npz").unwrap();
        let missing = file.is_none();
        if let Some(bytes) = file {
            fs::write(&motion, bytes).unwrap();
        }
        let before = fs::read_dir(folder.path()).unwrap().count();
        let (out, json) = (folder.path().join("out.npz"), folder.path().join("report.json"));
        let predict = ["predict", "--model", model, "--motion", path(&motion), "--out", path(&out)];
        let predict = [&predict[..], &["--protocol", "online"]].concat();
        let evaluate = ["evaluate", "--model", model, "--data", path(folder.path())];
        let evaluate = [&evaluate[..], &["--split", path(&split), "--json", path(&json)]].concat();
        for command in [predict, evaluate] {
            let output = run(&command);
            let message = stderr(&output);
            let what = format!("{} with {fault}: {message}", command[0]);
            assert_eq!(output.status.code(), Some(1), "{what}");
            assert!(message.contains("walk_poses.npz"), "{what}");
            // A missing file of a split is reported before any is opened.
            assert!(message.contains(expected) || missing, "{what}");
            assert!(!message.contains("panicked"), "{what}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), before, "{what}");
        }
    }
}

#[test]
fn wrong_usage_has_exit_status_2() {
    for arguments in [
        &["evaluate"][..],
        &["predict", "--model", "m.model.ron", "--motion", "a.npz", "--out", "b.npz"],
        &["evaluate", "--model", "m.model.ron", "--data", "d", "--protocol", "sideways"],
        &["evaluate", "--model", "m.model.ron", "--data", "d", "--device", "tpu"],
        &["evaluate", "--model", "m.model.ron", "--data", "d", "--baseline-data", "b"],
        &["divine"],
    ] {
        assert_eq!(run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

/// The same commands succeed on a valid file.
#[test]
fn a_valid_motion_file_is_predicted_and_evaluated() {
    let model = path(&MODEL.1);
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let inside = |name: &str| folder.path().join(name);
    let frame = ClipFrame::from(&Pose::rest());
    let clip = MotionClip { rate_hz: 120.0, frames: vec![frame; 41] };
    amass::save(inside("stand_poses.npz"), &clip, "male").unwrap();

    for protocol in ["offline", "online"] {
        let (motion, out) = (inside("stand_poses.npz"), elsewhere.path().join("out.npz"));
        let files = ["--motion", path(&motion), "--out", path(&out)];
        let how = ["--model", model, "--protocol", protocol];
        let output = run(&[&["predict"][..], &files, &how].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        let predicted = amass::load(&out).unwrap();
        assert_eq!((predicted.rate_hz, predicted.frames.len()), (60.0, 20));
    }

    let motion = inside("stand_poses.npz");
    let files = ["--motion", path(&motion), "--out", "out.fbx"];
    let output =
        run(&[&["predict", "--model", model, "--protocol", "online"][..], &files].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("out.fbx does not end in .npz"), "{}", stderr(&output));

    let json = inside("report.json");
    let data = path(folder.path());
    let output = run(&["evaluate", "--model", model, "--data", data, "--json", path(&json)]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("online"));
    let report: serde_json::Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    for protocol in ["offline", "online"] {
        assert_eq!(
            (&report[protocol]["clips"], &report[protocol]["frames"]),
            (&1.into(), &20.into())
        );
        assert!(report[protocol]["mpjpe_cm"].as_f64().unwrap() > 0.0);
        assert_eq!(report[protocol]["per_clip"][0]["clip"], "stand_poses.npz");
    }

    let (csv, markdown, sheets) = (inside("report.csv"), inside("report.md"), inside("a/sheets"));
    let all = ["evaluate", "--model", model, "--data", data, "--baselines", "--model", model];
    let files = ["--csv", path(&csv), "--markdown", path(&markdown), "--render", path(&sheets)];
    let output = run(&[&all[..], &["--baseline-data", data], &files].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(output.stdout, fs::read(markdown).unwrap());
    // One clip, five candidates, two protocols.
    assert_eq!(fs::read_to_string(csv).unwrap().lines().count(), 1 + 5 * 2);
    assert!(sheets.join("stand_poses.png").is_file());
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_device_that_is_not_compiled_in_is_reported() {
    let model = path(&MODEL.1);
    let output = run(&["evaluate", "--model", model, "--data", "d", "--device", "cuda"]);
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("cuda") && message.contains("tiny.model.ron"), "{message}");
}
