//! Opening a checkpoint for `evaluate` and `predict`.

use anyhow::Context;
use burn_flex::{Flex, FlexDevice};
use kinest::model::Checkpoint;
use kinest::runtime::{BurnEngine, PoseEngine};
use std::path::Path;

/// The model at `path` on the CPU.
///
/// # Errors
/// If it cannot be loaded.
pub fn open(path: &Path) -> anyhow::Result<Box<dyn PoseEngine>> {
    crate::fused::install();
    let checkpoint = Checkpoint::load(path)?;
    let engine = BurnEngine::<Flex>::new(&checkpoint, FlexDevice, "cpu")
        .with_context(|| format!("model {}", path.display()))?;
    Ok(Box::new(engine))
}
