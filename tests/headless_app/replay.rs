//! Replay of clips and recordings.

use crate::common::*;
use bevy::gizmos::GizmoAsset;
use bevy::prelude::*;
use bevy_kinest::kinest::calibration::Calibration;
use bevy_kinest::kinest::live::Recording;
use bevy_kinest::kinest::model::Checkpoint;
use bevy_kinest::kinest::motion::synthetic::walk_and_wave;
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::prelude::*;
use bevy_kinest::{KinestGizmoPlugin, TrackerRecorder};
use std::path::Path;

fn replay(app: &App, avatar: Entity) -> &MotionReplay {
    app.world().get(avatar).unwrap()
}

fn wrist_off(app: &App, avatar: Entity) -> f32 {
    let skeleton = Skeleton::default();
    let truth = skeleton.pose_joints(&replay(app, avatar).truth().unwrap());
    let shown = body(app, avatar).joints().positions[SmplJoint::LeftWrist.index()];
    (shown - truth.positions[SmplJoint::LeftWrist.index()]).length() as f32
}

/// A clip drives the trackers it spawns; it can be slowed down, paused, moved, and it ends.
#[test]
fn a_clip_drives_its_trackers() {
    let mut app = App::new();
    let settings = KinestSettings { blend: 0.0, ..KinestSettings::inline() };
    add_plugins(&mut app, settings, Path::new(env!("CARGO_TARGET_TMPDIR")));
    finish(&mut app);
    let avatar = avatar_of(&mut app, Feeling::new);
    let skeleton = Skeleton::default();
    let clip = MotionReplay::clip(walk_and_wave(&skeleton), skeleton);
    app.world_mut().entity_mut(avatar).insert(clip);
    let frame = FRAME.as_secs_f64();
    // Trackers are spawned in the first frame and sampled in the second.
    (0..61).for_each(|_| app.update());
    assert_eq!(app.world().get::<Trackers>(avatar).unwrap().iter().count(), 3);
    assert!((replay(&app, avatar).seconds() - 60.0 * frame).abs() < 1e-9);
    assert_eq!(body(&app, avatar).source(), PoseSource::Estimated);
    assert!(wrist_off(&app, avatar) < 1e-3);

    let set = |app: &mut App, change: fn(&mut MotionReplay)| {
        change(&mut app.world_mut().get_mut::<MotionReplay>(avatar).unwrap());
        app.update();
    };
    set(&mut app, |replay| replay.speed = 0.5);
    assert!((replay(&app, avatar).seconds() - 60.5 * frame).abs() < 1e-9);
    set(&mut app, |replay| replay.paused = true);
    assert!((replay(&app, avatar).seconds() - 60.5 * frame).abs() < 1e-9);
    set(&mut app, |replay| {
        (replay.paused, replay.speed) = (false, 1.0);
        replay.seek(replay.duration() - 0.1);
    });
    assert_eq!(body(&app, avatar).source(), PoseSource::Rest, "what was before does not count");
    assert!((replay(&app, avatar).seconds() - replay(&app, avatar).duration() + 0.1).abs() < 1e-9);
    (0..20).for_each(|_| app.update());
    assert_eq!(replay(&app, avatar).passes(), 1);
    assert_eq!(replay(&app, avatar).seconds(), replay(&app, avatar).duration());
    set(&mut app, |replay| replay.repeats = true);
    (0..5).for_each(|_| app.update());
    assert!(replay(&app, avatar).seconds() < 0.1, "from the start");
}

/// Gizmos are drawn without a window, and there is no panic without Bevy's plugin.
#[test]
fn gizmos_are_drawn_if_the_plugin_is_there() {
    for there in [true, false] {
        let mut app = App::new();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        add_plugins(&mut app, KinestSettings::inline(), folder);
        if there {
            app.init_asset::<GizmoAsset>();
        }
        app.add_plugins(KinestGizmoPlugin);
        finish(&mut app);
        let avatar = avatar_of(&mut app, Feeling::new);
        trackers(&mut app);
        (0..3).for_each(|_| app.update());
        assert!(body(&app, avatar).time().is_some());
        if there {
            assert_eq!(app.world().resource::<Assets<GizmoAsset>>().len(), 1);
        }
    }
}

