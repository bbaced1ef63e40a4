//! The kind of model of generators.

use super::config::GenerateConfig;
use super::spec::GenerateSpec;
use crate::model::{FieldProblem, ModelKind, NetworkConfigError, TensorShapes};

/// Generators: a text in, the tokens of a motion out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generating;

impl ModelKind for Generating {
    const NAME: &'static str = "generate";
    type Network = GenerateConfig;
    type Spec = GenerateSpec;

    fn check(_: &GenerateConfig, spec: &GenerateSpec) -> Result<(), FieldProblem> {
        match spec.texts().problem() {
            Some((field, problem)) => Err(FieldProblem { field, problem }),
            None => Ok(()),
        }
    }

    fn tensors(network: &GenerateConfig) -> Result<TensorShapes, NetworkConfigError> {
        network.check()?;
        Ok(network.tensors())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_that_cannot_be_fed_is_refused() {
        let network = GenerateConfig::default();
        let spec = GenerateSpec::default();
        assert_eq!(Generating::check(&network, &spec), Ok(()));
        for (spec, field) in [
            (GenerateSpec { rate_hz: 0.0, ..spec }, "spec.rate_hz"),
            (GenerateSpec { words: [8, 8, 0], ..spec }, "spec.words"),
        ] {
            assert_eq!(Generating::check(&network, &spec).unwrap_err().field, field);
        }
    }
}
