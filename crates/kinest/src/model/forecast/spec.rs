//! What a caller needs to know about a forecaster to feed it and to read its output.

use super::gate::ForecastGate;
use crate::model::EngineError;
use crate::skeleton::SmplJoint;
use serde::{Deserialize, Serialize};

/// A forecaster's inputs and outputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForecastSpec {
    /// Meaning of the numbers of a frame, observed or predicted.
    pub layout: ForecastLayout,
    /// Frames per second.
    pub rate_hz: f64,
    /// Rows of numbers it sees: the frames it [observes](Self::observed), and in some layouts one
    /// more.
    pub history: usize,
    /// Frames it predicts.
    pub horizon: usize,
    /// Where the network is used in place of its baseline; `None` is everywhere. Only for
    /// [`ForecastLayout::Smpl22`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<ForecastGate>,
}

impl ForecastSpec {
    /// Frames of motion that it sees.
    #[must_use]
    pub fn observed(&self) -> usize {
        self.history.saturating_sub(self.layout.stance_rows())
    }

    /// Checks that `found` numbers are `batch` histories.
    ///
    /// # Errors
    /// If they are not.
    pub fn check_histories(&self, batch: usize, found: usize) -> Result<(), EngineError> {
        let expected = batch * self.history * self.layout.numbers();
        match found == expected {
            true => Ok(()),
            false => Err(EngineError::InputLength { batch, expected, found }),
        }
    }
}

/// Meaning of the numbers of a frame.
///
/// The first three are the layouts of benchmarks: x, y and z of the moving joints of their
/// skeletons, relative to the root, in millimetres as in their tables. Where the body stands and
/// which way it faces is not in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForecastLayout {
    /// 25 of the 38 joints of the CMU benchmark.
    Cmu38,
    /// 22 of the 32 joints of Human3.6M.
    H36m,
    /// The 23 joints of 3DPW below the root, in SMPL order.
    ThreeDpw,
    /// The body of a game: how each of SMPL's 22 joints is turned against the newest observed
    /// frame, and how far the root has moved since, preceded by a row that says how the body
    /// stands in that frame. [`BodyAxes`](crate::forecast::BodyAxes) writes and reads them.
    Smpl22,
}

impl ForecastLayout {
    /// Joints per frame.
    #[must_use]
    pub const fn joints(self) -> usize {
        match self {
            Self::Cmu38 => 25,
            Self::H36m => 22,
            Self::ThreeDpw => 23,
            Self::Smpl22 => SmplJoint::COUNT,
        }
    }

    /// Numbers per frame: three for each joint, and three for the place of a body that has one.
    #[must_use]
    pub const fn numbers(self) -> usize {
        match self {
            Self::Cmu38 | Self::H36m | Self::ThreeDpw => 3 * self.joints(),
            Self::Smpl22 => 3 * self.joints() + 3,
        }
    }

    /// Rows of a history that are no motion: they come before its frames.
    #[must_use]
    pub const fn stance_rows(self) -> usize {
        match self {
            Self::Cmu38 | Self::H36m | Self::ThreeDpw => 0,
            Self::Smpl22 => 1,
        }
    }
}
