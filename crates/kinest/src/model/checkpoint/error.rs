//! Errors of checkpoints.

use crate::model::NetworkConfigError;
use safetensors::tensor::SafeTensorError;
use std::fmt::{self, Display};
use std::path::PathBuf;

/// What is wrong with one tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum TensorProblem {
    /// The file lacks a tensor that the network needs.
    Missing {
        /// Name of the tensor.
        name: String,
        /// Shape that the network needs.
        shape: Vec<usize>,
    },
    /// The file has a tensor that the network does not have.
    Unexpected {
        /// Name of the tensor.
        name: String,
    },
    /// The shape is wrong.
    Shape {
        /// Name of the tensor.
        name: String,
        /// Shape that the network needs.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },
    /// The data type is not one that weights are stored in.
    Dtype {
        /// Name of the tensor.
        name: String,
        /// Data type in the file.
        found: String,
    },
    /// It holds NaN or infinity.
    NotFinite {
        /// Name of the tensor.
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
#[must_use]
pub fn problem_list(problems: &[TensorProblem]) -> String {
    problems.iter().map(|p| format!("\n  {p}")).collect()
}

/// Why a checkpoint could not be read, written or used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// A file could not be read or written.
    #[error("{action} {path}")]
    Io {
        /// The attempted action.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: std::io::Error,
    },
    /// The manifest is not valid RON of the expected form.
    #[error("manifest {path}: {source}")]
    Ron {
        /// The manifest.
        path: PathBuf,
        /// What is wrong, and where.
        #[source]
        source: Box<ron::error::SpannedError>,
    },
    /// The manifest could not be written as RON.
    #[error("manifest cannot be written")]
    WriteRon(#[from] ron::Error),
    /// The manifest has a format that this version does not read.
    #[error("manifest format {found} is not the {known} this version reads")]
    Format {
        /// The format in the file.
        found: u32,
        /// The version this program reads.
        known: u32,
    },
    /// The manifest is of another kind of model.
    #[error("the manifest is of a model for `{found}`, `{expected}` is needed")]
    Kind {
        /// The kind in the file.
        found: String,
        /// The kind that was expected.
        expected: &'static str,
    },
    /// A field of the manifest has an invalid value.
    #[error("manifest field `{field}`: {problem}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The weights do not match the manifest's hash.
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
    /// The tensors are not those of the network.
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
