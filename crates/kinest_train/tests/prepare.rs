//! `prepare` and `skeleton`, through the program, on small folders with the structure of a
//! download.

mod npz;
mod program;

use kinest::features::FeatureLayout;
use kinest::motion::{ClipFrame, MotionClip, amass, synthetic};
use kinest::skeleton::{Pose, Skeleton, SmplJoint};
use kinest_train::data::clips;
use kinest_train::data::config::DataConfig;
use kinest_train::data::motion_store::MotionStore;
use kinest_train::run::Examples;
use kinest_train::tasks::pose::cut::Cut;
use kinest_train::tasks::pose::dataset::WindowDataset;
use npz::{array, npy, npz};
use program::{run, text};
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

static WALK: LazyLock<MotionClip> =
    LazyLock::new(|| synthetic::walk_and_wave(&Skeleton::default()));

/// A clip of `frames` frames at 120 Hz, from frame `first` of a walk.
fn clip(first: usize, frames: usize) -> MotionClip {
    MotionClip { rate_hz: 120.0, frames: WALK.frames[first..first + frames].to_vec() }
}

fn put(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Writes clips with these names, each from another part of the walk.
fn put_clips(folder: &Path, names: &[&str]) {
    for (i, name) in names.iter().enumerate() {
        put(folder, name, "");
        amass::save(folder.join(name), &clip(40 * i, 80 + 2 * i), "male").unwrap();
    }
}

/// Runs `prepare --data amass --out out` with `more` arguments; returns its table.
fn prepare(folder: &Path, more: &[&str]) -> String {
    let output = run(folder, &[&["prepare", "--data", "amass", "--out", "out"], more].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The same for a failure; returns its message and table.
fn prepare_fails(folder: &Path, more: &[&str]) -> (String, String) {
    let output = run(folder, &[&["prepare", "--data", "amass", "--out", "out"], more].concat());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    (text(&output.stderr), text(&output.stdout))
}

fn names(store: &Path) -> Vec<String> {
    MotionStore::open(store).unwrap().clips().iter().map(|c| c.name.clone()).collect()
}

const CMU: [&str; 4] = [
    "CMU/CMU/01/01_01_poses.npz",
    "CMU/CMU/01/01_02_poses.npz",
    "CMU/CMU/02/02_01_stageii.npz",
    "CMU/CMU/02/02_02.npz",
];

#[test]
fn the_first_protocol_is_found_at_any_folder_depth() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let hdm = "smplh/MPI_HDM05/bd/HDM_bd_01_poses.npz";
    put_clips(&at.join("amass"), &[&CMU[..], &[hdm]].concat());
    for other in ["CMU/CMU/01/shape.npz", "CMU/CMU/02/male_stagei.npz", "LICENSE.txt"] {
        put(at, &format!("amass/{other}"), "not motion");
    }
    put(at, "lists/CMU/train_split.txt", "CMU/01/01_01_poses.npz\nCMU/02/02_01_poses.npz\n");
    put(at, "lists/CMU/test_split.txt", "CMU/01/01_02_poses.npz\n");
    put(at, "lists/MPI_HDM05/train_split.txt", "MPI_HDM05/bd/HDM_bd_01_poses.npz\n");
    let table = prepare(at, &["--protocol", "1", "--splits", "lists"]);

    assert_eq!(names(&at.join("out/train.motion")), [CMU[0], CMU[2], hdm]);
    assert_eq!(names(&at.join("out/test.motion")), [CMU[1]]);
    // 80, 84 and 88 frames at 120 Hz for training, and 82 for testing.
    for row in ["train all 3 126 0.00", "train CMU 2 82 0.00", "train HDM05 1 44", "test all 1 41"]
    {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(table.lines().any(|line| words(line).starts_with(row)), "{row} is not in\n{table}");
    }
    assert!(table.contains("nothing skipped"), "{table}");
    let report = fs::read(at.join("out/prepare.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["splits"][0]["subsets"]["HDM05"]["frames"], 44);
    assert_eq!(report["splits"][1]["clips"], 1);
    // Every second frame of the file.
    let store = MotionStore::open(&at.join("out/test.motion")).unwrap();
    let expected = amass::load(at.join("amass").join(CMU[1])).unwrap();
    assert_eq!(store.clip(0), expected.resampled(60.0), "f32 in, f32 out");
}

#[test]
fn the_second_protocol_requires_all_its_subsets() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let test = ["HumanEva/S1/Box_1_poses.npz", "Transitions_mocap/mazen/a_poses.npz"];
    put_clips(&at.join("amass"), &[&CMU[..2], &test, &["GRAB/s1/cup_poses.npz"]].concat());
    let (message, _) = prepare_fails(at, &["--protocol", "2"]);
    for missing in ["ACCAD", "BMLrub", "TotalCapture"] {
        assert!(message.contains(missing), "{missing} is not in {message}");
    }
    assert!(!message.contains("  CMU") && !at.join("out").exists());
    let table = prepare(at, &["--protocol", "2", "--allow-missing"]);
    assert_eq!(names(&at.join("out/train.motion")), &CMU[..2]);
    assert_eq!(names(&at.join("out/test.motion")), test);
    assert!(table.contains("PosePrior: no clip"), "{table}");
}

#[test]
fn all_missing_clips_of_a_list_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    put_clips(&at.join("amass"), &CMU[..1]);
    put(at, "list.txt", "CMU/01/01_01_poses.npz\nCMU/77/77_01_poses.npz\nmine/a.npz\n");
    put(at, "other.txt", "mine/b.npz\n");
    let lists = ["--split", "train=list.txt", "--split", "test=other.txt"];
    let (message, _) = prepare_fails(at, &lists);
    for missing in ["3 of", "CMU/77/77_01_poses.npz", "mine/a.npz (listed in list.txt)", "mine/b"] {
        assert!(message.contains(missing), "{missing} is not in {message}");
    }
    assert!(!at.join("out").exists(), "nothing is written");
    // A split without clips is an error, but the other one is written.
    let (message, table) = prepare_fails(at, &[&lists[..], &["--allow-missing"]].concat());
    assert!(message.contains("nothing is left of split test"), "{message}");
    assert!(table.contains("mine/b.npz: listed in other.txt"), "{table}");
    assert_eq!(names(&at.join("out/train.motion")), &CMU[..1]);
    assert!(!at.join("out/test.motion").exists() && !at.join("out/test.motion.partial").exists());

    put(at, "empty.txt", "# nothing\n");
    let (message, _) = prepare_fails(at, &["--split", "train=empty.txt"]);
    assert!(message.contains("empty.txt lists no clip"), "{message}");
}

#[test]
fn broken_clips_are_reported_and_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let data = at.join("amass");
    put_clips(&data, &["mine/good.npz"]);
    amass::save(data.join("mine/short.npz"), &clip(0, 2), "male").unwrap();
    let poses = |bad: f64| ("poses", npy(&[4, 66], move |i| if i == 70 { bad } else { 0.0 }));
    let trans = || ("trans", npy(&[4, 3], |_| 0.0));
    let rate = |hz: f64| ("mocap_framerate", npy(&[], move |_| hz));
    put(&data, "mine/nan.npz", npz(&[poses(f64::NAN), trans(), rate(60.0)]));
    put(&data, "mine/huge.npz", npz(&[poses(1e200), trans(), rate(60.0)]));
    put(&data, "mine/rateless.npz", npz(&[poses(0.0), trans()]));
    put(&data, "mine/zip.npz", "no archive");
    let names_listed = ["good", "short", "nan", "huge", "rateless", "zip"];
    let list: String = names_listed.iter().map(|n| format!("mine/{n}.npz\n")).collect();
    put(at, "list.txt", list);

    let table = prepare(at, &["--split", "all=list.txt"]);
    assert_eq!(names(&at.join("out/all.motion")), ["mine/good.npz"]);
    for (name, reason, problem) in [
        ("short", "too short", "1 frames at 60 Hz"),
        ("nan", "bad data", "frame 1, L_hip"),
        ("huge", "bad data", "frame 1: a number is too large"),
        ("rateless", "unknown rate", "missing"),
        ("zip", "unreadable", "not a whole .npz"),
    ] {
        let row = table.lines().find(|line| line.contains(&format!("mine/{name}.npz:")));
        let row = row.unwrap_or_else(|| panic!("{name} is not in\n{table}"));
        assert!(row.contains(reason) && row.contains(problem), "{row}");
    }
    fs::remove_file(data.join("mine/good.npz")).unwrap();
    let (message, table) = prepare_fails(at, &["--split", "all=list.txt", "--allow-missing"]);
    assert!(message.contains("nothing is left of split all") && table.contains("rateless"));
}

#[test]
fn implausible_clips_are_listed_and_left_out_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let data = at.join("amass");
    put_clips(&data, &["mine/good.npz"]);
    let fast = MotionClip { rate_hz: 960.0, ..clip(100, 600) };
    let mut sunk = clip(100, 80);
    sunk.frames.iter_mut().for_each(|frame| frame.translation.z -= 0.5);
    let mut popped = clip(100, 80);
    popped.frames[40].translation.x += 0.7;
    for (name, clip) in [("fast", &fast), ("sunk", &sunk), ("popped", &popped)] {
        amass::save(data.join(format!("mine/{name}.npz")), clip, "male").unwrap();
    }
    let list: String =
        ["good", "fast", "sunk", "popped"].map(|name| format!("mine/{name}.npz\n")).concat();
    put(at, "list.txt", list);
    let split = ["--split", "all=list.txt"];
    let table = prepare(at, &split);
    assert_eq!(names(&at.join("out/all.motion")).len(), 4);
    for (name, problem) in
        [("fast", "times as fast as people"), ("sunk", "feet are 0.5"), ("popped", "Pelvis is 0.7")]
    {
        let row = table.lines().find(|line| line.contains(&format!("mine/{name}.npz:")));
        assert!(row.is_some_and(|row| row.contains(problem)), "{name} is not in\n{table}");
    }
    // What an earlier run wrote is judged too.
    let table = prepare(at, &[&split[..], &["--leave-out", "speed,pops"]].concat());
    assert_eq!(names(&at.join("out/all.motion")), ["mine/good.npz", "mine/sunk.npz"]);
    assert!(table.contains("implausible          mine/fast.npz"), "{table}");
    let report = fs::read(at.join("out/prepare.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["splits"][0]["skipped"].as_array().unwrap().len(), 2);
    assert_eq!(report["splits"][0]["implausible"][0]["clip"], "mine/sunk.npz");
    let table = prepare(at, &[&split[..], &["--leave-out", "floor"]].concat());
    assert!(table.contains("implausible          mine/sunk.npz"), "{table}");
    assert_eq!(names(&at.join("out/all.motion")).len(), 3);
}

/// What is gone at 60 Hz, or only half there, is found: clips are judged as they are in their files.
#[test]
fn clips_are_judged_before_they_are_resampled() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let data = at.join("amass");
    put(&data, "list.txt", "100.npz\n120.npz\n60.npz\n");
    for rate_hz in [60.0, 100.0, 120.0] {
        // From the third to the fourth second.
        let (second, frames) = (rate_hz as usize, WALK.resampled(rate_hz).frames);
        let frames = frames[2 * second..4 * second].to_vec();
        let mut popped = MotionClip { rate_hz, frames };
        popped.frames[41].translation.x += 0.25;
        amass::save(data.join(format!("{rate_hz}.npz")), &popped, "male").unwrap();
    }
    let split = ["--split", "all=amass/list.txt"];
    // Twice, because the second run has only what the first one wrote.
    for _ in 0..2 {
        let table = prepare(at, &split);
        for rate in [60, 100, 120] {
            assert!(table.contains(&format!("{rate}.npz: frame 41: ")), "{rate} Hz: {table}");
        }
    }
    let (message, _) = prepare_fails(at, &[&split[..], &["--leave-out", "pops"]].concat());
    assert!(message.contains("nothing is left of split all"), "{message}");
    let left: Vec<_> =
        fs::read_dir(at.join("out")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("judged")), "{left:?}");
}

