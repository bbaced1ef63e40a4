//! Errors in files of thresholds and gestures.

use serde::de::DeserializeOwned;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file of thresholds or gestures cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EventsFileError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// The text is not RON of the expected form, or a name or number in it is wrong.
    #[error("{path}:{line}:{column}: {problem}")]
    Content {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1; the error is there or just before.
        column: usize,
        /// What is wrong.
        problem: String,
    },
}

/// The text of the file at `path`.
pub(super) fn read(path: &Path) -> Result<String, EventsFileError> {
    std::fs::read_to_string(path)
        .map_err(|source| EventsFileError::Read { path: path.into(), source })
}

/// Parses RON; `path` stands in errors.
pub(super) fn parse<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T, EventsFileError> {
    let options =
        ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
    options.from_str(text).map_err(|error| EventsFileError::Content {
        path: path.into(),
        line: error.span.start.line,
        column: error.span.start.col,
        problem: error.code.to_string(),
    })
}
