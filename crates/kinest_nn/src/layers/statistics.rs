//! Statistics of the training data, measured before the first step and stored with the weights.

use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

/// Input numbers with a smaller standard deviation in training count as constant and are not
/// scaled, so that they do not blow up if they vary later.
const LEAST_DEVIATION: f32 = 1e-4;

/// Mean and standard deviation of the training data, per number.
#[derive(Clone, Debug, PartialEq)]
pub struct DataStatistics {
    /// Mean of each input number.
    pub input_mean: Vec<f32>,
    /// Standard deviation of each input number.
    pub input_std: Vec<f32>,
    /// Mean of each target number.
    pub target_mean: Vec<f32>,
}

impl DataStatistics {
    /// The standardisation layer for the inputs.
    pub(crate) fn standardise<B: Backend>(&self, device: &B::Device) -> Standardise<B> {
        Standardise::new(vector(&self.input_mean, device), vector(&self.input_scale(), device))
    }

    /// What each input number is divided by: its standard deviation, or 1 if it is constant.
    #[must_use]
    pub fn input_scale(&self) -> Vec<f32> {
        let scale = |std: &f32| if *std < LEAST_DEVIATION { 1.0 } else { *std };
        self.input_std.iter().map(scale).collect()
    }

    /// The bias of a last layer of `outputs` numbers that initially outputs the mean target, and zeros after it.
    pub(crate) fn mean_target<B: Backend>(
        &self,
        outputs: usize,
        device: &B::Device,
    ) -> Param<Tensor<B, 1>> {
        let mut bias = self.target_mean.clone();
        bias.resize(outputs, 0.0);
        Param::from_tensor(vector(&bias, device))
    }
}

fn vector<B: Backend>(values: &[f32], device: &B::Device) -> Tensor<B, 1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}

/// Scales raw features to about unit size: `(x - mean) / std`. Both are measured on the training
/// data and never trained.
#[derive(Module, Debug)]
pub struct Standardise<B: Backend> {
    mean: Param<Tensor<B, 1>>,
    std: Param<Tensor<B, 1>>,
}

impl<B: Backend> Standardise<B> {
    fn new(mean: Tensor<B, 1>, std: Tensor<B, 1>) -> Self {
        Self {
            mean: Param::from_tensor(mean).set_require_grad(false),
            std: Param::from_tensor(std).set_require_grad(false),
        }
    }

    /// The identity, until statistics are measured or loaded.
    pub(crate) fn identity(numbers: usize, device: &B::Device) -> Self {
        Self::new(Tensor::zeros([numbers], device), Tensor::ones([numbers], device))
    }

    pub(crate) fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        (x - self.mean.val().detach().unsqueeze()) / self.std.val().detach().unsqueeze()
    }

    pub(crate) fn inverse(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        x * self.std.val().detach().unsqueeze() + self.mean.val().detach().unsqueeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::{Flex, FlexDevice};

    #[test]
    fn varying_numbers_become_unit_size_and_constant_ones_are_not_scaled() {
        let statistics = DataStatistics {
            input_mean: vec![3.0, 1.0],
            input_std: vec![2.0, 0.0],
            target_mean: vec![],
        };
        let layer = statistics.standardise::<Flex>(&FlexDevice);
        let x = Tensor::from_floats([[[7.0, 1.0], [3.0, 0.0]]], &FlexDevice);
        let out: Vec<f32> = layer.forward(x).into_data().to_vec().unwrap();
        assert_eq!(out, [2.0, 0.0, 0.0, -1.0]);
    }
}
