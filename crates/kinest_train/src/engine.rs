//! Opening a model for `evaluate` and `predict`.

use anyhow::Context;
use kinest::live::PoseEngine;
use kinest::model::Checkpoint;
use kinest_engine::DeviceChoice;
use std::path::Path;

/// Opens the model at `path` on the chosen device, and logs which device `auto` took.
///
/// # Errors
/// If it cannot be loaded, or the device does not work.
pub fn open(path: &Path, device: DeviceChoice) -> anyhow::Result<Box<dyn PoseEngine>> {
    let checkpoint = Checkpoint::load(path)?;
    let engine = kinest_engine::open(&checkpoint, device)
        .with_context(|| format!("model {}", path.display()))?;
    if device == DeviceChoice::Auto {
        eprintln!("{} runs on {}", path.display(), engine.device());
    }
    Ok(engine)
}
