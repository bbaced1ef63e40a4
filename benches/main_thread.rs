//! Cost of the plugins on the main thread per rendered frame, without the network: the engine is a
//! stand-in that answers at once, on the worker's thread.
//!
//! `cargo bench -p kinest_benches --bench main_thread`
//!
//! The row without avatars is Bevy's own cost: subtract it from the others and divide by the number
//! of avatars. The goal is 50 µs per avatar.

#[path = "../tests/headless_app/common.rs"]
#[allow(dead_code, reason = "shared with the tests, which use more of it")]
mod common;

use bevy::prelude::*;
use bevy_kinest::kinest::model::ModelSpec;
use bevy_kinest::prelude::*;
use common::{FRAME, Fake, Walk, app, bent_knee, body, outputs_of, set_frame, spec};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::time::{Duration, Instant};

/// Window of the shipped model, frames.
const WINDOW: usize = 40;

/// Outputs the same for every window.
fn instantly() -> Fake {
    let answer = outputs_of(&spec().layout, &bent_knee());
    Fake::new(ModelSpec { window: WINDOW, ..spec() }, move |_, batch| answer.repeat(batch))
}

/// An app with `avatars` avatars, each with joints and three trackers.
fn crowd(avatars: usize) -> (App, Vec<[Entity; 3]>) {
    let mut app = app(KinestSettings::default());
    let model = PoseModel::from_engine(ModelSpec { window: WINDOW, ..spec() }, instantly);
    let model = app.world_mut().resource_mut::<Assets<PoseModel>>().add(model);
    let trackers = (0..avatars).map(|_| {
        let avatar = (KinestAvatar::new(model.clone()), SmplSkeleton::default());
        let avatar = app.world_mut().spawn(avatar).id();
        [SparseTracker::HEAD, SparseTracker::LEFT_HAND, SparseTracker::RIGHT_HAND]
            .map(|tracker| app.world_mut().spawn((tracker, TrackerOf(avatar))).id())
    });
    let trackers = trackers.collect();
    (app, trackers)
}

fn main_thread(c: &mut Criterion) {
    let mut group = c.benchmark_group("frame");
    let walk = Walk::new();
    for avatars in [0, 1, 4, 16] {
        let (mut app, trackers) = crowd(avatars);
        set_frame(&mut app, FRAME.as_secs_f64());
        let mut seconds = 0.0;
        let mut frame = |app: &mut App| {
            seconds += FRAME.as_secs_f64();
            for (i, trackers) in trackers.iter().enumerate() {
                walk.move_trackers(app, trackers, seconds + 0.3 * i as f64);
            }
            let start = Instant::now();
            app.update();
            start.elapsed()
        };
        // Until windows are full and every collection has its final capacity.
        (0..600).for_each(|_| _ = frame(&mut app));
        let mut bodies = app.world_mut().query_filtered::<Entity, With<KinestAvatar>>();
        let bodies: Vec<Entity> = bodies.iter(app.world()).collect();
        assert!(bodies.iter().all(|a| body(&app, *a).source() == PoseSource::Estimated));
        group.bench_function(BenchmarkId::from_parameter(avatars), |b| {
            b.iter_custom(|frames| (0..frames).map(|_| frame(&mut app)).sum::<Duration>());
        });
    }
    group.finish();
}

criterion_group!(benches, main_thread);
criterion_main!(benches);
