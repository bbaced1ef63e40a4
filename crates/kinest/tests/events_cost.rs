//! What telling a body's events costs: no allocation, and microseconds.

#[path = "../../../tests/counting.rs"]
mod counting;

use counting::allocations;
use kinest::events::{CodeTable, CodeTracker, EventDetector, GestureBook};
use kinest::motion::synthetic::{self, Kind};
use kinest::skeleton::{Interactions, JointTransforms, KinematicGroups, LevelAxes, Pose, Skeleton};
use std::hint::black_box;
use std::time::Instant;

fn frames(skeleton: &Skeleton) -> Vec<(Pose, JointTransforms)> {
    let kinds = [Kind::Wave, Kind::Walk, Kind::Squat, Kind::Turn];
    let clips = kinds.map(|kind| synthetic::clip(kind, 1, 8.0, 60.0, skeleton).frames);
    let poses = clips.into_iter().flatten().map(|frame| Pose::from(&frame));
    poses.map(|pose| (pose, skeleton.pose_joints(&pose))).collect()
}

/// What is measured: time, pose and joints.
type Frame = Box<dyn FnMut(f64, &Pose, &JointTransforms)>;

#[test]
fn frames_do_not_allocate() {
    let skeleton = Skeleton::default();
    let tracker = CodeTracker::new(CodeTable::default(), &skeleton).unwrap();
    let mut detector = EventDetector::new(tracker, &GestureBook::default());
    let frames = frames(&skeleton);
    let before = allocations();
    let mut events = 0;
    for (i, (pose, joints)) in frames.iter().enumerate() {
        let groups = KinematicGroups::new(pose, joints, None).seen_from(LevelAxes::of(joints));
        black_box(Interactions::new(&groups));
        events += detector.push(i as f64 / 60.0, joints).unwrap().len();
    }
    assert!(events > 100, "{events}");
    assert_eq!(allocations(), before);
}

/// Times, at most a hundred times what the documentation says of a release build: less than a tenth of
/// a frame. `cargo test --release -p kinest --test events_cost -- --ignored --nocapture`; the bench
/// `events` measures the same more carefully.
#[test]
#[ignore = "measures times"]
fn microseconds_per_frame() {
    let skeleton = Skeleton::default();
    let frames = frames(&skeleton);
    let measure = |what: &str, mut frame: Frame| {
        let mut best = f64::INFINITY;
        for round in 0..7 {
            let start = Instant::now();
            for (i, (pose, joints)) in frames.iter().enumerate() {
                frame((round * frames.len() + i) as f64 / 60.0, pose, joints);
            }
            best = best.min(start.elapsed().as_secs_f64() / frames.len() as f64);
        }
        println!("{what:<24} {:.2} µs", best * 1e6);
        assert!(best < 1e-3, "{what}: {best} s per frame");
    };
    measure(
        "groups and interactions",
        Box::new(|_, pose, joints| {
            let before = Some((&joints.positions, 1.0 / 60.0));
            let groups = KinematicGroups::new(pose, joints, before);
            black_box(Interactions::new(&groups.seen_from(LevelAxes::of(joints))));
        }),
    );
    let mut codes = CodeTracker::new(CodeTable::default(), &skeleton).unwrap();
    let tracker = codes.clone();
    measure(
        "codes",
        Box::new(move |time, _, joints| _ = black_box(codes.push(time, joints).unwrap())),
    );
    let mut detector = EventDetector::new(tracker, &GestureBook::default());
    measure(
        "codes and gestures",
        Box::new(move |time, _, joints| _ = black_box(detector.push(time, joints).unwrap())),
    );
}
