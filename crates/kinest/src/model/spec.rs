//! What a caller must know of a model to feed it and to read it.

use crate::features::FeatureLayout;
use crate::skeleton::Skeleton;
use serde::{Deserialize, Serialize};

/// How a network is given the frames it sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Feed {
    /// The newest [`ModelSpec::window`] frames at once, each time anew.
    #[default]
    Windows,
    /// Each frame once, in order: the network remembers what it needs.
    Frames {
        /// The answer to a frame describes the frame so many before it.
        look_ahead: usize,
    },
}

impl Feed {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How a model is fed and read: everything but the network itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// Meaning of the input and output numbers.
    pub layout: FeatureLayout,
    /// Frames per second of the window.
    pub rate_hz: f64,
    /// Frames the network is given at once.
    pub window: usize,
    /// How it is given them.
    #[serde(default, skip_serializing_if = "Feed::is_default")]
    pub feed: Feed,
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
