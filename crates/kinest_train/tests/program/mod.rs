//! Runs the program.

#![allow(dead_code, reason = "each test uses a part of it")]

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// The program with these arguments, in `folder`.
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kinest-train"));
    command.current_dir(folder).args(arguments).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Standard output of a command that succeeds.
#[track_caller]
pub fn ok(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Standard error of a command that fails with exit status 1.
#[track_caller]
pub fn fails(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {message}");
    assert!(!message.contains("panicked"), "{message}");
    message
}

/// Arguments that train `train.ron` on `data`.
pub fn train<'a>(run: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["train", "--config", "train.ron", "--data", "data", "--out", run], more].concat()
}

/// All that a run logged, except how fast it was.
pub fn logged(run: &Path) -> Vec<Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let line = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("steps_per_second");
        line
    };
    text.lines().map(line).collect()
}
