//! Dimensions of the network of alignment.

use super::level::{FRAME, Level, PARTS, SEEN};
use crate::model::{NetworkConfigError, TensorShapes, TransformerConfig};
use serde::{Deserialize, Serialize};

/// Levels of the network and attention between them. All but the third are ablations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Structure {
    /// The whole body only.
    Global,
    /// The whole body, and groups with cross-attention to it.
    Groups,
    /// The whole body, groups with cross-attention to it, and pairs with cross-attention to the
    /// groups, as in KinMo.
    #[default]
    Interactions,
    /// Three levels without cross-attention.
    Separate,
    /// Three levels in one sequence.
    Flat,
}

impl Structure {
    /// The levels that each encoder sees, coarse to fine.
    #[must_use]
    pub const fn encoders(self) -> &'static [&'static [Level]] {
        const EACH: [&[Level]; 3] = [&[Level::Body], &[Level::Groups], &[Level::Pairs]];
        match self {
            Self::Global => EACH.split_at(1).0,
            Self::Groups => EACH.split_at(2).0,
            Self::Interactions | Self::Separate => &EACH,
            Self::Flat => &[&Level::ALL],
        }
    }

    /// Whether encoder `i` has cross-attention to the output of the previous encoder.
    #[must_use]
    pub const fn looks_back(self, i: usize) -> bool {
        i > 0 && matches!(self, Self::Groups | Self::Interactions)
    }
}

/// Every dimension of HTMA (KinMo, Zhang et al. 2025) with a text encoder of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlignConfig {
    /// Its levels.
    pub structure: Structure,
    /// Numbers of a token, and of the points that texts and motions become.
    pub width: usize,
    /// Heads of attention.
    pub heads: usize,
    /// Blocks of each encoder and of the decoder.
    pub layers: usize,
    /// Numbers in the hidden layer of a block.
    pub hidden: usize,
    /// Share of a block's numbers that are dropped in training.
    pub dropout: f64,
    /// Rows of the table of words and their pieces, which are found by their hashes.
    pub rows: usize,
    /// Most frames of a motion.
    pub frames: usize,
    /// Frames of a token at each level; each divides `frames`.
    pub patches: [usize; 3],
}

impl Default for AlignConfig {
    fn default() -> Self {
        Self {
            structure: Structure::default(),
            width: 64,
            heads: 4,
            layers: 1,
            hidden: 128,
            dropout: 0.1,
            rows: 4096,
            frames: 96,
            patches: [4, 12, 16],
        }
    }
}

impl AlignConfig {
    /// Checks that the dimensions fit together.
    ///
    /// # Errors
    /// If they do not; the error names the field.
    pub fn check(&self) -> Result<(), NetworkConfigError> {
        self.problem().map_or(Ok(()), |problem| Err(NetworkConfigError(problem)))
    }

    /// The dimensions of each encoder and of the decoder.
    #[must_use]
    pub fn transformer(&self) -> TransformerConfig {
        let Self { width, heads, layers, hidden, dropout, .. } = *self;
        TransformerConfig { width, heads, layers, hidden, dropout }
    }

    fn problem(&self) -> Option<String> {
        if let Some(problem) = self.transformer().problem() {
            return Some(problem);
        }
        if self.rows < 2 {
            return Some(format!("`rows` {} has no room for words", self.rows));
        }
        let frames = self.frames;
        if frames == 0 {
            return Some("`frames` is 0".into());
        }
        let patch = self.patches.iter().find(|p| **p == 0 || !frames.is_multiple_of(**p))?;
        Some(format!("`patches` has {patch} frames, which do not divide {frames}"))
    }

    /// The levels in use, coarse to fine.
    pub fn levels(&self) -> impl Iterator<Item = Level> {
        self.structure.encoders().iter().flat_map(|levels| *levels).copied()
    }

    /// Names and shapes of the network's tensors.
    #[must_use]
    pub fn tensors(&self) -> TensorShapes {
        let width = self.width;
        let transformer = self.transformer();
        let mut shapes = TensorShapes::default();
        shapes.standardise(FRAME);
        shapes.add("words.table".into(), [self.rows, width]);
        shapes.add("words.parts".into(), [PARTS, width]);
        for (i, level) in self.levels().enumerate() {
            let (parts, at) = (level.parts(), format!("patches.{i}"));
            let inputs = self.patches[level.index()] * level.numbers();
            shapes.add(format!("{at}.weight"), [parts, inputs, width]);
            shapes.add(format!("{at}.bias"), [parts, width]);
        }
        for side in ["text", "motion"] {
            for i in 0..self.structure.encoders().len() {
                let looks_back = self.structure.looks_back(i);
                transformer.encoder(&mut shapes, &format!("{side}.{i}"), looks_back, true);
            }
        }
        shapes.linear("decoder.embed", width, width);
        transformer.blocks(&mut shapes, "decoder");
        let frames = self.patches[Level::Body.index()];
        shapes.linear("decoder.regress", width, frames * SEEN);
        shapes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_named() {
        let config = AlignConfig::default();
        config.check().unwrap();
        for (config, name) in [
            (AlignConfig { heads: 0, ..config.clone() }, "`heads`"),
            (AlignConfig { heads: 5, ..config.clone() }, "`width`"),
            (AlignConfig { rows: 1, ..config.clone() }, "`rows`"),
            (AlignConfig { dropout: 1.0, ..config.clone() }, "`dropout`"),
            (AlignConfig { patches: [4, 0, 8], ..config.clone() }, "`patches`"),
            (AlignConfig { patches: [4, 7, 8], ..config.clone() }, "`patches`"),
        ] {
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn only_kinmos_levels_look_back() {
        let looks = |structure: Structure| -> Vec<bool> {
            (0..structure.encoders().len()).map(|i| structure.looks_back(i)).collect()
        };
        assert_eq!(looks(Structure::Global), [false]);
        assert_eq!(looks(Structure::Groups), [false, true]);
        assert_eq!(looks(Structure::Interactions), [false, true, true]);
        assert_eq!(looks(Structure::Separate), [false; 3]);
        assert_eq!(looks(Structure::Flat), [false]);
    }
}
