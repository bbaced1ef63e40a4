//! Networks that are slow, fail or change.

use crate::common::*;
use bevy::diagnostic::DiagnosticsStore;
use bevy::prelude::*;
use bevy_kinest::kinest::model::{
    Checkpoint, KinestConfig, Mamba2Config, Manifest, NetworkConfig, Precision,
};
use bevy_kinest::kinest::skeleton::Pose;
use bevy_kinest::prelude::*;
use bevy_kinest::{
    AvatarStatus, KinestFellBack, KinestModels, KinestReady, ModelState, ModelStatus,
};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

#[test]
fn a_panicking_engine_leaves_a_body_that_follows_its_trackers() {
    let mut app = app(KinestSettings::default());
    // Of each engine, call 0 is the warm-up and call 1 a pose.
    let avatar = avatar(&mut app, 2);
    trackers(&mut app);
    let mut ready = false;
    let mut reasons = vec![];
    update_until(&mut app, |app| {
        ready |= messages::<KinestReady>(app).iter().any(|message| message.device == "test");
        reasons.extend(messages::<KinestFailed>(app).into_iter().map(|failed| failed.reason));
        !reasons.is_empty()
    });
    assert!(ready);
    assert!(reasons[0].contains("the device is lost"), "{reasons:?}");
    let moved = HEAD + Vec3::Y * 0.3;
    let head = app
        .world_mut()
        .query::<(Entity, &SparseTracker)>()
        .iter(app.world())
        .find_map(|(entity, tracker)| (*tracker == SparseTracker::HEAD).then_some(entity));
    app.world_mut().get_mut::<Transform>(head.unwrap()).unwrap().translation = moved;
    // The next engine is opened two seconds after the third failure.
    (0..20).for_each(|_| app.update());
    assert_eq!(status(&app, avatar).unwrap().state, ModelState::Failed);
    assert_eq!(body(&app, avatar).source(), PoseSource::InverseKinematics);
    assert!(knee_bend(&app, avatar) < 0.9, "the last estimate is forgotten");
    let now = joint_global(&app, avatar, SmplJoint::Head).translation();
    assert!(now.distance(moved) < 1e-4, "under the newest head");
    assert!(body(&app, avatar).age() < 1e-9);
}

/// A small network with non-repeating weights.
fn checkpoint() -> Checkpoint {
    let scan = Mamba2Config { state: 4, taps: 4, expand: 2, head_width: 16, chunk: 4 };
    let config = NetworkConfig::Kinest(KinestConfig {
        window: WINDOW,
        width: 32,
        temporal_blocks: 1,
        kinematic_blocks: 1,
        temporal_scan: scan,
        kinematic_scan: Mamba2Config { head_width: 8, ..scan },
        joint_width: 16,
        attention_heads: 2,
        feed_forward: 64,
        fan_hidden: 32,
        ..KinestConfig::default()
    });
    let mut at = 0;
    let mut values = |count: usize| -> Vec<f32> {
        at += count;
        (at - count..at).map(|i| (i as f32 * 0.61).sin() * 0.2).collect()
    };
    let shapes = config.tensors();
    let tensors = shapes
        .iter()
        .map(|(name, shape)| (name.to_owned(), (shape.to_vec(), values(shape.iter().product()))));
    let tensors = tensors.collect();
    Checkpoint::new(Manifest::new(config, spec()), &tensors, Precision::F16).unwrap()
}

