//! Weights of a network that sees or says less.

use anyhow::{bail, ensure};
use kinest::features::FeatureLayout;
use kinest::model::{Checkpoint, NetworkConfig, Precision};
use kinest::tracker::TrackerSet;
use kinest_nn::layers::statistics::DataStatistics;

/// Whether a network with the layout `from` can be widened to one with `to`: `to` has the same numbers, and
/// after them those of more trackers or outputs.
pub fn can_widen(from: &FeatureLayout, to: &FeatureLayout) -> bool {
    let FeatureLayout { trackers, contacts, deviations, .. } = *from;
    let same = *from == FeatureLayout { trackers, contacts, deviations, ..*to };
    let inputs = trackers == to.trackers || trackers == TrackerSet::HeadAndHands;
    let outputs = (to.contacts || !contacts) && (to.deviations || !deviations);
    // Deviations come last.
    same && inputs && outputs && (contacts == to.contacts || !deviations)
}

/// The weights of `checkpoint` in a network with more inputs or outputs. New inputs have no effect at first and
/// are standardised with `statistics`; new outputs are 0.
///
/// # Errors
/// If the network is none whose inputs stand in rows, or a tensor cannot be read.
pub fn widened(
    checkpoint: &Checkpoint,
    network: &NetworkConfig,
    layout: &FeatureLayout,
    statistics: impl FnOnce() -> DataStatistics,
) -> anyhow::Result<Checkpoint> {
    let mut manifest = checkpoint.manifest.clone();
    let before = manifest.spec.layout;
    manifest.network = network.clone();
    manifest.spec.layout = *layout;
    ensure!(
        matches!(network, NetworkConfig::Kinest(_)),
        "a perceptron sees whole windows and cannot be widened"
    );
    let mut tensors = checkpoint.tensors()?;
    let mut grow = |name: &str, axis: usize, values: &[f32]| {
        let Some((shape, old)) = tensors.get_mut(name) else { bail!("tensor {name} is missing") };
        let columns: usize = shape[axis + 1..].iter().product();
        let row = shape[axis] * columns;
        let wide = old.chunks_exact(row).flat_map(|row| row.iter().chain(values).copied());
        *old = wide.collect();
        shape[axis] += values.len() / columns;
        Ok(())
    };
    let (inputs, outputs) =
        (layout.inputs() - before.inputs(), layout.outputs() - before.outputs());
    let width = checkpoint
        .manifest
        .network
        .tensors()
        .iter()
        .find_map(|(name, shape)| (name == "embed.weight").then(|| shape[1]));
    if inputs > 0 {
        let statistics = statistics();
        let new = |values: &[f32]| values[before.inputs()..].to_vec();
        grow("embed.weight", 0, &vec![0.0; inputs * width.unwrap_or_default()])?;
        if network.standardises() {
            grow("standardise.mean", 0, &new(&statistics.input_mean))?;
            grow("standardise.std", 0, &new(&statistics.input_scale()))?;
        }
    }
    if outputs > 0 {
        grow("regress.weight", 1, &vec![0.0; outputs])?;
        grow("regress.bias", 0, &vec![0.0; outputs])?;
    }
    Ok(Checkpoint::new(manifest, &tensors, Precision::F32)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Tensor;
    use burn_flex::{Flex, FlexDevice};
    use kinest::features::{Axes, SixdDecode};
    use kinest::model::{CausalConfig, Feed, KinestConfig, Manifest, ModelSpec};
    use kinest::skeleton::Skeleton;
    use kinest_nn::pose::Network;

    fn layout() -> FeatureLayout {
        let (axes, decode) = (Axes::OwnHeading, SixdDecode::GramSchmidt);
        FeatureLayout { axes, decode, ..FeatureLayout::default() }
    }

    fn network(layout: &FeatureLayout) -> NetworkConfig {
        NetworkConfig::Kinest(KinestConfig {
            inputs: layout.inputs(),
            outputs: layout.outputs(),
            window: 1,
            width: 32,
            temporal_blocks: 1,
            kinematic_blocks: 1,
            standardise: true,
            causal: Some(CausalConfig { mixer_taps: 3, attention_frames: 8, look_ahead: 0 }),
            ..KinestConfig::default()
        })
    }

    fn wide() -> FeatureLayout {
        let trackers = TrackerSet::HeadHandsAndBody;
        FeatureLayout { trackers, contacts: true, deviations: true, ..layout() }
    }

    /// The wider network gives the same rotations, whatever is worn, and zeros for what it cannot know yet.
    #[test]
    fn a_widened_network_says_the_same() {
        let narrow = Network::<Flex>::new(&network(&layout()), &FlexDevice).unwrap();
        let spec = ModelSpec {
            layout: layout(),
            rate_hz: 60.0,
            window: 1,
            feed: Feed::Frames { look_ahead: 0 },
            skeleton: Skeleton::default(),
        };
        let manifest = Manifest::new(network(&layout()), spec);
        let checkpoint = narrow.to_checkpoint(manifest, Precision::F32).unwrap();
        let (inputs, outputs) = (wide().inputs(), wide().outputs());
        let statistics = || DataStatistics {
            input_mean: vec![0.5; inputs],
            input_std: vec![2.0; inputs],
            target_mean: vec![],
        };
        let widened = widened(&checkpoint, &network(&wide()), &wide(), statistics).unwrap();
        let wider = Network::<Flex>::from_checkpoint(&widened, &FlexDevice).unwrap();
        let number = |i: usize| (i as f32 * 0.37).sin();
        let x: Vec<f32> = (0..5 * inputs).map(number).collect();
        let rows = x.chunks_exact(inputs).flat_map(|row| &row[..54]);
        let seen: Vec<f32> = rows.copied().collect();
        let tensor =
            |v: &[f32], n| Tensor::<Flex, 1>::from_floats(v, &FlexDevice).reshape([1, 5, n]);
        let before: Vec<f32> =
            narrow.stream(tensor(&seen, 54), None).0.into_data().to_vec().unwrap();
        let after: Vec<f32> =
            wider.stream(tensor(&x, inputs), None).0.into_data().to_vec().unwrap();
        for (before, after) in before.chunks_exact(132).zip(after.chunks_exact(outputs)) {
            assert!(before.iter().zip(after).all(|(a, b)| (a - b).abs() < 1e-5));
            assert!(after[132..].iter().all(|v| *v == 0.0));
        }
        let (_, mean) = &widened.tensors().unwrap()["standardise.mean"];
        assert!(mean[..54].iter().all(|v| *v == 0.0) && mean[54..].iter().all(|v| *v == 0.5));
    }

    #[test]
    fn only_what_is_added_at_the_end_can_be_learned_in_addition() {
        let contacts = FeatureLayout { contacts: true, ..layout() };
        let deviations = FeatureLayout { deviations: true, ..layout() };
        assert!(can_widen(&layout(), &wide()) && can_widen(&contacts, &wide()));
        assert!(can_widen(&layout(), &layout()));
        assert!(!can_widen(&wide(), &layout()) && !can_widen(&deviations, &wide()));
        let other = FeatureLayout { decode: SixdDecode::Raw, ..layout() };
        assert!(!can_widen(&other, &wide()));
    }
}
