//! `.npz` archives: a zip with one NumPy array in each `NAME.npy`.

use super::npy::Header;
use std::io::{Read, Seek};
use zip::ZipArchive;
use zip::result::ZipError;

/// An array is missing or has invalid contents.
#[derive(Debug, thiserror::Error)]
#[error("field `{field}`: {problem}")]
pub struct ArrayError {
    /// Name of the array.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

/// An open archive. Reads only the arrays asked for, and never unpickles objects.
#[derive(Debug)]
pub struct NpzArchive<R>(ZipArchive<R>);

impl<R: Read + Seek> NpzArchive<R> {
    /// Opens an archive.
    ///
    /// # Errors
    /// If `source` is not a zip archive, or is truncated.
    pub fn new(source: R) -> Result<Self, ZipError> {
        ZipArchive::new(source).map(Self)
    }

    /// Whether there is an array of this name.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.0.index_for_name(&format!("{field}.npy")).is_some()
    }

    /// Shape and numbers of an array, in row-major order. `expected` returns a description of the
    /// right shape if it is given a wrong one.
    ///
    /// # Errors
    /// If the array is missing, damaged or of the wrong shape, or does not hold plain numbers.
    pub fn array(
        &mut self,
        field: &'static str,
        expected: impl Fn(&[u64]) -> Option<&'static str>,
    ) -> Result<(Vec<u64>, Vec<f64>), ArrayError> {
        self.read(field, expected).map_err(|problem| ArrayError { field, problem })
    }

    fn read(
        &mut self,
        field: &str,
        expected: impl Fn(&[u64]) -> Option<&'static str>,
    ) -> Result<(Vec<u64>, Vec<f64>), String> {
        if !self.has(field) {
            return Err("missing".into());
        }
        let mut entry = self.0.by_name(&format!("{field}.npy")).map_err(|e| e.to_string())?;
        let header = Header::read(&mut entry)?;
        if let Some(expected) = expected(&header.shape) {
            return Err(format!("expected shape {expected}, found {}", header.shape_text()));
        }
        let values = header.read_values(&mut entry)?;
        Ok((header.shape, values))
    }
}
