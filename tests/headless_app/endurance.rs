//! Long sessions with a network that is slow or sometimes fails.

use crate::common::*;
use bevy::prelude::*;
use bevy_kinest::kinest::motion::MotionClip;
use bevy_kinest::kinest::motion::synthetic::{self, Kind};
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::prelude::*;
use bevy_kinest::{KinestFellBack, MotionWriter, TrackerRecorder};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

const FRAMES: u32 = 2000;
const PLAYERS: u64 = 3;

/// Walking players, each with their own clip, and a network whose engines come from `engine`.
struct Session {
    app: App,
    players: Vec<(Entity, [Entity; 3], MotionClip)>,
    /// Moves the trackers.
    walk: Walk,
    frame: u32,
}

impl Session {
    fn new(engine: impl Fn() -> Fake + Send + Sync + 'static) -> Self {
        let mut app = app(KinestSettings::default());
        let model = PoseModel::from_engine(spec(), engine);
        let model = app.world_mut().resource_mut::<Assets<PoseModel>>().add(model);
        let seconds = f64::from(FRAMES) / 60.0;
        let players = (0..PLAYERS).map(|seed| {
            let avatar = app.world_mut().spawn(KinestAvatar::new(model.clone())).id();
            let trackers = trackers_of(&mut app, avatar);
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
        Fake::feeling().in_each_call(move |_| {
            _ = entered.send(());
            if closed.load(Ordering::SeqCst) {
                _ = door.lock().unwrap().recv();
            }
        })
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
        Fake::feeling().in_each_call(move |_| {
            assert!(!told.swap(false, Ordering::SeqCst), "the device is lost");
        })
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
    let estimated = [PoseSource::Estimated; PLAYERS as usize];
    while session.ages().iter().any(|age| *age > 0.3) || session.sources() != estimated {
        assert!(session.frame < last + 10_000, "it does not recover: {:?}", session.ages());
        session.update();
        std::thread::yield_now();
    }
}

/// A moment of [`Walk`] that changes smoothly for ever.
fn to_and_fro(frame: u32) -> f64 {
    2.0 + (f64::from(frame) / 60.0).sin()
}

/// An engine that panics in its 50th call, and so does each that replaces it: they are opened after growing pauses, in
/// which the body is made from its trackers. It is never a statue.
#[test]
fn an_engine_that_panics_again_and_again_is_opened_after_growing_pauses() {
    let mut app = app(KinestSettings::inline());
    let opened = Arc::new(AtomicUsize::new(0));
    let count = opened.clone();
    let avatar = avatar_of(&mut app, move || {
        count.fetch_add(1, Ordering::SeqCst);
        Fake::bent_knee(50)
    });
    app.world_mut().entity_mut(avatar).insert(KinestRefine::none());
    let trackers = trackers(&mut app);
    let walk = Walk::new();
    let (mut outages, mut frames) = (vec![], 0_u32);
    for i in 0..1300 {
        walk.move_trackers(&mut app, &trackers, to_and_fro(i));
        app.update();
        let shown = body(&app, avatar);
        assert!(shown.pose_z_up().is_finite() && shown.age() < 0.1, "frame {i}: {}", shown.age());
        if shown.source() == PoseSource::Estimated {
            outages.extend((frames > 0).then_some(frames));
            frames = 0;
            continue;
        }
        frames += 1;
        assert_eq!(shown.source(), PoseSource::InverseKinematics, "frame {i}");
        let hand = app.world().get::<Transform>(trackers[1]).unwrap().translation;
        let wrist = shown.joint_transform(SmplJoint::LeftWrist).translation;
        assert!(wrist.distance(hand) < 0.1, "frame {i}: {wrist} {hand}");
    }
    // Until the first window is full, then not at all, then 1, 2, 4 and 8 s.
    let expected = [WINDOW as u32, 60, 120, 240, 480];
    assert_eq!(outages.len(), expected.len(), "{outages:?}");
    assert!(outages.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 2), "{outages:?}");
    assert_eq!(opened.load(Ordering::SeqCst), 6);
}

/// An engine that always panics: tried ever less often, each time with a line in the log, and used when it works.
#[test]
fn an_engine_that_always_panics_is_tried_ever_less_often() {
    start_log();
    let mut app = app(KinestSettings::inline());
    let works = Arc::new(AtomicBool::new(false));
    let told = works.clone();
    let avatar = avatar_of(&mut app, move || {
        let told = told.clone();
        Fake::feeling().in_each_call(move |_| {
            assert!(told.load(Ordering::SeqCst), "it never works");
        })
    });
    trackers(&mut app);
    set_frame(&mut app, 0.05);
    let mut fell_back = app.world().resource::<Messages<KinestFellBack>>().get_cursor();
    let mut failed = app.world().resource::<Messages<KinestFailed>>().get_cursor();
    let (mut first, mut more) = (0, 0);
    for _ in 0..1200 {
        app.update();
        assert_eq!(body(&app, avatar).source(), PoseSource::InverseKinematics);
        first += fell_back.read(app.world().resource()).count();
        more += failed.read(app.world().resource()).count();
    }
    // In a minute: at once, and then after 1, 2, 4, 8 and 16 s.
    assert_eq!((first, more), (2, 5));
    assert_eq!(logged("it never works").len(), 7);
    works.store(true, Ordering::SeqCst);
    (0..120).for_each(|_| app.update());
    assert_eq!(body(&app, avatar).source(), PoseSource::Estimated, "tried after 32 s");
}

/// Outputs that are not finite: the pose before is kept for half a second, then the body is made from its trackers, and
/// the log has one line.
#[test]
fn outputs_that_are_not_finite_are_borne() {
    start_log();
    let mut app = app(KinestSettings::inline());
    let is_ill = Arc::new(AtomicBool::new(false));
    let told = is_ill.clone();
    let avatar = avatar_of(&mut app, move || {
        let told = told.clone();
        Fake::feeling().in_each_call(move |outputs| {
            if told.load(Ordering::SeqCst) {
                outputs.fill(f32::NAN);
            }
        })
    });
    app.world_mut().entity_mut(avatar).insert(Name::new("Patient"));
    let trackers = trackers(&mut app);
    let walk = Walk::new();
    for i in 0..200 {
        is_ill.store((60..120).contains(&i) || (150..155).contains(&i), Ordering::SeqCst);
        walk.move_trackers(&mut app, &trackers, to_and_fro(i));
        app.update();
        assert!(body(&app, avatar).pose_z_up().is_finite(), "frame {i}");
        let is_estimated = i >= WINDOW as u32 && !(60 + 29..120).contains(&i);
        let source =
            if is_estimated { PoseSource::Estimated } else { PoseSource::InverseKinematics };
        assert_eq!(body(&app, avatar).source(), source, "frame {i}");
    }
    assert_eq!(logged("avatar Patient: an output").len(), 1);
}

/// Engines that panic, trackers that are lost or report nonsense, a full disk and a folder that is missing, at random
/// and at the same time: bodies are finite, and all is well when the faults are over.
#[test]
fn faults_at_random_do_not_stop_the_game() {
    for seed in 1..=2_u32 {
        let folder = tempfile::tempdir().unwrap();
        let later = folder.path().join("later");
        let mut app = app(KinestSettings::inline());
        let trouble = Arc::new(AtomicBool::new(true));
        let is_on = trouble.clone();
        // A linear congruential generator, for reproducible runs.
        let roll = |random: &mut u32, sides: u32| {
            *random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (*random >> 8) % sides
        };
        let avatar = avatar_of(&mut app, move || {
            let (mut random, is_on) = (seed, is_on.clone());
            Fake::feeling().in_each_call(move |_| {
                let fails = roll(&mut random, 40) == 0 && is_on.load(Ordering::SeqCst);
                assert!(!fails, "the device is lost");
            })
        });
        let trackers = trackers(&mut app);
        let walk = Walk::new();
        let (mut random, mut faults) = (seed, [0; 3]);
        for i in 0..900 {
            match i {
                50 => {
                    // A full disk, where the platform has one.
                    if let Ok(recorder) = TrackerRecorder::create("/dev/full", true) {
                        app.world_mut().entity_mut(avatar).insert(recorder);
                    }
                }
                100 => {
                    let writer = MotionWriter::new(later.join("dance.bvh"), 60.0).unwrap();
                    app.world_mut().entity_mut(avatar).insert(writer);
                }
                300 => {
                    app.world_mut().entity_mut(avatar).remove::<MotionWriter>();
                }
                _ => {}
            }
            walk.move_trackers(&mut app, &trackers, to_and_fro(i));
            for (fault, tracker) in faults.iter_mut().zip(trackers) {
                if roll(&mut random, 30) == 0 {
                    *fault = roll(&mut random, 6);
                }
                let mut tracker = app.world_mut().entity_mut(tracker);
                tracker.get_mut::<TrackingState>().unwrap().tracked = *fault != 1;
                let mut transform = tracker.get_mut::<Transform>().unwrap();
                let place = &mut transform.translation;
                match *fault {
                    2 => *place = Vec3::NAN,
                    3 => *place = Vec3::ZERO,
                    4 => *place = Vec3::splat(1e6),
                    5 => place.y += 3.0,
                    _ => {}
                }
            }
            app.update();
            assert!(body(&app, avatar).pose_z_up().is_finite(), "seed {seed} frame {i}");
        }
        assert!(!later.exists());
        std::fs::create_dir(&later).unwrap();
        trouble.store(false, Ordering::SeqCst);
        walk.move_trackers(&mut app, &trackers, 2.0);
        for tracker in trackers {
            app.world_mut().get_mut::<TrackingState>(tracker).unwrap().tracked = true;
        }
        // The longest pause is a minute.
        set_frame(&mut app, 0.05);
        (0..1400).for_each(|_| app.update());
        assert_eq!(body(&app, avatar).source(), PoseSource::Estimated, "seed {seed}");
        assert!(later.join("dance.bvh").exists(), "seed {seed}");
    }
}
