//! A causal network gives the same output however its input is split into calls.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use burn_flex::{Flex, FlexDevice};
use kinest::features::{Axes, FeatureLayout};
use kinest::live::protocol::clip_trackers;
use kinest::model::{
    CausalConfig, Checkpoint, CheckpointError, Feed, KinestConfig, Mamba2Config, Manifest,
    ModelSpec, NetworkConfig, Precision, ScanChain,
};
use kinest::motion::synthetic;
use kinest::skeleton::Skeleton;
use kinest_nn::layers::fused::core_on_host;
use kinest_nn::layers::kernel::{CoreKernels, CoreTensors, Mamba2State};
use kinest_nn::pose::Network;
use std::sync::atomic::{AtomicUsize, Ordering};

fn config() -> KinestConfig {
    let scan = Mamba2Config { state: 8, taps: 4, expand: 2, head_width: 8, chunk: 16 };
    KinestConfig {
        window: 1,
        width: 32,
        temporal_blocks: 1,
        kinematic_blocks: 2,
        temporal_scan: scan,
        kinematic_scan: Mamba2Config { state: 4, ..scan },
        joint_width: 8,
        chain: ScanChain::Unified,
        attention_heads: 4,
        feed_forward: 64,
        fan_hidden: 32,
        dropout: 0.0,
        standardise: false,
        causal: Some(CausalConfig { mixer_taps: 5, attention_frames: 12, look_ahead: 0 }),
        ..KinestConfig::default()
    }
}

fn layout() -> FeatureLayout {
    FeatureLayout { axes: Axes::OwnHeading, ..FeatureLayout::default() }
}

fn network() -> Network<Flex> {
    Flex::seed(&FlexDevice, 4);
    Network::new(&NetworkConfig::Kinest(config()), &FlexDevice).unwrap()
}

/// Features of a walking, waving body, repeated.
fn features(frames: usize) -> Vec<f32> {
    let clip = synthetic::walk_and_wave(&Default::default()).resampled(60.0);
    let trackers = clip_trackers(&clip, &Skeleton::default(), layout().trackers);
    let mut rows = vec![];
    layout().write_features(trackers.iter().map(Vec::as_slice), &mut rows);
    let inputs = layout().inputs();
    rows.chunks_exact(inputs).cycle().take(frames).flatten().copied().collect()
}

/// Concatenated outputs of calls with these numbers of frames.
fn outputs(network: &Network<Flex>, features: &[f32], stretches: &[usize]) -> Vec<f32> {
    let inputs = layout().inputs();
    let (mut rest, mut state, mut said) = (features, None, vec![]);
    for frames in stretches {
        let (now, later) = rest.split_at(frames * inputs);
        let now = TensorData::new(now.to_vec(), [1, *frames, inputs]);
        let (output, after) = network.stream(Tensor::from_data(now, &FlexDevice), state);
        said.extend(output.into_data().into_vec::<f32>().unwrap());
        (rest, state) = (later, Some(after));
    }
    assert!(rest.is_empty());
    said
}

fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn splitting_into_calls_makes_no_difference() {
    let (network, features) = (network(), features(160));
    let whole = outputs(&network, &features, &[160]);
    let largest = whole.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    assert!(largest > 0.3, "an output of nothing proves nothing");
    for stretches in [&[1; 160][..], &[1, 30, 2, 64, 63], &[80, 80]] {
        let said = outputs(&network, &features, stretches);
        assert!(worst(&whole, &said) < 1e-5, "{} stretches", stretches.len());
    }
    // The fused pass also starts from states.
    let network = network.with_core_kernels(&CoreKernels::default().and::<Flex>(core_on_host));
    for stretches in [&[160][..], &[1; 160], &[7, 153]] {
        let said = outputs(&network, &features, stretches);
        assert!(worst(&whole, &said) < 1e-5, "{} stretches, fused", stretches.len());
    }
}

#[test]
fn outputs_depend_on_past_frames_only() {
    let (network, features) = (network(), features(60));
    let whole = outputs(&network, &features, &[60]);
    let (inputs, outputs_of) = (layout().inputs(), 132);
    let mut other = features.clone();
    other[40 * inputs..41 * inputs].iter_mut().for_each(|v| *v += 0.5);
    let changed = outputs(&network, &other, &[60]);
    assert_eq!(whole[..40 * outputs_of], changed[..40 * outputs_of]);
    assert!(worst(&whole[59 * outputs_of..], &changed[59 * outputs_of..]) > 1e-4);
}

#[test]
fn a_causal_network_is_restored_from_its_checkpoint_and_refuses_window_axes() {
    let spec = |axes| ModelSpec {
        layout: FeatureLayout { axes, ..FeatureLayout::default() },
        rate_hz: 60.0,
        window: 1,
        feed: Feed::Frames { look_ahead: 0 },
        skeleton: Skeleton::default(),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("causal.model.ron");
    let (network, config) = (network(), NetworkConfig::Kinest(config()));
    let save = |axes| {
        let manifest = Manifest::new(config.clone(), spec(axes));
        network.to_checkpoint(manifest, Precision::F32).unwrap().save(&path).unwrap();
    };
    save(Axes::OwnHeading);
    let loaded = Checkpoint::load(&path).unwrap();
    assert_eq!(loaded.manifest.network, config);
    let features = features(20);
    let same = outputs(&Network::from_checkpoint(&loaded, &FlexDevice).unwrap(), &features, &[20]);
    assert_eq!(same, outputs(&network, &features, &[20]));
    save(Axes::Heading);
    let Err(CheckpointError::Field { field, .. }) = Checkpoint::load(&path) else { panic!() };
    assert_eq!(field, "spec.layout.frame");
}

/// Networks on one back end do not share kernels.
#[test]
fn each_network_has_its_own_kernels() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    fn counted(tensors: CoreTensors<Flex>) -> (Tensor<Flex, 3>, Mamba2State<Flex>) {
        CALLS.fetch_add(1, Ordering::SeqCst);
        core_on_host(tensors)
    }
    let (network, features) = (network(), features(20));
    let before = outputs(&network, &features, &[20]);
    let other = network.clone().with_core_kernels(&CoreKernels::default().and::<Flex>(counted));
    outputs(&other, &features, &[20]);
    let calls = CALLS.load(Ordering::SeqCst);
    assert_eq!(calls, 5, "a scan over time and two over the body in each of two blocks");
    assert_eq!(outputs(&network, &features, &[20]), before);
    assert_eq!(CALLS.load(Ordering::SeqCst), calls);
}