/// Loads a checkpoint through the asset server, on the CPU, and refuses it with another model's
/// weights.
#[test]
fn a_checkpoint_is_loaded_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let mut checkpoint = checkpoint();
    checkpoint.save(folder.path().join("good.model.ron")).unwrap();
    checkpoint.save(folder.path().join("bad.model.ron")).unwrap();
    let mut weights = std::fs::read(folder.path().join("bad.safetensors")).unwrap();
    *weights.last_mut().unwrap() ^= 1;
    std::fs::write(folder.path().join("bad.safetensors"), weights).unwrap();

    let mut app = app_with_assets(KinestSettings::inline(), folder.path());
    let server = app.world().resource::<AssetServer>();
    let [good, bad] = ["good.model.ron", "bad.model.ron"].map(|path| server.load(path));
    let [good, bad] = [good, bad].map(|model| {
        let avatar = app.world_mut().spawn(KinestAvatar::new(model)).id();
        trackers_of(&mut app, avatar);
        avatar
    });
    let (mut devices, mut reasons) = (vec![], vec![]);
    update_until(&mut app, |app| {
        devices.extend(messages::<KinestReady>(app).into_iter().map(|ready| ready.device));
        reasons.extend(messages::<KinestFailed>(app).into_iter().map(|failed| failed.reason));
        body(app, good).source() == PoseSource::Estimated && !reasons.is_empty()
    });
    assert_eq!(devices[0], "cpu");
    assert!(body(&app, good).pose_z_up().is_finite());
    let head = body(&app, good).joint_transform(SmplJoint::Head).translation;
    assert!(head.distance(HEAD) < 1e-5);
    assert!(reasons[0].contains("bad.") && reasons[0].contains("SHA-256"), "{reasons:?}");
    assert_eq!(body(&app, bad).source(), PoseSource::InverseKinematics);
}

/// A missing file: one message, rest pose, no panic.
#[test]
fn a_model_that_cannot_be_loaded_leaves_the_rest_pose() {
    let mut app = app(KinestSettings::inline());
    let model = app.world().resource::<AssetServer>().load("no_such.model.ron");
    let avatar = app.world_mut().spawn(KinestAvatar::new(model)).id();
    trackers(&mut app);
    let mut reasons = vec![];
    update_until(&mut app, |app| {
        reasons.extend(messages::<KinestFailed>(app).into_iter().map(|failed| failed.reason));
        !reasons.is_empty()
    });
    assert!(reasons[0].contains("no_such.model.ron"), "{reasons:?}");
    let status = status(&app, avatar).unwrap();
    assert_eq!((&status.state, &status.trouble), (&ModelState::Failed, &Some(reasons[0].clone())));
    (0..=2 * WINDOW).for_each(|_| app.update());
    assert_eq!(body(&app, avatar).source(), PoseSource::InverseKinematics);
    let head = body(&app, avatar).joint_transform(SmplJoint::Head).translation;
    assert!(head.distance(HEAD) < 1e-5);
}

/// An engine that never returns does not delay frames.
#[test]
fn no_frame_waits_for_the_network() {
    let (open, door) = mpsc::channel();
    let door = Arc::new(Mutex::new(door));
    let mut app = app(KinestSettings::default());
    let avatar = avatar_of(&mut app, move || {
        let door = door.clone();
        Fake::bent_knee(NEVER).in_each_call(move |_| {
            _ = door.lock().unwrap().recv();
        })
    });
    app.world_mut().entity_mut(avatar).insert(KinestRefine::none());
    trackers(&mut app);
    (0..2000).for_each(|_| app.update());
    assert_eq!(body(&app, avatar).source(), PoseSource::InverseKinematics);
    assert!(messages::<KinestReady>(&app).is_empty());
    // The warm-up and one pose.
    (0..2).for_each(|_| open.send(()).unwrap());
    update_until(&mut app, |app| body(app, avatar).source() == PoseSource::Estimated);
    let store = app.world().resource::<DiagnosticsStore>();
    let newest = |path| store.get_measurement(&path).map(|m| m.value);
    for path in [
        KinestPlugins::INFERENCE_MS,
        KinestPlugins::INFERENCE_P50_MS,
        KinestPlugins::INFERENCE_P99_MS,
        KinestPlugins::QUEUE_MS,
        KinestPlugins::POSE_AGE_MS,
        KinestPlugins::STALE,
    ] {
        assert!(newest(path.clone()).is_some_and(|v| v >= 0.0), "{path:?}");
    }
    assert!(newest(KinestPlugins::DROPPED).unwrap() > 100.0, "newer windows replaced older ones");
}