#[test]
fn clips_that_start_in_a_t_pose_or_30_cm_off_the_floor_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let data = at.join("amass");
    let walk = MotionClip { rate_hz: 60.0, frames: WALK.frames[200..360].to_vec() };
    let raised = |by: f64| {
        let mut raised = walk.clone();
        raised.frames.iter_mut().for_each(|frame| frame.translation.z += by);
        raised
    };
    let mut rest = walk.clone();
    let translation = walk.frames[0].translation;
    let t_pose = ClipFrame { translation, ..ClipFrame::from(&Pose::rest()) };
    rest.frames.splice(..0, [t_pose; 12]);
    for (name, clip) in
        [("high", raised(0.3)), ("low", raised(-0.3)), ("rest", rest), ("walk", walk.clone())]
    {
        put(&data, &format!("{name}.npz"), "");
        amass::save(data.join(format!("{name}.npz")), &clip, "male").unwrap();
    }
    put(at, "list.txt", "high.npz\nlow.npz\nrest.npz\nwalk.npz\n");
    let split = ["--split", "all=list.txt"];
    let table = prepare(at, &[&split[..], &["--leave-out", "t-pose"]].concat());
    assert_eq!(names(&at.join("out/all.motion")), ["high.npz", "low.npz", "walk.npz"]);
    assert!(
        table.contains("implausible          rest.npz: starts with 0.2 s of T-pose"),
        "{table}"
    );
    assert!(
        table.contains("high.npz: feet are 0.3") && table.contains("m above the floor"),
        "{table}"
    );
    prepare(at, &[&split[..], &["--leave-out", "t-pose,floor"]].concat());
    assert_eq!(names(&at.join("out/all.motion")), ["walk.npz"]);
}

