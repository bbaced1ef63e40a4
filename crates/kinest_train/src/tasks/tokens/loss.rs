//! The weighted loss of a run that trains a token network.

use super::windows::WindowBatch;
use crate::run::WeightedLoss;
use crate::tasks::checks;
use anyhow::ensure;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use kinest::model::tokens::{MOTION_NUMBERS, ROOT_NUMBERS};
use kinest::skeleton::{Skeleton, SmplJoint};
use kinest_nn::loss::{joint_distance, joint_positions, joint_velocity_distance};
use serde::{Deserialize, Serialize};

/// Weights of the loss terms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenLossConfig {
    /// Mean absolute difference of 6D numbers.
    pub rotation: f64,
    /// Mean absolute difference of the root's numbers: rad/s, m/s and m.
    pub root: f64,
    /// Distance of the joints with the root in place, metres.
    pub position: f64,
    /// Distance of the joints' movements with the root in place, metres per frame.
    pub velocity: f64,
    /// Distance of the root from its true way over the floor since the start of the window, metres.
    pub path: f64,
    /// How far the encoder's vectors are from their codes.
    pub commitment: f64,
}

impl Default for TokenLossConfig {
    fn default() -> Self {
        Self { rotation: 1.0, root: 0.2, position: 4.0, velocity: 8.0, path: 0.5, commitment: 0.05 }
    }
}

impl TokenLossConfig {
    /// Checks all values.
    ///
    /// # Errors
    /// If a weight is negative or rotations have no target; the error names the field.
    pub fn check(&self) -> anyhow::Result<()> {
        checks::weights([
            ("rotation", self.rotation),
            ("root", self.root),
            ("position", self.position),
            ("velocity", self.velocity),
            ("path", self.path),
            ("commitment", self.commitment),
        ])?;
        ensure!(self.rotation > 0.0, "`loss.rotation` is 0: 6D numbers have no length");
        Ok(())
    }

    /// The loss of one batch that was read back as `motion`, of terms with non-zero weight.
    ///
    /// # Shapes
    /// - `motion`: `[batch, frames, MOTION_NUMBERS]`
    pub fn of<B: Backend>(
        &self,
        motion: Tensor<B, 3>,
        commitment: Tensor<B, 1>,
        batch: &WindowBatch<B>,
        rate_hz: f64,
        skeleton: &Skeleton,
    ) -> WeightedLoss<B> {
        let target = &batch.motion;
        let mut loss = WeightedLoss::<B>::new(&motion.device());
        let off = motion.clone() - target.clone();
        let of = |from, count| off.clone().narrow(2, from, count).abs().mean();
        loss.add("rotation", self.rotation, || of(ROOT_NUMBERS, MOTION_NUMBERS - ROOT_NUMBERS));
        loss.add("root", self.root, || of(0, ROOT_NUMBERS));
        if self.position > 0.0 || self.velocity > 0.0 {
            let said = positions(motion.clone(), skeleton);
            let right = batch.positions.clone();
            loss.add("position", self.position, || joint_distance(said.clone(), right.clone()));
            loss.add("velocity", self.velocity, || {
                joint_velocity_distance(said.clone(), right.clone())
            });
        }
        loss.add("path", self.path, || {
            joint_distance(path(motion.clone(), rate_hz), path(target.clone(), rate_hz))
        });
        loss.add("commitment", self.commitment, || commitment.clone());
        loss
    }
}

/// Positions of the joints against the root, in its heading, metres.
///
/// # Shapes
/// - `motion`: `[batch, frames, MOTION_NUMBERS]`
/// - output: `[batch, frames, joints * 3]`
pub fn positions<B: Backend>(motion: Tensor<B, 3>, skeleton: &Skeleton) -> Tensor<B, 3> {
    let [batch, frames, numbers] = motion.dims();
    let turned = motion.narrow(2, ROOT_NUMBERS, numbers - ROOT_NUMBERS);
    let joints = joint_positions(turned, skeleton);
    let root = joints.clone().narrow(1, SmplJoint::Pelvis.index(), 1);
    (joints - root).reshape([batch, frames, 3 * SmplJoint::COUNT])
}

