//! Models: the network's dimensions, its inputs and outputs, and its files.
//!
//! Nothing here computes. The crates `kinest_nn` (Burn) and `kinest_native` (plain loops on the
//! CPU) build a running network from a [`Checkpoint`], which is a [`Manifest`] with the bytes of
//! its weights. Other kinds of model share the head of the manifest and have their own
//! [`ModelKind`].

pub mod align;
mod checkpoint;
mod engine_error;
pub mod forecast;
pub mod generate;
mod kinest;
mod mamba2;
mod mlp;
mod network;
mod spec;
mod tensors;
pub mod tokens;
mod transformer;

pub use checkpoint::{
    Checkpoint, CheckpointError, CheckpointOf, FieldProblem, Manifest, ManifestOf, ModelKind,
    PoseEstimation, Precision, TensorProblem, TrainingRecord, kind_of, problem_list, quantise,
};
pub use engine_error::EngineError;
pub use kinest::{CausalConfig, KinestConfig, ScanChain};
pub use mamba2::Mamba2Config;
pub use mlp::{Activation, MlpConfig};
pub use network::{NetworkConfig, NetworkConfigError};
pub use spec::{Feed, ModelSpec, Take};
pub use tensors::{NamedTensors, TensorShapes};
pub use transformer::TransformerConfig;
