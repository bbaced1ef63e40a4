//! The kind of model of a forecaster.

use super::network::ForecastConfig;
use super::spec::ForecastSpec;
use crate::model::{FieldProblem, ModelKind, NetworkConfigError, TensorShapes};

/// Forecasting models: the last frames of a motion in, the next ones out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecasting;

impl ModelKind for Forecasting {
    const NAME: &'static str = "forecast";
    type Network = ForecastConfig;
    type Spec = ForecastSpec;

    fn check(network: &ForecastConfig, spec: &ForecastSpec) -> Result<(), FieldProblem> {
        if !(spec.rate_hz.is_finite() && spec.rate_hz > 0.0) {
            let problem = format!("{} is not a rate", spec.rate_hz);
            return Err(FieldProblem { field: "spec.rate_hz", problem });
        }
        for (field, found, own) in [
            ("spec.history", spec.history, network.history()),
            ("spec.horizon", spec.horizon, network.horizon()),
            ("spec.layout", spec.layout.numbers(), network.numbers()),
        ] {
            if found != own {
                let problem = format!("{found} but the network's is {own}");
                return Err(FieldProblem { field, problem });
            }
        }
        Ok(())
    }

    fn tensors(network: &ForecastConfig) -> Result<TensorShapes, NetworkConfigError> {
        network.check()?;
        Ok(network.tensors())
    }
}
