//! Replay of clips and recordings.

use crate::common::*;
use bevy::gizmos::GizmoAsset;
use bevy::prelude::*;
use bevy_kinest::kinest::calibration::Calibration;
use bevy_kinest::kinest::live::Recording;
use bevy_kinest::kinest::model::Checkpoint;
use bevy_kinest::kinest::motion::amass;
use bevy_kinest::kinest::motion::synthetic::walk_and_wave;
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::kinest::tracker::{TrackerFrame, TrackerSet};
use bevy_kinest::prelude::*;
use bevy_kinest::{AvatarStatus, KinestGizmoPlugin, MotionWriter, TrackerRecorder};
use std::path::Path;

fn replay(app: &App, avatar: Entity) -> &MotionReplay {
    app.world().get(avatar).unwrap()
}

/// Distance of a joint from its place in the motion.
fn off(app: &App, avatar: Entity, joint: SmplJoint) -> f64 {
    let skeleton = Skeleton::default();
    let truth = skeleton.pose_joints(&replay(app, avatar).truth_z_up().unwrap());
    let shown = body(app, avatar).joints_z_up().positions[joint.index()];
    shown.distance(truth.positions[joint.index()])
}

/// A clip drives the trackers it spawns; it can be slowed down, paused, moved, and it ends.
#[test]
fn a_clip_drives_its_trackers() {
    let mut app = App::new();
    let settings = KinestSettings { blend: 0.0, ..KinestSettings::inline() };
    add_plugins(&mut app, settings, Path::new(env!("CARGO_TARGET_TMPDIR")));
    finish(&mut app);
    let avatar = avatar_of(&mut app, Fake::feeling);
    let skeleton = Skeleton::default();
    let clip = MotionReplay::clip(walk_and_wave(&skeleton), skeleton);
    app.world_mut().entity_mut(avatar).insert(clip);
    let frame = FRAME.as_secs_f64();
    // Trackers are spawned in the first frame and sampled in the second.
    (0..61).for_each(|_| app.update());
    assert_eq!(app.world().get::<Trackers>(avatar).unwrap().iter().count(), 3);
    assert!((replay(&app, avatar).seconds() - 60.0 * frame).abs() < 1e-9);
    assert_eq!(body(&app, avatar).source(), PoseSource::Estimated);
    assert!(off(&app, avatar, SmplJoint::LeftWrist) < 1e-3);

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
    assert_eq!(
        body(&app, avatar).source(),
        PoseSource::InverseKinematics,
        "what was before does not count"
    );
    assert!((replay(&app, avatar).seconds() - replay(&app, avatar).duration() + 0.1).abs() < 1e-9);
    (0..20).for_each(|_| app.update());
    assert_eq!(replay(&app, avatar).passes(), 1);
    assert_eq!(replay(&app, avatar).seconds(), replay(&app, avatar).duration());
    set(&mut app, |replay| replay.repeats = true);
    (0..5).for_each(|_| app.update());
    assert!(replay(&app, avatar).seconds() < 0.1, "from the start");
}

/// A replay's trackers are in the vehicle that the player is tracked in, also when it comes later,
/// and go with their avatar.
#[test]
fn a_replay_moves_its_trackers_in_the_tracking_space() {
    for late in [false, true] {
        let mut app = app(KinestSettings::inline());
        let avatar = avatar_of(&mut app, Fake::feeling);
        let vehicle = Transform::from_xyz(10.0, 2.0, -3.0)
            .with_rotation(Quat::from_rotation_y(2.0))
            .with_scale(Vec3::splat(0.5));
        let vehicle = app.world_mut().spawn(vehicle).id();
        let skeleton = Skeleton::default();
        let clip = MotionReplay::clip(walk_and_wave(&skeleton), skeleton);
        app.world_mut().entity_mut(avatar).insert(clip);
        if late {
            (0..3).for_each(|_| app.update());
        }
        app.world_mut().entity_mut(avatar).insert(TrackingSpace(vehicle));
        (0..40).for_each(|_| app.update());
        let trackers: Vec<Entity> = app.world().get::<Trackers>(avatar).unwrap().iter().collect();
        for tracker in &trackers {
            assert_eq!(app.world().get::<ChildOf>(*tracker).map(ChildOf::parent), Some(vehicle));
        }
        let off = off(&app, avatar, SmplJoint::Head);
        assert!(off < 1e-3, "{off} m from the clip's place in the vehicle");
        let head = app.world().get::<GlobalTransform>(trackers[0]).unwrap().translation();
        assert!(head.distance(Vec3::new(10.0, 2.0, -3.0)) < 2.0, "{head}");
        assert!(
            body(&app, avatar).joint_transform(SmplJoint::Head).translation.distance(head) < 1e-3
        );
        app.world_mut().despawn(avatar);
        app.world_mut().flush();
        assert!(trackers.iter().all(|tracker| app.world().get_entity(*tracker).is_err()));
        assert!(app.world().get_entity(vehicle).is_ok());
    }
}

