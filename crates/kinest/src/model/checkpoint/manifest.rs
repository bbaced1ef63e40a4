//! The manifest: what a checkpoint's weights are and how to use them.

use super::error::CheckpointError;
use super::kind::{FieldProblem, ModelKind, PoseEstimation};
use super::quantisation::Precision;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The format this version writes and reads.
pub(super) const FORMAT: u32 = 1;

/// Where weights come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingRecord {
    /// The data, for people.
    pub data: String,
    /// Terms under which weights made from that data may be used.
    pub licence: String,
    /// The credit line the data's owners ask for.
    pub credit: String,
    /// Optimiser steps.
    pub steps: u64,
    /// Seed of the run.
    pub seed: u64,
}

/// What a checkpoint's weights are and how to use them. `network` and `spec` are those of its kind of
/// model; every kind has the other fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "")]
pub struct ManifestOf<K: ModelKind> {
    /// Version of this file's form.
    pub format: u32,
    /// [`ModelKind::NAME`]. Files without it are of pose models.
    #[serde(default = "pose")]
    pub kind: String,
    /// The network.
    pub network: K::Network,
    /// How it is fed and read.
    pub spec: K::Spec,
    /// Name of the weights file beside the manifest.
    pub weights: String,
    /// How the weights are stored.
    pub precision: Precision,
    /// SHA-256 of the weights file, lower-case hexadecimal.
    pub sha256: String,
    /// Where the weights come from.
    #[serde(default)]
    pub training: TrainingRecord,
    /// Figures measured with these weights, by name, such as `online.mpjpe_cm`.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
}

/// The manifest of a model that estimates poses.
pub type Manifest = ManifestOf<PoseEstimation>;

fn pose() -> String {
    PoseEstimation::NAME.into()
}

impl<K: ModelKind> ManifestOf<K> {
    /// A manifest for weights that are still to be added by [`Checkpoint::new`](super::CheckpointOf::new).
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

    /// Reads the text of a manifest; `path` is named in errors.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, CheckpointError> {
        /// Read first, so that a newer file is called newer and not malformed.
        #[derive(Deserialize)]
        struct Head {
            format: u32,
            #[serde(default = "pose")]
            kind: String,
        }
        if let Ok(Head { format, kind }) = ron::from_str(text) {
            if format != FORMAT {
                return Err(CheckpointError::Format { found: format });
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
