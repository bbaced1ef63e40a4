//! Configuration of the training data, in RON.

use super::augment::Augment;
use kinest::model::TrainingRecord;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Training data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// Folder with AMASS clips, at any depth, or a `.motion` file from `prepare`. `train --data`
    /// overrides it.
    pub folder: PathBuf,
    /// File with one clip per line, relative to `folder`; `None` is all clips.
    pub split: Option<PathBuf>,
    /// How windows are drawn.
    pub sampling: Sampling,
    /// Random changes of each window.
    pub augment: Augment,
    /// Record of the data for the checkpoints.
    pub record: TrainingRecord,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            folder: "data".into(),
            split: None,
            sampling: Sampling::default(),
            augment: Augment::default(),
            record: TrainingRecord::default(),
        }
    }
}

/// How windows are drawn from clips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sampling {
    /// Every clip with equal probability, as in the reference.
    #[default]
    Clips,
    /// Every frame with equal probability: long clips more often than short ones.
    Frames,
    /// Every subset with equal probability, and every frame inside it.
    Subsets,
}
