//! `convert`, through the program.

use kinest::capture::write_bvh;
use kinest::motion::{amass, synthetic};
use kinest::rotation::{exp, geodesic_angle};
use kinest::skeleton::Skeleton;
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
    let output = convert(at, &["--motion", "again.glb", "--out", "x.npz", "--animation", "Run"]);
    assert!(text(&output.stderr).contains("there is no animation `Run`; there are motion"));
}
