//! What a caller needs to know about a forecaster to feed it and to read its output.

use serde::{Deserialize, Serialize};

/// A forecaster's inputs and outputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForecastSpec {
    /// Meaning of the numbers of a frame, observed or predicted.
    pub layout: ForecastLayout,
    /// Frames per second.
    pub rate_hz: f64,
    /// Frames it sees.
    pub history: usize,
    /// Frames it predicts.
    pub horizon: usize,
}

/// Meaning of the numbers of a frame: x, y and z of the moving joints of a benchmark's skeleton,
/// relative to its root, in millimetres as in its tables. Where the body stands and which way it
/// faces is not in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForecastLayout {
    /// 25 of the 38 joints of the CMU benchmark.
    Cmu38,
    /// 22 of the 32 joints of Human3.6M.
    H36m,
    /// The 23 joints of 3DPW below the root, in SMPL order.
    ThreeDpw,
}

impl ForecastLayout {
    /// Joints per frame.
    #[must_use]
    pub fn joints(self) -> usize {
        match self {
            Self::Cmu38 => 25,
            Self::H36m => 22,
            Self::ThreeDpw => 23,
        }
    }

    /// Numbers per frame.
    #[must_use]
    pub fn numbers(self) -> usize {
        3 * self.joints()
    }
}