/// A replayed recording, with its dropouts, gives the same body.
#[test]
fn a_replayed_recording_gives_the_same_body() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("player.trackers.jsonl");
    let mut first = app(KinestSettings::inline());
    let avatar = avatar_of(&mut first, Feeling::new);
    let trackers = trackers(&mut first);
    let recorder = TrackerRecorder::create(&path, true).unwrap();
    first.world_mut().entity_mut(avatar).insert(recorder);
    let walk = Walk::new();
    let mut shown = vec![];
    for i in 0..120_u32 {
        walk.move_trackers(&mut first, &trackers, f64::from(i) * FRAME.as_secs_f64());
        let tracked = !(60..80).contains(&i);
        first.world_mut().get_mut::<TrackerValidity>(trackers[2]).unwrap().tracked = tracked;
        first.update();
        shown.push(joints(&first, avatar));
    }
    assert_eq!(first.world().get::<TrackerRecorder>(avatar).unwrap().frames(), 120);
    first.world_mut().entity_mut(avatar).remove::<TrackerRecorder>();
    let recording = Recording::load(&path).unwrap();
    assert_eq!(recording.frames().len(), 120);
    assert!(!recording.frames()[70].trackers.poses[2].tracked);

    let mut again = app(KinestSettings::inline());
    let avatar = avatar_of(&mut again, Feeling::new);
    crate::common::trackers(&mut again).iter().for_each(|tracker| {
        again.world_mut().entity_mut(*tracker).insert(TrackerOf(avatar));
    });
    again.world_mut().entity_mut(avatar).insert(MotionReplay::recording(recording));
    for (i, shown) in shown.iter().enumerate() {
        again.update();
        let off = farthest(shown, &joints(&again, avatar));
        assert!(off < 1e-3, "frame {i}: {off} m");
    }
}

/// A session from its start, with the shipped model, tilted devices, a player of another size, a
/// teleport and a dropout, replayed in an app that has been running for a while.
#[test]
fn a_replayed_session_gives_the_same_poses_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.trackers.jsonl");
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/models");
    let checkpoint = Checkpoint::load(model.join("kinest_stream.model.ron")).unwrap();
    let add_avatar = |app: &mut App| {
        let model = PoseModel::from_checkpoint(checkpoint.clone());
        let model = app.world_mut().resource_mut::<Assets<PoseModel>>().add(model);
        app.world_mut().spawn(KinestAvatar::new(model)).id()
    };

    let mut first = app(KinestSettings::inline());
    let avatar = add_avatar(&mut first);
    let trackers = trackers(&mut first);
    let held = Transform::from_xyz(0.01, 0.02, -0.1).with_rotation(Quat::from_rotation_x(0.3));
    for tracker in trackers {
        let mut tracker = first.world_mut().get_mut::<SparseTracker>(tracker).unwrap();
        *tracker = tracker.held(held);
    }
    let player = Calibration::from_height(&Skeleton::default(), 1.9).unwrap();
    first.world_mut().entity_mut(avatar).insert(PlayerCalibration(player));
    let walk = Walk::new();
    let move_on = |app: &mut App, frames: std::ops::Range<u32>| {
        for i in frames {
            walk.move_trackers(app, &trackers, f64::from(i) * FRAME.as_secs_f64());
            let away = if i >= 130 { Vec3::new(5.0, 0.0, -3.0) } else { Vec3::ZERO };
            for tracker in trackers {
                app.world_mut().get_mut::<Transform>(tracker).unwrap().translation += away;
            }
            if i == 130 {
                app.world_mut().trigger(Teleport { entity: avatar });
            }
            let tracked = !(150..170).contains(&i);
            app.world_mut().get_mut::<TrackerValidity>(trackers[2]).unwrap().tracked = tracked;
            app.update();
        }
    };
    move_on(&mut first, 0..37);
    first.world_mut().trigger(ResetAvatar { entity: avatar });
    let recorder = TrackerRecorder::create(&path, true).unwrap();
    first.world_mut().entity_mut(avatar).insert(recorder);
    move_on(&mut first, 37..240);
    first.world_mut().entity_mut(avatar).remove::<TrackerRecorder>();

    let recording = Recording::load(&path).unwrap();
    assert_eq!(recording.frames().len(), 203);
    assert!(recording.frames()[0].trackers.time == 0.0 && recording.frames()[93].teleported);
    assert_eq!(recording.frames()[9].model.as_deref(), Some(&*checkpoint.manifest.sha256));
    assert_eq!(recording.frames()[9].calibration, Some(player));

    let mut again = app(KinestSettings::inline());
    let avatar = add_avatar(&mut again);
    let mut replay = MotionReplay::recording(recording.clone());
    replay.paused = true;
    again.world_mut().entity_mut(avatar).insert(replay);
    (0..101).for_each(|_| again.update());
    let mut replay = again.world_mut().get_mut::<MotionReplay>(avatar).unwrap();
    replay.paused = false;
    replay.seek(0.0);
    for (i, frame) in recording.frames().iter().enumerate() {
        again.update();
        assert_eq!(Some(*body(&again, avatar).pose()), frame.pose, "frame {i}");
    }
}
