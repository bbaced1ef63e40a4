//! Where the files of a run lie.

use anyhow::Context;
use kinest::files::write_atomically;
use std::path::{Path, PathBuf};

/// Paths inside the folder of a run.
#[derive(Clone, Debug)]
pub struct RunFolder(pub PathBuf);

impl RunFolder {
    /// The config as resolved.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.0.join("config.ron")
    }
    /// The newest checkpoint.
    #[must_use]
    pub fn last(&self) -> PathBuf {
        self.0.join("last.model.ron")
    }
    /// The checkpoint with the best validation.
    #[must_use]
    pub fn best(&self) -> PathBuf {
        self.0.join("best.model.ron")
    }
    /// What resuming needs.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.0.join("last.state.safetensors")
    }
    /// The run in one page.
    #[must_use]
    pub fn report(&self) -> PathBuf {
        self.0.join("report.md")
    }
    /// Windows whose loss was not a number.
    #[must_use]
    pub fn bad_windows(&self) -> PathBuf {
        self.0.join("bad_windows.safetensors")
    }
}

/// Writes a file of a run: there whole or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_atomically(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
