//! Compares the native implementation of causal networks with Burn: any number of frames per call,
//! saved states, quantised weights, and allocations.

#[path = "../../../tests/counting.rs"]
mod counting;

use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use burn_flex::{Flex, FlexDevice};
use counting::allocations;
use kinest::features::{Axes, FeatureLayout};
use kinest::live::protocol::clip_trackers;
use kinest::live::{EngineError, PoseEngine, StreamEngine, StreamFrames};
use kinest::model::{
    CausalConfig, Checkpoint, CheckpointError, KinestConfig, Mamba2Config, Manifest, ModelSpec,
    NetworkConfig, Precision, ScanChain, Take,
};
use kinest::motion::{amass, synthetic};
use kinest::rotation::SIXD;
use kinest::skeleton::{Skeleton, SmplJoint};
use kinest_native::{
    NativeEngine, NativeStreams, NextFrames, PackError, StateError, StreamingState,
};
use kinest_nn::engine::BurnEngine;
use kinest_nn::layers::fused::core_on_host;
use kinest_nn::layers::kernel::CoreKernels;
use kinest_nn::layers::statistics::DataStatistics;
use kinest_nn::pose::Network;
use kinest_nn::tensors::tensors_of;
use std::path::Path;
use std::sync::Mutex;

/// Outputs per frame: the 6D rotation of every joint.
const TARGETS: usize = SmplJoint::COUNT * SIXD;

fn config() -> KinestConfig {
    let scan = Mamba2Config { state: 8, taps: 4, expand: 2, head_width: 8, chunk: 16 };
    KinestConfig {
        window: 1,
        width: 32,
        temporal_blocks: 1,
        kinematic_blocks: 1,
        temporal_scan: scan,
        kinematic_scan: Mamba2Config { state: 4, ..scan },
        joint_width: 8,
        chain: ScanChain::Unified,
        attention_heads: 4,
        feed_forward: 64,
        fan_hidden: 32,
        standardise: true,
        causal: Some(CausalConfig { mixer_taps: 5, attention_frames: 12, look_ahead: 0 }),
        ..KinestConfig::default()
    }
}

fn layout() -> FeatureLayout {
    FeatureLayout { axes: Axes::OwnHeading, ..FeatureLayout::default() }
}

fn spec() -> ModelSpec {
    ModelSpec {
        layout: layout(),
        rate_hz: 60.0,
        window: 1,
        feed: NetworkConfig::Kinest(config()).feed(),
        skeleton: Skeleton::default(),
    }
}

/// The random generator is global to the process, so this lock is held while a network is created;
/// loading weights also draws random numbers.
static RANDOM: Mutex<()> = Mutex::new(());

fn kernels() -> CoreKernels {
    CoreKernels::default().and::<Flex>(core_on_host)
}

/// A network whose weights depend only on its dimensions.
fn network(config: &KinestConfig) -> Network<Flex> {
    let _alone = RANDOM.lock();
    Flex::seed(&FlexDevice, 4);
    let network: Network<Flex> =
        Network::new(&NetworkConfig::Kinest(config.clone()), &FlexDevice).unwrap();
    // Burn draws weights lazily; forking draws them here, in a fixed order.
    let mut network = network.fork(&FlexDevice);
    if config.standardise {
        network.prepare(&DataStatistics {
            input_mean: (0..config.inputs).map(|i| (i as f32).sin() * 0.3).collect(),
            input_std: (0..config.inputs).map(|i| 0.2 + (i % 7) as f32 * 0.1).collect(),
            target_mean: vec![0.1; config.outputs],
        });
    }
    network.with_core_kernels(&kernels())
}

fn native(config: &KinestConfig, precision: Precision) -> NativeStreams {
    let network = network(config);
    NativeStreams::new(&NetworkConfig::Kinest(config.clone()), tensors_of(&network), precision)
        .unwrap()
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

/// Outputs of Burn, `stretch` frames per call.
fn burn_outputs(network: &Network<Flex>, features: &[f32], stretch: usize) -> Vec<f32> {
    let inputs = layout().inputs();
    let (mut state, mut said) = (None, vec![]);
    for features in features.chunks(stretch * inputs) {
        let shape = [1, features.len() / inputs, inputs];
        let features = Tensor::from_data(TensorData::new(features.to_vec(), shape), &FlexDevice);
        let (output, after) = network.stream(features, state);
        said.extend(output.into_data().into_vec::<f32>().unwrap());
        state = Some(after);
    }
    said
}

/// Outputs of the native implementation, `stretch` frames per call.
fn outputs(
    network: &mut NativeStreams,
    state: &mut StreamingState,
    features: &[f32],
    stretch: usize,
) -> Vec<f32> {
    let (inputs, outputs) = (network.inputs(), network.outputs());
    let mut said = vec![f32::NAN; features.len() / inputs * outputs];
    let stretches = features.chunks(stretch * inputs).zip(said.chunks_mut(stretch * outputs));
    stretches.for_each(|(features, out)| network.step(state, features, Take::All, out));
    said
}

/// Largest difference; NaN counts as a difference.
fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).max_by(f32::total_cmp).unwrap()
}

