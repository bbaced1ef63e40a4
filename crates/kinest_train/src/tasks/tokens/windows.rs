//! Windows of motion.

use crate::data::clips::NamedClip;
use crate::run::{Examples, random_stream};
use crate::tasks::forecast::body::motion::mirrored;
use crate::tasks::statistics::statistics;
use anyhow::ensure;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use kinest::model::tokens::MOTION_NUMBERS;
use kinest::skeleton::{Pose, Skeleton, SmplJoint};
use kinest::tokens::{Standing, write_motion};
use kinest_nn::layers::statistics::DataStatistics;
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Numbers of the joint positions of a body.
const POSITIONS: usize = 3 * SmplJoint::COUNT;

/// Lower bound of the standard deviation that numbers are divided by, so that joints that barely
/// move do not become noise.
const LEAST_DEVIATION: f64 = 0.02;

/// How windows are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WindowConfig {
    /// Frames of a window: those of whole tokens.
    pub frames: usize,
    /// Mirrors half of the windows, left to right.
    pub mirror: bool,
    /// Share of the windows of which only some layers are used, at least the first.
    #[serde(alias = "dropout")]
    pub fewer_layers: f64,
}

impl Default for WindowConfig {
    fn default() -> Self {
        Self { frames: 64, mirror: true, fewer_layers: 0.5 }
    }
}

impl WindowConfig {
    /// Checks all values, for tokens of `frames` frames.
    ///
    /// # Errors
    /// If one is invalid; the error names it.
    pub fn check(&self, frames: usize) -> anyhow::Result<()> {
        ensure!(
            self.frames > frames && self.frames.is_multiple_of(frames),
            "`windows.frames` {} are not several tokens of {frames} frames",
            self.frames
        );
        let fewer = self.fewer_layers;
        ensure!((0.0..=1.0).contains(&fewer), "`windows.fewer_layers` {fewer} is no share");
        Ok(())
    }

    /// Without changes.
    pub(super) fn plain(self) -> Self {
        Self { mirror: false, fewer_layers: 0.0, ..self }
    }
}

/// Windows in main memory.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowDraw {
    /// `[windows, frames, MOTION_NUMBERS]`
    motion: Vec<f32>,
    /// Positions of the joints against the root in its heading, metres:
    /// `[windows, frames, joints * 3]`.
    positions: Vec<f32>,
    /// Layers that are used, of each window.
    pub active: Vec<usize>,
}

/// A draw on a device.
#[derive(Clone, Debug)]
pub struct WindowBatch<B: Backend> {
    /// `[batch, frames, MOTION_NUMBERS]`
    pub motion: Tensor<B, 3>,
    /// `[batch, frames, joints * 3]`
    pub positions: Tensor<B, 3>,
}

impl WindowDraw {
    /// Copies the windows to a device.
    pub fn to_batch<B: Backend>(&self, device: &B::Device) -> WindowBatch<B> {
        let tensor = |values: &[f32], numbers: usize| {
            let windows = self.active.len();
            let shape = [windows, values.len() / (windows * numbers), numbers];
            Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
        };
        WindowBatch {
            motion: tensor(&self.motion, MOTION_NUMBERS),
            positions: tensor(&self.positions, POSITIONS),
        }
    }
}

/// A motion in numbers.
#[derive(Debug)]
struct Numbers {
    motion: Vec<f32>,
    positions: Vec<f32>,
}

impl Numbers {
    fn of(poses: &[Pose], rate_hz: f64, skeleton: &Skeleton) -> Self {
        let positions = poses.iter().flat_map(|pose| {
            let root = glam::DMat3::from_rotation_z(-Standing::of(pose).heading);
            let joints = skeleton.pose_joints(pose).positions;
            joints.map(|joint| (root * (joint - joints[0])).as_vec3().to_array())
        });
        let positions = positions.flatten().collect();
        Self { motion: write_motion(poses, rate_hz), positions }
    }
}

/// Motions from which windows are drawn.
#[derive(Debug)]
pub struct Windows {
    /// Each motion, and its mirror image.
    motions: Vec<[Numbers; 2]>,
    /// For each motion, how many windows start in it and in those before.
    chances: Vec<usize>,
    config: WindowConfig,
    layers: usize,
    rate_hz: f64,
}

impl Windows {
    /// Keeps the clips that are long enough for a window. Their rate is that of the network, which
    /// has `layers` layers.
    ///
    /// # Errors
    /// If there are none.
    pub fn new(
        clips: &[NamedClip],
        config: WindowConfig,
        layers: usize,
        rate_hz: f64,
        skeleton: &Skeleton,
    ) -> anyhow::Result<Self> {
        let starts = |clip: &&NamedClip| (clip.clip.frames.len() + 1).saturating_sub(config.frames);
        let long: Vec<&NamedClip> = clips.iter().filter(|clip| starts(clip) > 0).collect();
        ensure!(
            !long.is_empty(),
            "none of the {} clips is as long as a window, {:.2} s",
            clips.len(),
            config.frames as f64 / rate_hz
        );
        let chances = long.iter().scan(0, |sum, clip| {
            *sum += starts(clip);
            Some(*sum)
        });
        let numbers = |clip: &&NamedClip| {
            let poses: Vec<Pose> = clip.clip.frames.iter().map(Pose::from).collect();
            let other: Vec<Pose> = poses.iter().map(mirrored).collect();
            [poses, other].map(|poses| Numbers::of(&poses, rate_hz, skeleton))
        };
        let motions = long.iter().map(numbers).collect();
        Ok(Self { motions, chances: chances.collect(), config, layers, rate_hz })
    }

