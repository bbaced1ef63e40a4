//! What a caller needs to know about a model of alignment to feed it.

use super::level::Level;
use serde::{Deserialize, Serialize};

/// The inputs of a model of alignment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlignSpec {
    /// Frames per second of motions.
    pub rate_hz: f64,
    /// Most words of a text at each level, of which the rest is not read.
    pub words: [usize; 3],
}

impl Default for AlignSpec {
    fn default() -> Self {
        Self { rate_hz: 20.0, words: [40, 72, 72] }
    }
}

impl AlignSpec {
    /// What is wrong with it: the field and the problem.
    pub(in crate::model) fn problem(&self) -> Option<(&'static str, String)> {
        if !(self.rate_hz.is_finite() && self.rate_hz > 0.0) {
            return Some(("spec.rate_hz", format!("{} is not a rate", self.rate_hz)));
        }
        let level = Level::ALL.into_iter().find(|level| self.words[level.index()] == 0)?;
        Some(("spec.words", format!("no word of the {} text would be read", level.name())))
    }
}
