//! `render`, through the program: content of the pictures, and errors.

use glam::{DQuat, DVec3};
use kinest::motion::{ClipFrame, MotionClip, amass};
use kinest::skeleton::Pose;
use std::f64::consts::PI;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};
use tiny_skia::Pixmap;

/// A body with stretched arms that turns by 180° in 1 s.
fn turn(path: &Path, rate_hz: f64) {
    let frame = |i: usize| {
        let mut pose = Pose::rest();
        pose.rotations[0] = DQuat::from_rotation_z(i as f64 / rate_hz * PI) * pose.rotations[0];
        pose.translation = DVec3::new(5.0, -3.0, 0.93);
        ClipFrame::from(&pose)
    };
    let clip = MotionClip { rate_hz, frames: (0..=rate_hz as usize).map(frame).collect() };
    amass::save(path, &clip, "neutral").unwrap();
}

/// Runs `render` in `folder`.
fn render(folder: &Path, arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kinest-train"))
        .current_dir(folder)
        .arg("render")
        .args(arguments.split(' '))
        .output()
        .unwrap()
}

#[track_caller]
fn draw(folder: &Path, arguments: &str) {
    let output = render(folder, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Number of pixels between these columns with a colour near this one, and their mean column.
fn ink(picture: &Pixmap, columns: std::ops::Range<u32>, color: [i32; 3]) -> (usize, f64) {
    let near = |x: u32, y: u32| {
        let p = picture.pixel(x, y).unwrap();
        let found = [p.red(), p.green(), p.blue()].map(i32::from);
        found.iter().zip(color).all(|(a, b)| (a - b).abs() < 8)
    };
    // Below the captions, which use the same colours.
    let rows = 20..picture.height();
    let all = rows.flat_map(|y| columns.clone().map(move |x| (x, y)));
    let hits: Vec<f64> = all.filter(|(x, y)| near(*x, *y)).map(|(x, _)| f64::from(x)).collect();
    (hits.len(), hits.iter().sum::<f64>() / hits.len() as f64)
}

const ORANGE: [i32; 3] = [0xE0, 0x6C, 0x10];
const BLUE: [i32; 3] = [0x1F, 0x63, 0xC8];

#[test]
fn a_sheet_shows_left_and_right_on_the_correct_sides() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    turn(&folder.join("turn.npz"), 60.0);
    draw(folder, "--motion turn.npz --out sheet.png --at 1,0");
    let sheet = Pixmap::load_png(folder.join("sheet.png")).unwrap();
    let middle = sheet.width() / 2;
    for (columns, left_is_right) in [(0..middle, true), (middle..sheet.width(), false)] {
        let (orange, left) = ink(&sheet, columns.clone(), ORANGE);
        let (blue, right) = ink(&sheet, columns.clone(), BLUE);
        assert!(orange > 200 && blue > 200, "{columns:?}: {orange} orange, {blue} blue");
        assert_eq!(left > right + 20.0, left_is_right, "{columns:?}: {left} {right}");
        assert_eq!(left < right - 20.0, !left_is_right, "{columns:?}: {left} {right}");
    }
}

#[test]
fn an_animation_and_a_folder_have_one_picture_per_time() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    turn(&folder.join("a.npz"), 60.0);
    turn(&folder.join("b.npz"), 24.0);
    draw(folder, "--motion a.npz --motion b.npz --out turn.gif --fps 12 --size 64");
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut decoder = options.read_info(File::open(folder.join("turn.gif")).unwrap()).unwrap();
    let mut delays = vec![];
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        let near = |color: [i32; 3]| {
            let close = |(a, b): (&u8, i32)| (i32::from(*a) - b).abs() < 16;
            frame.buffer.chunks_exact(4).filter(|p| p.iter().zip(color).all(close)).count()
        };
        assert!(near(ORANGE) > 20 && near(BLUE) > 20, "the colours are not there");
        assert!(near([255; 3]) > frame.buffer.len() / 8, "the ground is not white");
        delays.push(frame.delay);
    }
    assert_eq!(delays.len(), 13);
    assert_eq!(delays[..12].iter().sum::<u16>(), 100, "it lasts as long as the motion");

    // The second folder exists already.
    draw(folder, "--motion a.npz --motion b.npz --overlay --out frames/ --every 0.25 --size 64");
    draw(folder, "--motion a.npz --out frames --at 0 --size 64");
    let mut names: Vec<_> =
        fs::read_dir(folder.join("frames")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["00000.png", "00001.png", "00002.png", "00003.png", "00004.png"]);
}

#[test]
fn wrong_usage_and_bad_files_have_different_exit_statuses() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    turn(&folder.join("a.npz"), 60.0);
    fs::write(folder.join("b.npz"), "no zip").unwrap();
    for (arguments, status, word) in [
        ("--motion a.npz --out a.jpeg", 2, ".png"),
        ("--motion a.npz --out a", 2, ".png"),
        ("--out a.png", 2, "--motion"),
        ("--motion a.npz --out a.png --at 0 --every 1", 2, "--every"),
        ("--motion a.npz --out a.png --every 0", 2, "0.01"),
        ("--motion a.npz --out a.png --at -1", 2, "-1"),
        ("--motion a.npz --out a.png --size 9", 2, "64"),
        (
            "--motion a.npz --motion a.npz --motion a.npz --motion a.npz --motion a.npz --out a.png",
            2,
            "at most 4",
        ),
        ("--motion none.npz --out a.png", 1, "none.npz"),
        ("--motion b.npz --out a.png", 1, "b.npz"),
        ("--motion a.npz --out a.png --skeleton none.json", 1, "none.json"),
        ("--motion a.npz --out a.png --at 0.5,1.5", 1, "1.5 s is after the end"),
        ("--motion a.npz --out none/a.png", 1, "none/a.png"),
        ("--motion a.npz --out a.png --every 0.01 --size 2048", 1, "pixels"),
    ] {
        let before = fs::read_dir(folder).unwrap().count();
        let output = render(folder, arguments);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments}: {message}");
        assert!(message.contains(word) && !message.contains("panicked"), "{arguments}: {message}");
        assert_eq!(fs::read_dir(folder).unwrap().count(), before, "{arguments}");
    }
}
