//! The weighted loss of a training run.

use crate::config::LossConfig;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use kinest::model::{LossTerms, joint_positions, motion_loss};
use kinest::skeleton::Skeleton;

/// Loss terms by name, not yet weighted, and their weighted sum.
#[derive(Clone, Debug)]
pub struct WeightedLoss<B: Backend> {
    /// What is minimised.
    pub total: Tensor<B, 1>,
    /// The terms that are in use.
    pub terms: Vec<(&'static str, Tensor<B, 1>)>,
}

impl LossConfig {
    /// The loss of one batch.
    ///
    /// # Shapes
    /// - `predicted`, `target`: `[batch, window, targets]`
    pub fn of<B: Backend>(
        &self,
        predicted: Tensor<B, 3>,
        target: Tensor<B, 3>,
        skeleton: &Skeleton,
    ) -> WeightedLoss<B> {
        let newest = |x: &Tensor<B, 3>, frames: usize| {
            let window = x.dims()[1];
            x.clone().narrow(1, window - frames, frames)
        };
        let LossTerms { rotation, root, angular_velocity } =
            motion_loss(predicted.clone(), target.clone());
        let mut terms = vec![
            ("rotation", self.rotation, rotation),
            ("root", self.root, root),
            ("angular_velocity", self.angular_velocity, angular_velocity),
        ];
        if self.position > 0.0 {
            let positions = |x| joint_positions(newest(x, self.position_frames), skeleton);
            let error = (positions(&predicted) - positions(&target)).abs().mean();
            terms.push(("position", self.position, error));
        }
        if self.newest > 0.0 {
            // Over one frame the norm over time is the plain distance.
            let error = (newest(&predicted, 1) - newest(&target, 1)).abs().mean();
            terms.push(("newest", self.newest, error));
        }
        let weighted = terms.iter().map(|(_, weight, term)| term.clone() * *weight);
        let total = weighted.reduce(|a, b| a + b).expect("there are always three terms");
        WeightedLoss { total, terms: terms.into_iter().map(|(n, _, t)| (n, t)).collect() }
    }
}
