//! What a caller must know of a model to feed it and to read it.

use crate::features::FeatureLayout;
use crate::skeleton::Skeleton;
use serde::{Deserialize, Serialize};

/// How a model is fed and read: everything but the network itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// Meaning of the input and output numbers.
    pub layout: FeatureLayout,
    /// Frames per second of the window.
    pub rate_hz: f64,
    /// Frames the network sees at once.
    pub window: usize,
    /// The body the model was trained with.
    pub skeleton: Skeleton,
}

/// Which frames of each window's output are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// Every frame that the network answers: for most networks the whole window, and all frames but
    /// the newest have seen some of their future (offline).
    All,
    /// The newest frame only (online).
    Newest,
}
