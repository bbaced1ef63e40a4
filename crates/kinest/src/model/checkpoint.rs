//! Trained weights on disk: `name.model.ron` says what they are, `name.safetensors` holds them.

use super::{Feed, ModelSpec, Network, NetworkConfig, NetworkConfigError};
use crate::files::write_atomically;
use burn::module::ParamId;
use burn::tensor::TensorData;
use burn::tensor::backend::Backend;
use burn_store::{ModuleSnapshot, TensorSnapshot};
use half::f16;
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

/// The format this version writes and reads.
const FORMAT: u32 = 1;

/// What ends the name of a checkpoint's manifest.
const MANIFEST_SUFFIX: &str = ".model.ron";

/// How weights are stored. Sums of products with them are always in f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precision {
    /// 32-bit.
    #[default]
    F32,
    /// 16-bit IEEE half: half the file, relative error 5e-4 per weight.
    F16,
    /// Matrices in 8 bits, a quarter of the file: what leads to one output are whole multiples, up to
    /// 127, of one number. All else has 32 bits.
    Int8,
}

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

/// What a checkpoint's weights are and how to use them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this file's form.
    pub format: u32,
    /// The network.
    pub network: NetworkConfig,
    /// How it is fed and read.
    pub spec: ModelSpec,
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

impl Manifest {
    /// A manifest for weights that are still to be added by [`Checkpoint::new`].
    #[must_use]
    pub fn new(network: NetworkConfig, spec: ModelSpec) -> Self {
        Self {
            format: FORMAT,
            network,
            spec,
            weights: String::new(),
            precision: Precision::F32,
            sha256: String::new(),
            training: TrainingRecord::default(),
            metrics: BTreeMap::new(),
        }
    }
}

/// Something wrong with one tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum TensorProblem {
    /// The network needs it and the file lacks it.
    Missing {
        /// The tensor.
        name: String,
        /// The shape it should have.
        shape: Vec<usize>,
    },
    /// The file has it and the network has no place for it.
    Unexpected {
        /// The tensor.
        name: String,
    },
    /// Its shape is wrong.
    Shape {
        /// The tensor.
        name: String,
        /// What the network needs.
        expected: Vec<usize>,
        /// What the file has.
        found: Vec<usize>,
    },
    /// Its numbers are of a kind that weights are not stored in.
    Dtype {
        /// The tensor.
        name: String,
        /// What the file has.
        found: String,
    },
    /// It holds NaN or infinity.
    NotFinite {
        /// The tensor.
        name: String,
    },
}

impl Display for TensorProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name, shape } => write!(f, "missing `{name}` {shape:?}"),
            Self::Unexpected { name } => write!(f, "unexpected `{name}`"),
            Self::Shape { name, expected, found } => {
                write!(f, "`{name}` has shape {found:?}, expected {expected:?}")
            }
            Self::Dtype { name, found } => write!(f, "`{name}` is stored as {found}"),
            Self::NotFinite { name } => write!(f, "`{name}` holds NaN or infinity"),
        }
    }
}

/// All problems of a weights file, one per line.
pub(super) fn problem_list(problems: &[TensorProblem]) -> String {
    problems.iter().map(|p| format!("\n  {p}")).collect()
}

/// Why a checkpoint could not be read, written or used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// A file could not be read or written.
    #[error("{action} {path}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The manifest is not the RON it should be.
    #[error("manifest {path}: {source}")]
    Ron {
        /// The manifest.
        path: PathBuf,
        /// What is wrong and where.
        #[source]
        source: Box<ron::error::SpannedError>,
    },
    /// The manifest could not be written as RON.
    #[error("manifest cannot be written")]
    WriteRon(#[from] ron::Error),
    /// The manifest is of a version this program does not know.
    #[error("manifest format {found} is not the {FORMAT} this version reads")]
    Format {
        /// The version in the file.
        found: u32,
    },
    /// A field of the manifest cannot be.
    #[error("manifest field `{field}`: {problem}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The weights are not the ones the manifest was written for.
    #[error("weights {name} have SHA-256 {found}, the manifest says {expected}")]
    Hash {
        /// The weights file.
        name: String,
        /// The hash in the manifest.
        expected: String,
        /// The hash of the file.
        found: String,
    },
    /// The weights file is not safetensors.
    #[error("weights {name} are not a valid safetensors file")]
    Safetensors {
        /// The weights file.
        name: String,
        /// What is wrong.
        #[source]
        source: SafeTensorError,
    },
    /// The tensors are not those of the network; all problems at once.
    #[error("weights {name} do not fit the network:{}", problem_list(problems))]
    Tensors {
        /// The weights file.
        name: String,
        /// Every problem.
        problems: Vec<TensorProblem>,
    },
    /// The network's dimensions do not fit together.
    #[error(transparent)]
    Network(#[from] NetworkConfigError),
}

/// A model on its way between disk and a device: the manifest and the bytes of the weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// What the weights are.
    pub manifest: Manifest,
    weights: Vec<u8>,
}