/// A game sets a dropout once, on top of those of the recording.
#[test]
fn games_play_dropouts_during_a_replay() {
    let skeleton = Skeleton::default();
    let clip = walk_and_wave(&skeleton).resampled(60.0);
    let frame = |i: usize| {
        let joints = skeleton.pose_joints(&clip.pose_at(i as f64 / 60.0));
        let mut frame =
            TrackerFrame::from_joints(TrackerSet::HeadAndHands, i as f64 / 60.0, &joints);
        frame.poses[2].tracked = !(20..40).contains(&i);
        frame
    };
    let recording = Recording::of_trackers((0..80).map(frame).collect()).unwrap();
    let mut app = app(KinestSettings::inline());
    let avatar = avatar_of(&mut app, Fake::feeling);
    app.world_mut().entity_mut(avatar).insert(MotionReplay::recording(recording));
    let lost = |app: &App| app.world().get::<AvatarStatus>(avatar).unwrap().lost;
    let reported = Some(DropoutReason::Reported);
    // Trackers are spawned in the first frame.
    (0..2).for_each(|_| app.update());
    let trackers: Vec<Entity> = app.world().get::<Trackers>(avatar).unwrap().iter().collect();
    let set = |app: &mut App, tracked| {
        app.world_mut().get_mut::<TrackingState>(trackers[1]).unwrap().tracked = tracked;
    };
    for i in 2..70 {
        match i {
            10 => set(&mut app, false),
            50 => set(&mut app, true),
            _ => {}
        }
        app.update();
        let left = match i {
            10..50 => reported,
            // Found again: it is believed from the second frame.
            50 => Some(DropoutReason::Jumped),
            _ => None,
        };
        assert_eq!(lost(&app)[..2], [None, left], "frame {i}");
    }
    app.world_mut().get_mut::<MotionReplay>(avatar).unwrap().seek(0.5);
    set(&mut app, false);
    app.update();
    assert_eq!(lost(&app)[..3], [None, reported, reported]);
    let state = |k: usize| app.world().get::<TrackingState>(trackers[k]).unwrap();
    assert!(state(2).tracked && state(2).lost_since().is_some(), "the game's word is its own");
    // Without the replay, its dropouts are over.
    app.world_mut().entity_mut(avatar).remove::<MotionReplay>();
    app.update();
    assert_eq!(lost(&app)[..3], [None, reported, None]);
}

