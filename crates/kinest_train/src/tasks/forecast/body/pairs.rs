//! Pairs of what a body did and what it did next.

use super::motion::{BodyMotion, mirrored, pose_at};
use crate::run::{Examples, random_stream};
use anyhow::ensure;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use kinest::forecast::BodyAxes;
use kinest::model::forecast::{ForecastLayout, ForecastSpec};
use kinest::skeleton::{Pose, Skeleton, SmplJoint};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Numbers per frame.
const NUMBERS: usize = ForecastLayout::Smpl22.numbers();
/// Numbers of the rotation matrices of a body.
const MATRICES: usize = 9 * SmplJoint::COUNT;
/// Numbers of the joint positions of a body.
const POSITIONS: usize = 3 * SmplJoint::COUNT;

/// How pairs are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PairConfig {
    /// Share of the histories that are the true motion; the others are what a game shows. What
    /// comes next is always true.
    pub clean: f64,
    /// Mirrors half of the pairs, left to right.
    pub mirror: bool,
    /// Maximum relative change of the pace: 0.2 is 0.8 to 1.2 times.
    pub speed: f64,
}

impl Default for PairConfig {
    fn default() -> Self {
        Self { clean: 0.25, mirror: true, speed: 0.2 }
    }
}

impl PairConfig {
    /// Without changes, from what a game shows.
    #[must_use]
    pub fn plain() -> Self {
        Self { clean: 0.0, mirror: false, speed: 0.0 }
    }

    /// Checks all values.
    ///
    /// # Errors
    /// If one is invalid; the error names it.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!((0.0..=1.0).contains(&self.clean), "`pairs.clean` {} is no share", self.clean);
        ensure!((0.0..1.0).contains(&self.speed), "`pairs.speed` {} is not in 0..1", self.speed);
        Ok(())
    }
}

/// Pairs in main memory.
#[derive(Clone, Debug, PartialEq)]
pub struct PairDraw {
    /// `[pairs, history, numbers]`
    pub histories: Vec<f32>,
    /// `[pairs, horizon, numbers]`
    pub targets: Vec<f32>,
    /// Rotations of the newest observed pose, column by column, the root's in its heading:
    /// `[pairs, joints * 9]`.
    pub bases: Vec<f32>,
    /// True positions of the joints against the head, in the heading of the newest observed pose,
    /// metres: `[pairs, horizon, joints * 3]`.
    pub positions: Vec<f32>,
    pairs: usize,
}

/// A draw on a device.
#[derive(Clone, Debug)]
pub struct PairBatch<B: Backend> {
    /// `[batch, history, numbers]`
    pub histories: Tensor<B, 3>,
    /// `[batch, horizon, numbers]`
    pub targets: Tensor<B, 3>,
    /// `[batch, joints, 9]`
    pub bases: Tensor<B, 3>,
    /// `[batch, horizon, joints * 3]`
    pub positions: Tensor<B, 3>,
}

impl PairDraw {
    /// Copies the pairs to a device.
    pub fn to_batch<B: Backend>(&self, device: &B::Device) -> PairBatch<B> {
        let tensor = |values: &[f32], numbers: usize| {
            let rows = values.len() / (self.pairs * numbers);
            let shape = [self.pairs, rows, numbers];
            Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
        };
        PairBatch {
            histories: tensor(&self.histories, NUMBERS),
            targets: tensor(&self.targets, NUMBERS),
            bases: tensor(&self.bases, 9),
            positions: tensor(&self.positions, POSITIONS),
        }
    }
}

/// Motions from which pairs are drawn.
#[derive(Debug)]
pub struct BodyPairs {
    motions: Vec<BodyMotion>,
    /// For each motion, how many frames of it and of those before can be the newest observed one.
    chances: Vec<usize>,
    config: PairConfig,
    spec: ForecastSpec,
    skeleton: Skeleton,
}

impl BodyPairs {
    /// Keeps the motions that are long enough for a pair.
    ///
    /// # Errors
    /// If there are none.
    pub fn new(
        mut motions: Vec<BodyMotion>,
        config: PairConfig,
        spec: ForecastSpec,
        skeleton: Skeleton,
    ) -> anyhow::Result<Self> {
        let all = motions.len();
        let newest = |motion: &BodyMotion| {
            let (before, after) = reach(motion, &spec, 1.0 + config.speed);
            motion.truth.len().saturating_sub(motion.first() + before + after)
        };
        motions.retain(|motion| newest(motion) > 0);
        ensure!(!motions.is_empty(), "none of the {all} clips is long enough for a history");
        let chances = motions.iter().scan(0, |sum, motion| {
            *sum += newest(motion);
            Some(*sum)
        });
        Ok(Self { chances: chances.collect(), motions, config, spec, skeleton })
    }