/// Replaces the content of a file, with the same size and date, so that reading it again fails.
fn spoil(path: &Path) {
    let metadata = fs::metadata(path).unwrap();
    fs::write(path, vec![b'x'; metadata.len() as usize]).unwrap();
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(metadata.modified().unwrap())
        .unwrap();
}

#[test]
fn a_killed_run_continues_and_reads_only_new_clips() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    put_clips(&at.join("amass"), &CMU);
    put(at, "list.txt", CMU.join("\n"));
    let split = ["--split", "train=list.txt"];
    prepare(at, &split);
    let (store, partial) = (at.join("out/train.motion"), at.join("out/train.motion.partial"));
    let whole = fs::read(&store).unwrap();

    // Killed during the third clip: two are kept, the others are read.
    let first_two: usize = [40, 41].map(|frames| 36 + CMU[0].len() + 276 * frames).iter().sum();
    fs::write(&partial, &whole[..24 + first_two + 1000]).unwrap();
    fs::remove_file(&store).unwrap();
    spoil(&at.join("amass").join(CMU[0]));
    spoil(&at.join("amass").join(CMU[1]));
    prepare(at, &split);
    assert_eq!(fs::read(&store).unwrap(), whole);
    assert!(!partial.exists());

    // A finished file is reused too; a changed clip is read again.
    spoil(&at.join("amass").join(CMU[2]));
    amass::save(at.join("amass").join(CMU[3]), &clip(300, 100), "male").unwrap();
    prepare(at, &split);
    let frames: Vec<_> =
        MotionStore::open(&store).unwrap().clips().iter().map(|c| c.frames).collect();
    assert_eq!(frames, [40, 41, 42, 50]);

    // Nothing can be reused at another rate.
    let table = prepare(at, &[&split[..], &["--rate", "30"]].concat());
    assert_eq!(names(&store), [CMU[3]]);
    assert!(table.contains("unreadable"), "{table}");
}