#[test]
fn a_repeated_motion_stays_estimated() {
    let skeleton = Skeleton::default();
    let mut clip = walk_and_wave(&skeleton).resampled(60.0);
    clip.frames.truncate(50);
    let mut app = app(KinestSettings::inline());
    let avatar = avatar_of(&mut app, Fake::feeling);
    let clip = MotionReplay::clip(clip, skeleton).repeating();
    app.world_mut().entity_mut(avatar).insert(clip);
    (0..=WINDOW + 1).for_each(|_| app.update());
    for frame in 0..200 {
        app.update();
        assert_eq!(body(&app, avatar).source(), PoseSource::Estimated, "frame {frame}");
        assert!(body(&app, avatar).pose_z_up().is_finite());
        assert!(off(&app, avatar, SmplJoint::Head) < 1e-3, "frame {frame}");
    }
    assert!(replay(&app, avatar).passes() >= 3);
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
        let avatar = avatar_of(&mut app, Fake::feeling);
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
    let avatar = avatar_of(&mut first, Fake::feeling);
    let trackers = trackers(&mut first);
    let recorder = TrackerRecorder::create(&path, true).unwrap();
    first.world_mut().entity_mut(avatar).insert(recorder);
    let walk = Walk::new();
    let mut shown = vec![];
    for i in 0..120_u32 {
        walk.move_trackers(&mut first, &trackers, f64::from(i) * FRAME.as_secs_f64());
        let tracked = !(60..80).contains(&i);
        first.world_mut().get_mut::<TrackingState>(trackers[2]).unwrap().tracked = tracked;
        first.update();
        shown.push(joints(&first, avatar));
    }
    assert_eq!(first.world().get::<TrackerRecorder>(avatar).unwrap().frames(), 120);
    first.world_mut().entity_mut(avatar).remove::<TrackerRecorder>();
    let recording = Recording::load(&path).unwrap();
    assert_eq!(recording.frames().len(), 120);
    assert!(!recording.frames()[70].trackers.poses[2].tracked);

    let mut again = app(KinestSettings::inline());
    let avatar = avatar_of(&mut again, Fake::feeling);
    trackers_of(&mut again, avatar);
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
    let checkpoint = Checkpoint::load(model.join("kinest_full.model.ron")).unwrap();
    let add_avatar = |app: &mut App| {
        let model = PoseModel::from_checkpoint(checkpoint.clone());
        let model = app.world_mut().resource_mut::<Assets<PoseModel>>().add(model);
        app.world_mut().spawn(KinestAvatar::new(model)).id()
    };

    let mut first = app(KinestSettings::inline());
    let avatar = add_avatar(&mut first);
    let trackers = trackers(&mut first);
    let offset = Transform::from_xyz(0.01, 0.02, -0.1).with_rotation(Quat::from_rotation_x(0.3));
    for tracker in trackers {
        let mut tracker = first.world_mut().get_mut::<SparseTracker>(tracker).unwrap();
        *tracker = tracker.with_offset(offset);
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
            app.world_mut().get_mut::<TrackingState>(trackers[2]).unwrap().tracked = tracked;
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
        assert_eq!(Some(*body(&again, avatar).pose_z_up()), frame.pose, "frame {i}");
    }
}

/// Whoever wears trackers on pelvis and feet has them exactly there, knows so, may lose them, and takes
/// them off; a recording of it has them too.
#[test]
fn trackers_on_the_body_are_replayed_lost_recorded_and_taken_off() {
    use TrackerRole::{LeftFoot, Pelvis, RightFoot};
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("worn.jsonl");
    let mut app = App::new();
    let settings = KinestSettings { blend: 0.0, ..KinestSettings::inline() };
    add_plugins(&mut app, settings, Path::new(env!("CARGO_TARGET_TMPDIR")));
    finish(&mut app);
    listen::<TrackingLost>(&mut app);
    let avatar = avatar_of(&mut app, Fake::feeling);
    let skeleton = Skeleton::default();
    let clip = MotionReplay::clip(walk_and_wave(&skeleton), skeleton);
    let worn = clip.wearing([Pelvis, LeftFoot, RightFoot]);
    let recorder = TrackerRecorder::create(&file, false).unwrap();
    app.world_mut().entity_mut(avatar).insert((worn, recorder, KinestRefine::default()));
    (0..90).for_each(|_| app.update());
    let ankles = [SmplJoint::LeftAnkle, SmplJoint::RightAnkle];
    for joint in [SmplJoint::Pelvis, ankles[0], ankles[1]] {
        let far = off(&app, avatar, joint);
        assert!(far < 0.005, "{joint:?}: {far}");
        assert_eq!(body(&app, avatar).confidence(joint), 1.0);
    }
    let foot = |app: &mut App| {
        let mut all = app.world_mut().query::<(Entity, &SparseTracker)>();
        all.iter(app.world()).find(|(_, tracker)| tracker.role == LeftFoot).unwrap().0
    };
    let foot = foot(&mut app);
    app.world_mut().get_mut::<TrackingState>(foot).unwrap().tracked = false;
    (0..60).for_each(|_| app.update());
    let lost = heard::<TrackingLost>(&mut app);
    assert_eq!((lost.len(), lost[0].role, lost[0].reason), (1, LeftFoot, DropoutReason::Reported));
    assert!(off(&app, avatar, ankles[1]) < 0.005, "the other foot stays");
    assert!(body(&app, avatar).confidence(ankles[0]) < 0.5);
    app.world_mut().despawn(foot);
    // A new one takes its place, which is believed from the second frame.
    (0..2).for_each(|_| app.update());
    let status = app.world().get::<AvatarStatus>(avatar).unwrap();
    assert_eq!(status.lost, [None; TrackerRole::ALL.len()], "what is taken off is not lost");

    app.world_mut().entity_mut(avatar).remove::<TrackerRecorder>();
    let recording = Recording::load(&file).unwrap();
    let frames = recording.frames();
    let roles = |i: usize| frames[i].trackers.body.iter().map(|(role, _)| role).collect::<Vec<_>>();
    assert_eq!(roles(50), [Pelvis, LeftFoot, RightFoot]);
    assert!(!frames[140].trackers.body.get(LeftFoot).unwrap().tracked);
    let again = avatar_of(&mut app, Fake::feeling);
    let replayed = (MotionReplay::recording(recording), KinestRefine::default());
    app.world_mut().entity_mut(again).insert(replayed);
    (0..60).for_each(|_| app.update());
    let mut seen = app.world_mut().query::<(&SparseTracker, &TrackerOf)>();
    let of_it = seen.iter(app.world()).filter(|(_, of)| of.0 == again).count();
    assert_eq!(of_it, 6);
}

