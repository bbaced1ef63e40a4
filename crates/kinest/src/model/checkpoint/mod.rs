//! Trained weights on disk: `name.model.ron` describes them, `name.safetensors` holds them.

mod encoding;
mod error;
mod kind;
mod manifest;
mod quantisation;

pub use error::{CheckpointError, TensorProblem, problem_list};
pub use kind::{FieldProblem, ModelKind, PoseEstimation};
pub use manifest::{Manifest, ManifestOf, TrainingRecord, kind_of};
pub use quantisation::{Precision, quantise};

use super::NamedTensors;
use crate::files::write_atomically;
use safetensors::SafeTensors;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Suffix of a manifest's file name.
const MANIFEST_SUFFIX: &str = ".model.ron";

/// A trained model in memory: the manifest and the bytes of the weights file.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckpointOf<K: ModelKind> {
    /// Describes the weights.
    pub manifest: ManifestOf<K>,
    weights: Vec<u8>,
}

/// A checkpoint of a pose model.
pub type Checkpoint = CheckpointOf<PoseEstimation>;

impl<K: ModelKind> CheckpointOf<K> {
    /// A checkpoint with the given tensors; fills in the manifest's `precision` and hash.
    ///
    /// # Errors
    /// If a weight is not finite in that precision.
    pub fn new(
        mut manifest: ManifestOf<K>,
        tensors: &NamedTensors,
        precision: Precision,
    ) -> Result<Self, CheckpointError> {
        let weights = encoding::encode(tensors, precision, &manifest.weights)?;
        manifest.precision = precision;
        manifest.sha256 = sha256(&weights);
        Ok(Self { manifest, weights })
    }

    /// Reads a manifest and the weights file beside it, and checks the hash.
    ///
    /// # Errors
    /// If a file is missing or malformed, or the weights do not match the manifest's hash.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let path = path.as_ref();
        let io = |action, path: &Path| {
            let path = path.to_path_buf();
            move |source| CheckpointError::Io { action, path, source }
        };
        let text = std::fs::read_to_string(path).map_err(io("cannot read manifest", path))?;
        let manifest = ManifestOf::parse(&text, path)?;
        let weights_path = path.with_file_name(&manifest.weights);
        let weights =
            std::fs::read(&weights_path).map_err(io("cannot read weights", &weights_path))?;
        Self::with_manifest(manifest, weights)
    }

    /// A checkpoint from the text of a manifest and the bytes of its weights file.
    ///
    /// # Errors
    /// As [`CheckpointOf::load`].
    pub fn from_bytes(manifest: &str, weights: Vec<u8>) -> Result<Self, CheckpointError> {
        Self::with_manifest(Self::parse_manifest(manifest)?, weights)
    }

    /// Parses the text of a manifest.
    ///
    /// # Errors
    /// If it is not the RON of a manifest in the format that this version reads.
    pub fn parse_manifest(text: &str) -> Result<ManifestOf<K>, CheckpointError> {
        ManifestOf::parse(text, Path::new("(text)"))
    }

    /// A checkpoint from a manifest and the bytes of its weights file; checks the hash.
    ///
    /// # Errors
    /// If the weights do not match the manifest's hash or are not safetensors.
    pub fn with_manifest(
        manifest: ManifestOf<K>,
        weights: Vec<u8>,
    ) -> Result<Self, CheckpointError> {
        let found = sha256(&weights);
        if found != manifest.sha256 {
            return Err(CheckpointError::Hash {
                name: manifest.weights,
                expected: manifest.sha256,
                found,
            });
        }
        if let Err(source) = SafeTensors::deserialize(&weights) {
            return Err(CheckpointError::Safetensors { name: manifest.weights, source });
        }
        Ok(Self { manifest, weights })
    }

    /// Writes `name.model.ron` and `name.safetensors`, each atomically.
    ///
    /// # Errors
    /// If `path` does not end in `.model.ron` or a file cannot be written.
    pub fn save(&mut self, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
        let path = path.as_ref();
        self.manifest.weights = format!("{}.safetensors", stem(path)?);
        self.write(path)
    }

    /// Writes `name.model.ron` and `name.VERSION.safetensors`, replacing an older version.
    ///
    /// The manifest at `path` has its weights beside it at all times, even if the program is
    /// killed: first the new weights are written under a new name, then the manifest that names
    /// them, and then the old weights are deleted.
    ///
    /// # Errors
    /// If `path` does not end in `.model.ron` or a file cannot be written.
    pub fn save_version(
        &mut self,
        path: impl AsRef<Path>,
        version: &str,
    ) -> Result<(), CheckpointError> {
        let path = path.as_ref();
        let old = std::fs::read_to_string(path).ok();
        let old = old.and_then(|text| ManifestOf::<K>::parse(&text, path).ok());
        self.manifest.weights = format!("{}.{version}.safetensors", stem(path)?);
        self.write(path)?;
        if let Some(old) = old.filter(|old| old.weights != self.manifest.weights) {
            // If it fails, the old weights only take up space.
            let _ = std::fs::remove_file(path.with_file_name(old.weights));
        }
        Ok(())
    }

    fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let style = ron::ser::PrettyConfig::new().depth_limit(4).struct_names(false);
        let text = ron::ser::to_string_pretty(&self.manifest, style)?;
        let write = |path: PathBuf, bytes: &[u8]| {
            write_atomically(&path, bytes).map_err(|source| {
                let action = "cannot write";
                CheckpointError::Io { action, path, source }
            })
        };
        write(path.with_file_name(&self.manifest.weights), &self.weights)?;
        write(path.into(), text.as_bytes())
    }

    /// All tensors by name, widened to `f32`.
    ///
    /// # Errors
    /// If the tensors are not exactly those of the network; the error lists every difference.
    pub fn tensors(&self) -> Result<NamedTensors, CheckpointError> {
        let shapes = K::tensors(&self.manifest.network)?;
        encoding::decode(&self.weights, &shapes, &self.manifest.weights)
    }

    /// Total bytes of all tensors, as stored.
    #[must_use]
    pub fn weights_bytes(&self) -> usize {
        SafeTensors::deserialize(&self.weights)
            .map_or(0, |tensors| tensors.iter().map(|(_, tensor)| tensor.data().len()).sum())
    }

    /// Name, shape and data type of every tensor, for display.
    #[must_use]
    pub fn tensor_table(&self) -> Vec<(String, Vec<usize>, String)> {
        SafeTensors::deserialize(&self.weights)
            .map(|tensors| {
                let mut rows: Vec<_> = tensors
                    .iter()
                    .map(|(n, v)| (n.to_string(), v.shape().to_vec(), format!("{:?}", v.dtype())))
                    .collect();
                rows.sort();
                rows
            })
            .unwrap_or_default()
    }
}

/// The file name of a checkpoint without [`MANIFEST_SUFFIX`].
fn stem(path: &Path) -> Result<&str, CheckpointError> {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    name.strip_suffix(MANIFEST_SUFFIX).filter(|s| !s.is_empty()).ok_or_else(|| {
        CheckpointError::Field {
            field: "path",
            problem: format!("{} does not end in {MANIFEST_SUFFIX}", path.display()),
        }
    })
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
