//! The kind of model of motion tokens.

use super::config::TokenConfig;
use crate::model::{FieldProblem, ModelKind, NetworkConfigError, TensorShapes};
use serde::{Deserialize, Serialize};

/// Input and output format of a token model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSpec {
    /// Frames per second.
    pub rate_hz: f64,
}

/// Token models: a motion in, a few whole numbers per frame out, and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokenising;

impl ModelKind for Tokenising {
    const NAME: &'static str = "tokens";
    type Network = TokenConfig;
    type Spec = TokenSpec;

    fn check(_: &TokenConfig, spec: &TokenSpec) -> Result<(), FieldProblem> {
        if spec.rate_hz.is_finite() && spec.rate_hz > 0.0 {
            return Ok(());
        }
        let problem = format!("{} is not a rate", spec.rate_hz);
        Err(FieldProblem { field: "spec.rate_hz", problem })
    }

    fn tensors(network: &TokenConfig) -> Result<TensorShapes, NetworkConfigError> {
        network.check()?;
        Ok(network.tensors())
    }
}
