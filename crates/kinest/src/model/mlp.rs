//! A plain multi-layer perceptron: past frames in, newest frame out.
//!
//! It has no notion of a body, nor of time beyond the frames it is given. Small and quick to train,
//! it is the baseline that a more elaborate network has to beat.

use super::layers::{layer_norm, linear, linear_layer};
use super::statistics::{DataStatistics, Standardise};
use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, LayerNorm, Linear};
use burn::tensor::activation::{gelu, relu, silu};
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// The activation between the layers of an [`Mlp`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    /// `max(x, 0)`
    Relu,
    /// `x σ(x)`
    #[default]
    Silu,
    /// `x Φ(x)`
    Gelu,
}

impl Activation {
    fn of<B: Backend>(self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        match self {
            Self::Relu => relu(x),
            Self::Silu => silu(x),
            Self::Gelu => gelu(x),
        }
    }
}

/// Every dimension of an [`Mlp`]. The default has 1.1 million weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MlpConfig {
    /// Input numbers per frame.
    pub inputs: usize,
    /// Output numbers per frame.
    pub outputs: usize,
    /// The frames it sees, as frames before the newest (0), ascending. The window reaches back to
    /// the last of them.
    pub offsets: Vec<usize>,
    /// Numbers per layer.
    pub width: usize,
    /// Residual layers between the first and the last.
    pub layers: usize,
    /// Activation after the first and after each residual layer.
    pub activation: Activation,
    /// Dropout in the residual layers, in training only.
    pub dropout: f64,
}

impl Default for MlpConfig {
    fn default() -> Self {
        Self {
            inputs: 54,
            outputs: 132,
            // Dense near the newest frame for the current motion, 1.5 s back for the previous step.
            offsets: vec![0, 1, 3, 6, 12, 20, 30, 44, 64, 90],
            width: 512,
            layers: 3,
            activation: Activation::default(),
            dropout: 0.0,
        }
    }
}

impl MlpConfig {
    /// Checks that the dimensions fit together; the error names the field that does not.
    pub(super) fn check(&self) -> Result<(), String> {
        let positive = [("inputs", self.inputs), ("outputs", self.outputs), ("width", self.width)];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(format!("`{name}` is 0"));
        }
        if self.offsets.is_empty() || !self.offsets.is_sorted_by(|a, b| a < b) {
            return Err(format!("`offsets` {:?} is empty or does not rise", self.offsets));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(format!("`dropout` {} is not in 0..1", self.dropout));
        }
        Ok(())
    }

    /// Frames from the oldest it sees to the newest.
    pub(super) fn window(&self) -> usize {
        self.offsets.last().map_or(1, |oldest| oldest + 1)
    }

    pub(super) fn init<B: Backend>(&self, device: &B::Device) -> Mlp<B> {
        let residual = || ResidualLayer {
            norm: layer_norm(self.width, device),
            linear: linear_layer(self.width, self.width, device),
        };
        Mlp {
            standardise: Standardise::identity(self.inputs, device),
            embed: linear_layer(self.offsets.len() * self.inputs, self.width, device),
            layers: (0..self.layers).map(|_| residual()).collect(),
            regress: linear_layer(self.width, self.outputs, device),
            dropout: DropoutConfig::new(self.dropout).init(),
            offsets: self.offsets.clone(),
            activation: self.activation,
        }
    }
}

/// `x + f(W norm(x) + b)`
#[derive(Module, Debug)]
struct ResidualLayer<B: Backend> {
    norm: LayerNorm<B>,
    linear: Linear<B>,
}

/// A multi-layer perceptron over some past frames.
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
        let mut h = self.activation.of(linear(&self.embed, side_by_side));
        for layer in &self.layers {
            let update = self.activation.of(linear(&layer.linear, layer.norm.forward(h.clone())));
            h = h + self.dropout.forward(update);
        }
        linear(&self.regress, h)
    }

    /// Prepares a fresh network for its data: sets the standardisation and makes the last layer
    /// output the mean target.
    pub fn prepare(&mut self, statistics: &DataStatistics) {
        let device = self.regress.weight.device();
        self.standardise = statistics.standardise(&device);
        self.regress.bias = Some(statistics.mean_target(&device));
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
    fn the_default_has_a_million_weights_and_looks_back_1_5_seconds() {
        let config = MlpConfig::default();
        assert_eq!(config.window(), 91);
        // The 54 means and deviations are not trained, but are stored with the weights.
        assert_eq!(config.init::<Flex>(&FlexDevice).num_params(), 1_135_856);
    }

    #[test]
    fn output_depends_only_on_the_frames_at_the_offsets() {
        Flex::seed(&FlexDevice, 1);
        let network = small().init::<Flex>(&FlexDevice);
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
        let mut network = small().init::<Flex>(&FlexDevice);
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

    #[test]
    fn an_error_names_the_field_that_does_not_fit() {
        for (config, field) in [
            (MlpConfig { offsets: vec![], ..small() }, "offsets"),
            (MlpConfig { offsets: vec![0, 3, 3], ..small() }, "offsets"),
            (MlpConfig { width: 0, ..small() }, "width"),
            (MlpConfig { dropout: 1.0, ..small() }, "dropout"),
        ] {
            assert!(config.check().unwrap_err().contains(field));
        }
    }
}
