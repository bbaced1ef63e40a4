//! `describe`, `library` and `search`, through the program.

mod program;

use kinest::motion::{ClipFrame, MotionClip, amass};
use kinest::skeleton::Pose;
use program::{ok, run, text};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Fails with `status` and a message that has all these parts.
#[track_caller]
fn fail(folder: &Path, arguments: &[&str], status: i32, parts: &[&str]) {
    let output = run(folder, arguments);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {message}");
    for part in parts {
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
    assert!(!message.contains("panicked"), "{message}");
}

/// A folder with synthetic clips in `data`.
fn download() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let how = ["--clips", "2", "--seconds", "6", "--kind", "walk,wave,squat,punch"];
    ok(folder.path(), &[&["synth", "--out", "data"][..], &how].concat());
    folder
}

fn still(path: &Path, frames: usize) {
    let clip = MotionClip { rate_hz: 60.0, frames: vec![ClipFrame::from(&Pose::rest()); frames] };
    amass::save(path, &clip, "neutral").unwrap();
}

#[test]
fn a_folder_is_described_and_searched() {
    let folder = download();
    let path = folder.path();
    fs::write(path.join("titles.csv"), "trial,title,subject\nsquat_01,pirouette,ballet\n").unwrap();
    // Recordings of headsets and short clips lie among motion; they are named and left out.
    fs::write(path.join("data/headset.npz"), "no zip").unwrap();
    still(&path.join("data/short.npz"), 3);
    let make = ["library", "--data", "data", "--titles", "titles.csv", "--out", "all.library"];
    let output = run(path, &make);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(errors.contains("headset.npz") && errors.contains("short.npz"), "{errors}");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("8 clips, 1 with titles") && said.contains("2 files left out"), "{said}");

    let search = |text: &str| -> Vec<Value> {
        let how = ["search", "--library", "all.library", "--text", text, "--top", "3", "--json"];
        serde_json::from_str(&ok(path, &how)).unwrap()
    };
    for (text, kind) in [
        ("someone waves", "SYNTH/wave/"),
        ("a boxer punches", "SYNTH/punch/"),
        ("walking forward", "SYNTH/walk/"),
        ("pirouettes", "SYNTH/squat/squat_01"),
    ] {
        let rows = search(text);
        assert!(rows.len() <= 3, "{rows:?}");
        assert!(rows[0]["clip"].as_str().unwrap().starts_with(kind), "{text}: {rows:?}");
        let number = |field: &str| rows[0][field].as_f64().unwrap();
        assert!(0.0 <= number("start_s") && number("start_s") < number("end_s"), "{rows:?}");
        assert!(number("end_s") <= 6.0 && (0.0..=1.0).contains(&number("score")), "{rows:?}");
        assert_eq!(rows[0].as_object().unwrap().len(), 4);
    }
    let table = ok(path, &["search", "--library", "all.library", "--text", "waves"]);
    assert!(table.contains("wave_0") && table.contains("waves: waves with"), "{table}");
    let nothing = ["search", "--library", "all.library", "--text", "yodel", "--json"];
    assert_eq!(ok(path, &nothing).trim(), "[]");
    fs::write(path.join("queries.csv"), "trial,title\nwave_00,waving\npunch_01,a punch\n").unwrap();
    let score = ok(path, &["search", "--library", "all.library", "--queries", "queries.csv"]);
    assert!(score.contains("2 texts, 8 clips") && score.contains("chance"), "{score}");
}

#[test]
fn a_motion_is_described_at_each_level() {
    let folder = download();
    let path = folder.path();
    let describe = ["describe", "--motion", "data/SYNTH/wave/wave_00_poses.npz"];
    let with = |more: &[&str]| ok(path, &[&describe[..], more].concat());
    assert!(with(&["--level", "global"]).contains("waves"));
    assert_eq!(with(&["--level", "group"]).lines().count(), 6);
    let json: Value = serde_json::from_str(&with(&["--json"])).unwrap();
    for field in ["global", "groups", "interactions", "codes"] {
        assert!(!json[field].is_null(), "{field}");
    }
    let json: Value = serde_json::from_str(&with(&["--json", "--level", "group"])).unwrap();
    assert!(json["global"].is_null() && !json["groups"]["torso"].is_null());
    assert_eq!(with(&["--seed", "3"]), with(&["--seed", "3"]));
    assert_eq!(with(&["--level", "global", "--variants", "3"]).lines().count(), 3);
    assert!(with(&["--language", "de"]).contains("winkt"));
    fs::write(path.join("my.words.ron"), "(subjects: [])").unwrap();
    let words = [&describe[..], &["--words", "my.words.ron"]].concat();
    fail(path, &words, 1, &["my.words.ron"]);
}

#[test]
fn bad_input_is_named() {
    let folder = download();
    let path = folder.path();
    still(&path.join("short.npz"), 3);
    fail(path, &["describe", "--motion", "short.npz"], 1, &["short.npz", "3 frames"]);
    fail(path, &["describe", "--motion", "none.npz"], 1, &["none.npz"]);
    fail(path, &["describe", "--motion", "a.npz", "--level", "cells"], 2, &["--level"]);
    fail(path, &["describe"], 2, &["--motion"]);

    let library = |data: &str, more: &[&str]| {
        [&["library", "--data", data, "--out", "l.library"][..], more]
            .concat()
            .into_iter()
            .map(String::from)
            .collect::<Vec<_>>()
    };
    let refuse = |data: &str, more: &[&str], parts: &[&str]| {
        let arguments = library(data, more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        fail(path, &arguments, 1, parts);
        assert!(!path.join("l.library").exists());
    };
    fs::create_dir(path.join("empty")).unwrap();
    fs::create_dir(path.join("shorts")).unwrap();
    still(&path.join("shorts/a.npz"), 3);
    fs::write(path.join("t.csv"), "clip,name\n1,walk\n").unwrap();
    refuse("empty", &[], &["no motion", "empty"]);
    refuse("none", &[], &["none"]);
    refuse("shorts", &[], &["a.npz", "would be empty"]);
    refuse("data", &["--titles", "t.csv"], &["t.csv", "`trial`"]);
    refuse("data", &["--titles", "none.csv"], &["none.csv"]);

    ok(path, &["library", "--data", "data", "--out", "ok.library"]);
    let mut bytes = fs::read(path.join("ok.library")).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs::write(path.join("half.library"), bytes).unwrap();
    let search = |file: &str, text: &str, parts: &[&str]| {
        fail(path, &["search", "--library", file, "--text", text], 1, parts);
    };
    search("half.library", "walk", &["half.library", "damaged"]);
    search("t.csv", "walk", &["t.csv", "not a library"]);
    search("none.library", "walk", &["none.library"]);
    fs::write(path.join("my.lexicon.ron"), "(stemmer: \"english\")").unwrap();
    let lexicon = ["--text", "walk", "--lexicon", "my.lexicon.ron"];
    let arguments = [&["search", "--library", "ok.library"][..], &lexicon].concat();
    fail(path, &arguments, 1, &["my.lexicon.ron"]);
    search("ok.library", "the", &["no word to search for"]);
    fail(path, &["search", "--library", "ok.library"], 2, &["--text"]);
    fail(path, &["search", "--library", "ok.library", "--text", "a", "--top", "0"], 2, &["--top"]);
    fail(
        path,
        &["search", "--library", "ok.library", "--text", "a", "--queries", "t.csv"],
        2,
        &["--queries"],
    );
}