/// A disk that is full: the recorder says so and the game goes on.
#[cfg(target_os = "linux")]
#[test]
fn a_recorder_on_a_full_disk_does_not_stop_the_game() {
    start_log();
    let mut app = app(KinestSettings::inline());
    let avatar = avatar(&mut app, NEVER);
    app.world_mut().entity_mut(avatar).insert(Name::new("Diarist"));
    let trackers = trackers(&mut app);
    let walk = Walk::new();
    let recorder = TrackerRecorder::create("/dev/full", true).unwrap();
    app.world_mut().entity_mut(avatar).insert(recorder);
    for i in 0..200_u32 {
        walk.move_trackers(&mut app, &trackers, f64::from(i) / 60.0);
        app.update();
        assert!(body(&app, avatar).pose_z_up().is_finite());
    }
    assert_eq!(body(&app, avatar).source(), PoseSource::Estimated);
    assert!(!app.world().get::<TrackerRecorder>(avatar).unwrap().is_recording());
    assert_eq!(logged("avatar Diarist is not recorded any more").len(), 1);
    app.world_mut().entity_mut(avatar).remove::<TrackerRecorder>();
    app.update();
}

/// An avatar whose body is written to `path` for a second.
fn write_a_second(app: &mut App, path: &Path) {
    let avatar = avatar(app, NEVER);
    trackers(app);
    let writer = MotionWriter::new(path, 60.0).unwrap();
    app.world_mut().entity_mut(avatar).insert(writer);
    (0..61).for_each(|_| app.update());
    app.world_mut().entity_mut(avatar).remove::<MotionWriter>();
}

/// A motion whose folder is missing when it ends is kept, and written once there is one.
#[test]
fn a_motion_that_cannot_be_written_is_kept_until_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("later").join("dance.npz");
    let mut app = app(KinestSettings::inline());
    write_a_second(&mut app, &path);
    // The first try, after a second, fails too; the next one is two seconds later.
    (0..90).for_each(|_| app.update());
    std::fs::create_dir(folder.path().join("later")).unwrap();
    (0..60).for_each(|_| app.update());
    assert!(!path.exists(), "tries are not made in each frame");
    (0..60).for_each(|_| app.update());
    let clip = amass::load(&path).unwrap();
    assert!(clip.frames.len().abs_diff(61) <= 1, "{}", clip.frames.len());
    std::fs::remove_file(&path).unwrap();
    (0..300).for_each(|_| app.update());
    assert!(!path.exists(), "written once");
}

/// A full disk, simulated by a limit on file sizes in a process of its own, which runs this test again: what was there
/// stays, nothing incomplete is left, the motion is kept, and the game goes on.
#[cfg(target_os = "linux")]
#[test]
fn a_motion_on_a_full_disk_is_kept() {
    const FOLDER: &str = "KINEST_TEST_FULL_DISK";
    let Ok(folder) = std::env::var(FOLDER) else {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dance.bvh");
        std::fs::write(&path, "the one before").unwrap();
        let again = "replay::a_motion_on_a_full_disk_is_kept";
        let script = format!("trap '' XFSZ; ulimit -f 1; exec \"$0\" --exact {again}");
        let mut again = std::process::Command::new("sh");
        let program = std::env::current_exe().unwrap();
        let output = again.args(["-c", &script]).arg(program).env(FOLDER, folder.path()).output();
        let output = output.unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        assert_eq!(std::fs::read(&path).unwrap(), b"the one before");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        return;
    };
    start_log();
    let mut app = app(KinestSettings::inline());
    write_a_second(&mut app, &Path::new(&folder).join("dance.bvh"));
    (0..70).for_each(|_| app.update());
    let told = logged("dance.bvh");
    assert!(told.len() == 2 && told.iter().all(|line| line.contains("it is kept")), "{told:?}");
}
