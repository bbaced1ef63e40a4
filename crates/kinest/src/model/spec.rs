//! What a caller needs to know about a model to feed it and to read its output.

use crate::features::FeatureLayout;
use crate::skeleton::Skeleton;
use serde::{Deserialize, Serialize};

/// How a network is fed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Feed {
    /// The newest [`ModelSpec::window`] frames together, each time anew.
    #[default]
    Windows,
    /// Each frame once, in order: the network keeps a state.
    Frames {
        /// Frames between the newest input and the frame that the output describes.
        look_ahead: usize,
    },
}

impl Feed {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A model's inputs, outputs and feed: everything except the network itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// Meaning of the input and output numbers.
    pub layout: FeatureLayout,
    /// Frames per second of the window.
    pub rate_hz: f64,
    /// Frames per window.
    pub window: usize,
    /// How the network is fed.
    #[serde(default, skip_serializing_if = "Feed::is_default")]
    pub feed: Feed,
    /// The body the model was trained with.
    pub skeleton: Skeleton,
}

/// Which frames of a window's output are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// Every frame that the network outputs: for most networks the whole window, in which all
    /// frames but the newest have seen some of their future (offline).
    All,
    /// The newest frame only (online).
    Newest,
}
