//! What can be wrong with a checkpoint.

use super::manifest::FORMAT;
use crate::model::NetworkConfigError;
use safetensors::tensor::SafeTensorError;
use std::fmt::{self, Display};
use std::path::PathBuf;

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
    /// The manifest is of another kind of model.
    #[error("the manifest is of a model for `{found}`, `{expected}` is needed")]
    Kind {
        /// The kind in the file.
        found: String,
        /// The kind that is needed.
        expected: &'static str,
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
