//! Paths of a run's files.

use anyhow::Context;
use kinest::files::write_atomically;
use std::path::{Path, PathBuf};

/// The folder of a run.
#[derive(Clone, Debug)]
pub struct RunFolder(pub PathBuf);

impl RunFolder {
    /// The resolved config.
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
    /// The state for resuming.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.0.join("last.state.safetensors")
    }
    /// The report on one page.
    #[must_use]
    pub fn report(&self) -> PathBuf {
        self.0.join("report.md")
    }
    /// Windows whose loss was not finite.
    #[must_use]
    pub fn bad_windows(&self) -> PathBuf {
        self.0.join("bad_windows.safetensors")
    }
}

/// Writes a file of a run atomically.
pub(super) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_atomically(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
