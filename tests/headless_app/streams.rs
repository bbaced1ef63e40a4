//! Networks that are fed frame by frame.

use crate::common::*;
use bevy::prelude::*;
use bevy_kinest::kinest::features::{Axes, FeatureLayout};
use bevy_kinest::kinest::live::{EngineError, StreamEngine, StreamFrames, Take};
use bevy_kinest::kinest::model::{Feed, ModelSpec};
use bevy_kinest::prelude::*;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

fn stream_spec() -> ModelSpec {
    let layout = FeatureLayout { axes: Axes::OwnHeading, ..spec().layout };
    ModelSpec { layout, window: 1, feed: Feed::Frames { look_ahead: 0 }, ..spec() }
}

/// The frames fed to each stream, in order.
#[derive(Default)]
struct Fed {
    frames: HashMap<u64, Vec<Vec<f32>>>,
    calls: usize,
    most_at_once: usize,
    ended: usize,
    /// Whether the first stream, the warm-up, has ended; its frames are not recorded.
    warm: bool,
}

/// Records its input and outputs a bent left knee. Blocks at `door`, if there is one.
struct Listener {
    layout: FeatureLayout,
    fed: Arc<Mutex<Fed>>,
    door: Option<Arc<Mutex<mpsc::Receiver<()>>>>,
}

impl StreamEngine for Listener {
    fn advance(
        &mut self,
        streams: &[StreamFrames<'_>],
        take: Take,
    ) -> Result<Vec<f32>, EngineError> {
        assert_eq!(take, Take::Newest);
        let inputs = self.layout.inputs();
        let warm = {
            let mut fed = self.fed.lock().unwrap();
            fed.calls += 1;
            for StreamFrames { stream, features } in streams {
                let frames = features.chunks_exact(inputs).map(<[f32]>::to_vec);
                fed.most_at_once = fed.most_at_once.max(frames.len());
                fed.frames.entry(*stream).or_default().extend(frames);
            }
            fed.warm
        };
        if let Some(door) = self.door.as_ref().filter(|_| warm) {
            _ = door.lock().unwrap_or_else(PoisonError::into_inner).recv();
        }
        let output = outputs_of(&self.layout, &bent_knee());
        assert_eq!(output.len(), self.layout.targets());
        Ok(output.repeat(streams.len()))
    }

    fn end(&mut self, _: u64) {
        let mut fed = self.fed.lock().unwrap();
        if fed.warm {
            fed.ended += 1;
        } else {
            *fed = Fed { warm: true, ..default() };
        }
    }
}

struct Player {
    avatar: Entity,
    trackers: [Entity; 3],
    walk: Walk,
}

fn player(app: &mut App, fed: &Arc<Mutex<Fed>>, door: Option<mpsc::Receiver<()>>) -> Player {
    let door = door.map(|door| Arc::new(Mutex::new(door)));
    let fed = fed.clone();
    let engine = move || {
        let ModelSpec { layout, .. } = stream_spec();
        let listener = Listener { layout, fed: fed.clone(), door: door.clone() };
        Fake::streaming(stream_spec(), listener)
    };
    let model = PoseModel::from_engine(stream_spec(), engine);
    let model = app.world_mut().resource_mut::<Assets<PoseModel>>().add(model);
    let avatar = (KinestAvatar::new(model), KinestRefine::none(), SmplSkeleton::default());
    let avatar = app.world_mut().spawn(avatar).id();
    let trackers = trackers_of(app, avatar);
    app.world_mut().flush();
    Player { avatar, trackers, walk: Walk::new() }
}

/// Walks for 1 s at `rate` frames per second; returns what the network was fed.
fn second(rate: f64, act: impl Fn(&mut App, &Player, usize)) -> (App, Player, Fed) {
    let mut app = app(KinestSettings::inline());
    let fed = Arc::default();
    let player = player(&mut app, &fed, None);
    set_frame(&mut app, 1.0 / rate);
    for i in 0..=rate as usize {
        player.walk.move_trackers(&mut app, &player.trackers, i as f64 / rate);
        act(&mut app, &player, i);
        app.update();
    }
    let fed = std::mem::take(&mut *fed.lock().unwrap());
    (app, player, fed)
}

fn only_stream(fed: &Fed) -> &[Vec<f32>] {
    assert_eq!(fed.frames.len(), 1, "one stream");
    fed.frames.values().next().unwrap()
}

#[test]
fn every_frame_is_fed_once_at_any_rate() {
    let (app, player, at_60) = second(60.0, |app, player, i| {
        if i == 2 {
            assert_eq!(body(app, player.avatar).source(), PoseSource::Estimated);
        }
    });
    assert!((knee_bend(&app, player.avatar) - 1.0).abs() < 1e-3);
    for rate in [30.0, 72.0, 144.0] {
        let (_, _, fed) = second(rate, |_, _, _| ());
        let (frames, expected) = (only_stream(&fed), only_stream(&at_60));
        assert!(frames.len().abs_diff(expected.len()) <= 2, "{rate}: {} frames", frames.len());
        for (a, b) in frames.iter().zip(expected).skip(1) {
            let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 0.05, "{rate}: {worst}");
        }
    }
}

/// Frames wait while the network is busy, and none is dropped.
#[test]
fn frames_wait_for_a_busy_network() {
    let mut app = app(KinestSettings::default());
    let fed = Arc::default();
    let (open, door) = mpsc::channel();
    let player = player(&mut app, &fed, Some(door));
    update_until(&mut app, |_| fed.lock().unwrap().warm);
    for i in 0..40 {
        player.walk.move_trackers(&mut app, &player.trackers, f64::from(i) / 60.0);
        app.update();
    }
    assert!(fed.lock().unwrap().calls <= 1, "it is still in its first call");
    drop(open);
    update_until(&mut app, |_| fed.lock().unwrap().most_at_once > 20);
    let fed = fed.lock().unwrap();
    let frames = only_stream(&fed);
    let heights: Vec<f32> = frames.iter().map(|frame| frame[38]).collect();
    let jumps = heights.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
    assert!(jumps < 0.01, "the head's height has no gap: {jumps}");
}

#[test]
fn a_teleport_does_not_change_the_features_and_a_reset_starts_a_stream() {
    let (_, _, stayed) = second(60.0, |_, _, _| ());
    let (_, _, went) = second(60.0, |app, player, i| {
        if i == 30 {
            app.world_mut().trigger(Teleport { entity: player.avatar });
        }
        if i >= 30 {
            for tracker in player.trackers {
                let mut transform = app.world_mut().get_mut::<Transform>(tracker).unwrap();
                transform.rotate_around(Vec3::ZERO, Quat::from_rotation_y(1.0));
                transform.translation.x += 50.0;
            }
        }
    });
    for (a, b) in only_stream(&stayed).iter().zip(only_stream(&went)) {
        let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "{worst}");
    }
    assert_eq!((stayed.ended, went.ended), (0, 0));

    let (_, _, reset) = second(60.0, |app, player, i| {
        if i == 30 {
            app.world_mut().trigger(ResetAvatar { entity: player.avatar });
        }
    });
    assert_eq!((reset.frames.len(), reset.ended), (2, 1));
}
