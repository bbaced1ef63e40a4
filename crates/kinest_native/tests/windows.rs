//! Compares the native implementation on windows with Burn, and counts its allocations.

#[path = "../../../tests/counting.rs"]
mod counting;

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use burn_flex::{Flex, FlexDevice};
use counting::allocations;
use kinest::model::{KinestConfig, Mamba2Config, MlpConfig, NetworkConfig, ScanChain, Take};
use kinest_native::{NativeKinest, PackError};
use kinest_nn::layers::statistics::DataStatistics;
use kinest_nn::pose::Network;
use kinest_nn::tensors::tensors_of;

/// A network small enough for tests, with dimensions that are not multiples of vector or tile
/// sizes.
fn small() -> KinestConfig {
    let scan = Mamba2Config { state: 8, taps: 4, expand: 2, head_width: 20, chunk: 16 };
    KinestConfig {
        window: 50,
        width: 40,
        temporal_blocks: 1,
        kinematic_blocks: 1,
        temporal_scan: scan,
        kinematic_scan: Mamba2Config { state: 16, head_width: 8, taps: 3, ..scan },
        joint_width: 12,
        attention_heads: 5,
        feed_forward: 72,
        fan_hidden: 36,
        ..KinestConfig::default()
    }
}

/// Both implementations of a network with random weights. If it standardises, its data has large
/// positions.
fn both(config: KinestConfig) -> (Network<Flex>, NativeKinest) {
    Flex::seed(&FlexDevice, 7);
    let standardise = config.standardise;
    let (inputs, outputs) = (config.inputs, config.outputs);
    let config = NetworkConfig::Kinest(config);
    let mut network = Network::<Flex>::new(&config, &FlexDevice).unwrap();
    if standardise {
        network.prepare(&DataStatistics {
            input_mean: (0..inputs).map(|i| (i as f32).sin() * 3.0).collect(),
            input_std: (0..inputs).map(|i| 0.01 + (i % 7) as f32).collect(),
            target_mean: vec![0.5; outputs],
        });
    }
    let native = NativeKinest::new(&config, tensors_of(&network)).unwrap();
    (network, native)
}

fn windows(config: &KinestConfig, batch: usize) -> Vec<f32> {
    let numbers = batch * config.window * config.inputs;
    (0..numbers).map(|i| (i as f32 * 0.37).sin() * 2.0).collect()
}

fn native_output(native: &mut NativeKinest, windows: &[f32], take: Take) -> Vec<f32> {
    let batch = windows.len() / native.window_size();
    let mut out = vec![f32::NAN; batch * native.output_size(take)];
    native.forward(windows, take, &mut out);
    out
}

/// Largest difference, relative to the largest output.
fn difference(config: &KinestConfig, batch: usize) -> f32 {
    let (network, mut native) = both(config.clone());
    let windows = windows(config, batch);
    let shape = [batch, config.window, config.inputs];
    let input = Tensor::<Flex, 3>::from_data(TensorData::new(windows.clone(), shape), &FlexDevice);
    let expected: Vec<f32> = network.forward(input).into_data().to_vec().unwrap();
    let found = native_output(&mut native, &windows, Take::All);
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
    // `f32::max` would skip a NaN.
    let worst = worst.max_by(f32::total_cmp).unwrap();
    println!("batch {batch}: {worst:e} of {largest}");
    assert!(largest > 0.1, "an output of nothing proves nothing");
    worst / largest
}

#[test]
fn odd_sizes_both_chains_and_standardised_inputs() {
    let small = small();
    for config in [
        small.clone(),
        KinestConfig { chain: ScanChain::Unified, standardise: true, ..small.clone() },
        // The window is shorter than the convolution.
        KinestConfig { window: 2, ..small.clone() },
        KinestConfig { temporal_blocks: 0, ..small.clone() },
        KinestConfig { temporal_blocks: 2, kinematic_blocks: 0, ..small.clone() },
        KinestConfig { temporal_blocks: 0, kinematic_blocks: 0, ..small },
    ] {
        // f32 sums in another order; a wrong weight gives at least a percent.
        assert!(difference(&config, 3) < 2e-5, "{config:?}");
    }
}

#[test]
fn the_released_size() {
    assert!(difference(&KinestConfig::default(), 1) < 1e-4);
}

#[test]
fn the_newest_frame_equals_the_last_of_all_and_windows_are_independent() {
    let config = KinestConfig { kinematic_blocks: 2, ..small() };
    let (_, mut native) = both(config.clone());
    let batch = 5;
    let windows = windows(&config, batch);
    let all = native_output(&mut native, &windows, Take::All);
    let newest = native_output(&mut native, &windows, Take::Newest);
    let (size, outputs) = (config.window * config.outputs, config.outputs);
    for (i, window) in windows.chunks(native.window_size()).enumerate() {
        let own = &all[i * size..][..size];
        // A single row goes through other tiles than several, so the last bits may differ.
        for (a, b) in own[size - outputs..].iter().zip(&newest[i * outputs..][..outputs]) {
            assert!((a - b).abs() < 1e-5, "window {i}: {a} {b}");
        }
        assert_eq!(native_output(&mut native, window, Take::All), own, "window {i} alone");
    }
}

#[test]
fn nothing_is_allocated_after_the_first_window() {
    let config = small();
    let (_, mut native) = both(config.clone());
    let windows = windows(&config, 2);
    // One thread, so that all allocations are counted here.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let mut out = vec![0.0; 2 * native.output_size(Take::All)];
    let newest = 2 * native.output_size(Take::Newest);
    let allocated = pool.install(|| {
        let mut count = || {
            let before = allocations();
            native.forward(&windows, Take::All, &mut out);
            native.forward(&windows, Take::Newest, &mut out[..newest]);
            allocations() - before
        };
        [count(), count(), count()]
    });
    assert!(allocated[0] > 0, "the first makes room");
    assert_eq!(allocated[1..], [0, 0]);
}

#[test]
fn networks_without_a_native_form_are_refused() {
    let mlp = NetworkConfig::Mlp(MlpConfig { width: 8, ..MlpConfig::default() });
    let network = Network::<Flex>::new(&mlp, &FlexDevice).unwrap();
    assert_eq!(NativeKinest::new(&mlp, tensors_of(&network)).unwrap_err(), PackError::Kind);

    // A configuration that differs from the network's.
    let config = small();
    let network =
        Network::<Flex>::new(&NetworkConfig::Kinest(config.clone()), &FlexDevice).unwrap();
    let refused = |config| {
        NativeKinest::new(&NetworkConfig::Kinest(config), tensors_of(&network))
            .unwrap_err()
            .to_string()
    };
    let wider = refused(KinestConfig { width: 80, ..config.clone() });
    assert!(wider.contains("embed") && wider.contains("80"), "{wider}");
    let shorter = refused(KinestConfig { temporal_blocks: 0, ..config });
    assert!(shorter.contains("does not know `temporal.0"), "{shorter}");
}
