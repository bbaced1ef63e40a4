//! The main example shows two bodies side by side, facing the camera and waving the right hand.

#[path = "../../examples/amass_replay/main.rs"]
#[allow(dead_code, reason = "the test does not start the example by its `main`")]
mod example;

use bevy::asset::RenderAssetUsages;
use bevy::image::{CompressedImageFormats, Image, ImageSampler, ImageType};
use bevy::prelude::*;
use bevy_kinest::kinest::motion::{MotionClip, amass, synthetic};
use clap::Parser;
use std::ops::Range;
use std::path::Path;

/// The part of the synthetic clip in which the body stops and waves towards the camera.
const SECONDS: Range<f64> = 6.4..9.2;
/// One instant before the window is full, when the pose comes from inverse kinematics, and one with
/// the hand up.
const INSTANTS: [f64; 2] = [1.0, 2.7];
/// Minimum fraction of the picture covered by the limbs of one side of a body.
const LEAST_PART: f32 = 0.002;

#[test]
fn both_bodies_are_visible_with_left_and_right_on_the_correct_sides() {
    if super::skips() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [motion, shot] = ["clip.npz", "row.png"].map(|name| folder.path().join(name));
    let clip = synthetic::walk_and_wave(&default());
    let [from, to] = [SECONDS.start, SECONDS.end].map(|t| (t * clip.rate_hz) as usize);
    let clip = MotionClip { rate_hz: clip.rate_hz, frames: clip.frames[from..to].to_vec() };
    amass::save(&motion, &clip, "neutral").unwrap();

    let [motion, path] = [&motion, &shot].map(|p| p.to_str().unwrap());
    let at = INSTANTS.map(|t| t.to_string()).join(",");
    let args = ["amass_replay", "--motion", motion, "--shot", path, "--at", &at];
    let exit = example::run(example::Args::parse_from(args)).unwrap();
    assert_eq!(exit, AppExit::Success);

    let row = Pixels::load(&shot);
    let tile = row.size.x / INSTANTS.len() as u32;
    let half = |i: u32, side: u32| (i * tile + side * tile / 2)..(i * tile + (side + 1) * tile / 2);
    for i in 0..INSTANTS.len() as u32 {
        for (side, whose) in ["true", "estimated"].into_iter().enumerate() {
            let x = half(i, side as u32);
            let [left, right] = [Pixels::is_left, Pixels::is_right].map(|is| row.find(&x, is));
            let least = LEAST_PART * (tile / 2 * row.size.y) as f32;
            for found in [&left, &right] {
                assert!(found.count as f32 > least, "{whose} body of tile {i}: {found:?}");
            }
        }
    }

    // The true body with its hand up; it faces the camera, so its left side is on our right.
    let x = half(1, 0);
    let [left, right] = [Pixels::is_left, Pixels::is_right].map(|is| row.find(&x, is));
    assert!(left.mean_x > right.mean_x, "left {left:?}, right {right:?}");
    assert!(right.top + 20 < left.top, "the waving hand is a right one: {left:?}, {right:?}");

    let same = (0..tile).flat_map(|x| (0..row.size.y).map(move |y| (x, y)));
    let changed = same.filter(|&(x, y)| row.at(x, y) != row.at(x + tile, y)).count();
    assert!(changed as f32 > 0.02 * (tile * row.size.y) as f32, "{changed} pixels differ");
}

struct Pixels {
    size: UVec2,
    rgb: Vec<[u8; 3]>,
}

/// Pixels of one colour in part of a picture.
#[derive(Debug)]
struct Found {
    count: usize,
    mean_x: f64,
    /// The top row that has one.
    top: u32,
}

impl Pixels {
    fn load(path: &Path) -> Self {
        let image = Image::from_buffer(
            &std::fs::read(path).unwrap(),
            ImageType::Extension("png"),
            CompressedImageFormats::NONE,
            true,
            ImageSampler::Default,
            RenderAssetUsages::MAIN_WORLD,
        );
        let image = image.unwrap();
        let size = image.size();
        let rgb = image.data.unwrap().chunks_exact(4).map(|p| [p[0], p[1], p[2]]).collect();
        Self { size, rgb }
    }

    fn at(&self, x: u32, y: u32) -> [u8; 3] {
        self.rgb[(y * self.size.x + x) as usize]
    }

    /// Orange: a left limb.
    fn is_left([r, g, b]: [u8; 3]) -> bool {
        r > 90 && f32::from(r) > 1.25 * f32::from(g) && f32::from(r) > 1.8 * f32::from(b)
    }

    /// Blue: a right limb.
    fn is_right([r, g, b]: [u8; 3]) -> bool {
        b > 90 && f32::from(b) > 1.3 * f32::from(g) && f32::from(b) > 1.8 * f32::from(r)
    }

    fn find(&self, x: &Range<u32>, is: fn([u8; 3]) -> bool) -> Found {
        let points = (0..self.size.y).flat_map(|y| x.clone().map(move |x| (x, y)));
        let found: Vec<_> = points.filter(|&(x, y)| is(self.at(x, y))).collect();
        let count = found.len();
        let mean_x = found.iter().map(|p| f64::from(p.0)).sum::<f64>() / count.max(1) as f64;
        Found { count, mean_x, top: found.iter().map(|p| p.1).min().unwrap_or(self.size.y) }
    }
}
