//! The weighted loss of a run that trains a body's forecaster.

use super::pairs::PairBatch;
use crate::run::WeightedLoss;
use crate::tasks::checks;
use anyhow::ensure;
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor};
use kinest::skeleton::{Skeleton, SmplJoint};
use kinest_nn::forecast::Forecast;
use kinest_nn::loss::{
    joint_distance, joint_positions, joint_velocity_distance, predicted_acceleration,
};
use serde::{Deserialize, Serialize};

/// Numbers of the rotations of a body.
const TURNS: usize = 3 * SmplJoint::COUNT;

/// Weights of the loss terms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BodyLossConfig {
    /// Distance of predicted rotation vectors, radians, and of the root's place, metres.
    pub rotation: f64,
    /// Distance of predicted joints with the head in place, metres, by forward kinematics.
    pub position: f64,
    /// Predicted frames, counted from 1, whose joints count. Fewer take less time.
    pub position_frames: Vec<usize>,
    /// Distance of predicted changes of rotation vectors and place, per frame.
    pub velocity: f64,
    /// The paper's joint prediction smoothness: the length of predicted accelerations.
    pub jps: f64,
    /// `rotation` of each branch of a network that has two.
    pub branches: f64,
}

impl Default for BodyLossConfig {
    fn default() -> Self {
        Self {
            rotation: 1.0,
            position: 2.0,
            position_frames: vec![1, 2, 3, 5, 7, 12],
            velocity: 1.0,
            jps: 0.02,
            branches: 0.5,
        }
    }
}

impl BodyLossConfig {
    /// Checks all values, for a network that predicts `horizon` frames.
    ///
    /// # Errors
    /// If a weight is negative, nothing has a target, or a frame is not predicted; the error names
    /// the field.
    pub fn check(&self, horizon: usize) -> anyhow::Result<()> {
        checks::weights([
            ("rotation", self.rotation),
            ("position", self.position),
            ("velocity", self.velocity),
            ("jps", self.jps),
            ("branches", self.branches),
        ])?;
        ensure!(
            self.rotation > 0.0 || self.position > 0.0,
            "`loss.rotation` and `loss.position` are both 0: nothing has a target"
        );
        ensure!(
            self.position == 0.0 || !self.position_frames.is_empty(),
            "`loss.position_frames` is empty, but `loss.position` is {}",
            self.position
        );
        if let Some(frame) = self.position_frames.iter().find(|n| !(1..=horizon).contains(*n)) {
            anyhow::bail!("`loss.position_frames` has {frame}, which is not in 1..={horizon}");
        }
        Ok(())
    }

    /// The loss of one batch, of terms with non-zero weight.
    pub fn of<B: Backend>(
        &self,
        forecast: Forecast<B>,
        batch: &PairBatch<B>,
        skeleton: &Skeleton,
    ) -> WeightedLoss<B> {
        let (future, targets) = (&forecast.future, &batch.targets);
        let mut loss = WeightedLoss::<B>::new(&future.device());
        loss.add("rotation", self.rotation, || joint_distance(future.clone(), targets.clone()));
        loss.add("position", self.position, || {
            let (frames, own) = (&self.position_frames, future.clone());
            joint_distance(
                positions(chosen(own, frames), batch.bases.clone(), skeleton),
                chosen(batch.positions.clone(), frames),
            )
        });
        loss.add("velocity", self.velocity, || {
            joint_velocity_distance(future.clone(), targets.clone())
        });
        loss.add("acceleration", self.jps, || predicted_acceleration(future.clone()));
        for (name, branch) in [("temporal", &forecast.temporal), ("graph", &forecast.graph)] {
            if let Some(branch) = branch {
                loss.add(name, self.branches, || joint_distance(branch.clone(), targets.clone()));
            }
        }
        loss
    }
}

/// The frames with these numbers, counted from 1.
pub fn chosen<B: Backend>(x: Tensor<B, 3>, frames: &[usize]) -> Tensor<B, 3> {
    let indices: Vec<i32> = frames.iter().map(|frame| *frame as i32 - 1).collect();
    let indices = Tensor::<B, 1, Int>::from_ints(indices.as_slice(), &x.device());
    x.select(1, indices)
}

/// Positions of the joints against the head, metres, in the heading of the newest observed pose.
///
/// # Shapes
/// - `numbers`: `[batch, frames, numbers]`
/// - `bases`: `[batch, joints, 9]`, see [`PairBatch::bases`]
/// - output: `[batch, frames, joints * 3]`
pub fn positions<B: Backend>(
    numbers: Tensor<B, 3>,
    bases: Tensor<B, 3>,
    skeleton: &Skeleton,
) -> Tensor<B, 3> {
    let [batch, frames, _] = numbers.dims();
    let rotations = turned(numbers.narrow(2, 0, TURNS), bases);
    joint_positions(rotations, skeleton).reshape([batch, frames, TURNS])
}

