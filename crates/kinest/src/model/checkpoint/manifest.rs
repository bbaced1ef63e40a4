//! The manifest: describes a checkpoint's weights and how to use them.

use super::error::CheckpointError;
use super::kind::{FieldProblem, ModelKind, PoseEstimation};
use super::quantisation::Precision;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The format that this version writes and reads.
pub(super) const FORMAT: u32 = 1;

/// Origin of the weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingRecord {
    /// Description of the training data.
    pub data: String,
    /// Licence of weights made from that data.
    pub licence: String,
    /// Credit line that the data's owners ask for.
    pub credit: String,
    /// Names of the actions in it, where the data has such names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// Optimiser steps.
    pub steps: u64,
    /// Seed of the run.
    pub seed: u64,
}

/// Describes a checkpoint's weights and how to use them. The types of `network` and `spec` depend
/// on the kind of model; all other fields are common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "")]
pub struct ManifestOf<K: ModelKind> {
    /// Format of the manifest.
    pub format: u32,
    /// [`ModelKind::NAME`]. Files without it are pose models.
    #[serde(default = "pose")]
    pub kind: String,
    /// The network.
    pub network: K::Network,
    /// Its inputs, outputs and feed.
    pub spec: K::Spec,
    /// File name of the weights beside the manifest.
    pub weights: String,
    /// Precision in which the weights are stored.
    pub precision: Precision,
    /// SHA-256 of the weights file, lower-case hexadecimal.
    pub sha256: String,
    /// Origin of the weights.
    #[serde(default)]
    pub training: TrainingRecord,
    /// Figures measured with these weights, by name, such as `online.mpjpe_cm`.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
}

/// The manifest of a pose model.
pub type Manifest = ManifestOf<PoseEstimation>;

fn pose() -> String {
    PoseEstimation::NAME.into()
}

/// What every kind of manifest has.
#[derive(Deserialize)]
struct Head {
    format: u32,
    #[serde(default = "pose")]
    kind: String,
}

/// The kind of the model at `path`, see [`ModelKind::NAME`]. A file that is not a manifest counts
/// as a pose model, so that loading it says what is wrong with it.
///
/// # Errors
/// If it cannot be read.
pub fn kind_of(path: impl AsRef<Path>) -> Result<String, CheckpointError> {
    let path = path.as_ref();
    let text = std::fs::read_to_string(path).map_err(|source| {
        let action = "cannot read manifest";
        CheckpointError::Io { action, path: path.into(), source }
    })?;
    Ok(ron::from_str(&text).map_or_else(|_| pose(), |Head { kind, .. }| kind))
}

impl<K: ModelKind> ManifestOf<K> {
    /// A manifest to which [`Checkpoint::new`](super::CheckpointOf::new) will add weights.
    #[must_use]
    pub fn new(network: K::Network, spec: K::Spec) -> Self {
        Self {
            format: FORMAT,
            kind: K::NAME.into(),
            network,
            spec,
            weights: String::new(),
            precision: Precision::F32,
            sha256: String::new(),
            training: TrainingRecord::default(),
            metrics: BTreeMap::new(),
        }
    }

    /// Parses the text of a manifest; errors name `path`.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, CheckpointError> {
        // First, so that a newer format is reported as such and not as malformed.
        if let Ok(Head { format, kind }) = ron::from_str(text) {
            if format != FORMAT {
                return Err(CheckpointError::Format { found: format, known: FORMAT });
            }
            if kind != K::NAME {
                return Err(CheckpointError::Kind { found: kind, expected: K::NAME });
            }
        }
        let manifest: Self = ron::from_str(text).map_err(|source| CheckpointError::Ron {
            path: path.into(),
            source: Box::new(source),
        })?;
        let field = |field, problem| CheckpointError::Field { field, problem };
        K::check(&manifest.network, &manifest.spec)
            .map_err(|FieldProblem { field: name, problem }| field(name, problem))?;
        if manifest.weights.contains(['/', '\\']) {
            let problem = format!("{:?} is not a bare file name", manifest.weights);
            return Err(field("weights", problem));
        }
        Ok(manifest)
    }
}
