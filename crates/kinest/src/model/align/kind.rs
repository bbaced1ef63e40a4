//! The kind of model of alignment.

use super::config::AlignConfig;
use super::spec::AlignSpec;
use crate::model::{FieldProblem, ModelKind, NetworkConfigError, TensorShapes};

/// Models of alignment: texts and motions in, points of one space out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alignment;

impl ModelKind for Alignment {
    const NAME: &'static str = "align";
    type Network = AlignConfig;
    type Spec = AlignSpec;

    fn check(_: &AlignConfig, spec: &AlignSpec) -> Result<(), FieldProblem> {
        match spec.problem() {
            Some((field, problem)) => Err(FieldProblem { field, problem }),
            None => Ok(()),
        }
    }

    fn tensors(network: &AlignConfig) -> Result<TensorShapes, NetworkConfigError> {
        network.check()?;
        Ok(network.tensors())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_that_cannot_be_fed_is_refused() {
        let network = AlignConfig::default();
        let spec = AlignSpec::default();
        assert_eq!(Alignment::check(&network, &spec), Ok(()));
        for (spec, field) in [
            (AlignSpec { rate_hz: f64::NAN, ..spec }, "spec.rate_hz"),
            (AlignSpec { words: [8, 0, 8], ..spec }, "spec.words"),
        ] {
            assert_eq!(Alignment::check(&network, &spec).unwrap_err().field, field);
        }
    }
}
