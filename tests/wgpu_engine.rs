//! Compares models on wgpu with the same models on the CPU. The motion is synthetic, because the
//! repository has no recordings of people; one test reads them from a folder.
//!
//! Needs a graphics adapter; a software adapter is enough. Without one the tests print so and pass,
//! unless `KINEST_REQUIRE_GPU_ADAPTER=1` is set, which makes them fail.

#[path = "files.rs"]
mod files;
#[path = "noise.rs"]
mod noise;

use burn_flex::{Flex, FlexDevice};
use files::files;
use kinest::features::FeatureLayout;
use kinest::forecast::{BodyAxes, ForecastOutput};
use kinest::live::protocol::{Protocol, clip_trackers, predict};
use kinest::live::{EngineError, PoseEngine, StreamFrames, streams_of};
use kinest::model::forecast::{
    ForecastConfig, ForecastLayout, ForecastSpec, Forecasting, KsofConfig,
};
use kinest::model::{
    Checkpoint, CheckpointOf, Feed, Manifest, ManifestOf, MlpConfig, ModelSpec, NetworkConfig,
    Precision, Take,
};
use kinest::motion::synthetic::{self, Kind};
use kinest::motion::{MotionClip, amass};
use kinest::skeleton::{Pose, Skeleton};
use kinest::tracker::TrackerRole;
use kinest_engine::{DeviceChoice, OpenError, open, open_forecaster, probe};
use kinest_nn::pose::Network;
use noise::{Noise, weights};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Another order of sums and another exp change outputs by a few 1e-6; a wrong kernel, or another
/// stream's state, by far more.
const TOLERANCE: f32 = 1e-3;

fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/models").join(name)
}

fn shipped(name: &str) -> Checkpoint {
    Checkpoint::load(model(name)).unwrap()
}