/// What was left out is not in the file, and yet the next run goes on with what is.
#[test]
fn a_killed_run_that_leaves_out_continues() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    put_clips(&at.join("amass"), &CMU);
    let mut sunk = clip(40, 82);
    sunk.frames.iter_mut().for_each(|frame| frame.translation.z -= 0.3);
    amass::save(at.join("amass").join(CMU[1]), &sunk, "male").unwrap();
    put(at, "list.txt", CMU.join("\n"));
    let split = ["--split", "train=list.txt", "--leave-out", "floor"];
    prepare(at, &split);
    let store = at.join("out/train.motion");
    assert_eq!(names(&store), [CMU[0], CMU[2], CMU[3]]);
    let whole = fs::read(&store).unwrap();
    // Killed during the second clip that is kept, and in the middle of what is written about it.
    let first = 36 + CMU[0].len() + 276 * 40;
    fs::write(at.join("out/train.motion.partial"), &whole[..24 + first + 1000]).unwrap();
    fs::remove_file(&store).unwrap();
    let judged = at.join("out/train.judged.jsonl");
    let lines = fs::read(&judged).unwrap();
    fs::write(&judged, &lines[..lines.len() - 9]).unwrap();
    spoil(&at.join("amass").join(CMU[0]));
    prepare(at, &split);
    assert_eq!(fs::read(&store).unwrap(), whole);
}