/// The root's way over the floor since the frame before the first, in its heading there, metres; the
/// third number is 0.
///
/// # Shapes
/// - `motion`: `[batch, frames, MOTION_NUMBERS]`
/// - output: `[batch, frames, 3]`
fn path<B: Backend>(motion: Tensor<B, 3>, rate_hz: f64) -> Tensor<B, 3> {
    let number = |i: usize| motion.clone().narrow(2, i, 1) / rate_hz;
    let (turn, x, y) = (number(0), number(1), number(2));
    // A step is in the heading of the frame before it.
    let heading = turn.clone().cumsum(1) - turn;
    let (sin, cos) = (heading.clone().sin(), heading.cos());
    let east = x.clone() * cos.clone() - y.clone() * sin.clone();
    let north = x * sin + y * cos;
    let up = east.zeros_like();
    Tensor::cat(vec![east, north, up], 2).cumsum(1)
}

#[cfg(test)]
mod tests {
    use super::super::windows::WindowConfig;
    use super::super::windows::tests::walk;
    use super::*;
    use crate::run::Examples;
    use burn_flex::{Flex, FlexDevice};
    use kinest::tokens::{Standing, read_motion};

    fn batch() -> WindowBatch<Flex> {
        let windows = walk(WindowConfig { frames: 12, ..WindowConfig::default() });
        windows.draw(2, 0, 5).to_batch(&FlexDevice)
    }

    fn floats(x: Tensor<Flex, 3>) -> Vec<f32> {
        x.into_data().to_vec().unwrap()
    }

    /// Forward kinematics of the numbers gives the positions that were drawn with them.
    #[test]
    fn the_positions_of_the_targets_are_the_true_ones() {
        let WindowBatch { motion, positions: right, .. } = batch();
        let off = floats(positions(motion, &Skeleton::default()) - right.clone());
        assert!(floats(right).iter().any(|v| v.abs() > 0.5));
        assert!(off.iter().all(|off| off.abs() < 1e-4));
    }

    /// The way that the loss adds up is the one that the reader of a motion goes.
    #[test]
    fn the_path_is_that_of_the_motion_that_is_read() {
        let motion = batch().motion;
        let [_, frames, _] = motion.dims();
        let ways = floats(path(motion.clone(), 30.0));
        let numbers = floats(motion);
        let windows = numbers.chunks(frames * MOTION_NUMBERS).zip(ways.chunks(frames * 3));
        let mut farthest = 0.0_f64;
        for (numbers, way) in windows {
            let poses = read_motion(numbers, Standing::default(), 30.0);
            for (pose, way) in poses.iter().zip(way.as_chunks::<3>().0) {
                let place = pose.translation.truncate();
                assert!((place.x - f64::from(way[0])).abs() < 1e-4);
                assert!((place.y - f64::from(way[1])).abs() < 1e-4);
                farthest = farthest.max(place.length());
            }
        }
        assert!(farthest > 0.05, "{farthest}");
    }

    #[test]
    fn every_term_counts_and_is_zero_for_the_truth() {
        let batch = batch();
        let commitment = Tensor::<Flex, 1>::from_floats([0.5], &FlexDevice);
        let skeleton = Skeleton::default();
        let loss = |motion: Tensor<Flex, 3>| {
            let config = TokenLossConfig::default();
            config.of(motion, commitment.clone(), &batch, 30.0, &skeleton)
        };
        let truth = loss(batch.motion.clone()).total.into_scalar();
        assert!((truth - 0.05 * 0.5).abs() < 2e-3, "{truth}");
        let wrong = loss(batch.motion.clone().roll_dim(2, 1));
        let terms: Vec<_> =
            wrong.terms.into_iter().map(|(name, term)| (name, term.into_scalar() > 1e-3)).collect();
        let names = ["rotation", "root", "position", "velocity", "path", "commitment"];
        assert_eq!(terms, names.map(|name| (name, true)));
    }

    #[test]
    fn wrong_weights_are_refused_by_name() {
        let good = TokenLossConfig::default();
        good.check().unwrap();
        let refused = |loss: TokenLossConfig, name: &str| {
            let error = loss.check().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        };
        refused(TokenLossConfig { path: -1.0, ..good }, "loss.path");
        refused(TokenLossConfig { rotation: 0.0, ..good }, "loss.rotation");
    }
}
