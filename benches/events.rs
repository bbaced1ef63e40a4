//! Cost of telling what a body does, for one avatar and frame on one core: groups and interactions,
//! codes, and codes with the shipped gestures.
//!
//! `cargo bench -p kinest_benches --bench events`

use criterion::{Criterion, criterion_group, criterion_main};
use glam::DVec3;
use kinest::events::{CodeTable, CodeTracker, EventDetector, GestureBook};
use kinest::motion::synthetic::walk_and_wave;
use kinest::skeleton::{
    Interactions, JointTransforms, KinematicGroups, LevelAxes, PerJoint, Pose, Skeleton,
};
use std::hint::black_box;

const DT: f64 = 1.0 / 60.0;

fn events(c: &mut Criterion) {
    let skeleton = Skeleton::default();
    let clip = walk_and_wave(&skeleton);
    let frames: Vec<(Pose, JointTransforms)> = clip
        .frames
        .iter()
        .map(Pose::from)
        .map(|pose| (pose, skeleton.pose_joints(&pose)))
        .collect();
    let mut group = c.benchmark_group("events");

    let mut next = frames.iter().cycle();
    let mut before: Option<&PerJoint<DVec3>> = None;
    group.bench_function("groups and interactions", |b| {
        b.iter(|| {
            let (pose, joints) = next.next().expect("a cycle goes on");
            let before = before.replace(&joints.positions).map(|positions| (positions, DT));
            let groups = KinematicGroups::new(pose, black_box(joints), before);
            let groups = groups.seen_from(LevelAxes::of(joints));
            (groups, Interactions::new(&groups))
        });
    });

    let tracker = CodeTracker::new(CodeTable::default(), &skeleton).expect("a body");
    let (mut codes, mut time) = (tracker.clone(), 0.0);
    let mut next = frames.iter().cycle();
    group.bench_function("codes", |b| {
        b.iter(|| {
            time += DT;
            let (_, joints) = next.next().expect("a cycle goes on");
            codes.push(time, black_box(joints)).map(<[_]>::len)
        });
    });

    let (mut detector, mut time) = (EventDetector::new(tracker, &GestureBook::default()), 0.0);
    let mut next = frames.iter().cycle();
    group.bench_function("codes and gestures", |b| {
        b.iter(|| {
            time += DT;
            let (_, joints) = next.next().expect("a cycle goes on");
            detector.push(time, black_box(joints)).map(<[_]>::len)
        });
    });
    group.finish();
}

criterion_group!(benches, events);
criterion_main!(benches);
