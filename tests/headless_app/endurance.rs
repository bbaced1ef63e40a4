//! Long sessions with a network that is slow or sometimes fails.

use crate::common::*;
use bevy::prelude::*;
use bevy_kinest::KinestFellBack;
use bevy_kinest::kinest::live::{EngineError, PoseEngine, StreamEngine, Take};
use bevy_kinest::kinest::model::ModelSpec;
use bevy_kinest::kinest::motion::MotionClip;
use bevy_kinest::kinest::motion::synthetic::{self, Kind};
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

const FRAMES: u32 = 2000;
const PLAYERS: u64 = 3;

/// Calls `before` at the start of every call, on the worker's thread.
struct Troubled<F> {
    inner: Feeling,
    before: F,
}

impl<F: FnMut() + Send> PoseEngine for Troubled<F> {
    fn spec(&self) -> &ModelSpec {
        self.inner.spec()
    }

    fn device(&self) -> &str {
        self.inner.device()
    }

    fn answers(&self) -> usize {
        self.inner.answers()
    }

    fn streams(&mut self) -> Option<&mut dyn StreamEngine> {
        self.inner.streams()
    }

    fn infer(&mut self, x: &[f32], batch: usize, take: Take) -> Result<Vec<f32>, EngineError> {
        (self.before)();
        self.inner.infer(x, batch, take)
    }
}

/// Walking players, each with their own clip, and a network whose engines come from `engine`.
struct Session {
    app: App,
    players: Vec<(Entity, [Entity; 3], MotionClip)>,
    /// Moves the trackers.
    walk: Walk,
    frame: u32,
}

impl Session {
    fn new<E: PoseEngine + 'static>(engine: impl Fn() -> E + Send + Sync + 'static) -> Self {
        let mut app = app(KinestSettings::default());
        let model = PoseModel::from_engine(spec(), engine);
        let model = app.world_mut().resource_mut::<Assets<PoseModel>>().add(model);
        let seconds = f64::from(FRAMES) / 60.0;
        let players = (0..PLAYERS).map(|seed| {
            let avatar = app.world_mut().spawn(KinestAvatar::new(model.clone())).id();
            let trackers = trackers(&mut app);
            for tracker in trackers {
                app.world_mut().entity_mut(tracker).insert(TrackerOf(avatar));
            }
            let clip = synthetic::clip(Kind::Walk, seed, seconds, 60.0, &Skeleton::default());
            (avatar, trackers, clip)
        });
        let players = players.collect();
        Self { app, players, walk: Walk::new(), frame: 0 }
    }

    /// Runs one frame: every body is finite and has its head at its tracker.
    fn update(&mut self) {
        let seconds = f64::from(self.frame) / 60.0;
        for (_, trackers, clip) in &self.players {
            self.walk.show(&mut self.app, trackers, &clip.pose_at(seconds));
        }
        self.app.update();
        for (avatar, [head, ..], _) in &self.players {
            let body = body(&self.app, *avatar);
            assert!(body.pose_z_up().is_finite(), "frame {}", self.frame);
            let head = self.app.world().get::<Transform>(*head).unwrap().translation;
            let shown = body.joint_transform(SmplJoint::Head).translation;
            assert!(shown.distance(head) < 1e-3, "frame {}: {shown} {head}", self.frame);
        }
        self.frame += 1;
    }

    fn ages(&self) -> Vec<f64> {
        self.players.iter().map(|(avatar, ..)| body(&self.app, *avatar).age()).collect()
    }

    fn sources(&self) -> Vec<PoseSource> {
        self.players.iter().map(|(avatar, ..)| body(&self.app, *avatar).source()).collect()
    }
}

/// Every call lasts 12 frames, 200 ms at 60 Hz: the engine blocks until they are drawn. A frame
/// that waited for the engine would deadlock.
#[test]
fn frames_are_drawn_during_a_call_of_the_network() {
    const CALL: u32 = 12;
    let (entered, at_work) = mpsc::channel();
    let (release, door) = mpsc::channel::<()>();
    let (door, closed) = (Arc::new(Mutex::new(door)), Arc::new(AtomicBool::new(true)));
    let is_closed = closed.clone();
    let mut session = Session::new(move || {
        let (entered, door, closed) = (entered.clone(), door.clone(), is_closed.clone());
        let before = move || {
            _ = entered.send(());
            if closed.load(Ordering::SeqCst) {
                _ = door.lock().unwrap().recv();
            }
        };
        Troubled { inner: Feeling::new(), before }
    });
    let mut calls = 0;
    while session.frame < FRAMES - 200 {
        // There are no requests until the window is full; afterwards a call runs while frames are
        // drawn.
        session.update();
        if at_work.try_recv().is_ok() {
            for _ in 0..CALL {
                session.update();
                assert!(at_work.try_recv().is_err(), "the engine is in its call all the time");
            }
            release.send(()).unwrap();
            calls += 1;
        } else {
            // The worker may take the next requests.
            std::thread::yield_now();
        }
    }
    assert!(calls > 20, "{calls} calls");
    assert_eq!(session.sources(), [PoseSource::Estimated; PLAYERS as usize]);
    assert!(session.ages().iter().all(|age| *age > 0.1), "as late as the calls are long");

    closed.store(false, Ordering::SeqCst);
    release.send(()).unwrap();
    let mut waits = 0;
    while session.frame < FRAMES {
        session.update();
        // With fast calls the worker keeps up.
        while at_work.try_recv().is_err() && waits < 1_000_000 {
            waits += 1;
            std::thread::yield_now();
        }
    }
    assert!(session.ages().iter().all(|age| *age < 0.25), "{:?}", session.ages());
}

/// The engine panics on demand, and a new one replaces it.
#[test]
fn an_engine_that_panics_is_replaced_and_bodies_keep_moving() {
    let panics = Arc::new(AtomicBool::new(false));
    let told = panics.clone();
    let mut session = Session::new(move || {
        let told = told.clone();
        let before = move || assert!(!told.swap(false, Ordering::SeqCst), "the device is lost");
        Troubled { inner: Feeling::new(), before }
    });
    let mut fell_back = session.app.world().resource::<Messages<KinestFellBack>>().get_cursor();
    let mut failed = session.app.world().resource::<Messages<KinestFailed>>().get_cursor();
    let mut reasons = vec![];
    while session.frame < FRAMES {
        if [500, 1200].contains(&session.frame) {
            panics.store(true, Ordering::SeqCst);
        }
        session.update();
        let messages = session.app.world().resource();
        reasons.extend(fell_back.read(messages).map(|message| message.reason.clone()));
        let messages = session.app.world().resource();
        assert_eq!(failed.read(messages).count(), 0, "frame {}", session.frame);
    }
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons.iter().all(|reason| reason.contains("the device is lost")), "{reasons:?}");
    let last = session.frame;
    while session.ages().iter().any(|age| *age > 0.3) {
        assert!(session.frame < last + 10_000, "it does not recover: {:?}", session.ages());
        session.update();
        std::thread::yield_now();
    }
    assert_eq!(session.sources(), [PoseSource::Estimated; PLAYERS as usize]);
}
