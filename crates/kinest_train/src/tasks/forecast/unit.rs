//! The unit in which a forecaster is trained.
//!
//! Networks learn slowly from numbers in the hundreds, so a run divides the benchmark's millimetres
//! by a unit, and multiplies what the network predicts by it. A checkpoint's network takes and
//! gives millimetres: apart from its inside, which is normalised, a forecaster is homogeneous, so
//! the unit moves into a few of its weights.

use kinest::model::NamedTensors;
use kinest::model::forecast::ForecastConfig;

/// Changes a network `f` that computes in a unit of `unit` millimetres into the one that computes
/// `unit · f(x / unit)`, in millimetres. With `1 / unit` it is the way back.
pub fn into_millimetres(tensors: &mut NamedTensors, network: &ForecastConfig, unit: f64) {
    let (up, down) = (unit as f32, (1.0 / unit) as f32);
    for (name, (_, values)) in tensors.iter_mut() {
        let factor = match network {
            ForecastConfig::Ksof(_) => match name.as_str() {
                // What is seen, in front of what is normalised or learned without a unit.
                "temporal.embed.weight" | "graph.first.layer.weight" | "gate.squeeze.weight" => {
                    down
                }
                // What is predicted, and constants beside numbers that keep their unit.
                "temporal.regress.weight" | "graph.last.weight" => up,
                name if name.ends_with(".bias")
                    && (name.starts_with("fusion.")
                        || matches!(
                            name,
                            "temporal.regress.bias"
                                | "graph.embed.bias"
                                | "graph.last.bias"
                                | "graph.to_horizon.bias"
                        )) =>
                {
                    up
                }
                _ => 1.0,
            },
            ForecastConfig::SiMlpe(_) => match name.as_str() {
                "embed.weight" => down,
                "regress.weight" | "regress.bias" | "to_horizon.bias" => up,
                _ => 1.0,
            },
        };
        values.iter_mut().for_each(|value| *value *= factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::backend::Backend;
    use burn::tensor::{Distribution, Tensor};
    use burn_flex::{Flex, FlexDevice};
    use kinest::model::forecast::{Fusion, KsofConfig, SiMlpeConfig};
    use kinest_nn::forecast::{ForecastNetwork, Forecaster};
    use kinest_nn::tensors::{tensors_of, with_tensors};

    /// With random numbers in every tensor, also in those that start at zero.
    fn network(config: &ForecastConfig) -> ForecastNetwork<Flex> {
        Flex::seed(&FlexDevice, 3);
        let network = ForecastNetwork::<Flex>::new(config, &FlexDevice).unwrap();
        let mut tensors = tensors_of(&network);
        for (values, seed) in tensors.values_mut().map(|(_, values)| values).zip(1..) {
            for (i, value) in values.iter_mut().enumerate() {
                *value += 0.1 * (((i * 7 + seed * 13) % 11) as f32 / 11.0);
            }
        }
        with_tensors(network, tensors)
    }

    #[test]
    fn the_same_motion_in_another_unit_is_predicted_the_same() {
        let ksof = |horizon: usize, residual: bool, fusion: Fusion| {
            ForecastConfig::Ksof(KsofConfig {
                history: 5,
                horizon,
                numbers: 12,
                residual,
                channels: 4,
                temporal_blocks: 2,
                hidden: 6,
                graph_blocks: 3,
                fusion,
                dropout: 0.0,
                ..KsofConfig::default()
            })
        };
        let simlpe = |horizon| {
            ForecastConfig::SiMlpe(SiMlpeConfig { history: 5, horizon, numbers: 12, blocks: 2 })
        };
        for config in [
            ksof(5, true, Fusion::default()),
            ksof(8, false, Fusion::default()),
            ksof(5, true, Fusion::Linear),
            ksof(8, true, Fusion::Temporal),
            ksof(8, true, Fusion::Graph),
            simlpe(5),
            simlpe(3),
        ] {
            let network = network(&config);
            let mut tensors = tensors_of(&network);
            into_millimetres(&mut tensors, &config, 50.0);
            let other = with_tensors(network.clone(), tensors.clone());
            let x = Tensor::<Flex, 3>::random(
                [2, 5, 12],
                Distribution::Uniform(-100.0, 100.0),
                &FlexDevice,
            );
            let expected = network.forecast(x.clone() / 50.0).future * 50.0;
            let off = (other.forecast(x).future - expected.clone()).abs().max().into_scalar();
            let largest = expected.abs().max().into_scalar();
            assert!(off < 1e-4 * largest, "{config:?}: {off} of {largest}");
            into_millimetres(&mut tensors, &config, 1.0 / 50.0);
            let back = tensors_of(&network);
            for (name, (_, values)) in &tensors {
                let same = values.iter().zip(&back[name].1);
                assert!(same.clone().all(|(a, b)| (a - b).abs() <= 1e-5 * b.abs()), "{name}");
            }
        }
    }
}
