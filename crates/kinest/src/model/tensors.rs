//! Names and shapes of a network's tensors, derived from its dimensions.

use std::collections::BTreeMap;

/// `f32` tensors by name: shape and values, row-major.
pub type NamedTensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// The tensors a network needs: name and shape of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TensorShapes(BTreeMap<String, Vec<usize>>);

impl TensorShapes {
    /// Adds the tensor `name`.
    pub fn add<const D: usize>(&mut self, name: String, shape: [usize; D]) {
        self.0.insert(name, shape.into());
    }

    /// Adds a matrix `[inputs, outputs]` and its bias `[outputs]`.
    pub fn linear(&mut self, at: &str, inputs: usize, outputs: usize) {
        self.add(format!("{at}.weight"), [inputs, outputs]);
        self.add(format!("{at}.bias"), [outputs]);
    }

    /// Adds a layer normalisation over `width` numbers.
    pub fn layer_norm(&mut self, at: &str, width: usize) {
        self.add(format!("{at}.gamma"), [width]);
        self.add(format!("{at}.beta"), [width]);
    }

    /// Adds a batch normalisation of `width` numbers.
    pub fn batch_norm(&mut self, at: &str, width: usize) {
        self.layer_norm(at, width);
        self.add(format!("{at}.running_mean"), [width]);
        self.add(format!("{at}.running_variance"), [width]);
    }

    /// Adds mean and standard deviation of `width` input numbers.
    pub fn standardise(&mut self, width: usize) {
        self.add("standardise.mean".into(), [width]);
        self.add("standardise.std".into(), [width]);
    }

    /// Adds the tensors of a network that is part of this one, at `at`.
    pub fn nest(&mut self, at: &str, inner: Self) {
        let named = inner.0.into_iter().map(|(name, shape)| (format!("{at}.{name}"), shape));
        self.0.extend(named);
    }

    /// Name and shape of each tensor, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.0.iter().map(|(name, shape)| (name.as_str(), shape.as_slice()))
    }

    /// Whether a tensor with this name is needed.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}