/// What `open` opens on the CPU and on wgpu; `None` without an adapter.
fn on_both<E: ?Sized>(
    open: impl Fn(DeviceChoice) -> Result<Box<E>, OpenError>,
) -> Option<[Box<E>; 2]> {
    let gpu = match open(DeviceChoice::Wgpu) {
        Ok(gpu) => gpu,
        Err(error @ OpenError::Device { .. }) => {
            let required = std::env::var_os("KINEST_REQUIRE_GPU_ADAPTER").is_some_and(|v| v == "1");
            assert!(!required, "KINEST_REQUIRE_GPU_ADAPTER forbids to skip: {error}");
            eprintln!("SKIPPED, no graphics adapter: {error}");
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    Some([open(DeviceChoice::Cpu).unwrap(), gpu])
}

/// The model on the CPU and on wgpu; `None` without an adapter.
fn both(checkpoint: &Checkpoint) -> Option<[Box<dyn PoseEngine>; 2]> {
    let [cpu, gpu] = on_both(|choice| open(checkpoint, choice))?;
    assert_eq!([cpu.device(), gpu.device()], ["cpu", "wgpu"]);
    assert_eq!(cpu.output_frames(), gpu.output_frames());
    Some([cpu, gpu])
}

/// A synthetic clip of this many frames at 60 Hz.
fn clip(kind: Kind, seed: u64, frames: usize) -> MotionClip {
    let seconds = frames as f64 / 60.0 + 1.0;
    let mut clip = synthetic::clip(kind, seed, seconds, 60.0, &Skeleton::default());
    clip.frames.truncate(frames);
    clip
}

fn features(layout: &FeatureLayout, clip: &MotionClip) -> Vec<f32> {
    let trackers = clip_trackers(clip, &Skeleton::default(), layout.trackers);
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
    calls: Range<usize>,
}

/// Frames of each motion that [`streams`] plays.
const FRAMES: usize = 304;

/// Avatars with these motions at 60 Hz join and leave while others continue, feeding one or several
/// frames per call; the one that stays feeds 302 frames.
fn streams(motions: [MotionClip; 4]) {
    let checkpoint = shipped("kinest_stream.model.ron");
    let Some([mut cpu, mut gpu]) = both(&checkpoint) else { return };
    let ModelSpec { layout, feed, .. } = checkpoint.manifest.spec;
    assert!(matches!(feed, Feed::Frames { .. }));
    let inputs = layout.inputs();
    let [first, second, third, fourth] = motions.map(|motion| features(&layout, &motion));
    let avatars = [
        Avatar { stream: 7, features: first, calls: 0..75 },
        Avatar { stream: 2, features: second, calls: 20..50 },
        Avatar { stream: 9, features: third, calls: 21..75 },
        // Reuses the number of an ended stream.
        Avatar { stream: 2, features: fourth, calls: 55..75 },
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

#[test]
fn streams_on_wgpu_match_the_cpu() {
    let motions = [(Kind::Walk, 1), (Kind::Reach, 2), (Kind::Squat, 3), (Kind::Punch, 4)];
    streams(motions.map(|(kind, seed)| clip(kind, seed, FRAMES)));
}

/// `KINEST_MOCAP=folder cargo test -p kinest_engine --features wgpu --test wgpu_engine -- --ignored --nocapture`
#[test]
#[ignore = "needs real motion: KINEST_MOCAP"]
fn streams_of_real_motion_on_wgpu_match_the_cpu() {
    let folder = std::env::var_os("KINEST_MOCAP").expect("KINEST_MOCAP is not set");
    let clips = files(Path::new(&folder), &["npz"]).into_iter();
    let mut motions = clips.flat_map(|path| {
        let MotionClip { rate_hz, frames } = amass::load(path).unwrap().resampled(60.0);
        let parts = frames.chunks_exact(FRAMES).map(<[_]>::to_vec);
        parts.map(|frames| MotionClip { rate_hz, frames }).collect::<Vec<_>>()
    });
    streams(std::array::from_fn(|_| motions.next().expect("the folder has too little motion")));
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
        .flat_map(|(kind, seed)| features(&layout, &clip(kind, seed, window + 1)))
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

/// Programs with networks of their own get the device that `open` takes.
#[test]
fn probe_names_the_device_that_open_takes() {
    let checkpoint = shipped("kinest_small.model.ron");
    if both(&checkpoint).is_some() {
        assert_eq!(probe(DeviceChoice::Wgpu).unwrap(), DeviceChoice::Wgpu);
    }
    let engine = open(&checkpoint, DeviceChoice::Auto).unwrap();
    assert_eq!(probe(DeviceChoice::Auto).unwrap().name(), engine.device());
}

/// The shipped forecaster, a siMLPe, and a KSOF of its size with random weights.
fn forecasters() -> [(&'static str, CheckpointOf<Forecasting>); 2] {
    let shipped = CheckpointOf::<Forecasting>::load(model("kinest_forecast.model.ron")).unwrap();
    let ForecastSpec { layout, history, horizon, .. } = shipped.manifest.spec;
    let ksof = ForecastConfig::Ksof(KsofConfig {
        history,
        horizon,
        numbers: layout.numbers(),
        hidden: 16,
        graph_blocks: 4,
        ..KsofConfig::default()
    });
    let tensors = weights(&ksof, Noise(1));
    let spec = ForecastSpec { gate: None, ..shipped.manifest.spec.clone() };
    let manifest = ManifestOf::new(ksof, spec);
    let ksof = CheckpointOf::new(manifest, &tensors, Precision::F32).unwrap();
    [("siMLPe", shipped), ("KSOF", ksof)]
}

/// The last frames of a body that moves, as a forecaster sees them.
fn history(spec: &ForecastSpec, kind: Kind, seed: u64) -> Vec<f32> {
    assert_eq!(spec.layout, ForecastLayout::Smpl22);
    let clip = synthetic::clip(kind, seed, 4.0, spec.rate_hz, &Skeleton::default());
    let poses: Vec<Pose> = clip.frames[80..][..spec.observed()].iter().map(Pose::from).collect();
    let mut history = vec![0.0; spec.history * spec.layout.numbers()];
    let axes = BodyAxes::new(poses.last().unwrap());
    axes.write_history(poses.into_iter(), &mut history);
    history
}

/// Compares forecasts of one body and of several, and those of both branches where there are two.
#[test]
fn forecasters_on_wgpu_match_the_cpu() {
    for (name, checkpoint) in forecasters() {
        let Some(mut engines) = on_both(|choice| open_forecaster(&checkpoint, choice)) else {
            return;
        };
        let spec = checkpoint.manifest.spec.clone();
        assert_eq!(engines.each_ref().map(|engine| engine.device()), ["cpu", "wgpu"]);
        assert!(engines.iter().all(|engine| *engine.spec() == spec));
        for kinds in [&[Kind::Walk][..], &[Kind::Punch, Kind::Walk, Kind::Turn]] {
            let histories =
                kinds.iter().zip(6..).flat_map(|(kind, seed)| history(&spec, *kind, seed));
            let histories: Vec<f32> = histories.collect();
            let [cpu, gpu] = engines.each_mut().map(|engine| {
                let mut out = ForecastOutput::default();
                engine.forecast(&histories, kinds.len(), &mut out).unwrap();
                out
            });
            let what = format!("{name}, {} bodies", kinds.len());
            assert_eq!(cpu.future.len(), kinds.len() * spec.horizon * spec.layout.numbers());
            println!("{what}: {:e} apart at most", compare([&cpu.future, &gpu.future], &what));
            assert_eq!(cpu.branches().is_some(), name == "KSOF");
            assert_eq!(gpu.branches().is_some(), name == "KSOF");
            if let (Some(cpu), Some(gpu)) = (cpu.branches(), gpu.branches()) {
                compare([cpu.0, gpu.0], &format!("{what}, temporal branch"));
                compare([cpu.1, gpu.1], &format!("{what}, graph branch"));
            }
        }
        let [_, gpu] = &mut engines;
        let error = gpu.forecast(&[0.0; 5], 1, &mut ForecastOutput::default()).unwrap_err();
        assert!(matches!(error, EngineError::InputLength { found: 5, .. }), "{error}");
    }
}