/// A full disk, simulated by a limit on file sizes: an error message, no incomplete store under the
/// final name, and the next run continues.
#[cfg(unix)]
#[test]
fn a_full_disk_is_an_error_and_the_next_run_continues() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    put_clips(&at.join("amass"), &CMU);
    put(at, "list.txt", CMU.join("\n"));
    // A block has 512 or 1024 bytes; a clip has 11 KB.
    let script = format!(
        "trap '' XFSZ; ulimit -f 25; exec {} prepare --data amass --out out --split train=list.txt",
        env!("CARGO_BIN_EXE_kinest-train")
    );
    let output = Command::new("sh").args(["-c", &script]).current_dir(at).output().unwrap();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("cannot write out/train.motion.partial"), "{message}");
    assert!(!at.join("out/train.motion").exists());
    spoil(&at.join("amass").join(CMU[0]));
    prepare(at, &["--split", "train=list.txt"]);
    assert_eq!(names(&at.join("out/train.motion")), CMU);
}

#[test]
fn a_folder_and_its_prepared_file_give_the_same_windows() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    put_clips(&at.join("amass"), &CMU);
    put(at, "list.txt", CMU[1..].join("\n"));
    prepare(at, &["--split", "train=list.txt"]);
    let windows = |data: &Path, split: Option<&Path>| {
        let store = clips::open(data, split, 60.0).unwrap();
        let (config, layout) = (DataConfig::default(), FeatureLayout::default());
        let cut = Cut { window: 12, output_frames: 12, behind: 0 };
        let body = Skeleton::default();
        WindowDataset::new(store, &config, layout, cut, body).unwrap().draw(3, 5, 40)
    };
    let (data, list) = (at.join("amass"), at.join("list.txt"));
    let from_folder = windows(&data, Some(&list));
    let expected = clips::load(&data, Some(&list), 60.0).unwrap();
    // The clips are no longer needed.
    fs::remove_dir_all(&data).unwrap();
    let store = at.join("out/train.motion");
    assert_eq!(windows(&store, None), from_folder);
    assert_eq!(clips::load(&store, None, 60.0).unwrap(), expected);

    put(at, "one.txt", CMU[2]);
    assert_eq!(clips::load(&store, Some(&at.join("one.txt")), 60.0).unwrap(), expected[1..2]);
    put(at, "none.txt", "CMU/a.npz\nCMU/b.npz\n");
    let error = clips::open(&store, Some(&at.join("none.txt")), 60.0).unwrap_err().to_string();
    assert!(error.starts_with("2 clips") && error.contains("CMU/b.npz"), "{error}");
    let error = clips::open(&store, None, 30.0).unwrap_err().to_string();
    assert!(error.contains("train.motion is at 60 Hz, not at 30"), "{error}");
}

#[test]
fn truncated_and_damaged_stores_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    put_clips(&at.join("amass"), &CMU);
    put(at, "list.txt", CMU.join("\n"));
    prepare(at, &["--split", "train=list.txt"]);
    let whole = fs::read(at.join("out/train.motion")).unwrap();
    put(at, "cut.motion", &whole[..whole.len() - 20]);
    let output = run(at, &["train", "--data", "cut.motion", "--out", "run"]);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("cut.motion: cut short"), "{message}");
    assert!(!at.join("run").exists());

    // `inspect` reads everything and finds damage that opening does not.
    let described = text(&run(at, &["inspect", "out/train.motion"]).stdout);
    assert!(described.contains("clips       4") && described.contains("CMU 4"), "{described}");
    let mut damaged = whole;
    damaged[24 + 36 + CMU[0].len() + 500] ^= 1;
    put(at, "damaged.motion", damaged);
    let output = run(at, &["inspect", "damaged.motion"]);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains(&format!("clip {} is damaged", CMU[0])), "{message}");
}

