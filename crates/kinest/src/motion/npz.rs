//! `.npz` archives: a zip with one NumPy array in each `NAME.npy`.

use super::npy::Header;
use std::io::{Read, Seek};
use zip::ZipArchive;
use zip::result::ZipError;

/// Most arrays a message lists.
const MAX_NAMED: usize = 24;

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
        self.index(field).is_some()
    }

    /// As NumPy does, takes an entry without the ending for an array too.
    fn index(&self, field: &str) -> Option<usize> {
        let archive = &self.0;
        archive.index_for_name(&format!("{field}.npy")).or_else(|| archive.index_for_name(field))
    }

    /// Whether PyTorch wrote the archive, which has a pickle and no arrays.
    pub(super) fn is_pytorch(&self) -> bool {
        self.0.file_names().any(|name| name.ends_with("/data.pkl"))
    }

    /// What the archive holds, for messages: name, shape and type of each array.
    #[must_use]
    pub fn contents(&mut self) -> String {
        let mut items = vec![];
        for i in 0..self.0.len().min(MAX_NAMED) {
            // An entry that cannot be opened still has a name.
            let name = self.0.name_for_index(i).unwrap_or_default();
            let name = name.strip_suffix(".npy").unwrap_or(name).escape_debug().to_string();
            let header = self.0.by_index(i).map_err(|e| e.to_string());
            let header = header.and_then(|mut entry| Header::read(&mut entry));
            let about = header.map_or_else(|_| "no array".into(), |header| header.summary());
            items.push(format!("`{name}` {about}"));
        }
        match self.0.len() {
            0 => "nothing".into(),
            all if all > MAX_NAMED => format!("{} and {} more", items.join(", "), all - MAX_NAMED),
            _ => items.join(", "),
        }
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
        let index = self.index(field).ok_or("missing")?;
        let mut entry = self.0.by_index(index).map_err(|e| e.to_string())?;
        let header = Header::read(&mut entry)?;
        if let Some(problem) = header.element_problem() {
            return Err(problem);
        }
        if let Some(expected) = expected(&header.shape) {
            return Err(format!("expected shape {expected}, found {}", header.shape_text()));
        }
        let values = header.read_values(&mut entry)?;
        Ok((header.shape, values))
    }
}