#[test]
fn ten_thousand_single_frames_match_burn() {
    let features = features(10_000);
    let expected = burn_outputs(&network(&config()), &features, 250);
    let largest = expected.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    assert!(largest > 0.3, "an output of nothing proves nothing");
    let mut native = native(&config(), Precision::F32);
    let mut state = native.start();
    let found = outputs(&mut native, &mut state, &features, 1);
    assert_eq!(state.frames(), 10_000);
    let worst = worst(&found, &expected);
    println!("{worst:e} of {largest}");
    assert!(worst < 1e-4, "{worst}");
    // The motion repeats every few seconds, but the network's state differs.
    let period = features.chunks(54).skip(1).position(|row| *row == features[..54]).unwrap() + 1;
    let again = &found[period * TARGETS..][..TARGETS];
    assert!(self::worst(&found[..TARGETS], again) > 1e-3, "the past counts");
}

#[test]
fn odd_sizes_and_short_memories() {
    let scan = Mamba2Config { state: 5, taps: 2, expand: 3, head_width: 20, chunk: 16 };
    let odd = KinestConfig {
        width: 40,
        temporal_scan: scan,
        kinematic_scan: Mamba2Config { head_width: 12, taps: 5, ..scan },
        joint_width: 12,
        chain: ScanChain::Released,
        attention_heads: 5,
        feed_forward: 72,
        fan_hidden: 36,
        standardise: false,
        causal: Some(CausalConfig { mixer_taps: 2, attention_frames: 2, look_ahead: 3 }),
        ..config()
    };
    for config in [
        KinestConfig { temporal_blocks: 0, ..odd.clone() },
        KinestConfig { temporal_blocks: 2, kinematic_blocks: 0, ..odd.clone() },
        KinestConfig { temporal_blocks: 0, kinematic_blocks: 0, ..odd.clone() },
        odd,
    ] {
        let features = features(70);
        let expected = burn_outputs(&network(&config), &features, 70);
        let mut native = native(&config, Precision::F32);
        for stretch in [1, 7, 70] {
            let mut state = native.start();
            let found = outputs(&mut native, &mut state, &features, stretch);
            let worst = worst(&found, &expected);
            assert!(worst < 1e-4, "{worst} in stretches of {stretch}, {config:?}");
        }
    }
}