#[test]
fn wrong_usage_and_failure_have_different_exit_statuses() {
    let folder = tempfile::tempdir().unwrap();
    for more in [
        &[][..],
        &["--protocol", "1"],
        &["--protocol", "3"],
        &["--protocol", "2", "--split", "a=b"],
        &["--splits", "lists"],
        &["--split", "no-file"],
        &["--split", "../up=list.txt"],
        &["--protocol", "2", "--rate", "0"],
    ] {
        let all = [&["prepare", "--data", "amass", "--out", "out"], more].concat();
        assert_eq!(run(folder.path(), &all).status.code(), Some(2), "{more:?}");
    }
}

/// A model with one vertex on each joint, except for two around the pelvis, and one below the feet.
fn body_model(rest: &[glam::DVec3]) -> Vec<(&'static str, Vec<u8>)> {
    let aside = glam::DVec3::X * 0.1;
    let mut vertices = vec![rest[0] - aside];
    vertices.extend(&rest[1..]);
    vertices.extend([rest[0] + aside, glam::DVec3::new(0.0, -1.25, 0.0)]);
    let (joints, count) = (rest.len(), vertices.len());
    let weight = move |i: usize| match (i / count, i % count) {
        (0, v) if v == 0 || v == joints => 0.5,
        (j, v) if j == v => 1.0,
        _ => 0.0,
    };
    // The hand joints hang from the wrists, as far as the code checks.
    let parent = move |i: usize| match SmplJoint::ALL.get(i % joints).map(|j| j.parent()) {
        _ if i >= joints => (i - joints) as f64,
        Some(None) => f64::from(u32::MAX),
        Some(Some(parent)) => parent.index() as f64,
        None => 20.0,
    };
    vec![
        ("v_template", npy(&[count, 3], move |i| vertices[i / 3][i % 3])),
        ("J_regressor", npy(&[joints, count], weight)),
        ("kintree_table", npy(&[2, joints], parent)),
        ("shapedirs", array("|O", &[1], b"a pickle nobody opens")),
    ]
}

#[test]
fn a_skeleton_is_the_regressor_times_the_template() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let mut truth = Skeleton::default();
    truth.offsets[0] = glam::DVec3::new(-0.0018, -0.2233, 0.0282);
    // The rest pose has y up, like the template.
    let upright = [glam::DMat3::IDENTITY; 22];
    let mut rest = truth.forward(&upright, glam::DVec3::ZERO).positions.to_vec();
    let ankle = rest[SmplJoint::LeftAnkle.index()].y;
    rest.resize(52, glam::DVec3::splat(0.3));
    let arguments = ["skeleton", "--smplh", "model.npz", "--out", "S.json"];
    put(at, "model.npz", npz(&body_model(&rest)));
    let output = run(at, &arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found = Skeleton::load(at.join("S.json")).unwrap();
    for (a, b) in found.offsets.iter().zip(&truth.offsets) {
        assert!(a.abs_diff_eq(*b, 1e-12), "{a} {b}");
    }
    assert!((found.ankle_height - (ankle + 1.25)).abs() < 1e-12);

    let pickle = || array("|O", &[], b"a pickle nobody opens");
    let inches: Vec<_> = rest.iter().map(|v| *v * 39.37).collect();
    for (field, replaced, expected) in [
        ("J_regressor", Some(pickle()), "pickled objects"),
        ("J_regressor", Some(npy(&[52, 9], |_| 0.0)), "found [52, 9]"),
        ("J_regressor", Some(npy(&[52, 54], |_| f64::NAN)), "pelvis is not at a finite place"),
        ("v_template", Some(pickle()), "pickled objects"),
        ("v_template", None, "missing"),
        ("v_template", Some(npy(&[54, 3], |i| inches[(i / 3).min(51)][i % 3])), "expected metres"),
        ("kintree_table", Some(npy(&[2, 52], |_| 0.0)), "parent of L_knee is joint 0, not L_hip"),
        ("kintree_table", Some(npy(&[2, 16], |_| 0.0)), "found [2, 16]"),
    ] {
        let mut model = body_model(&rest);
        model.retain(|(name, _)| *name != field);
        model.extend(replaced.map(|bytes| (field, bytes)));
        put(at, "model.npz", npz(&model));
        fs::remove_file(at.join("S.json")).ok();
        let output = run(at, &arguments);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{field}: {message}");
        assert!(message.contains("model.npz") && message.contains(field), "{message}");
        assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        assert!(!at.join("S.json").exists());
    }
}
