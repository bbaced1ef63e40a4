//! An exponential moving average of the weights.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// A network with averaged weights.
#[derive(Clone, Debug)]
pub struct WeightAverage<M> {
    /// The averaged weights.
    pub network: M,
    decay: f64,
}

impl<M> WeightAverage<M> {
    /// An average that starts at `network`.
    #[must_use]
    pub fn new(network: M, decay: f64) -> Self {
        Self { network, decay }
    }

    /// Adds the weights after step `step`, counted from 1. The first steps have a higher weight,
    /// otherwise the random initial weights would dominate the average for long.
    pub fn update<B: Backend>(&mut self, current: &M, step: u64)
    where
        M: Module<B>,
    {
        let step = step as f64;
        let decay = self.decay.min((1.0 + step) / (10.0 + step));
        // Burn's container of tensors by parameter, used for weights here.
        let mut weights = Weights(GradientsParams::new());
        current.visit(&mut weights);
        self.network = self.network.clone().map(&mut Mix { weights: weights.0, decay });
    }
}

struct Weights(GradientsParams);

impl<B: Backend> ModuleVisitor<B> for Weights {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.0.register::<B, D>(param.id, param.val());
    }
}

struct Mix {
    weights: GradientsParams,
    decay: f64,
}

impl<B: Backend> ModuleMapper<B> for Mix {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let (id, average, mapper) = param.consume();
        let mixed = match self.weights.remove::<B, D>(id) {
            // In this form, because a weight that is not trained must stay what it is to the last bit.
            Some(weight) => average.clone() + (weight - average) * (1.0 - self.decay),
            None => average,
        };
        Param::from_mapped_value(id, mixed, mapper)
    }
}