#[test]
fn streams_fed_together_match_streams_fed_alone() {
    let mut native = native(&config(), Precision::F32);
    let (inputs, all) = (native.inputs(), features(60));
    // The second and third stream start at other frames; together they need more than one pass.
    let starts = [0, 10, 25];
    let mut states = [native.start(), native.start(), native.start()];
    let mut said: [Vec<f32>; 3] = Default::default();
    for lengths in [[1, 1, 1], [3, 20, 9], [30, 1, 2]] {
        let before: Vec<usize> = states.iter().map(|s| s.frames() as usize).collect();
        let mut outs = lengths.map(|frames| vec![0.0; frames * TARGETS]);
        let mut newest = lengths.map(|_| vec![0.0; TARGETS]);
        let parts: Vec<&[f32]> = (0..3)
            .map(|i| &all[(starts[i] + before[i]) * inputs..][..lengths[i] * inputs])
            .collect();
        let mut copies = states.clone();
        let mut feed = |states: &mut [StreamingState; 3], outs: &mut [Vec<f32>; 3], take| {
            let mut fed = vec![];
            for ((state, out), features) in states.iter_mut().zip(outs).zip(&parts) {
                fed.push(NextFrames { state, features, out });
            }
            native.step_all(&mut fed, take);
        };
        feed(&mut copies, &mut newest, Take::Newest);
        feed(&mut states, &mut outs, Take::All);
        assert!(copies == states);
        for i in 0..3 {
            assert_eq!(outs[i][(lengths[i] - 1) * TARGETS..], newest[i]);
            said[i].extend(&outs[i]);
        }
    }
    for (start, said) in starts.into_iter().zip(said) {
        let frames = said.len() / TARGETS;
        let mut state = native.start();
        let features = &all[start * inputs..][..frames * inputs];
        assert!(worst(&outputs(&mut native, &mut state, features, 1), &said) < 1e-5);
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let all = features(40);
    let play = |threads: usize| {
        let network = native(&config(), Precision::F16);
        let inputs = network.inputs();
        let mut engine = NativeEngine::streaming(network, spec());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut said = vec![];
        for frame in 0..30 {
            let streams: Vec<StreamFrames> = (0..7)
                .map(|stream| {
                    let start = (frame + stream as usize) * inputs;
                    StreamFrames { stream, features: &all[start..start + inputs] }
                })
                .collect();
            let streams = &streams[..2 + frame % 6];
            let advance = || engine.streams().unwrap().advance(streams, Take::Newest);
            said.extend(pool.install(advance).unwrap());
        }
        said.into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    let one = play(1);
    assert!([2, 3, 5].into_iter().all(|threads| play(threads) == one));
}

#[test]
fn states_are_copied_saved_loaded_and_reset() {
    let mut native = native(&config(), Precision::F32);
    let (inputs, features) = (native.inputs(), features(50));
    let (first, second) = features.split_at(31 * inputs);
    let mut state = native.start();
    outputs(&mut native, &mut state, first, 1);
    let saved = state.save();
    assert_eq!(saved.len(), native.saved_bytes());
    let (mut copy, mut loaded) = (state.clone(), native.load(&saved).unwrap());
    let said = outputs(&mut native, &mut state, second, 1);
    // A copied state is independent, and works with any network that shares or equals the weights.
    let mut sharing = native.clone();
    assert_eq!(outputs(&mut sharing, &mut copy, second, 1), said);
    assert_eq!(outputs(&mut native, &mut loaded, second, 1), said);
    assert_eq!(native.saved_bytes(), loaded.save().len(), "it does not grow");
    loaded.reset();
    assert!(loaded == native.start() && loaded != state);
}

#[test]
fn invalid_state_bytes_are_refused() {
    let network = native(&config(), Precision::F32);
    let saved = network.start().save();
    let refused = |bytes: &[u8]| network.load(bytes).unwrap_err();
    assert_eq!(refused(b""), StateError::NotAState);
    assert_eq!(refused(&[7; 4000]), StateError::NotAState);
    let expected = saved.len();
    let short = StateError::Length { expected, found: expected - 4 };
    assert_eq!(refused(&saved[..expected - 4]), short);
    assert_eq!(
        refused(&[&saved[..], &[0]].concat()).to_string(),
        format!("the state has {} bytes, expected {expected}", expected + 1)
    );
    let changed = |at: usize, bytes: &[u8]| {
        let mut saved = saved.clone();
        saved[at..at + bytes.len()].copy_from_slice(bytes);
        saved
    };
    assert_eq!(refused(&changed(8, &[9])), StateError::Version { found: 9 });
    assert_eq!(refused(&changed(expected - 4, &f32::NAN.to_le_bytes())), StateError::NotFinite);
    // The same length with another meaning.
    let causal = CausalConfig { mixer_taps: 12, attention_frames: 5, look_ahead: 0 };
    let other = native(&KinestConfig { causal: Some(causal), ..config() }, Precision::F32);
    assert_eq!(refused(&other.start().save()), StateError::Network);
}

#[test]
fn quantised_networks_are_close_and_smaller() {
    let features = features(600);
    let said = |precision| {
        let mut native = native(&config(), precision);
        let mut state = native.start();
        (outputs(&mut native, &mut state, &features, 1), native.weight_bytes())
    };
    let (exact, bytes) = said(Precision::F32);
    let largest = exact.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    for (precision, tolerance, share) in [(Precision::F16, 1e-3, 2.0), (Precision::Int8, 3e-2, 3.5)]
    {
        let (found, fewer) = said(precision);
        let off = worst(&found, &exact) / largest;
        println!("{precision:?}: {off:e} of the largest output, {fewer} of {bytes} bytes");
        assert!(off > 0.0 && off < tolerance, "{precision:?} {off}");
        assert!(bytes as f32 / fewer as f32 >= share);
    }
}

#[test]
fn frames_allocate_nothing() {
    let features = features(100);
    for precision in [Precision::F32, Precision::F16, Precision::Int8] {
        let mut native = native(&config(), precision);
        let (mut state, mut other) = (native.start(), native.start());
        let (mut all, mut newest) = (vec![0.0; 100 * TARGETS], [0.0; TARGETS]);
        let made = allocations();
        for features in features.chunks_exact(native.inputs()) {
            native.step(&mut state, features, Take::Newest, &mut newest);
        }
        native.step(&mut state, &features, Take::All, &mut all);
        let mut both = [
            NextFrames { state: &mut state, features: &features, out: &mut newest },
            NextFrames { state: &mut other, features: &features, out: &mut all[..TARGETS] },
        ];
        native.step_all(&mut both, Take::Newest);
        assert_eq!(allocations(), made, "{precision:?}");
    }
    assert!(allocations() > 0, "it counts");
}

#[test]
fn networks_that_are_not_causal_are_refused() {
    let config = KinestConfig { causal: None, window: 4, ..config() };
    let network = network(&config);
    let refused =
        NativeStreams::new(&NetworkConfig::Kinest(config), tensors_of(&network), Precision::F32);
    assert_eq!(refused.unwrap_err(), PackError::NotCausal);
}

#[test]
fn the_engine_matches_burns() {
    let network = network(&config());
    let native = native(&config(), Precision::F32);
    let mut burn = BurnEngine::from_network(network, spec(), FlexDevice, "cpu");
    let mut native = NativeEngine::streaming(native, spec());
    let features = features(40);
    let rows = |from: usize, count: usize| &features[from * 54..][..count * 54];
    let mut both = |fed: &[(u64, usize, usize)], take| {
        let fed: Vec<_> = fed
            .iter()
            .map(|(stream, from, count)| StreamFrames {
                stream: *stream,
                features: rows(*from, *count),
            })
            .collect();
        let said =
            |engine: &mut dyn PoseEngine| engine.streams().unwrap().advance(&fed, take).unwrap();
        let (expected, found) = (said(&mut burn), said(&mut native));
        assert!(worst(&expected, &found) < 1e-4);
        found.len() / TARGETS
    };
    assert_eq!(both(&[(7, 0, 1)], Take::Newest), 1);
    assert_eq!(both(&[(7, 1, 3), (9, 0, 20), (1, 5, 2)], Take::Newest), 3);
    assert_eq!(both(&[(9, 20, 2), (7, 4, 5)], Take::All), 7);
    let end = |engine: &mut dyn PoseEngine| engine.streams().unwrap().end(9);
    end(&mut burn);
    end(&mut native);
    let both_again = |engine: &mut dyn PoseEngine| {
        let fed = [StreamFrames { stream: 9, features: rows(3, 2) }];
        engine.streams().unwrap().advance(&fed, Take::All).unwrap()
    };
    let said = both_again(&mut native);
    assert!(worst(&said, &both_again(&mut burn)) < 1e-4);
    // Whole windows have no past.
    let alone = native.infer(rows(3, 1), 1, Take::Newest).unwrap();
    assert!(worst(&alone, &said[..TARGETS]) < 1e-5);

    let streams: &mut dyn StreamEngine = native.streams().unwrap();
    for found in [0, 5] {
        let fed = [StreamFrames { stream: 1, features: &features[..found] }];
        let error = streams.advance(&fed, Take::All).unwrap_err();
        assert!(matches!(error, EngineError::StreamLength { inputs: 54, found: f } if f == found));
    }
    assert!(streams.advance(&[], Take::All).unwrap().is_empty());
}

#[test]
fn a_checkpoint_in_8_bits_is_close_to_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let network = network(&config());
    let _alone = RANDOM.lock();
    let saved = |precision, name: &str| {
        let manifest = Manifest::new(NetworkConfig::Kinest(config()), spec());
        let path = folder.path().join(name);
        network.to_checkpoint(manifest, precision).unwrap().save(&path).unwrap();
        Checkpoint::load(&path).unwrap()
    };
    let (whole, eighth) =
        (saved(Precision::F32, "a.model.ron"), saved(Precision::Int8, "b.model.ron"));
    assert_eq!(eighth.manifest.precision, Precision::Int8);
    let size = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().len();
    assert!(size("b.safetensors") * 2 < size("a.safetensors"));
    let features = features(60);
    let said = |checkpoint: &Checkpoint| {
        burn_outputs(&Network::from_checkpoint(checkpoint, &FlexDevice).unwrap(), &features, 60)
    };
    let off = worst(&said(&whole), &said(&eighth));
    assert!(off > 0.0 && off < 3e-2, "{off}");
    // Weights that are already rounded do not change.
    let again =
        Checkpoint::new(eighth.manifest.clone(), &eighth.tensors().unwrap(), Precision::Int8);
    assert!(worst(&said(&again.unwrap()), &said(&eighth)) < 1e-5);
    // A manifest with the weights of another network is refused with a reason.
    let table = eighth.tensor_table();
    assert!(table.iter().any(|(name, shape, kind)| {
        name == "embed.weight.scale" && *shape == [32] && kind == "F32"
    }));
    let mlp = Manifest {
        network: NetworkConfig::Kinest(KinestConfig { temporal_blocks: 0, ..config() }),
        ..eighth.manifest.clone()
    };
    let bytes = std::fs::read(folder.path().join("b.safetensors")).unwrap();
    let other = Checkpoint::with_manifest(mlp, bytes).unwrap();
    let Err(CheckpointError::Tensors { problems, .. }) =
        Network::<Flex>::from_checkpoint(&other, &FlexDevice)
    else {
        panic!()
    };
    assert!(problems.iter().any(|p| p.to_string().contains("temporal.0.norm.gamma")));
}

/// A network and the motion fed to it in the tests below.
struct Soak {
    config: NetworkConfig,
    network: Network<Flex>,
    /// Precision of the stored weights.
    precision: Precision,
    /// `[frames, inputs]`
    features: Vec<f32>,
}

impl Soak {
    /// Reads the model and clips in `KINEST_SOAK`, a `.model.ron` and AMASS files separated by
    /// spaces; by default, the network of this file and a walking body.
    fn new() -> Self {
        let Ok(named) = std::env::var("KINEST_SOAK") else {
            let (network, features) = (network(&config()), features(1200));
            let config = NetworkConfig::Kinest(config());
            return Self { config, network, precision: Precision::F16, features };
        };
        let mut paths = named.split_whitespace().map(Path::new);
        let checkpoint = Checkpoint::load(paths.next().expect("a model")).unwrap();
        let Manifest { network: config, spec, precision, .. } = checkpoint.manifest.clone();
        let mut features = vec![];
        for path in paths {
            let clip = amass::load(path).unwrap().resampled(spec.rate_hz);
            let trackers = clip_trackers(&clip, &spec.skeleton, spec.layout.trackers);
            let mut rows = vec![];
            spec.layout.write_features(trackers.iter().map(Vec::as_slice), &mut rows);
            features.extend(rows);
        }
        let network = Network::from_checkpoint(&checkpoint, &FlexDevice).unwrap();
        let network = network.with_core_kernels(&kernels());
        Self { config, network, precision, features }
    }

    fn native(&self, precision: Precision) -> NativeStreams {
        NativeStreams::new(&self.config, tensors_of(&self.network), precision).unwrap()
    }
}

/// Ignored by default, since it is for models and motion outside the repository:
///
/// ```sh
/// KINEST_SOAK="MODEL CLIP..." cargo test --release -p kinest_native --test streams -- --ignored --nocapture
/// ```
#[test]
#[ignore = "for a model of one's own"]
fn single_frames_of_a_model_match_burn() {
    let soak = Soak::new();
    let mut native = soak.native(Precision::F32);
    let wanted = 10_000 * native.inputs();
    let features: Vec<f32> = soak.features.iter().cycle().take(wanted).copied().collect();
    let expected = burn_outputs(&soak.network, &features, 250);
    let mut state = native.start();
    let worst = worst(&outputs(&mut native, &mut state, &features, 1), &expected);
    println!("{worst:e} is the largest difference of 10,000 frames");
    assert!(worst < 1e-4, "{worst}");
}

/// Ignored by default, since a day of frames takes minutes. `KINEST_SOAK` as above.
#[test]
#[ignore = "takes minutes"]
fn a_day_of_frames_stays_finite_and_bounded() {
    let soak = Soak::new();
    for precision in [Precision::F32, soak.precision] {
        let mut native = soak.native(precision);
        let (inputs, mut state) = (native.inputs(), native.start());
        let frames = soak.features.len() / inputs;
        let mut out = vec![0.0; native.outputs()];
        let (mut early, mut largest) = (0.0_f32, 0.0_f32);
        let looped = soak.features.chunks_exact(inputs).cycle().take(5_000_000);
        for (frame, features) in looped.enumerate() {
            native.step(&mut state, features, Take::Newest, &mut out);
            assert!(out.iter().all(|v| v.is_finite()), "frame {frame}");
            largest = out.iter().fold(largest, |m, v| m.max(v.abs()));
            if frame < frames.max(10_000) {
                early = largest;
            }
        }
        println!("{precision:?}: largest output {largest}, {early} in the first {frames} frames");
        assert!(largest < early * 1.01);
        // A saved state is refused if it is not finite.
        assert!(native.load(&state.save()).unwrap() == state);
    }
}
