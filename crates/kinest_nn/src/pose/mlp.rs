//! A multi-layer perceptron: past frames in, newest frame out.
//!
//! It knows nothing about bodies, and about time only the frames it is given. Small and quick to
//! train, it is the baseline for other networks.

use crate::layers::statistics::{DataStatistics, Standardise};
use crate::layers::{layer_norm, linear, linear_layer};
use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, LayerNorm, Linear};
use burn::tensor::activation::{gelu, relu, silu};
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};
use kinest::model::{Activation, MlpConfig};

/// `x + f(W norm(x) + b)`
#[derive(Module, Debug)]
struct ResidualLayer<B: Backend> {
    norm: LayerNorm<B>,
    linear: Linear<B>,
}

/// A multi-layer perceptron over selected past frames.
///
/// With `s` the standardised frames, concatenated, and `f` the activation: `h = f(W₀ s + b₀)`, then
/// `h ← h + f(Wᵢ norm(h) + bᵢ)` for each residual layer, then `W h + b`.
#[derive(Module, Debug)]
pub struct Mlp<B: Backend> {
    standardise: Standardise<B>,
    embed: Linear<B>,
    layers: Vec<ResidualLayer<B>>,
    regress: Linear<B>,
    dropout: Dropout,
    #[module(skip)]
    offsets: Vec<usize>,
    #[module(skip)]
    activation: Activation,
}

impl<B: Backend> Mlp<B> {
    /// A network with random weights. `config` must have been checked.
    pub(super) fn new(config: &MlpConfig, device: &B::Device) -> Self {
        let residual = || ResidualLayer {
            norm: layer_norm(config.width, device),
            linear: linear_layer(config.width, config.width, device),
        };
        Self {
            standardise: Standardise::identity(config.inputs, device),
            embed: linear_layer(config.offsets.len() * config.inputs, config.width, device),
            layers: (0..config.layers).map(|_| residual()).collect(),
            regress: linear_layer(config.width, config.outputs, device),
            dropout: DropoutConfig::new(config.dropout).init(),
            offsets: config.offsets.clone(),
            activation: config.activation,
        }
    }

    /// # Shapes
    /// - `features`: `[batch, window, inputs]`
    /// - output: `[batch, 1, outputs]`, the newest frame
    pub fn forward(&self, features: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, window, inputs] = features.dims();
        let seen: Vec<i32> = self.offsets.iter().map(|back| (window - 1 - back) as i32).collect();
        let count = seen.len();
        let seen = TensorData::new(seen, [count]);
        let seen = Tensor::<B, 1, Int>::from_data(seen, &features.device());
        let frames = self.standardise.forward(features.select(1, seen));
        // Standardise before casting: bf16 loses centimetres.
        let side_by_side = frames.reshape([batch, 1, count * inputs]);
        let side_by_side = side_by_side.cast(self.embed.weight.dtype());
        let mut h = activate(self.activation, linear(&self.embed, side_by_side));
        for layer in &self.layers {
            let update =
                activate(self.activation, linear(&layer.linear, layer.norm.forward(h.clone())));
            h = h + self.dropout.forward(update);
        }
        linear(&self.regress, h)
    }

    /// Prepares a fresh network for its data: sets the standardisation, and the last layer's bias
    /// to the mean target.
    pub fn prepare(&mut self, statistics: &DataStatistics) {
        let device = self.regress.weight.device();
        self.standardise = statistics.standardise(&device);
        let outputs = self.regress.weight.dims()[1];
        self.regress.bias = Some(statistics.mean_target(outputs, &device));
    }
}

/// The activation between the layers.
fn activate<B: Backend>(curve: Activation, x: Tensor<B, 3>) -> Tensor<B, 3> {
    match curve {
        Activation::Relu => relu(x),
        Activation::Silu => silu(x),
        Activation::Gelu => gelu(x),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Distribution;
    use burn_flex::{Flex, FlexDevice};

    fn small() -> MlpConfig {
        MlpConfig { offsets: vec![0, 2, 5], width: 16, ..MlpConfig::default() }
    }

    fn output(network: &Mlp<Flex>, features: &Tensor<Flex, 3>) -> Vec<f32> {
        let output = network.forward(features.clone());
        assert_eq!(output.dims(), [features.dims()[0], 1, 132]);
        output.into_data().to_vec().unwrap()
    }

    #[test]
    fn the_default_has_a_million_weights() {
        let config = MlpConfig::default();
        // Means and deviations of 54 inputs are stored with the weights, but not trained.
        assert_eq!(Mlp::<Flex>::new(&config, &FlexDevice).num_params(), 1_135_856);
    }

    #[test]
    fn output_depends_only_on_the_frames_at_the_offsets() {
        Flex::seed(&FlexDevice, 1);
        let network = Mlp::<Flex>::new(&small(), &FlexDevice);
        let normal = Distribution::Normal(0.0, 1.0);
        let features = Tensor::<Flex, 3>::random([2, 6, 54], normal, &FlexDevice);
        let before = output(&network, &features);
        for frame in 0..6 {
            let other = Tensor::random([2, 1, 54], normal, &FlexDevice);
            let changed = features.clone().slice_assign([0..2, frame..frame + 1, 0..54], other);
            let sees = [0, 2, 5].contains(&(5 - frame));
            assert_eq!(output(&network, &changed) != before, sees, "frame {frame}");
        }
    }

    #[test]
    fn a_prepared_network_starts_near_the_mean_target_in_any_units() {
        Flex::seed(&FlexDevice, 2);
        let mut network = Mlp::<Flex>::new(&small(), &FlexDevice);
        let normal = Distribution::Normal(0.0, 1.0);
        let features = Tensor::<Flex, 3>::random([3, 6, 54], normal, &FlexDevice);
        let prepared = |network: &mut Mlp<Flex>, mean: f32, std: f32| {
            network.prepare(&DataStatistics {
                input_mean: vec![mean; 54],
                input_std: vec![std; 54],
                target_mean: vec![7.0; 132],
            });
            output(network, &(features.clone() * std + mean))
        };
        let metres = prepared(&mut network, 0.0, 1.0);
        let centimetres = prepared(&mut network, 50.0, 100.0);
        for (a, b) in metres.iter().zip(&centimetres) {
            assert!((a - b).abs() < 1e-4 && (a - 7.0).abs() < 3.0, "{a} {b}");
        }
    }
}
