//! `convert`, through the program.

use kinest::capture::{self, write_bvh};
use kinest::motion::{MotionClip, amass, synthetic};
use kinest::rotation::{exp, geodesic_angle};
use kinest::skeleton::{Pose, Skeleton};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn convert(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kinest-train"));
    command.current_dir(folder).arg("convert").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_folder_is_converted_and_what_fails_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let skeleton = Skeleton::default();
    let mut walk = synthetic::walk_and_wave(&skeleton).resampled(60.0);
    walk.frames.truncate(60);
    let bvh = write_bvh(&walk, &skeleton);
    fs::create_dir_all(at.join("in/deep")).unwrap();
    fs::write(at.join("in/deep/walk.bvh"), &bvh).unwrap();
    fs::write(at.join("in/cut.BVH"), &bvh[..bvh.len() - 40]).unwrap();
    fs::write(at.join("in/alone.amc"), ":DEGREES\n1\nroot 0 0 0 0 0 0\n").unwrap();
    fs::write(at.join("in/notes.txt"), "none").unwrap();
    let output = convert(at, &["--motion", "in", "--out", "out", "--rate", "30"]);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    for part in ["2 of 3 files", "cut.BVH, line", "alone.amc is an AMC file", "there are none"] {
        assert!(errors.contains(part), "{part} is not in {errors}");
    }
    assert!(text(&output.stdout).contains("30 frames at 30 Hz"), "{}", text(&output.stdout));
    let back = amass::load(at.join("out/deep/walk.npz")).unwrap();
    for (a, b) in walk.resampled(30.0).frames.iter().zip(&back.frames) {
        for (a, b) in a.rotations.iter().zip(&b.rotations) {
            assert!(geodesic_angle(exp(*a), exp(*b)) < 1e-3);
        }
    }
    // Nothing is lost where two files would be one, or a file itself.
    fs::write(at.join("in/deep/walk.amc"), "").unwrap();
    let output = convert(at, &["--motion", "in/deep", "--out", "twice"]);
    assert!(text(&output.stderr).contains("would both be"), "{}", text(&output.stderr));
    assert!(!at.join("twice").exists());
    let before = fs::read(at.join("out/deep/walk.npz")).unwrap();
    let output = convert(at, &["--motion", "out", "--out", "out", "--rate", "10"]);
    assert!(text(&output.stderr).contains("over itself"), "{}", text(&output.stderr));
    assert_eq!(fs::read(at.join("out/deep/walk.npz")).unwrap(), before);
    // And back.
    let output = convert(at, &["--motion", "out/deep/walk.npz", "--out", "again.bvh"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(fs::read_to_string(at.join("again.bvh")).unwrap().starts_with("HIERARCHY"));
    let output = convert(at, &["--motion", "again.bvh", "--out", "same.bvh", "--report"]);
    let report = text(&output.stdout);
    assert!(report.contains("% sure:") && report.contains("L_knee"), "{report}");
    let output = convert(at, &["--motion", "out/deep/walk.npz", "--out", "again.fbx"]);
    assert!(text(&output.stderr).contains("does not end in .npz, .bvh, .glb, .vrma"));
    // glTF and VRM animation, there and back.
    for ending in ["glb", "vrma"] {
        let (file, back) = (format!("again.{ending}"), format!("{ending}.npz"));
        for (from, to) in [("out/deep/walk.npz", &file), (&*file, &back)] {
            let output = convert(at, &["--motion", from, "--out", to]);
            assert!(output.status.success(), "{}", text(&output.stderr));
        }
        let back = amass::load(at.join(back)).unwrap();
        for (a, b) in walk.resampled(30.0).frames.iter().zip(&back.frames) {
            for (a, b) in a.rotations.iter().zip(&b.rotations) {
                assert!(geodesic_angle(exp(*a), exp(*b)) < 1e-3, "{ending}");
            }
        }
    }
    // A folder of every kind, a recording of a game among them, into a folder of any kind.
    fs::create_dir_all(at.join("kinds/deep")).unwrap();
    for file in ["again.bvh", "again.glb", "again.vrma"] {
        let ending = file.rsplit('.').next().unwrap();
        fs::copy(at.join(file), at.join(format!("kinds/deep/{ending}.{ending}"))).unwrap();
    }
    fs::copy(at.join("out/deep/walk.npz"), at.join("kinds/npz.npz")).unwrap();
    let mut recording = "{\"kinest_recording\":1,\"trackers\":\"HeadAndHands\"}\n".to_owned();
    for (k, frame) in walk.resampled(30.0).frames.iter().enumerate() {
        let (time, pose) = (k as f64 / 30.0, Pose::from(frame));
        let row = serde_json::json!({"time": time, "trackers": [], "pose": pose});
        recording += &format!("{row}\n");
    }
    fs::write(at.join("kinds/jsonl.jsonl"), recording).unwrap();
    let hips = |clip: &MotionClip| clip.frames[20].translation - clip.frames[0].translation;
    for to in ["npz", "bvh", "glb", "vrma"] {
        let output = convert(at, &["--motion", "kinds", "--out", to, "--to", to]);
        assert!(output.status.success(), "{to}: {}", text(&output.stderr));
        for file in ["npz", "jsonl", "deep/bvh", "deep/glb", "deep/vrma"] {
            let file = at.join(to).join(file).with_extension(to);
            let back = capture::load(&file, &skeleton).unwrap().clip;
            let walk = walk.resampled(30.0);
            assert_eq!((back.rate_hz, back.frames.len()), (30.0, 30), "{}", file.display());
            assert!(hips(&walk).distance(hips(&back)) < 1e-4, "{}", file.display());
            for (a, b) in walk.frames.iter().zip(&back.frames) {
                for (a, b) in a.rotations.iter().zip(&b.rotations) {
                    let off = geodesic_angle(exp(*a), exp(*b));
                    assert!(off < 1e-3, "{}: {off}", file.display());
                }
            }
        }
    }
    let output = convert(at, &["--motion", "again.glb", "--out", "x.npz", "--animation", "Run"]);
    assert!(text(&output.stderr).contains("there is no animation `Run`; there are motion"));
}
