//! What a checkpoint says about the run that writes it.

use kinest::model::{CheckpointOf, ModelKind, TrainingRecord};
use std::path::Path;

/// The record of a run with `seed`; `data` describes its data if `record` does not.
pub(super) fn recorded(record: &TrainingRecord, data: String, seed: u64) -> TrainingRecord {
    let data = if record.data.is_empty() { data } else { record.data.clone() };
    TrainingRecord { data, seed, ..record.clone() }
}

/// Writes a checkpoint after `step` steps, with its record and its scores.
pub(super) fn save<K: ModelKind>(
    mut checkpoint: CheckpointOf<K>,
    record: TrainingRecord,
    path: &Path,
    step: u64,
    scores: &[(&'static str, f64)],
) -> anyhow::Result<()> {
    let manifest = &mut checkpoint.manifest;
    manifest.training = TrainingRecord { steps: step, ..record };
    // The loss depends on its weights: it is no figure of the model.
    let scores = scores.iter().filter(|(name, _)| *name != "loss");
    manifest.metrics.extend(scores.map(|(name, value)| (format!("validation.{name}"), *value)));
    Ok(checkpoint.save_version(path, &step.to_string())?)
}