/// The local rotations, 6D, after turns from those of the newest observed pose.
///
/// # Shapes
/// - `turns`: `[batch, frames, joints * 3]`, rotation vectors; the root's is in heading axes, all
///   others are in those of the joint
/// - `bases`: `[batch, joints, 9]`
/// - output: `[batch, frames, joints * 6]`
fn turned<B: Backend>(turns: Tensor<B, 3>, bases: Tensor<B, 3>) -> Tensor<B, 3> {
    let [batch, frames, _] = turns.dims();
    let joints = SmplJoint::COUNT;
    let turns = turns.reshape([batch, frames, joints, 3]);
    // Every joint turns in its own axes: `E(r) B = B E(Bᵀ r)`.
    let root_base = bases.clone().narrow(1, 0, 1).reshape([batch, 1, 3, 3]);
    let root = (turns.clone().narrow(2, 0, 1) * root_base).sum_dim(3);
    let root = root.reshape([batch, frames, 1, 3]);
    let turns = Tensor::cat(vec![root, turns.narrow(2, 1, joints - 1)], 2);

    // `E(r) v = v + a (r × v) + b r × (r × v)`, for the x and the y axis.
    let part = |i: usize| turns.clone().narrow(3, i, 1);
    let (x, y, z) = (part(0), part(1), part(2));
    let (xx, yy, zz) = (x.clone().square(), y.clone().square(), z.clone().square());
    // The floor keeps the gradient of the root finite.
    let half = (xx.clone() + yy.clone() + zz.clone() + 1e-12).sqrt() / 2.0;
    let sinc = half.clone().sin() / half.clone();
    let a = sinc.clone() * half.cos();
    let b = sinc.square() / 2.0;
    let (bxy, bxz) = (b.clone() * x.clone() * y.clone(), b.clone() * x.clone() * z.clone());
    let byz = b.clone() * y.clone() * z.clone();
    let (ax, ay, az) = (a.clone() * x, a.clone() * y, a * z);
    let first = [-(b.clone() * (yy + zz.clone())) + 1.0, az.clone() + bxy.clone(), bxz - ay];
    let second = [bxy - az, -(b * (xx + zz)) + 1.0, ax + byz];

    let bases = bases.reshape([batch, 1, joints, 9]);
    let column = |i: usize| bases.clone().narrow(3, 3 * i, 3);
    let apply = |[u, v, w]: [Tensor<B, 4>; 3]| column(0) * u + column(1) * v + column(2) * w;
    let sixd = Tensor::cat(vec![apply(first), apply(second)], 3);
    sixd.reshape([batch, frames, joints * 6])
}

#[cfg(test)]
mod tests {
    use super::super::pairs::tests::{spec, walk};
    use super::super::pairs::{BodyPairs, PairConfig};
    use super::*;
    use crate::run::Examples;
    use burn_flex::{Flex, FlexDevice};

    fn batch() -> PairBatch<Flex> {
        let motions = vec![walk()];
        let pairs =
            BodyPairs::new(motions, PairConfig::default(), spec(), Skeleton::default()).unwrap();
        pairs.draw(2, 0, 8).to_batch(&FlexDevice)
    }

    fn forecast(future: Tensor<Flex, 3>) -> Forecast<Flex> {
        Forecast { future, temporal: None, graph: None }
    }

    fn largest(x: Tensor<Flex, 3>) -> f32 {
        x.abs().max().into_scalar()
    }

    /// Forward kinematics of turns gives the positions that were drawn with them.
    #[test]
    fn the_positions_of_the_targets_are_the_true_ones() {
        let PairBatch { targets, bases, positions: right, .. } = batch();
        let found = positions(targets, bases, &Skeleton::default());
        assert!(largest(right.clone()) > 0.5);
        assert!(largest(found - right) < 1e-4);
    }

    #[test]
    fn a_perfect_forecast_costs_only_its_acceleration_and_every_term_counts() {
        let batch = batch();
        let plain = BodyLossConfig { jps: 0.0, ..BodyLossConfig::default() };
        let skeleton = Skeleton::default();
        let total = |config: &BodyLossConfig, said: &Forecast<Flex>| {
            config.of(said.clone(), &batch, &skeleton).total.into_scalar()
        };
        let perfect = forecast(batch.targets.clone());
        assert!(total(&plain, &perfect) < 1e-3);
        assert!(total(&BodyLossConfig::default(), &perfect) > 1e-4);
        let off = batch.targets.clone() + 0.1;
        let branches = Forecast {
            future: batch.targets.clone(),
            temporal: Some(off.clone()),
            graph: Some(batch.targets.clone()),
        };
        let found = total(&plain, &branches) - total(&plain, &perfect);
        assert!((found - 0.5 * 0.1 * 3.0_f32.sqrt()).abs() < 1e-3, "{found}");
        let names = |said| -> Vec<_> {
            let loss = BodyLossConfig::default().of(said, &batch, &skeleton);
            loss.terms.into_iter().map(|(name, term)| (name, term.into_scalar() > 0.01)).collect()
        };
        let terms = names(forecast(off));
        assert_eq!(terms[..2], [("rotation", true), ("position", true)]);
        assert_eq!((terms.len(), names(branches).len()), (4, 6));
    }

    #[test]
    fn wrong_weights_are_refused_by_name() {
        let good = BodyLossConfig::default();
        good.check(12).unwrap();
        let refused = |loss: BodyLossConfig, name: &str| {
            let error = loss.check(12).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        };
        refused(BodyLossConfig { velocity: -1.0, ..good.clone() }, "loss.velocity");
        refused(BodyLossConfig { rotation: 0.0, position: 0.0, ..good.clone() }, "loss.rotation");
        refused(BodyLossConfig { position_frames: vec![3, 13], ..good.clone() }, "has 13");
        refused(BodyLossConfig { position_frames: vec![], ..good }, "position_frames");
    }
}
