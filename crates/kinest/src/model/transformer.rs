//! Dimensions of a transformer, and the tensors that follow from them.

use super::tensors::TensorShapes;

/// Dimensions of a transformer: what encoders of texts and motions, decoders and generators share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransformerConfig {
    /// Numbers of a token.
    pub width: usize,
    /// Heads of attention.
    pub heads: usize,
    /// Blocks.
    pub layers: usize,
    /// Numbers in the hidden layer of a block.
    pub hidden: usize,
    /// Share of a block's numbers that are dropped in training.
    pub dropout: f64,
}

impl TransformerConfig {
    /// What does not fit together, if anything; it names the field.
    pub(super) fn problem(&self) -> Option<String> {
        let positive = [("width", self.width), ("heads", self.heads), ("hidden", self.hidden)];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Some(format!("`{name}` is 0"));
        }
        if !self.width.is_multiple_of(2 * self.heads) {
            return Some(format!("`width` {} is not twice {} heads", self.width, self.heads));
        }
        let dropout = self.dropout;
        (!(0.0..1.0).contains(&dropout)).then(|| format!("`dropout` {dropout} is not in 0..1"))
    }

    /// Adds the blocks at `at`, and the normalisation after them.
    pub(super) fn blocks(&self, shapes: &mut TensorShapes, at: &str) {
        for i in 0..self.layers {
            let at = format!("{at}.blocks.{i}");
            self.attention(shapes, &format!("{at}.attention"));
            shapes.layer_norm(&format!("{at}.before_attention"), self.width);
            shapes.layer_norm(&format!("{at}.before_hidden"), self.width);
            shapes.linear(&format!("{at}.expand"), self.width, self.hidden);
            shapes.linear(&format!("{at}.shrink"), self.hidden, self.width);
        }
        shapes.layer_norm(&format!("{at}.norm"), self.width);
    }

    /// Adds the encoder of a level, which makes a point of a sequence. It may look back at the
    /// coarser level, and may say how far its point is spread.
    pub(super) fn encoder(
        &self,
        shapes: &mut TensorShapes,
        at: &str,
        looks_back: bool,
        spreads: bool,
    ) {
        if looks_back {
            self.attention(shapes, &format!("{at}.back.attention"));
            shapes.layer_norm(&format!("{at}.back.norm"), self.width);
        }
        shapes.add(format!("{at}.tokens"), [2, self.width]);
        self.blocks(shapes, at);
        shapes.linear(&format!("{at}.mean"), self.width, self.width);
        if spreads {
            shapes.linear(&format!("{at}.log_variance"), self.width, self.width);
        }
    }

    fn attention(&self, shapes: &mut TensorShapes, at: &str) {
        for part in ["query", "key", "value", "output"] {
            shapes.linear(&format!("{at}.{part}"), self.width, self.width);
        }
    }
}
