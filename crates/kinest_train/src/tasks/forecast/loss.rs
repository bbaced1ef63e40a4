//! The weighted loss of a forecasting run.

use crate::run::WeightedLoss;
use crate::tasks::checks;
use anyhow::ensure;
use burn::tensor::backend::Backend;
use burn::tensor::{FloatDType, Tensor};
use kinest_nn::forecast::Forecast;
use kinest_nn::loss::{
    BranchWeights, KsofTerms, joint_distance, joint_velocity_distance, predicted_acceleration,
};
use serde::{Deserialize, Serialize};

/// Weights of the loss terms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForecastLossConfig {
    /// Mean distance of predicted joints.
    pub position: f64,
    /// Mean distance of predicted joint velocities, per frame.
    pub velocity: f64,
    /// Whether each branch of the network has a distance of its own, with a learned weight.
    pub branches: bool,
    /// The paper's joint prediction smoothness: squared predicted acceleration, which shares the
    /// learned weight of the temporal branch.
    pub jps: f64,
    /// Whether joints count as in the benchmark's score instead of equally. The score weights a
    /// joint by the number of joints at its place.
    pub as_scored: bool,
}

impl Default for ForecastLossConfig {
    fn default() -> Self {
        Self { position: 1.0, velocity: 1.0, branches: true, jps: 0.1, as_scored: false }
    }
}

impl ForecastLossConfig {
    /// Checks all values.
    ///
    /// # Errors
    /// If a weight is negative, or all are 0; the error names the field.
    pub fn check(&self) -> anyhow::Result<()> {
        checks::weights([
            ("position", self.position),
            ("velocity", self.velocity),
            ("jps", self.jps),
        ])?;
        ensure!(
            self.position > 0.0 || self.velocity > 0.0,
            "`loss.position` and `loss.velocity` are both 0: nothing has a target"
        );
        Ok(())
    }

    /// The loss of one batch. `joint_weights` multiplies the distance of each joint, and has a
    /// mean of 1.
    ///
    /// # Shapes
    /// - outputs of `forecast`, `target`: `[batch, frames, joints * 3]`
    /// - `joint_weights`: `[1, 1, joints * 3]`
    pub fn of<B: Backend>(
        &self,
        forecast: Forecast<B>,
        target: Tensor<B, 3>,
        joint_weights: Option<Tensor<B, 3>>,
        branches: Option<&BranchWeights<B>>,
    ) -> WeightedLoss<B> {
        // The length of a vector grows with its weight.
        let weighed = |x: Tensor<B, 3>| match &joint_weights {
            Some(weights) => x * weights.clone(),
            None => x,
        };
        let target = weighed(target);
        let future = weighed(forecast.future);
        let distance = |branch: Tensor<B, 3>| joint_distance(weighed(branch), target.clone());
        let position = joint_distance(future.clone(), target.clone());
        let velocity = joint_velocity_distance(future.clone(), target.clone());
        let acceleration = predicted_acceleration(future);
        let mut terms = vec![
            ("position", position.clone()),
            ("velocity", velocity.clone()),
            ("acceleration", acceleration.clone()),
        ];
        let scaled = position * self.position;
        let total = match branches {
            Some(branches) => {
                let temporal = forecast.temporal.map(distance);
                let graph = forecast.graph.map(distance);
                terms.extend(temporal.clone().map(|term| ("temporal", term)));
                terms.extend(graph.clone().map(|term| ("graph", term)));
                let ksof = KsofTerms { future: scaled, temporal, graph, acceleration };
                branches.total(ksof, self.jps)
            }
            None => scaled + acceleration.square() * self.jps,
        };
        WeightedLoss { total: total + velocity * self.velocity, terms }
    }
}

/// In 32 bits, whatever the network computes in.
pub(super) fn widened<B: Backend>(forecast: Forecast<B>) -> Forecast<B> {
    let widen = |x: Tensor<B, 3>| x.cast(FloatDType::F32);
    Forecast {
        future: widen(forecast.future),
        temporal: forecast.temporal.map(widen),
        graph: forecast.graph.map(widen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::{Flex, FlexDevice};

    fn tensor(values: &[f32]) -> Tensor<Flex, 3> {
        Tensor::<Flex, 1>::from_floats(values, &FlexDevice).reshape([1, 3, 3])
    }

    fn number(tensor: &Tensor<Flex, 1>) -> f32 {
        tensor.clone().into_scalar()
    }

    /// One joint, off by 2, 4 and 0 along x: distance 2, velocities off by 2 and -4, acceleration
    /// -6.
    fn forecast() -> (Forecast<Flex>, Tensor<Flex, 3>) {
        let target = tensor(&[0.0; 9]);
        let future = tensor(&[2.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let branch = Some(tensor(&[1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0]));
        (Forecast { future, temporal: branch.clone(), graph: branch }, target)
    }

    #[test]
    fn the_loss_is_the_weighted_sum_of_its_terms() {
        let plain = ForecastLossConfig { jps: 0.5, ..ForecastLossConfig::default() };
        let (forecast, target) = forecast();
        let loss = plain.of(forecast.clone(), target.clone(), None, None);
        assert!((number(&loss.total) - (2.0 + 3.0 + 0.5 * 36.0)).abs() < 1e-5);
        // Weights 2 and 2 at first, as the logarithm of the variance is -ln 2.
        let branches = BranchWeights::new(&FlexDevice);
        let loss = plain.of(forecast.clone(), target.clone(), None, Some(&branches));
        let expected = 2.0 + 3.0 + 2.0 + 2.0 * (1.0 + 0.5 * 36.0) - std::f32::consts::LN_2;
        assert!((number(&loss.total) - expected).abs() < 1e-4);
        assert_eq!(loss.terms.len(), 5);
        let weights = Tensor::<Flex, 3>::full([1, 1, 3], 3.0, &FlexDevice);
        let loss = plain.of(forecast, target, Some(weights), None);
        assert!((number(&loss.terms[0].1) - 6.0).abs() < 1e-5);
    }

    #[test]
    fn weights_without_a_target_are_refused_by_name() {
        let refused = |loss: ForecastLossConfig, name: &str| {
            let error = loss.check().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        };
        let good = ForecastLossConfig::default();
        good.check().unwrap();
        refused(ForecastLossConfig { jps: -0.1, ..good }, "loss.jps");
        refused(ForecastLossConfig { velocity: f64::NAN, ..good }, "loss.velocity");
        refused(ForecastLossConfig { position: 0.0, velocity: 0.0, ..good }, "loss.position");
    }
}
