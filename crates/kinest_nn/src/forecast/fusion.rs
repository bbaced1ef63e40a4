//! The fusion of KSOF's branches (SOF).

use crate::layers::convolution::taps_of;
use crate::layers::{linear, linear_layer};
use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::backend::Backend;
use kinest::model::forecast::FusionScale;

/// Makes one motion of two.
///
/// A linear map along time mixes the branches. With scales, convolutions along the numbers of a
/// frame follow each other beside it, each of which passes on the largest numbers of every frame,
/// in falling order, and a linear map makes the output from the mixture and these.
#[derive(Module, Debug)]
pub struct Fusion<B: Backend> {
    skip: Linear<B>,
    scales: Vec<Linear<B>>,
    mix: Option<Linear<B>>,
    #[module(skip)]
    forms: Vec<FusionScale>,
}

impl<B: Backend> Fusion<B> {
    pub(super) fn new(
        scales: &[FusionScale],
        numbers: usize,
        horizon: usize,
        device: &B::Device,
    ) -> Self {
        let inputs = std::iter::once(2 * horizon).chain(std::iter::repeat(horizon));
        let convolutions = scales.iter().zip(inputs);
        let kept: usize = scales.iter().map(|scale| scale.kept(numbers)).sum();
        Self {
            skip: linear_layer(2 * horizon, horizon, device),
            scales: convolutions
                .map(|(scale, inputs)| linear_layer(scale.taps * inputs, horizon, device))
                .collect(),
            mix: (kept > 0).then(|| linear_layer(numbers + kept, numbers, device)),
            forms: scales.to_vec(),
        }
    }

    /// # Shapes
    /// - `temporal`, `graph`, output: `[batch, numbers, horizon]`
    pub fn forward(&self, temporal: Tensor<B, 3>, graph: Tensor<B, 3>) -> Tensor<B, 3> {
        let numbers = temporal.dims()[1];
        let both = Tensor::cat(vec![temporal, graph], 2);
        let mixed = linear(&self.skip, both.clone());
        let Some(mix) = &self.mix else { return mixed };
        let mut parts = vec![mixed];
        let mut h = both;
        for (convolution, form) in self.scales.iter().zip(&self.forms) {
            h = linear(convolution, taps_of(relu(h), form.taps, form.taps / 2, 1));
            parts.push(h.clone().sort_descending(1).narrow(1, 0, form.kept(numbers)));
        }
        linear(mix, Tensor::cat(parts, 1).swap_dims(1, 2)).swap_dims(1, 2)
    }
}