    /// Number of clips in use, and their total duration, minutes.
    #[must_use]
    pub fn size(&self) -> (usize, f64) {
        let seconds = self.motions.iter().map(|m| m.truth.len() as f64 / m.rate_hz);
        (self.motions.len(), seconds.sum::<f64>() / 60.0)
    }

    fn pair(&self, rng: &mut ChaCha8Rng) -> [Vec<f32>; 4] {
        let PairConfig { clean, mirror, speed } = self.config;
        let chance = rng.random_range(0..self.chances[self.chances.len() - 1]);
        let motion = self.chances.partition_point(|sum| *sum <= chance);
        let earlier = motion.checked_sub(1).map_or(0, |i| self.chances[i]);
        let motion = &self.motions[motion];
        let pace = 1.0 + speed * rng.random_range(-1.0..=1.0);
        let (before, _) = reach(motion, &self.spec, 1.0 + speed);
        let newest = motion.first() + before + chance - earlier;
        let mirror = rng.random::<bool>() && mirror;
        let play = rng.random_range(0..motion.shown.len().max(1));
        let seen = match motion.shown.get(play) {
            Some(shown) if rng.random::<f64>() >= clean => shown,
            _ => &motion.truth,
        };

        let step = motion.rate_hz / self.spec.rate_hz * pace;
        let pose = |poses: &[Pose], frames: f64| {
            let pose = pose_at(poses, newest as f64 + frames * step);
            if mirror { mirrored(&pose) } else { pose }
        };
        let axes = BodyAxes::new(&pose(seen, 0.0));
        let mut history = vec![0.0; self.spec.history * NUMBERS];
        let observed = (0..self.spec.observed()).rev().map(|back| pose(seen, -(back as f64)));
        axes.write_history(observed, &mut history);

        let mut targets = vec![0.0; self.spec.horizon * NUMBERS];
        let mut positions = Vec::with_capacity(self.spec.horizon * POSITIONS);
        for (frame, target) in targets.as_chunks_mut::<NUMBERS>().0.iter_mut().enumerate() {
            let truth = pose(&motion.truth, (frame + 1) as f64);
            axes.write(&truth, target);
            let truth = axes.place(&truth);
            let joints = self.skeleton.pose_joints(&truth).positions;
            let head = joints[SmplJoint::Head.index()];
            positions.extend(joints.iter().flat_map(|p| (*p - head).as_vec3().to_array()));
        }
        let newest = axes.place(&pose(seen, 0.0)).matrices();
        let bases = newest.iter().flat_map(|m| m.to_cols_array().map(|v| v as f32));
        [history, targets, bases.collect(), positions]
    }
}

/// How many frames of `motion` a pair has before and after its newest observed one, at most.
fn reach(motion: &BodyMotion, spec: &ForecastSpec, pace: f64) -> (usize, usize) {
    let frames =
        |frames: usize| (frames as f64 * pace * motion.rate_hz / spec.rate_hz).ceil() as usize;
    (frames(spec.observed() - 1), frames(spec.horizon) + 1)
}

impl Examples for BodyPairs {
    type Draw = PairDraw;

    fn draw(&self, seed: u64, first: u64, count: usize) -> PairDraw {
        let pair = |i| self.pair(&mut random_stream(seed, first + i as u64));
        let pairs: Vec<[Vec<f32>; 4]> = (0..count).into_par_iter().map(pair).collect();
        let all = |part: usize| pairs.iter().flat_map(|pair| &pair[part]).copied().collect();
        PairDraw {
            histories: all(0),
            targets: all(1),
            bases: all(2),
            positions: all(3),
            pairs: count,
        }
    }