/// A failed engine is replaced while the game runs; the last pose stays until the new engine has
/// one, if that does not take long.
#[test]
fn a_failed_engine_is_replaced() {
    let mut app = app(KinestSettings::default());
    let opened = Arc::new(AtomicUsize::new(0));
    let count = opened.clone();
    let avatar = avatar_of(&mut app, move || {
        // The first engine panics in its third pose.
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        Fake::bent_knee(if first { 3 } else { NEVER })
    });
    app.world_mut().entity_mut(avatar).insert(KinestRefine::none());
    trackers(&mut app);
    let (mut reasons, mut shown) = (vec![], false);
    let mut goes_on = |app: &App| {
        shown |= body(app, avatar).source() == PoseSource::Estimated;
        assert!(
            !shown || body(app, avatar).source() == PoseSource::Estimated,
            "no rest in between"
        );
    };
    update_until(&mut app, |app| {
        goes_on(app);
        reasons.extend(messages::<KinestFellBack>(app).into_iter().map(|m| m.reason));
        !reasons.is_empty()
    });
    // However long the next engine takes to open on a busy machine, here it takes no time.
    set_frame(&mut app, 0.0);
    let runs = ModelState::Running { device: "test".into() };
    update_until(&mut app, |app| {
        goes_on(app);
        status(app, avatar).is_some_and(|status| status.state == runs)
    });
    set_frame(&mut app, FRAME.as_secs_f64());
    update_until(&mut app, |app| {
        goes_on(app);
        body(app, avatar).age() < 0.1
    });
    assert_eq!(opened.load(Ordering::SeqCst), 2);
    assert!(reasons[0].contains("the device is lost"), "{reasons:?}");
    assert!(messages::<KinestFailed>(&app).is_empty());
    assert!((knee_bend(&app, avatar) - 1.0).abs() < 1e-3);

    let answers = |app: &App| status(app, avatar).is_some_and(|status| status.latency.is_some());
    update_until(&mut app, answers);
    let status = status(&app, avatar).unwrap();
    assert_eq!(status.state, ModelState::Running { device: "test".into() });
    assert!(status.trouble.as_ref().unwrap().contains("the device is lost"), "{status:?}");
    let latency = status.latency.unwrap();
    assert!(latency.p50_ms <= latency.p95_ms && latency.p95_ms <= latency.p99_ms);
    let seen = app.world().get::<AvatarStatus>(avatar).unwrap();
    assert!(seen.estimates > 0 && seen.lost == [None; TrackerRole::ALL.len()], "{seen:?}");
    assert_eq!(seen.moves[..3], [1; 3], "nobody has moved");
}

fn status(app: &App, avatar: Entity) -> Option<&ModelStatus> {
    let model = &app.world().get::<KinestAvatar>(avatar).unwrap().model;
    app.world().resource::<KinestModels>().get(model)
}

/// Largest local rotation of a joint between two poses.
fn turned(a: &Pose, b: &Pose) -> f64 {
    let pairs = a.rotations.iter().zip(&b.rotations);
    pairs.map(|(a, b)| a.angle_between(*b)).fold(0.0, f64::max)
}

/// The network changes while the avatar moves: the difference fades in, whether frames wait for the
/// engine or not.
#[test]
fn a_changed_model_fades_in() {
    for settings in [KinestSettings::inline(), KinestSettings::default()] {
        let blend = KinestSettings::default().blend;
        let mut app = app_with_assets(settings, Path::new(env!("CARGO_TARGET_TMPDIR")));
        let avatar = avatar(&mut app, NEVER);
        trackers(&mut app);
        let pose = |app: &App| *body(app, avatar).pose_z_up();
        update_until(&mut app, |app| knee_bend(app, avatar) > 0.999);
        let bent = pose(&app);

        let model = app.world().get::<KinestAvatar>(avatar).unwrap().model.id();
        let other = PoseModel::from_engine(spec(), Fake::feeling);
        app.world_mut().resource_mut::<Assets<PoseModel>>().insert(model, other).unwrap();
        let (mut steps, mut changed, mut answered, mut last) = (vec![], false, 0, bent);
        update_until(&mut app, |app| {
            steps.push(turned(&last, &pose(app)));
            last = pose(app);
            changed |= messages::<KinestReady>(app).iter().any(|m| m.changes == 1);
            // Independent of the worker's timing.
            answered += usize::from(changed && body(app, avatar).age() < 0.1);
            assert_eq!(body(app, avatar).source(), PoseSource::Estimated, "never at rest");
            answered > 60
        });
        let change = turned(&bent, &last);
        assert!(change > 0.5, "{change}: two networks that say the same prove nothing");
        // In the middle of the fade the speed is 1.5 times the average.
        let most = 1.5 * change * FRAME.as_secs_f64() / blend;
        let fastest = steps.iter().copied().fold(0.0, f64::max);
        assert!(
            fastest < 1.05 * most && fastest > 0.5 * most,
            "{fastest} rad of {change} in a frame"
        );
    }
}

