//! State of the panel that games can change.

use bevy::prelude::*;
use std::path::PathBuf;

/// State of the panel. May be changed at any time.
#[derive(Resource, Clone, Debug, PartialEq, Reflect)]
#[reflect(Resource, Default)]
pub struct KinestPanel {
    /// Whether the window is open.
    pub open: bool,
    /// The avatar to show; if it does not exist, the first one.
    pub avatar: Option<Entity>,
    /// Length of the plot, seconds.
    pub seconds: f64,
    /// The file that trackers are recorded to.
    pub recording: PathBuf,
    /// Whether recordings include poses.
    pub record_poses: bool,
}

impl Default for KinestPanel {
    fn default() -> Self {
        Self {
            open: true,
            avatar: None,
            seconds: 10.0,
            recording: "trackers.jsonl".into(),
            record_poses: true,
        }
    }
}
