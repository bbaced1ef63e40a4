//! Losses on predicted joint positions, and the learned weights of KSOF's branches.
//!
//! Distances are in the unit of the positions, velocities and accelerations in that unit per frame.

use super::norm::norm;
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// Numbers of a position.
const POSITION: usize = 3;

/// Mean distance between predicted and true positions, over batch, frames and joints.
///
/// # Shapes
/// - `predicted`, `target`: `[batch, frames, joints * 3]`
/// - output: one number
pub fn joint_distance<B: Backend>(predicted: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
    mean_length(predicted - target)
}

/// Mean distance between predicted and true velocities; 0 for a single frame.
///
/// # Shapes
/// - `predicted`, `target`: `[batch, frames, joints * 3]`
/// - output: one number
pub fn joint_velocity_distance<B: Backend>(
    predicted: Tensor<B, 3>,
    target: Tensor<B, 3>,
) -> Tensor<B, 1> {
    mean_length(change(predicted - target))
}

/// Mean length of the predicted acceleration, the paper's joint prediction smoothness (JPS): 0 for
/// a motion at constant velocity. It has no target; it pulls predictions towards smooth ones.
///
/// # Shapes
/// - `predicted`: `[batch, frames, joints * 3]`
/// - output: one number
pub fn predicted_acceleration<B: Backend>(predicted: Tensor<B, 3>) -> Tensor<B, 1> {
    mean_length(change(change(predicted)))
}

/// Difference of consecutive frames, one fewer than there are, but at least one, which is zero.
fn change<B: Backend>(x: Tensor<B, 3>) -> Tensor<B, 3> {
    match x.dims()[1] {
        0 | 1 => x.zeros_like(),
        frames => x.clone().narrow(1, 1, frames - 1) - x.narrow(1, 0, frames - 1),
    }
}

/// Mean length of the vectors of three numbers.
fn mean_length<B: Backend>(x: Tensor<B, 3>) -> Tensor<B, 1> {
    let [batch, frames, numbers] = x.dims();
    norm(x.reshape([batch * frames * numbers / POSITION, POSITION]), 1).mean()
}

/// The terms of KSOF's loss. A network without a branch has no term for it.
#[derive(Clone, Debug)]
pub struct KsofTerms<B: Backend> {
    /// [`joint_distance`] of the output.
    pub future: Tensor<B, 1>,
    /// [`joint_distance`] of the temporal branch.
    pub temporal: Option<Tensor<B, 1>>,
    /// [`joint_distance`] of the graph branch.
    pub graph: Option<Tensor<B, 1>>,
    /// [`predicted_acceleration`] of the output.
    pub acceleration: Tensor<B, 1>,
}

/// The weights with which the branches enter KSOF's loss, learned with the network: a branch's
/// term `t` enters as `t exp(-s) + s / 2`, `s` being the logarithm of its variance.
#[derive(Module, Debug)]
pub struct BranchWeights<B: Backend> {
    /// Of the graph branch, then of the temporal branch.
    log_variances: Param<Tensor<B, 1>>,
}

impl<B: Backend> BranchWeights<B> {
    /// Initial weights: as the authors', a deviation of 0.5 in `t / (2 deviation²)`.
    #[must_use]
    pub fn new(device: &B::Device) -> Self {
        let start = Tensor::<B, 1>::full([2], -std::f64::consts::LN_2, device);
        Self { log_variances: Param::from_tensor(start) }
    }

    /// KSOF's loss, in the unit of the positions: the output's distance, the graph branch's distance with its learned weight, and
    /// `distance² + jps_weight · acceleration²` of the temporal branch with its own. Without a
    /// temporal branch, `jps_weight` alone weighs the acceleration.
    ///
    /// # Shapes
    /// - output: one number
    pub fn total(&self, terms: KsofTerms<B>, jps_weight: f64) -> Tensor<B, 1> {
        let weighted = |branch: usize, term: Tensor<B, 1>| {
            // The weights may be of 16 bits, distances are not.
            let log_variance = self.log_variances.val().narrow(0, branch, 1).cast(term.dtype());
            term * log_variance.clone().neg().exp() + log_variance / 2.0
        };
        let jps = terms.acceleration.square() * jps_weight;
        let temporal = match terms.temporal {
            Some(distance) => weighted(1, distance.square() + jps),
            None => jps,
        };
        let sum = terms.future + temporal;
        match terms.graph {
            Some(distance) => sum + weighted(0, distance),
            None => sum,
        }
    }
}