/// Named tensors of f32, row-major.
pub(crate) type NamedTensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

impl Checkpoint {
    /// The checkpoint of a network: `manifest` with `precision` and hash filled in.
    ///
    /// # Errors
    /// If a weight is not finite in that precision.
    pub fn new<B: Backend>(
        manifest: Manifest,
        network: &Network<B>,
        precision: Precision,
    ) -> Result<Self, CheckpointError> {
        Self::from_tensors(manifest, &tensors_of(network), precision)
    }

    pub(super) fn from_tensors(
        mut manifest: Manifest,
        tensors: &NamedTensors,
        precision: Precision,
    ) -> Result<Self, CheckpointError> {
        let mut problems = vec![];
        let mut encoded = BTreeMap::new();
        for (name, (shape, values)) in tensors {
            let halves = || values.iter().map(|v| f16::from_f32(*v));
            let singles = |values: &[f32]| -> (Dtype, Vec<u8>) {
                (Dtype::F32, values.iter().flat_map(|v| v.to_le_bytes()).collect())
            };
            let mut finite = values.iter().all(|v| v.is_finite());
            let (dtype, bytes) = match (precision, shape.as_slice()) {
                (Precision::F16, _) => {
                    finite = halves().all(f16::is_finite);
                    (Dtype::F16, halves().flat_map(f16::to_le_bytes).collect())
                }
                (Precision::Int8, [_, outputs]) if is_matrix(name) => {
                    let (multiples, scales) = quantise(values, *outputs);
                    let (dtype, bytes) = singles(&scales);
                    encoded.insert(scales_of(name), (dtype, vec![*outputs], bytes));
                    (Dtype::I8, multiples.into_iter().map(|v| (v as i8).cast_unsigned()).collect())
                }
                (Precision::F32 | Precision::Int8, _) => singles(values),
            };
            if !finite {
                problems.push(TensorProblem::NotFinite { name: name.clone() });
            }
            encoded.insert(name.clone(), (dtype, shape.clone(), bytes));
        }
        let name = || manifest.weights.clone();
        if !problems.is_empty() {
            return Err(CheckpointError::Tensors { name: name(), problems });
        }
        let safetensors = |source| CheckpointError::Safetensors { name: name(), source };
        let views = encoded
            .iter()
            .map(|(n, (dtype, shape, bytes))| {
                Ok((n.as_str(), TensorView::new(*dtype, shape.clone(), bytes)?))
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(safetensors)?;
        let weights = safetensors::serialize(views, None).map_err(safetensors)?;
        manifest.precision = precision;
        manifest.sha256 = sha256(&weights);
        Ok(Self { manifest, weights })
    }

    /// Reads a manifest and the weights beside it, and checks the hash.
    ///
    /// # Errors
    /// If a file is missing or malformed, or the weights are not the manifest's.
    pub fn load(path: &Path) -> Result<Self, CheckpointError> {
        let io = |action, path: &Path| {
            let path = path.to_path_buf();
            move |source| CheckpointError::Io { action, path, source }
        };
        let text = std::fs::read_to_string(path).map_err(io("cannot read manifest", path))?;
        let manifest = parse_manifest(&text, path)?;
        let weights_path = path.with_file_name(&manifest.weights);
        let weights =
            std::fs::read(&weights_path).map_err(io("cannot read weights", &weights_path))?;
        Self::with_manifest(manifest, weights)
    }

    /// A checkpoint from the text of a manifest and the bytes of its weights.
    ///
    /// # Errors
    /// As [`Checkpoint::load`].
    pub fn from_bytes(manifest: &str, weights: Vec<u8>) -> Result<Self, CheckpointError> {
        Self::with_manifest(Self::parse_manifest(manifest)?, weights)
    }

    /// Reads the text of a manifest.
    ///
    /// # Errors
    /// If it is not the RON of a manifest this version knows.
    pub fn parse_manifest(text: &str) -> Result<Manifest, CheckpointError> {
        parse_manifest(text, Path::new("(text)"))
    }

    /// A checkpoint from its parts; checks the hash.
    ///
    /// # Errors
    /// If the weights are not the manifest's or not safetensors.
    pub fn with_manifest(manifest: Manifest, weights: Vec<u8>) -> Result<Self, CheckpointError> {
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

    /// Writes `name.model.ron` and `name.safetensors`, each to a temporary name first.
    ///
    /// # Errors
    /// If `path` does not end in `.model.ron` or a file cannot be written.
    pub fn save(&mut self, path: &Path) -> Result<(), CheckpointError> {
        self.manifest.weights = format!("{}.safetensors", stem(path)?);
        self.write(path)
    }

    /// Writes `name.model.ron` and `name.VERSION.safetensors` over an older version.
    ///
    /// The manifest at `path` has its weights beside it at every moment, even if the program is
    /// killed: the new weights come first under a name of their own, then the manifest that names
    /// them, and then the weights that the old one named are removed.
    ///
    /// # Errors
    /// If `path` does not end in `.model.ron` or a file cannot be written.
    pub fn save_version(&mut self, path: &Path, version: &str) -> Result<(), CheckpointError> {
        let old = std::fs::read_to_string(path).ok();
        let old = old.and_then(|text| parse_manifest(&text, path).ok());
        self.manifest.weights = format!("{}.{version}.safetensors", stem(path)?);
        self.write(path)?;
        if let Some(old) = old.filter(|old| old.weights != self.manifest.weights) {
            // Left behind, they only take space.
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

    /// The network with these weights on `device`.
    ///
    /// # Errors
    /// If the tensors are not exactly those of the network; every difference is listed.
    pub fn network<B: Backend>(&self, device: &B::Device) -> Result<Network<B>, CheckpointError> {
        let mut network = self.manifest.network.init::<B>(device)?;
        let name = || self.manifest.weights.clone();
        let tensors = SafeTensors::deserialize(&self.weights)
            .map_err(|source| CheckpointError::Safetensors { name: name(), source })?;

        let mut problems = vec![];
        let mut snapshots = vec![];
        let mut known = std::collections::BTreeSet::new();
        for expected in network.collect(None, None, true) {
            let tensor = expected.full_path();
            let shape = expected.shape.to_vec();
            known.insert(tensor.clone());
            let Ok(view) = tensors.tensor(&tensor) else {
                problems.push(TensorProblem::Missing { name: tensor, shape });
                continue;
            };
            if view.shape() != shape {
                problems.push(TensorProblem::Shape {
                    name: tensor,
                    expected: shape,
                    found: view.shape().to_vec(),
                });
                continue;
            }
            let Some(mut values) = f32_values(&view) else {
                let found = format!("{:?}", view.dtype());
                problems.push(TensorProblem::Dtype { name: tensor, found });
                continue;
            };
            if let (Dtype::I8, Some(outputs)) = (view.dtype(), shape.last()) {
                let name = scales_of(&tensor);
                let scales = tensors.tensor(&name).ok().filter(|s| s.shape() == [*outputs]);
                let Some(scales) = scales.as_ref().and_then(f32_values) else {
                    problems.push(TensorProblem::Missing { name, shape: vec![*outputs] });
                    continue;
                };
                known.insert(name);
                for row in values.chunks_exact_mut(*outputs) {
                    row.iter_mut().zip(&scales).for_each(|(value, scale)| *value *= scale);
                }
            }
            if !values.iter().all(|v| v.is_finite()) {
                problems.push(TensorProblem::NotFinite { name: tensor });
                continue;
            }
            snapshots.push(snapshot(&tensor, values, shape));
        }
        for tensor in tensors.names() {
            if !known.contains(tensor) {
                problems.push(TensorProblem::Unexpected { name: tensor.to_string() });
            }
        }
        if !problems.is_empty() {
            return Err(CheckpointError::Tensors { name: name(), problems });
        }
        network.apply(snapshots, None, None, true);
        Ok(network)
    }

    /// Bytes of all tensors together, as they are stored.
    #[must_use]
    pub fn weights_bytes(&self) -> usize {
        SafeTensors::deserialize(&self.weights)
            .map_or(0, |tensors| tensors.iter().map(|(_, tensor)| tensor.data().len()).sum())
    }

    /// Name, shape and kind of every tensor, for people.
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

/// The name of a checkpoint without what ends it.
fn stem(path: &Path) -> Result<&str, CheckpointError> {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    name.strip_suffix(MANIFEST_SUFFIX).filter(|s| !s.is_empty()).ok_or_else(|| {
        CheckpointError::Field {
            field: "path",
            problem: format!("{} does not end in {MANIFEST_SUFFIX}", path.display()),
        }
    })
}

/// Every weight of a network by name, widened to f32.
pub(crate) fn tensors_of<B: Backend>(network: &Network<B>) -> NamedTensors {
    let named = |snapshot: TensorSnapshot| {
        let shape = snapshot.shape.to_vec();
        let data = snapshot.to_data().ok()?.convert::<f32>();
        Some((snapshot.full_path(), (shape, data.to_vec().ok()?)))
    };
    network.collect(None, None, true).into_iter().filter_map(named).collect()
}

fn snapshot(name: &str, values: Vec<f32>, shape: Vec<usize>) -> TensorSnapshot {
    let path = name.split('.').map(String::from).collect();
    TensorSnapshot::from_data(TensorData::new(values, shape), path, vec![], ParamId::new())
}

/// Whether a tensor of two dimensions is what tokens are multiplied with.
fn is_matrix(name: &str) -> bool {
    name.ends_with(".weight") && !name.ends_with("time_mixer.weight")
}

/// The tensor that has the scales of an 8-bit one.
fn scales_of(name: &str) -> String {
    format!("{name}.scale")
}

/// A matrix with so many outputs as whole numbers up to 127, and what each output's are multiples of.
pub(crate) fn quantise(weight: &[f32], outputs: usize) -> (Vec<f32>, Vec<f32>) {
    let mut scales = vec![0.0_f32; outputs];
    for row in weight.chunks_exact(outputs) {
        scales.iter_mut().zip(row).for_each(|(scale, v)| *scale = scale.max(v.abs() / 127.0));
    }
    let multiple = |(i, value): (usize, &f32)| match scales[i % outputs] {
        0.0 => 0.0,
        scale => (value / scale).round(),
    };
    (weight.iter().enumerate().map(multiple).collect(), scales)
}

fn f32_values(view: &TensorView<'_>) -> Option<Vec<f32>> {
    let bytes = view.data();
    match view.dtype() {
        Dtype::F32 => Some(
            bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        ),
        Dtype::F16 => {
            Some(bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect())
        }
        Dtype::I8 => Some(bytes.iter().map(|b| f32::from(b.cast_signed())).collect()),
        _ => None,
    }
}

fn parse_manifest(text: &str, path: &Path) -> Result<Manifest, CheckpointError> {
    /// Read first, so that a newer file is called newer and not malformed.
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let ron = |source| CheckpointError::Ron { path: path.into(), source: Box::new(source) };
    if let Ok(Version { format: found }) = ron::from_str(text)
        && found != FORMAT
    {
        return Err(CheckpointError::Format { found });
    }
    let manifest: Manifest = ron::from_str(text).map_err(ron)?;
    let field = |field, problem| Err(CheckpointError::Field { field, problem });
    let spec = &manifest.spec;
    if !(spec.rate_hz.is_finite() && spec.rate_hz > 0.0) {
        return field("spec.rate_hz", format!("{} is not a rate", spec.rate_hz));
    }
    if spec.window != manifest.network.window() {
        let network = manifest.network.window();
        return field("spec.window", format!("{} but the network's is {network}", spec.window));
    }
    if spec.feed != manifest.network.feed() {
        let network = manifest.network.feed();
        return field("spec.feed", format!("{:?} but the network's is {network:?}", spec.feed));
    }
    if spec.feed != Feed::Windows && spec.layout.axes.moves_with_window() {
        let axes = spec.layout.axes;
        return field("spec.layout.frame", format!("{axes:?} cannot be fed frame by frame"));
    }
    let (inputs, outputs) = manifest.network.inputs_and_outputs();
    if inputs != spec.layout.inputs() || outputs != crate::features::TARGETS {
        return field(
            "network",
            format!(
                "{inputs} inputs and {outputs} outputs, the layout has {} and {}",
                spec.layout.inputs(),
                crate::features::TARGETS
            ),
        );
    }
    if manifest.weights.contains(['/', '\\']) {
        return field("weights", format!("{:?} is not a bare file name", manifest.weights));
    }
    Ok(manifest)
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
