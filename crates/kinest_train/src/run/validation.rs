//! How good the network is on motion it is not trained on.

use crate::tasks::pose::config::LossConfig;
use crate::tasks::pose::dataset::{Draw, WindowDataset};
use burn::tensor::ElementConversion;
use burn::tensor::backend::Backend;
use kinest::skeleton::Skeleton;
use kinest_nn::loss::joint_positions;
use kinest_nn::pose::Network;

/// Windows that are always the same.
#[derive(Debug)]
pub struct Validation {
    draws: Vec<Draw>,
}

/// What validation found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The training loss.
    pub loss: f64,
    /// Mean distance of the 22 joints in the newest frame, heads laid on each other, centimetres:
    /// the online MPJPE of those windows.
    pub online_mpjpe_cm: f64,
}

impl Validation {
    /// Draws the windows, `batch` at a time.
    #[must_use]
    pub fn new(data: &WindowDataset, seed: u64, windows: usize, batch: usize) -> Self {
        let firsts = (0..windows).step_by(batch);
        let draw = |first| data.draw(seed, first as u64, batch.min(windows - first));
        Self { draws: firsts.map(draw).collect() }
    }

    /// Scores a network.
    pub fn score<B: Backend>(
        &self,
        network: &Network<B>,
        loss: &LossConfig,
        skeleton: &Skeleton,
        device: &B::Device,
    ) -> Score {
        let mut sum = Score { loss: 0.0, online_mpjpe_cm: 0.0 };
        let mut windows = 0.0;
        for draw in &self.draws {
            let batch = draw.to_batch::<B>(device);
            let count = batch.features.dims()[0] as f64;
            let answers = batch.targets.dims()[1];
            let output = network.forward(batch.features);
            let output = output.clone().narrow(1, output.dims()[1] - answers, answers);
            let newest = |x: &burn::tensor::Tensor<B, 3>| {
                let frames = x.dims()[1];
                joint_positions(x.clone().narrow(1, frames - 1, 1), skeleton)
            };
            let distance = (newest(&output) - newest(&batch.targets)).square().sum_dim(2).sqrt();
            sum.online_mpjpe_cm += count * 100.0 * distance.mean().into_scalar().elem::<f64>();
            let loss = loss.of(output, batch.targets, skeleton).total;
            sum.loss += count * loss.into_scalar().elem::<f64>();
            windows += count;
        }
        Score { loss: sum.loss / windows, online_mpjpe_cm: sum.online_mpjpe_cm / windows }
    }
}
