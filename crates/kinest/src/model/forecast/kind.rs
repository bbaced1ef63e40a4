//! The kind of model of a forecaster.

use super::network::ForecastConfig;
use super::spec::{ForecastLayout, ForecastSpec};
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
        if spec.layout == ForecastLayout::Smpl22 && spec.observed() < 2 {
            let problem = format!("{} is too short for a velocity", spec.history);
            return Err(FieldProblem { field: "spec.history", problem });
        }
        let Some(gate) = &spec.gate else { return Ok(()) };
        let gate_problem = |problem| Err(FieldProblem { field: "spec.gate", problem });
        if spec.layout != ForecastLayout::Smpl22 {
            return gate_problem(format!("{:?} has no kinematic groups", spec.layout));
        }
        match gate.stray_frame(spec.horizon) {
            Some(frame) => gate_problem(format!("frame {frame} of {}", spec.horizon)),
            None => Ok(()),
        }
    }

    fn tensors(network: &ForecastConfig) -> Result<TensorShapes, NetworkConfigError> {
        network.check()?;
        Ok(network.tensors())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::forecast::{ForecastGate, SiMlpeConfig};
    use crate::skeleton::Group;

    fn body() -> (ForecastConfig, ForecastSpec) {
        let layout = ForecastLayout::Smpl22;
        let (history, horizon, numbers) = (13, 12, layout.numbers());
        let network = SiMlpeConfig { history, horizon, numbers, blocks: 1 };
        let spec = ForecastSpec { layout, rate_hz: 30.0, history, horizon, gate: None };
        (ForecastConfig::SiMlpe(network), spec)
    }

    /// Manifests from before there were gates, and those with one.
    #[test]
    fn a_spec_is_read_with_and_without_a_gate() {
        let text = "(layout: Cmu38, rate_hz: 120.0, history: 10, horizon: 25)";
        let plain: ForecastSpec = ron::from_str(text).unwrap();
        assert_eq!((plain.gate.as_ref(), plain.observed()), (None, 10));
        assert_eq!(ron::to_string(&plain).unwrap().matches("gate").count(), 0);

        let (_, mut spec) = body();
        assert_eq!(spec.observed(), 12);
        spec.gate = Some(ForecastGate {
            groups: [(Group::LeftLeg, vec![3, 4]), (Group::Torso, vec![12])].into(),
            translation: vec![1],
        });
        let text = ron::to_string(&spec).unwrap();
        assert!(text.contains("left_leg:[3,4]"), "{text}");
        assert_eq!(ron::from_str::<ForecastSpec>(&text).unwrap(), spec);
    }

    #[test]
    fn a_gate_that_does_not_fit_is_refused() {
        let (network, spec) = body();
        let problem = |spec: &ForecastSpec| Forecasting::check(&network, spec).err();
        let fits = ForecastSpec { gate: Some(ForecastGate::everywhere(12)), ..spec.clone() };
        assert_eq!(problem(&fits), None);
        for gate in [
            ForecastGate::everywhere(13),
            ForecastGate { translation: vec![0], ..ForecastGate::default() },
        ] {
            let found = problem(&ForecastSpec { gate: Some(gate), ..spec.clone() }).unwrap();
            assert!(found.field == "spec.gate" && found.problem.contains("of 12"), "{found:?}");
        }
        let (layout, gate) = (ForecastLayout::Cmu38, Some(ForecastGate::default()));
        let (history, horizon, numbers) = (10, 12, layout.numbers());
        let network = SiMlpeConfig { history, horizon, numbers, blocks: 1 };
        let spec = ForecastSpec { layout, history, gate, ..spec };
        let found = Forecasting::check(&ForecastConfig::SiMlpe(network), &spec).unwrap_err();
        assert!(found.problem.contains("no kinematic groups"), "{found:?}");
    }

    #[test]
    fn a_body_whose_history_has_no_velocity_is_refused() {
        let (_, spec) = body();
        let (history, horizon, numbers) = (2, 12, spec.layout.numbers());
        let network = SiMlpeConfig { history, horizon, numbers, blocks: 1 };
        let spec = ForecastSpec { history, ..spec };
        let found = Forecasting::check(&ForecastConfig::SiMlpe(network), &spec).unwrap_err();
        assert_eq!(found.field, "spec.history");
    }
}
