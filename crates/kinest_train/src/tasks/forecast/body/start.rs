//! The start of a run: a network that predicts what its baseline does.

use kinest::forecast::Extrapolation;
use kinest::model::NamedTensors;
use kinest::model::forecast::SiMlpeConfig;

/// Makes a siMLPe network continue motions as `extrapolation` does, with the velocity of the last
/// frame, so that it has only to learn what is better. Its blocks are silent at first; their mixers
/// keep their random weights.
///
/// A network that predicts as many frames as it sees has no map from the ones to the others, and is
/// not changed.
pub(super) fn extrapolating(
    tensors: &mut NamedTensors,
    config: &SiMlpeConfig,
    extrapolation: Extrapolation,
    rate_hz: f64,
) {
    let SiMlpeConfig { history, horizon, numbers, blocks: _ } = *config;
    if history == horizon {
        return;
    }
    for (name, (_, values)) in tensors {
        match name.as_str() {
            "embed.weight" | "regress.weight" => {
                values.fill(0.0);
                values.iter_mut().step_by(numbers + 1).for_each(|v| *v = 1.0);
            }
            "to_horizon.weight" => {
                values.fill(0.0);
                // Numbers are relative to the newest frame, so the one before is minus a velocity.
                let before = &mut values[(history - 2) * horizon..][..horizon];
                for (value, frame) in before.iter_mut().zip(1..) {
                    let reach = extrapolation.reach(f64::from(frame) / rate_hz);
                    *value = -(reach * rate_hz) as f32;
                }
            }
            name if name.ends_with("time_mixer.weight") || name.ends_with("time_mixer.bias") => {}
            _ => values.fill(0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::pairs::tests::walk;
    use super::*;
    use burn::tensor::{Tensor, TensorData};
    use burn_flex::{Flex, FlexDevice};
    use kinest::forecast::{BodyAxes, PoseHistory};
    use kinest::model::forecast::{ForecastConfig, ForecastLayout};
    use kinest::rotation::geodesic_angle;
    use kinest_nn::forecast::{ForecastNetwork, Forecaster};
    use kinest_nn::tensors::{tensors_of, with_tensors};

    #[test]
    fn a_fresh_network_is_damped_velocity() {
        let numbers = ForecastLayout::Smpl22.numbers();
        let config = SiMlpeConfig { history: 13, horizon: 12, numbers, blocks: 3 };
        let network =
            ForecastNetwork::<Flex>::new(&ForecastConfig::SiMlpe(config.clone()), &FlexDevice);
        let network = network.unwrap();
        let mut tensors = tensors_of(&network);
        extrapolating(&mut tensors, &config, Extrapolation::default(), 30.0);
        let network = with_tensors(network, tensors);

        let mut history = PoseHistory::new(30.0, 12);
        for (i, pose) in walk().truth[100..160].iter().enumerate() {
            history.push(i as f64 / 60.0, pose);
        }
        let axes = BodyAxes::new(history.newest().unwrap().1);
        let mut seen = vec![0.0; 13 * numbers];
        axes.write_history(history.grid(), &mut seen);
        let seen = Tensor::from_data(TensorData::new(seen, [1, 13, numbers]), &FlexDevice);
        let said: Vec<f32> = network.forecast(seen).future.into_data().to_vec().unwrap();
        let mut moved = 0.0_f64;
        for (frame, said) in (1..).zip(said.as_chunks().0) {
            let said = axes.read(said);
            let ahead = f64::from(frame) / 30.0;
            let right = Extrapolation::default().pose(&history, ahead).unwrap();
            assert!(said.translation.distance(right.translation) < 1e-4);
            for (said, right) in said.rotations.iter().zip(&right.rotations) {
                assert!(geodesic_angle(*said, *right) < 1e-4);
            }
            moved = moved.max(right.translation.distance(history.newest().unwrap().1.translation));
        }
        assert!(moved > 0.02, "it moves");
    }
}
