//! Compares models on wgpu with the same models on the CPU, on synthetic motion.
//!
//! Needs a graphics adapter; a software adapter is enough. Without one the tests print so and pass,
//! unless `KINEST_REQUIRE_GPU_ADAPTER=1` is set, which makes them fail.

use burn_flex::{Flex, FlexDevice};
use kinest::features::FeatureLayout;
use kinest::live::protocol::{Protocol, clip_trackers, predict};
use kinest::live::{EngineError, PoseEngine, StreamFrames, streams_of};
use kinest::model::{
    Checkpoint, Feed, Manifest, MlpConfig, ModelSpec, NetworkConfig, Precision, Take,
};
use kinest::motion::synthetic::{self, Kind};
use kinest::skeleton::Skeleton;
use kinest::tracker::{TrackerPose, TrackerRole};
use kinest_engine::{DeviceChoice, OpenError, open};
use kinest_nn::pose::Network;
use std::path::Path;

/// Another order of sums and another exp change outputs by a few 1e-6; a wrong kernel, or another
/// stream's state, by far more.
const TOLERANCE: f32 = 1e-3;

fn shipped(name: &str) -> Checkpoint {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/models");
    Checkpoint::load(models.join(name)).unwrap()
}

/// The model on the CPU and on wgpu; `None` without an adapter.
fn both(checkpoint: &Checkpoint) -> Option<[Box<dyn PoseEngine>; 2]> {
    let gpu = match open(checkpoint, DeviceChoice::Wgpu) {
        Ok(gpu) => gpu,
        Err(error @ OpenError::Device { .. }) => {
            let required = std::env::var_os("KINEST_REQUIRE_GPU_ADAPTER").is_some_and(|v| v == "1");
            assert!(!required, "KINEST_REQUIRE_GPU_ADAPTER forbids to skip: {error}");
            eprintln!("SKIPPED, no graphics adapter: {error}");
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    let cpu = open(checkpoint, DeviceChoice::Cpu).unwrap();
    assert_eq!([cpu.device(), gpu.device()], ["cpu", "wgpu"]);
    assert_eq!(cpu.output_frames(), gpu.output_frames());
    Some([cpu, gpu])
}

/// Trackers of a synthetic clip at 60 Hz.
fn trackers(kind: Kind, seed: u64, frames: usize) -> Vec<Vec<TrackerPose>> {
    let skeleton = Skeleton::default();
    let clip = synthetic::clip(kind, seed, frames as f64 / 60.0 + 1.0, 60.0, &skeleton);
    let mut trackers = clip_trackers(&clip, &skeleton, FeatureLayout::default().trackers);
    trackers.truncate(frames);
    assert_eq!(trackers.len(), frames);
    trackers
}

fn features(layout: &FeatureLayout, trackers: &[Vec<TrackerPose>]) -> Vec<f32> {
    let mut features = vec![];
    layout.write_features(trackers.iter().map(Vec::as_slice), &mut features);
    features
}

/// Asserts that the outputs differ by less than [`TOLERANCE`] and are not near zero; returns the
/// difference.
fn compare([cpu, gpu]: [&[f32]; 2], what: &str) -> f32 {
    assert_eq!(cpu.len(), gpu.len(), "{what}");
    let largest = cpu.iter().map(|v| v.abs()).fold(0.0, f32::max);
    assert!(largest > 0.1, "{what}: an output of nothing proves nothing");
    let apart = cpu.iter().zip(gpu).map(|(a, b)| (a - b).abs());
    let worst = apart.max_by(f32::total_cmp).unwrap();
    assert!(worst < TOLERANCE, "{what}: {worst}");
    worst
}

/// An avatar that feeds the frames of a motion.
struct Avatar {
    stream: u64,
    features: Vec<f32>,
    /// The calls it takes part in; its stream ends after them.
    calls: std::ops::Range<usize>,
}

/// Avatars join and leave while others continue, feeding one or several frames per call; the one
/// that stays feeds 300 frames.
#[test]
fn streams_on_wgpu_match_the_cpu() {
    let checkpoint = shipped("kinest_stream.model.ron");
    let Some([mut cpu, mut gpu]) = both(&checkpoint) else { return };
    let ModelSpec { layout, feed, .. } = checkpoint.manifest.spec;
    assert!(matches!(feed, Feed::Frames { .. }));
    let inputs = layout.inputs();
    let avatar = |stream, kind, seed, calls| {
        let features = features(&layout, &trackers(kind, seed, 304));
        Avatar { stream, features, calls }
    };
    let avatars = [
        avatar(7, Kind::Walk, 1, 0..75),
        avatar(2, Kind::Reach, 2, 20..50),
        avatar(9, Kind::Squat, 3, 21..75),
        // Reuses the number of an ended stream.
        avatar(2, Kind::Punch, 4, 55..75),
    ];
    // Frames per call, repeated: mostly one.
    let stretches = [1, 1, 12, 2].into_iter().cycle();
    let (mut said, mut worst) = ([vec![], vec![]], 0.0_f32);
    for (call, stretch) in (0..75).zip(stretches) {
        let here = |a: &&Avatar| a.calls.contains(&call);
        // Position in its motion: four calls take 16 frames.
        let fed: Vec<_> = avatars
            .iter()
            .filter(here)
            .map(|a| {
                let at = call / 4 * 16 + [0, 1, 2, 14][call % 4];
                let features = &a.features[at * inputs..][..stretch * inputs];
                StreamFrames { stream: a.stream, features }
            })
            .collect();
        let take = if call % 3 == 0 { Take::Newest } else { Take::All };
        let outputs = [&mut cpu, &mut gpu]
            .map(|engine| streams_of(engine.as_mut()).unwrap().advance(&fed, take).unwrap());
        let rows = if take == Take::All { stretch } else { 1 };
        assert_eq!(outputs[0].len(), fed.len() * rows * layout.outputs());
        worst = worst.max(compare([&outputs[0], &outputs[1]], &format!("call {call}")));
        for (said, output) in said.iter_mut().zip(outputs) {
            said.extend(output);
        }
        for gone in avatars.iter().filter(|a| a.calls.end == call + 1) {
            for engine in [&mut cpu, &mut gpu] {
                streams_of(engine.as_mut()).unwrap().end(gone.stream);
            }
        }
    }
    println!("{} numbers, {worst:e} apart at most", said[0].len());

    // A partial frame is refused and does not affect other streams.
    let odd = [StreamFrames { stream: 1, features: &[0.0; 5] }];
    let error = streams_of(gpu.as_mut()).unwrap().advance(&odd, Take::All).unwrap_err();
    assert!(matches!(error, EngineError::StreamLength { found: 5, .. }), "{error}");
    let frame = [StreamFrames { stream: 1, features: &avatars[0].features[..inputs] }];
    let outputs = [&mut cpu, &mut gpu]
        .map(|engine| streams_of(engine.as_mut()).unwrap().advance(&frame, Take::All).unwrap());
    compare([&outputs[0], &outputs[1]], "after an error");
}

/// Compares a whole clip, since an error in the state would accumulate: of head and hands, and with trackers on the
/// body.
#[test]
fn clips_through_the_shipped_streams_on_wgpu_match_the_cpu() {
    let worn = [TrackerRole::Pelvis, TrackerRole::LeftFoot, TrackerRole::RightFoot];
    for (model, worn) in
        [("kinest_stream.model.ron", &[][..]), ("kinest_full.model.ron", &worn[..])]
    {
        let Some(engines) = both(&shipped(model)) else { return };
        let skeleton = Skeleton::default();
        let clip = synthetic::clip(Kind::Turn, 5, 2.0, 60.0, &skeleton);
        let [cpu, gpu] = engines.map(|mut engine| {
            let (engine, online) = (engine.as_mut(), Protocol::Online);
            let said = predict(engine, &clip, &skeleton, worn, online, |_, _| ()).unwrap();
            let frames = said.motion.frames.iter().zip(&said.certainties);
            let numbers = frames.flat_map(|(frame, certainty)| {
                let rotations = frame.rotations.map(|r| r.to_array());
                let contacts = certainty.contacts.into_iter().flatten();
                let deviations = certainty.deviations.into_iter().flatten();
                let all = rotations.into_iter().flatten().chain(contacts).chain(deviations);
                all.map(|v| v as f32).collect::<Vec<_>>()
            });
            numbers.collect::<Vec<_>>()
        });
        println!("{model}: {:e} apart at most", compare([&cpu, &gpu], model));
    }
}

/// Compares whole windows, single and in batches, all frames and the newest only.
fn windows(checkpoint: &Checkpoint) {
    let Some([mut cpu, mut gpu]) = both(checkpoint) else { return };
    let ModelSpec { layout, window, .. } = checkpoint.manifest.spec;
    assert!(gpu.streams().is_none());
    let kinds = [Kind::Walk, Kind::Reach, Kind::Sit];
    let input: Vec<f32> = kinds
        .into_iter()
        .zip(10..)
        .flat_map(|(kind, seed)| features(&layout, &trackers(kind, seed, window + 1)))
        .collect();
    for take in [Take::All, Take::Newest] {
        let outputs =
            [&mut cpu, &mut gpu].map(|engine| engine.infer(&input, kinds.len(), take).unwrap());
        let worst = compare([&outputs[0], &outputs[1]], &format!("{take:?}"));
        println!("{take:?}: {} numbers, {worst:e} apart at most", outputs[0].len());
    }
    let error = gpu.infer(&[0.0; 5], 1, Take::Newest).unwrap_err();
    assert!(matches!(error, EngineError::InputLength { found: 5, .. }), "{error}");
}

#[test]
fn windows_of_kinest_on_wgpu_match_the_cpu() {
    windows(&shipped("kinest_small.model.ron"));
}

#[test]
fn windows_of_a_perceptron_on_wgpu_match_the_cpu() {
    let config = NetworkConfig::Mlp(MlpConfig { width: 64, layers: 2, ..MlpConfig::default() });
    let spec = ModelSpec {
        layout: FeatureLayout::default(),
        rate_hz: 60.0,
        window: config.window(),
        feed: config.feed(),
        skeleton: Skeleton::default(),
    };
    let network = Network::<Flex>::new(&config, &FlexDevice).unwrap();
    let manifest = Manifest::new(config, spec);
    windows(&network.to_checkpoint(manifest, Precision::F32).unwrap());
}
