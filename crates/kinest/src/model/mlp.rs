//! Dimensions of the perceptron.

use super::tensors::TensorShapes;
use serde::{Deserialize, Serialize};

/// The curve between the layers of a perceptron.
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

/// Every dimension of a perceptron. The default has 1.1 million weights.
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

    /// Names and shapes of the network's tensors.
    #[must_use]
    pub fn tensors(&self) -> TensorShapes {
        let mut shapes = TensorShapes::default();
        shapes.standardise(self.inputs);
        shapes.linear("embed", self.offsets.len() * self.inputs, self.width);
        for i in 0..self.layers {
            shapes.layer_norm(&format!("layers.{i}.norm"), self.width);
            shapes.linear(&format!("layers.{i}.linear"), self.width, self.width);
        }
        shapes.linear("regress", self.width, self.outputs);
        shapes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> MlpConfig {
        MlpConfig { offsets: vec![0, 2, 5], width: 16, ..MlpConfig::default() }
    }

    #[test]
    fn the_default_looks_back_a_second_and_a_half() {
        assert_eq!(MlpConfig::default().window(), 91);
    }

    #[test]
    fn names_the_field_that_does_not_fit() {
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