    fn tensors(draw: &PairDraw) -> Vec<(&'static str, Vec<usize>, &[f32])> {
        let shape = |values: &[f32], numbers: usize| {
            vec![draw.pairs, values.len() / (draw.pairs * numbers).max(1), numbers]
        };
        vec![
            ("histories", shape(&draw.histories, NUMBERS), &draw.histories),
            ("targets", shape(&draw.targets, NUMBERS), &draw.targets),
            ("bases", shape(&draw.bases, MATRICES), &draw.bases),
            ("positions", shape(&draw.positions, POSITIONS), &draw.positions),
        ]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use kinest::motion::synthetic::walk_and_wave;

    pub(crate) fn spec() -> ForecastSpec {
        let layout = ForecastLayout::Smpl22;
        ForecastSpec { layout, rate_hz: 30.0, history: 13, horizon: 12, gate: None }
    }

    /// A walk at 60 Hz, shown with the left knee bent by 0.6 rad more.
    pub(crate) fn walk() -> BodyMotion {
        let clip = walk_and_wave(&Skeleton::default()).resampled(60.0);
        let truth: Vec<Pose> = clip.frames.iter().map(Pose::from).collect();
        let shown = |pose: &Pose| {
            let mut pose = *pose;
            pose.rotations[SmplJoint::LeftKnee.index()] *= glam::DQuat::from_rotation_x(0.6);
            pose
        };
        let shown = vec![truth.iter().map(shown).collect()];
        BodyMotion { name: "walk".into(), rate_hz: 60.0, truth, shown }
    }

    fn pairs(config: PairConfig) -> BodyPairs {
        BodyPairs::new(vec![walk()], config, spec(), Skeleton::default()).unwrap()
    }

    const KNEE: usize = 3 * SmplJoint::LeftKnee as usize;

    /// The history is of one kind throughout, its future is true, and it starts from what is
    /// shown: the knee has to be straightened by what the estimate is off.
    #[test]
    fn a_pair_goes_from_what_is_shown_to_what_was() {
        let draw = pairs(PairConfig { clean: 0.5, ..PairConfig::plain() }).draw(3, 0, 200);
        let rows = |values: &[f32], i: usize, rows: usize| -> Vec<[f32; NUMBERS]> {
            values.as_chunks::<NUMBERS>().0[i * rows..(i + 1) * rows].to_vec()
        };
        let mut shown = 0;
        for i in 0..200 {
            let (history, target) = (rows(&draw.histories, i, 13), rows(&draw.targets, i, 12));
            assert!(history[12].iter().all(|v| v.abs() < 1e-6));
            let (last, first) = (history[11], target[0]);
            let jump = first[KNEE] + last[KNEE];
            // Up to the walk's own acceleration.
            let off = (jump + 0.6).abs() < 0.29;
            assert!(off || jump.abs() < 0.29, "{jump}");
            shown += usize::from(off);
            let other = KNEE + 3;
            assert!((first[other] + last[other]).abs() < 0.29);
        }
        assert!((70..130).contains(&shown), "{shown}");
    }

    /// The positions are those of the body that the targets and the bases describe.
    #[test]
    fn targets_bases_and_positions_are_of_one_body() {
        let draw = pairs(PairConfig { clean: 0.0, ..PairConfig::default() }).draw(5, 7, 20);
        let skeleton = Skeleton::default();
        for i in 0..20 {
            let bases = &draw.bases[i * MATRICES..(i + 1) * MATRICES];
            for frame in 0..12 {
                let row = i * 12 + frame;
                let turns = draw.targets.as_chunks::<NUMBERS>().0[row];
                let local: [glam::DMat3; SmplJoint::COUNT] = std::array::from_fn(|j| {
                    let base = std::array::from_fn(|k| f64::from(bases[9 * j + k]));
                    let base = glam::DMat3::from_cols_array(&base);
                    let turn = glam::Vec3::from_slice(&turns[3 * j..]).as_dvec3();
                    let turn = glam::DMat3::from_quat(kinest::rotation::exp(turn));
                    if j == 0 { turn * base } else { base * turn }
                });
                let joints = skeleton.forward(&local, glam::DVec3::ZERO).positions;
                let head = joints[SmplJoint::Head.index()];
                for (j, joint) in joints.iter().enumerate() {
                    let at = row * POSITIONS + 3 * j;
                    let right = glam::Vec3::from_slice(&draw.positions[at..]).as_dvec3();
                    assert!((*joint - head).distance(right) < 1e-4, "joint {j}");
                }
            }
        }
    }

    #[test]
    fn draws_depend_on_seed_and_number_only() {
        let pairs = pairs(PairConfig::default());
        let (all, part) = (pairs.draw(1, 0, 6), pairs.draw(1, 4, 2));
        assert_eq!(all.targets[4 * 12 * NUMBERS..], part.targets);
        assert_ne!(pairs.draw(2, 4, 2).targets, part.targets);
    }

    #[test]
    fn clips_without_room_for_a_pair_are_left_out() {
        let mut short = walk();
        short.truth.truncate(60 + 22 + 24);
        short.shown[0].truncate(60 + 22 + 24);
        let new =
            |motions| BodyPairs::new(motions, PairConfig::plain(), spec(), Skeleton::default());
        let error = new(vec![short.clone()]).unwrap_err().to_string();
        assert!(error.contains("none of the 1 clips"), "{error}");
        let kept = new(vec![short, walk()]).unwrap();
        assert_eq!(kept.size().0, 1);
    }
}
