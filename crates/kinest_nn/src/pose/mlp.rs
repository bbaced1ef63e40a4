//! A plain multi-layer perceptron: some frames of the past in, the newest frame out.
//!
//! It knows nothing of bodies or of time beyond the frames it is shown. It is small, quick to train
//! and a yardstick: a network of more thought has to be better than this.

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

/// A multi-layer perceptron over some frames of the past.
///
/// With `s` the standardised frames side by side and `f` the activation it is
/// `h = f(W₀ s + b₀)`, then `h ← h + f(Wᵢ norm(h) + bᵢ)` for each residual layer, then `W h + b`.
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
    /// A network with fresh random weights; the dimensions of `config` fit together.
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
        // Standardised first: what is left of a position in 16 bits is centimetres.
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

    /// Prepares a fresh network for its data: the standardisation measured on it, and a last layer
    /// that starts out saying the mean target.
    pub fn prepare(&mut self, statistics: &DataStatistics) {
        let device = self.regress.weight.device();
        self.standardise = statistics.standardise(&device);
        self.regress.bias = Some(statistics.mean_target(&device));
    }
}

/// The curve between the layers.
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
        // 54 numbers of mean and deviation are no weights, but they are stored with them.
        assert_eq!(Mlp::<Flex>::new(&config, &FlexDevice).num_params(), 1_135_856);
    }

    #[test]
    fn it_sees_the_frames_of_its_offsets_and_no_other() {
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
    fn a_prepared_network_starts_near_the_mean_and_does_not_mind_units() {
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