    /// Number of clips in use, and their total duration, minutes.
    #[must_use]
    pub fn size(&self) -> (usize, f64) {
        let frames = self.motions.iter().map(|[motion, _]| motion.motion.len() / MOTION_NUMBERS);
        (self.motions.len(), frames.sum::<usize>() as f64 / self.rate_hz / 60.0)
    }

    /// Mean and deviation of all numbers.
    #[must_use]
    pub fn statistics(&self) -> DataStatistics {
        let all = self.motions.iter().flatten();
        let rows = all.flat_map(|numbers| numbers.motion.as_chunks::<MOTION_NUMBERS>().0);
        statistics(rows, LEAST_DEVIATION)
    }
}

impl Examples for Windows {
    type Draw = WindowDraw;

    fn draw(&self, seed: u64, first: u64, count: usize) -> WindowDraw {
        let WindowConfig { frames, mirror, fewer_layers } = self.config;
        let mut draw = WindowDraw { motion: vec![], positions: vec![], active: vec![] };
        for number in first..first + count as u64 {
            let mut rng = random_stream(seed, number);
            let chance = rng.random_range(0..self.chances[self.chances.len() - 1]);
            let motion = self.chances.partition_point(|sum| *sum <= chance);
            let start = chance - motion.checked_sub(1).map_or(0, |i| self.chances[i]);
            let side = usize::from(rng.random::<bool>() && mirror);
            let numbers = &self.motions[motion][side];
            let window = |values: &[f32], width: usize| {
                values[start * width..(start + frames) * width].to_vec()
            };
            draw.motion.extend(window(&numbers.motion, MOTION_NUMBERS));
            draw.positions.extend(window(&numbers.positions, POSITIONS));
            let some = rng.random_range(1..=self.layers);
            let fewer = rng.random::<f64>() < fewer_layers;
            draw.active.push(if fewer { some } else { self.layers });
        }
        draw
    }

    fn tensors(draw: &WindowDraw) -> Vec<(&'static str, Vec<usize>, &[f32])> {
        let windows = draw.active.len();
        let rows = draw.motion.len() / (windows * MOTION_NUMBERS);
        vec![
            ("motion", vec![windows, rows, MOTION_NUMBERS], &draw.motion),
            ("positions", vec![windows, rows, POSITIONS], &draw.positions),
        ]
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use kinest::motion::synthetic::walk_and_wave;

    pub(in super::super) fn walk(config: WindowConfig) -> Windows {
        let skeleton = Skeleton::default();
        let clip = walk_and_wave(&skeleton).resampled(30.0);
        let mut short = clip.clone();
        short.frames.truncate(3);
        let clips = [("walk", clip), ("short", short)];
        let clips = clips.map(|(name, clip)| NamedClip { name: name.into(), clip });
        Windows::new(&clips, config, 4, 30.0, &skeleton).unwrap()
    }

    #[test]
    fn an_example_depends_only_on_its_number() {
        let windows = walk(WindowConfig { frames: 8, ..WindowConfig::default() });
        assert_eq!(windows.size().0, 1);
        let all = windows.draw(3, 10, 6);
        let last = windows.draw(3, 15, 1);
        assert_eq!(all.motion[5 * 8 * MOTION_NUMBERS..], last.motion);
        assert_eq!(all.positions[5 * 8 * POSITIONS..], last.positions);
        assert_eq!(all.active[5..], last.active);
        assert_ne!(windows.draw(4, 15, 1), last);
    }

    #[test]
    fn fewer_layers_are_used_as_often_as_said() {
        let active = |fewer_layers| {
            let config = WindowConfig { frames: 8, mirror: true, fewer_layers };
            walk(config).draw(1, 0, 400).active
        };
        assert_eq!(active(0.0), [4; 400]);
        let some = active(0.5);
        let count = |n: usize| some.iter().filter(|active| **active == n).count();
        // An eighth each, and the half that keeps all.
        assert!((1..4).all(|n| (25..75).contains(&count(n))), "{some:?}");
        assert!((200..300).contains(&count(4)), "{some:?}");
    }

    #[test]
    fn windows_and_clips_that_do_not_fit_are_refused() {
        let refused = |config: WindowConfig, name: &str| {
            let error = config.check(4).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        };
        let good = WindowConfig::default();
        good.check(4).unwrap();
        refused(WindowConfig { frames: 30, ..good }, "`windows.frames` 30");
        refused(WindowConfig { frames: 4, ..good }, "`windows.frames` 4");
        refused(WindowConfig { fewer_layers: 1.5, ..good }, "`windows.fewer_layers`");
        let error = Windows::new(&[], good, 1, 30.0, &Skeleton::default()).unwrap_err();
        assert!(error.to_string().contains("2.13 s"), "{error}");
    }
}
