//! Dimensions of a generator.

use crate::model::align::{Level, PARTS, Structure};
use crate::model::tokens::TokenConfig;
use crate::model::{NetworkConfigError, TensorShapes, TransformerConfig};
use serde::{Deserialize, Serialize};

/// Every dimension of a generator (KinMo, Zhang et al. 2025, after MoMask, Guo et al. 2024): the token
/// network whose codes it writes, encoders of the three levels of a text, a transformer that writes the
/// first code of each part of a token, and one that writes the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GenerateConfig {
    /// The token network, which is not trained.
    pub tokens: TokenConfig,
    /// Numbers of a token inside encoders and transformers.
    pub width: usize,
    /// Heads of attention.
    pub heads: usize,
    /// Blocks of the encoder of each level of a text.
    pub text_layers: usize,
    /// Blocks of the transformer that writes first codes.
    pub layers: usize,
    /// Blocks of the transformer that writes the others; there is none if a token has one code of each
    /// part.
    pub residual_layers: usize,
    /// Numbers in the hidden layer of a block.
    pub hidden: usize,
    /// Share of a block's numbers that are dropped in training.
    pub dropout: f64,
    /// Rows of the table of words and their pieces, which are found by their hashes.
    pub rows: usize,
    /// Most tokens of a motion.
    pub longest: usize,
}

impl Default for GenerateConfig {
    fn default() -> Self {
        Self {
            tokens: TokenConfig::default(),
            width: 128,
            heads: 4,
            text_layers: 1,
            layers: 4,
            residual_layers: 4,
            hidden: 512,
            dropout: 0.1,
            rows: 4096,
            longest: 36,
        }
    }
}

impl GenerateConfig {
    /// How the levels of a text know of each other: KinMo's way.
    pub const STRUCTURE: Structure = Structure::Interactions;

    /// Checks that the dimensions fit together.
    ///
    /// # Errors
    /// If they do not; the error names the field.
    pub fn check(&self) -> Result<(), NetworkConfigError> {
        self.tokens.check()?;
        let positive = [
            ("text_layers", self.text_layers),
            ("layers", self.layers),
            ("residual_layers", self.residual_layers),
            ("longest", self.longest),
        ];
        let zero = positive.iter().find(|(_, value)| *value == 0);
        let few = || format!("`rows` {} has no room for words", self.rows);
        let problem = zero.map(|(name, _)| format!("`{name}` is 0"));
        let problem = problem.or_else(|| (self.rows < 2).then(few));
        let problem = problem.or_else(|| self.first().problem());
        problem.map_or(Ok(()), |problem| Err(NetworkConfigError(problem)))
    }

    /// The dimensions of the encoder of a level of a text.
    #[must_use]
    pub fn text(&self) -> TransformerConfig {
        self.transformer(self.text_layers)
    }

    /// The dimensions of the transformer that writes first codes.
    #[must_use]
    pub fn first(&self) -> TransformerConfig {
        self.transformer(self.layers)
    }

    /// The dimensions of the transformer that writes the other codes.
    #[must_use]
    pub fn rest(&self) -> TransformerConfig {
        self.transformer(self.residual_layers)
    }

    fn transformer(&self, layers: usize) -> TransformerConfig {
        let Self { width, heads, hidden, dropout, .. } = *self;
        TransformerConfig { width, heads, layers, hidden, dropout }
    }

    /// Most frames of a motion.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.longest * self.tokens.frames()
    }

    /// Names and shapes of the network's tensors.
    #[must_use]
    pub fn tensors(&self) -> TensorShapes {
        let width = self.width;
        let TokenConfig { code_dim, codes, layers, .. } = self.tokens;
        let parts = self.tokens.parts.count();
        let mut shapes = TensorShapes::default();
        shapes.nest("tokens", self.tokens.tensors());
        shapes.add("words.table".into(), [self.rows, width]);
        shapes.add("words.parts".into(), [PARTS, width]);
        for i in 0..Level::ALL.len() {
            let looks_back = Self::STRUCTURE.looks_back(i);
            self.text().encoder(&mut shapes, &format!("text.{i}"), looks_back, false);
        }
        shapes.add("first.codes".into(), [parts * (codes + 1), width]);
        shapes.add("first.levels".into(), [Level::ALL.len(), width]);
        shapes.linear("first.trunk.condition", width, width);
        self.first().blocks(&mut shapes, "first.trunk");
        shapes.linear("first.output", width, parts * codes);
        if layers > 1 {
            shapes.linear("rest.sums", parts * code_dim, width);
            shapes.add("rest.layers".into(), [layers - 1, width]);
            shapes.linear("rest.trunk.condition", width, width);
            self.rest().blocks(&mut shapes, "rest.trunk");
            shapes.linear("rest.vectors", width, parts * code_dim);
            shapes.add("rest.bias".into(), [(layers - 1) * parts, codes]);
        }
        shapes.linear("length", width, self.longest);
        shapes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_named() {
        let config = GenerateConfig::default();
        config.check().unwrap();
        let tokens = TokenConfig { codes: 0, ..TokenConfig::default() };
        for (config, name) in [
            (GenerateConfig { tokens, ..config.clone() }, "`codes`"),
            (GenerateConfig { heads: 5, ..config.clone() }, "`width`"),
            (GenerateConfig { rows: 1, ..config.clone() }, "`rows`"),
            (GenerateConfig { dropout: 1.0, ..config.clone() }, "`dropout`"),
            (GenerateConfig { longest: 0, ..config.clone() }, "`longest`"),
            (GenerateConfig { residual_layers: 0, ..config.clone() }, "`residual_layers`"),
        ] {
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn tokens_of_one_code_have_no_rest() {
        let has_rest = |layers: usize| {
            let tokens = TokenConfig { layers, ..TokenConfig::default() };
            let shapes = GenerateConfig { tokens, ..GenerateConfig::default() }.tensors();
            shapes.iter().any(|(name, _)| name.starts_with("rest."))
        };
        assert_eq!([1, 2].map(has_rest), [false, true]);
    }
}
