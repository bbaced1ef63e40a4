//! Kinds of model: what a manifest has besides its head.

use crate::model::{Feed, ModelSpec, NetworkConfig, NetworkConfigError, TensorShapes};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// What a model is for, and so what its manifest says of network and use.
pub trait ModelKind: Clone + Debug + PartialEq {
    /// The word for it in manifests.
    const NAME: &'static str;
    /// The network and every dimension of it.
    type Network: Clone + Debug + PartialEq + Serialize + DeserializeOwned;
    /// How it is fed and read.
    type Spec: Clone + Debug + PartialEq + Serialize + DeserializeOwned;

    /// Checks that network and spec belong together.
    ///
    /// # Errors
    /// If they do not; the problem names the field of the manifest.
    fn check(network: &Self::Network, spec: &Self::Spec) -> Result<(), FieldProblem>;

    /// Names and shapes of the network's tensors.
    ///
    /// # Errors
    /// If the network's dimensions do not fit together.
    fn tensors(network: &Self::Network) -> Result<TensorShapes, NetworkConfigError>;
}

/// A field of a manifest that cannot be, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field, with those it is inside.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

/// Trackers in, the rotations of a body's joints out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoseEstimation;

impl ModelKind for PoseEstimation {
    const NAME: &'static str = "pose";
    type Network = NetworkConfig;
    type Spec = ModelSpec;

    fn check(network: &NetworkConfig, spec: &ModelSpec) -> Result<(), FieldProblem> {
        let field = |field, problem| Err(FieldProblem { field, problem });
        if !(spec.rate_hz.is_finite() && spec.rate_hz > 0.0) {
            return field("spec.rate_hz", format!("{} is not a rate", spec.rate_hz));
        }
        if spec.window != network.window() {
            let window = network.window();
            return field("spec.window", format!("{} but the network's is {window}", spec.window));
        }
        if spec.feed != network.feed() {
            let feed = network.feed();
            return field("spec.feed", format!("{:?} but the network's is {feed:?}", spec.feed));
        }
        if spec.feed != Feed::Windows && spec.layout.axes.moves_with_window() {
            let axes = spec.layout.axes;
            return field("spec.layout.frame", format!("{axes:?} cannot be fed frame by frame"));
        }
        let (inputs, outputs) = network.inputs_and_outputs();
        if inputs != spec.layout.inputs() || outputs != spec.layout.targets() {
            return field(
                "network",
                format!(
                    "{inputs} inputs and {outputs} outputs, the layout has {} and {}",
                    spec.layout.inputs(),
                    spec.layout.targets()
                ),
            );
        }
        Ok(())
    }

    fn tensors(network: &NetworkConfig) -> Result<TensorShapes, NetworkConfigError> {
        network.check()?;
        Ok(network.tensors())
    }
}