/// A model is loaded while its weights are being written, or before they are there: it is tried again until they are
/// whole, though nobody watches its files.
#[test]
fn a_model_that_is_half_written_arrives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.model.ron");
    let mut checkpoint = checkpoint();
    checkpoint.save(&path).unwrap();
    let weights = folder.path().join(Checkpoint::load(&path).unwrap().manifest.weights);
    let whole = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &whole[..whole.len() / 2]).unwrap();

    let mut app = app_with_assets(KinestSettings::inline(), folder.path());
    let server = app.world().resource::<AssetServer>().clone();
    let avatar = app.world_mut().spawn(KinestAvatar::new(server.load("new.model.ron"))).id();
    trackers(&mut app);
    let fails = |app: &App| !messages::<KinestFailed>(app).is_empty();
    update_until(&mut app, fails);
    assert_eq!(body(&app, avatar).source(), PoseSource::InverseKinematics);
    std::fs::write(&weights, &whole).unwrap();
    let estimated = |app: &App| body(app, avatar).source() == PoseSource::Estimated;
    update_until(&mut app, estimated);
    assert!(!fails(&app), "told before");

    // A new version has a file of its own. What watches the manifest reloads it once.
    checkpoint.save_version(&path, "next").unwrap();
    let weights = folder.path().join("new.next.safetensors");
    let whole = std::fs::read(&weights).unwrap();
    std::fs::remove_file(&weights).unwrap();
    server.reload("new.model.ron");
    update_until(&mut app, |app| {
        assert!(estimated(app), "never at rest");
        fails(app)
    });
    std::fs::write(&weights, &whole).unwrap();
    update_until(&mut app, |app| {
        assert!(estimated(app), "never at rest");
        messages::<KinestReady>(app).iter().any(|m| m.changes == 1)
    });
}

/// A changed file is loaded again; a broken one changes nothing.
#[test]
fn a_model_file_is_reloaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot.model.ron");
    checkpoint().save(&path).unwrap();
    let mut app = app_with_assets(KinestSettings::inline(), folder.path());
    let server = app.world().resource::<AssetServer>().clone();
    let model = server.load("hot.model.ron");
    let avatar = app.world_mut().spawn(KinestAvatar::new(model)).id();
    trackers(&mut app);
    let estimated = |app: &App| body(app, avatar).source() == PoseSource::Estimated;
    update_until(&mut app, estimated);

    checkpoint().save(&path).unwrap();
    server.reload("hot.model.ron");
    update_until(&mut app, |app| {
        assert!(estimated(app), "never at rest");
        messages::<KinestReady>(app).iter().any(|m| m.changes == 1)
    });

    // A broken file changes nothing.
    std::fs::write(&path, "no model").unwrap();
    server.reload("hot.model.ron");
    let mut reasons = vec![];
    update_until(&mut app, |app| {
        reasons.extend(messages::<KinestFailed>(app).into_iter().map(|m| m.reason));
        !reasons.is_empty()
    });
    assert!(reasons[0].contains("hot.model.ron"), "{reasons:?}");
    (0..30).for_each(|_| app.update());
    assert!(estimated(&app));
    assert!(body(&app, avatar).age() < 1e-9, "still answered");

    // Nor do weights that are still being written; once they are whole, the model is there.
    checkpoint().save(&path).unwrap();
    let manifest = Checkpoint::load(&path).unwrap().manifest;
    let weights = folder.path().join(&manifest.weights);
    let whole = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &whole[..whole.len() / 2]).unwrap();
    server.reload("hot.model.ron");
    update_until(&mut app, |app| {
        assert!(estimated(app), "never at rest");
        !messages::<KinestFailed>(app).is_empty()
    });
    std::fs::write(&weights, &whole).unwrap();
    server.reload("hot.model.ron");
    update_until(&mut app, |app| {
        assert!(estimated(app), "never at rest");
        messages::<KinestReady>(app).iter().any(|m| m.changes > 1)
    });
}
