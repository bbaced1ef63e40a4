//! Dimensions of the siMLPe network.

use crate::model::TensorShapes;
use serde::{Deserialize, Serialize};

/// Every dimension of a siMLPe network. The default is what its authors use for Human3.6M.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SiMlpeConfig {
    /// Frames it sees.
    pub history: usize,
    /// Frames it predicts.
    pub horizon: usize,
    /// Numbers per frame, such as three for each joint.
    pub numbers: usize,
    /// Residual blocks.
    pub blocks: usize,
}

impl Default for SiMlpeConfig {
    fn default() -> Self {
        Self { history: 50, horizon: 10, numbers: 66, blocks: 48 }
    }
}

impl SiMlpeConfig {
    /// Checks that the dimensions fit together; the error names the field that does not.
    pub(super) fn check(&self) -> Result<(), String> {
        let positive =
            [("history", self.history), ("horizon", self.horizon), ("numbers", self.numbers)];
        match positive.iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => Err(format!("`{name}` is 0")),
            None => Ok(()),
        }
    }

    /// Names and shapes of the network's tensors.
    #[must_use]
    pub fn tensors(&self) -> TensorShapes {
        let mut shapes = TensorShapes::default();
        shapes.linear("embed", self.numbers, self.numbers);
        for i in 0..self.blocks {
            shapes.linear(&format!("blocks.{i}.time_mixer"), self.history, self.history);
            shapes.layer_norm(&format!("blocks.{i}.norm"), self.numbers);
        }
        shapes.linear("regress", self.numbers, self.numbers);
        if self.history != self.horizon {
            shapes.linear("to_horizon", self.history, self.horizon);
        }
        shapes
    }
}
