//! Dimensions of a Mamba-2 block.

use super::tensors::TensorShapes;
use serde::{Deserialize, Serialize};

/// Dimensions of a Mamba-2 block; its width is that of the tokens it is used on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mamba2Config {
    /// State numbers per channel, N.
    pub state: usize,
    /// Taps of the causal convolution.
    pub taps: usize,
    /// Inner width divided by token width.
    pub expand: usize,
    /// Channels per head, P.
    pub head_width: usize,
    /// Tokens per chunk of the scan. Affects speed and rounding only.
    pub chunk: usize,
}

impl Mamba2Config {
    /// Inner width of a block for tokens of `width` numbers.
    #[must_use]
    pub fn inner(&self, width: usize) -> usize {
        width * self.expand
    }

    /// Channels that go through the convolution: x, B and C.
    #[must_use]
    pub fn convolved(&self, width: usize) -> usize {
        self.inner(width) + 2 * self.state
    }

    /// Heads of a block for tokens of `width` numbers.
    #[must_use]
    pub fn heads(&self, width: usize) -> usize {
        self.inner(width) / self.head_width
    }

    /// The tensors of a block for tokens of `width` numbers.
    pub(super) fn tensors(&self, shapes: &mut TensorShapes, at: &str, width: usize) {
        let (inner, convolved, heads) =
            (self.inner(width), self.convolved(width), self.heads(width));
        shapes.add(format!("{at}.gate.weight"), [width, inner]);
        shapes.add(format!("{at}.project_in.weight"), [width, convolved]);
        shapes.add(format!("{at}.step.weight"), [width, heads]);
        shapes.add(format!("{at}.conv_weight"), [self.taps, convolved]);
        shapes.add(format!("{at}.conv_bias"), [convolved]);
        for per_head in ["step_bias", "decay_log", "skip"] {
            shapes.add(format!("{at}.{per_head}"), [heads]);
        }
        shapes.add(format!("{at}.norm.gamma"), [inner]);
        shapes.add(format!("{at}.project_out.weight"), [inner, width]);
    }
}
