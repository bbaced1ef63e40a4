//! Cost of a frame outside the network, for one player on one core: features of a window and of a
//! new frame, decoding an output, each correction, and forecasts.
//!
//! `cargo bench -p kinest_benches --bench pipeline`

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use kinest::features::{Axes, FeatureLayout, WindowAxes};
use kinest::forecast::{BodyForecaster, Extrapolation};
use kinest::live::protocol::clip_trackers;
use kinest::live::{RemotePlayer, decode_output};
use kinest::model::{Feed, ModelSpec};
use kinest::motion::synthetic::walk_and_wave;
use kinest::refine::{
    FootLock, FootLockSettings, Grounding, OneEuro, PoseFilter, place_trackers, three_point_pose,
};
use kinest::skeleton::{Pose, Skeleton};
use kinest::tracker::{TrackerPose, TrackerSet};
use std::hint::black_box;

const DT: f64 = 1.0 / 60.0;
/// Frames in a window of the shipped model for windows, plus the one before.
const WINDOW: usize = 41;

fn features(c: &mut Criterion) {
    let skeleton = Skeleton::default();
    let trackers = clip_trackers(&walk_and_wave(&skeleton), &skeleton, TrackerSet::HeadAndHands);
    let mut group = c.benchmark_group("features");
    for (name, axes, frames) in
        [("window of 40 frames", Axes::Heading, WINDOW), ("one frame", Axes::OwnHeading, 2)]
    {
        let layout = FeatureLayout { axes, ..FeatureLayout::default() };
        let window: Vec<&[TrackerPose]> = trackers[..frames].iter().map(Vec::as_slice).collect();
        let mut out = Vec::with_capacity(frames * layout.inputs());
        group.bench_function(name, |b| {
            b.iter(|| {
                out.clear();
                layout.write_features(black_box(&window).iter().copied(), &mut out)
            });
        });
    }
    let layout = FeatureLayout { axes: Axes::OwnHeading, ..FeatureLayout::default() };
    let axes = WindowAxes { heading: 0.4, origin: trackers[0][0].position };
    let feed = Feed::Frames { look_ahead: 0 };
    let spec = ModelSpec { layout, rate_hz: 60.0, window: 1, feed, skeleton };
    let mut answer = vec![];
    layout.write_targets(&Pose::rest().matrices(), &axes, &mut answer);
    group.bench_function("decode an answer", |b| {
        b.iter(|| decode_output(&spec, black_box(&answer), &axes));
    });
    group.finish();
}

fn refine(c: &mut Criterion) {
    let skeleton = Skeleton::default();
    let clip = walk_and_wave(&skeleton);
    let trackers = clip_trackers(&clip, &skeleton, TrackerSet::HeadAndHands);
    let poses: Vec<(Pose, &[TrackerPose])> =
        clip.frames.iter().map(Pose::from).zip(trackers.iter().map(Vec::as_slice)).collect();
    let mut group = c.benchmark_group("refine");
    let mut measure = |name: &str, correct: &mut dyn FnMut(&mut Pose, &[TrackerPose])| {
        let mut frames = poses.iter().cycle();
        group.bench_function(name, |b| {
            let next = || *frames.next().expect("a cycle goes on");
            b.iter_batched_ref(
                next,
                |(pose, trackers)| correct(pose, trackers),
                BatchSize::SmallInput,
            );
        });
    };
    let mut filter = PoseFilter::new(OneEuro::default());
    measure("smooth", &mut |pose, _| filter.apply(pose, DT));
    let mut grounding = Grounding::default();
    measure("ground", &mut |pose, trackers| grounding.apply(&skeleton, pose, trackers, 0.0, DT));
    measure("place trackers", &mut |pose, trackers| place_trackers(&skeleton, pose, trackers));
    let mut feet = FootLock::new(FootLockSettings::default());
    measure("lock feet", &mut |pose, _| feet.apply(&skeleton, pose, DT));
    measure("three-point pose", &mut |pose, trackers| {
        *pose = three_point_pose(&skeleton, trackers);
    });
    measure("joints of a pose", &mut |pose, _| {
        black_box(skeleton.pose_joints(pose));
    });
    group.finish();
}

fn forecasts(c: &mut Criterion) {
    let clip = walk_and_wave(&Skeleton::default());
    let mut forecaster = BodyForecaster::new(Extrapolation::default());
    let mut history = forecaster.history();
    let mut remote = RemotePlayer::default();
    let mut group = c.benchmark_group("forecast");
    let mut frame = 0_u32;
    group.bench_function("damped velocity, 0.1 s", |b| {
        b.iter(|| {
            frame += 1;
            let time = f64::from(frame) * DT;
            history.push(time, &clip.pose_at(time % clip.duration()));
            forecaster.forecast(&history, black_box(0.1))
        });
    });
    let mut frame = 0_u32;
    group.bench_function("remote player, 15 poses a second", |b| {
        b.iter(|| {
            frame += 1;
            let time = f64::from(frame) * DT;
            if frame.is_multiple_of(4) {
                let pose = clip.pose_at(time % clip.duration());
                remote.receive(time, time, &pose).expect("it is a pose");
            }
            remote.show(&mut forecaster, time)
        });
    });
    group.finish();
}

criterion_group!(benches, features, refine, forecasts);
criterion_main!(benches);
