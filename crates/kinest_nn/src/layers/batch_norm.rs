//! Batch normalisation whose running figures are parameters.
//!
//! Burn's own keeps them in a state that all clones of a module share and that is one step behind
//! when the module is saved. A run of training then does not resume bit for bit, and an average of
//! weights changes the network it averages. Here a forward pass in training returns the moments of
//! its batch, and whoever trains decides when the running figures absorb them.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// Added to variances: PyTorch's default.
const EPSILON: f64 = 1e-5;

/// Share of a batch in the running figures: PyTorch's default.
const MOMENTUM: f64 = 0.1;

/// Mean and unbiased variance over a batch, per number.
#[derive(Clone, Debug)]
pub struct BatchMoments<B: Backend> {
    mean: Tensor<B, 1>,
    variance: Tensor<B, 1>,
}

/// Batch normalisation of every number of a sample: `gamma (x - mean) / sqrt(variance + eps) + beta`.
#[derive(Module, Debug)]
pub struct BatchNorm<B: Backend> {
    gamma: Param<Tensor<B, 1>>,
    beta: Param<Tensor<B, 1>>,
    running_mean: Param<Tensor<B, 1>>,
    running_variance: Param<Tensor<B, 1>>,
}

impl<B: Backend> BatchNorm<B> {
    /// The identity for numbers of mean 0 and variance 1.
    pub(crate) fn new(width: usize, device: &B::Device) -> Self {
        let zeros = || Param::from_tensor(Tensor::zeros([width], device));
        let ones = || Param::from_tensor(Tensor::ones([width], device));
        Self {
            gamma: ones(),
            beta: zeros(),
            running_mean: zeros().set_require_grad(false),
            running_variance: ones().set_require_grad(false),
        }
    }

    /// Normalises by the running figures or, in training, by the moments of the batch, which are
    /// added to `moments`.
    ///
    /// # Shapes
    /// - `x`, output: `[batch, tokens, features]`, `tokens * features` the width of the layer
    pub(crate) fn forward(
        &self,
        x: Tensor<B, 3>,
        moments: Option<&mut Vec<BatchMoments<B>>>,
    ) -> Tensor<B, 3> {
        let [batch, tokens, features] = x.dims();
        let width = tokens * features;
        let flat = x.reshape([batch, width]);
        let dtype = flat.dtype();
        let (mean, variance) = match moments {
            None => {
                let row = |figure: &Param<Tensor<B, 1>>| {
                    figure.val().detach().cast(dtype).reshape([1, width])
                };
                (row(&self.running_mean), row(&self.running_variance))
            }
            Some(moments) => {
                let mean = flat.clone().mean_dim(0);
                let variance = (flat.clone() - mean.clone()).square().mean_dim(0);
                let unbiased = batch as f64 / batch.saturating_sub(1).max(1) as f64;
                moments.push(BatchMoments {
                    mean: mean.clone().detach().reshape([width]),
                    variance: (variance.clone().detach() * unbiased).reshape([width]),
                });
                (mean, variance)
            }
        };
        let scale = self.gamma.val().unsqueeze::<2>() / (variance + EPSILON).sqrt();
        let scaled = (flat - mean) * scale + self.beta.val().unsqueeze::<2>();
        scaled.reshape([batch, tokens, features])
    }

    /// Moves the running figures towards the moments of a batch.
    pub(crate) fn absorb(&mut self, moments: BatchMoments<B>) {
        let move_towards = |figure: &mut Param<Tensor<B, 1>>, seen: Tensor<B, 1>| {
            *figure = figure.clone().map(|old| {
                let seen = seen.cast(old.dtype());
                old.detach() * (1.0 - MOMENTUM) + seen * MOMENTUM
            });
        };
        move_towards(&mut self.running_mean, moments.mean);
        move_towards(&mut self.running_variance, moments.variance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::{Flex, FlexDevice};

    #[test]
    fn running_figures_move_by_a_tenth_and_only_when_told() {
        let mut layer = BatchNorm::<Flex>::new(1, &FlexDevice);
        let x = Tensor::from_floats([[[1.0]], [[3.0]]], &FlexDevice);
        let output = |layer: &BatchNorm<Flex>| -> Vec<f32> {
            layer.forward(x.clone(), None).into_data().to_vec().unwrap()
        };
        let mut moments = vec![];
        let seen: Vec<f32> =
            layer.forward(x.clone(), Some(&mut moments)).into_data().to_vec().unwrap();
        assert!((seen[0] + 1.0).abs() < 1e-4 && (seen[1] - 1.0).abs() < 1e-4, "{seen:?}");
        assert!((output(&layer)[1] - 3.0).abs() < 1e-4);
        // The batch has mean 2 and unbiased variance 2.
        moments.into_iter().for_each(|moments| layer.absorb(moments));
        let expected = (3.0 - 0.2) / 1.1_f32.sqrt();
        assert!((output(&layer)[1] - expected).abs() < 1e-4);
    }
}
