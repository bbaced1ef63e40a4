//! Dimensions of the token network.

use super::parts::TokenParts;
use crate::model::{NetworkConfigError, TensorShapes};
use serde::{Deserialize, Serialize};

/// Every dimension of a token network: for each part of the body an encoder, a residual vector
/// quantiser and a decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenConfig {
    /// Parts of the body that are tokenised separately.
    pub parts: TokenParts,
    /// Channels inside the encoder and the decoder of a part.
    pub width: usize,
    /// Residual blocks at each rate.
    pub blocks: usize,
    /// How often the rate is halved: a token stands for `2^halvings` frames.
    pub halvings: usize,
    /// Uses no frames after those of the token, so that a motion can be sent while it happens.
    pub causal: bool,
    /// Numbers of a code.
    pub code_dim: usize,
    /// Codes of a codebook.
    pub codes: usize,
    /// Residual layers, each with a codebook: a token is as many codes.
    pub layers: usize,
}

impl Default for TokenConfig {
    fn default() -> Self {
        Self {
            parts: TokenParts::Whole,
            width: 192,
            blocks: 2,
            halvings: 2,
            causal: false,
            code_dim: 64,
            codes: 512,
            layers: 6,
        }
    }
}

impl TokenConfig {
    /// Checks that the dimensions fit together.
    ///
    /// # Errors
    /// If they do not; the error names the field.
    pub fn check(&self) -> Result<(), NetworkConfigError> {
        let positive = [
            ("width", self.width),
            ("code_dim", self.code_dim),
            ("codes", self.codes),
            ("layers", self.layers),
            ("halvings", self.halvings),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(NetworkConfigError(format!("`{name}` is 0")));
        }
        // A token of a second is longer than most actions of a body.
        if self.halvings > 6 {
            let problem = format!("`halvings` {} is more than 6", self.halvings);
            return Err(NetworkConfigError(problem));
        }
        Ok(())
    }

    /// Frames that a token stands for.
    #[must_use]
    pub fn frames(&self) -> usize {
        1 << self.halvings
    }

    /// Bits per second of a motion at `rate_hz` in the first `layers` layers.
    #[must_use]
    pub fn bits_per_second(&self, rate_hz: f64, layers: usize) -> f64 {
        let tokens = rate_hz / self.frames() as f64 * self.parts.count() as f64;
        tokens * layers as f64 * (self.codes as f64).log2()
    }

    /// Names and shapes of the network's tensors.
    #[must_use]
    pub fn tensors(&self) -> TensorShapes {
        let Self { width, .. } = *self;
        let mut shapes = TensorShapes::default();
        let columns = self.parts.columns();
        shapes.standardise(columns.iter().map(Vec::len).sum());
        let blocks = |shapes: &mut TensorShapes, at: &str| {
            for block in 0..self.blocks {
                shapes.linear(&format!("{at}.blocks.{block}.spread"), 3 * width, width);
                shapes.linear(&format!("{at}.blocks.{block}.mix"), width, width);
            }
        };
        for (part, numbers) in columns.iter().map(Vec::len).enumerate() {
            let at = format!("parts.{part}");
            for i in 0..self.halvings {
                // The encoder's first halving and the decoder's last doubling are at the numbers.
                let inputs = if i == 0 { numbers } else { width };
                let outputs = if i + 1 == self.halvings { numbers } else { width };
                let (down, up) =
                    (format!("{at}.encoder.rates.{i}"), format!("{at}.decoder.rates.{i}"));
                shapes.linear(&format!("{down}.fold"), 2 * inputs, width);
                blocks(&mut shapes, &down);
                blocks(&mut shapes, &up);
                shapes.linear(&format!("{up}.unfold"), width, 2 * outputs);
            }
            shapes.linear(&format!("{at}.encoder.last"), width, self.code_dim);
            shapes.linear(&format!("{at}.decoder.first"), self.code_dim, width);
            for layer in 0..self.layers {
                let at = format!("{at}.quantiser.layers.{layer}");
                shapes.add(format!("{at}.codes"), [self.codes, self.code_dim]);
                shapes.add(format!("{at}.usage"), [self.codes]);
            }
        }
        shapes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_named() {
        TokenConfig::default().check().unwrap();
        let refused = |config: TokenConfig, name: &str| {
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        };
        refused(TokenConfig { codes: 0, ..TokenConfig::default() }, "`codes`");
        refused(TokenConfig { halvings: 0, ..TokenConfig::default() }, "`halvings`");
        refused(TokenConfig { halvings: 7, ..TokenConfig::default() }, "more than 6");
    }

    #[test]
    fn six_layers_of_512_codes_at_5_tokens_a_second_are_270_bits() {
        let config = TokenConfig::default();
        assert_eq!(config.frames(), 4);
        assert!((config.bits_per_second(20.0, 6) - 270.0).abs() < 1e-9);
        let groups = TokenConfig { parts: TokenParts::Groups, ..config };
        assert!((groups.bits_per_second(20.0, 1) - 270.0).abs() < 1e-9);
    }
}
