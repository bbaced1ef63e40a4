//! Which motion a run is trained on, in RON.

use super::augment::Augment;
use kinest::model::TrainingRecord;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Training data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// Folder with AMASS clips, at any depth, or a `.motion` file that `prepare` made. `train --data`
    /// overrides it.
    pub folder: PathBuf,
    /// File with one clip per line, relative to `folder`; none: all clips of the folder or file.
    pub split: Option<PathBuf>,
    /// How windows are drawn.
    pub sampling: Sampling,
    /// What is changed at random about a window.
    pub augment: Augment,
    /// What the checkpoint says of the data.
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
    /// Every clip equally often, as the reference does.
    #[default]
    Clips,
    /// Every moment equally often: long clips more than short ones.
    Frames,
    /// Every subset equally often, in it every moment.
    Subsets,
}
