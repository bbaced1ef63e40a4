//! Kinds of model: the part of a manifest below its common head.

use crate::model::{Feed, ModelSpec, NetworkConfig, NetworkConfigError, TensorShapes};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// A model's purpose, which determines the types of its manifest's `network` and `spec`.
pub trait ModelKind: Clone + Debug + PartialEq {
    /// Name of the kind in manifests.
    const NAME: &'static str;
    /// The network with all its dimensions.
    type Network: Clone + Debug + PartialEq + Serialize + DeserializeOwned;
    /// Its inputs, outputs and feed.
    type Spec: Clone + Debug + PartialEq + Serialize + DeserializeOwned;

    /// Checks that network and spec are consistent.
    ///
    /// # Errors
    /// If they are not; the problem names the manifest's field.
    fn check(network: &Self::Network, spec: &Self::Spec) -> Result<(), FieldProblem>;

    /// Names and shapes of the network's tensors.
    ///
    /// # Errors
    /// If the network's dimensions do not fit together.
    fn tensors(network: &Self::Network) -> Result<TensorShapes, NetworkConfigError>;
}

/// A manifest field with an invalid value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field, with the fields that contain it.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

/// Pose models: trackers in, rotations of a body's joints out.
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
        if inputs != spec.layout.inputs() || outputs != spec.layout.outputs() {
            return field(
                "network",
                format!(
                    "{inputs} inputs and {outputs} outputs, the layout has {} and {}",
                    spec.layout.inputs(),
                    spec.layout.outputs()
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
