//! What a caller needs to know about a generator to feed it.

use crate::model::align::AlignSpec;
use serde::{Deserialize, Serialize};

/// The texts and motions of a generator.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GenerateSpec {
    /// Frames per second of motions.
    pub rate_hz: f64,
    /// Most words of a text at each level, of which the rest is not read.
    pub words: [usize; 3],
}

impl Default for GenerateSpec {
    fn default() -> Self {
        Self { rate_hz: 30.0, words: AlignSpec::default().words }
    }
}

impl GenerateSpec {
    /// The same, as a [`TextBatch`](crate::align::TextBatch) is told it.
    #[must_use]
    pub fn texts(&self) -> AlignSpec {
        AlignSpec { rate_hz: self.rate_hz, words: self.words }
    }
}
