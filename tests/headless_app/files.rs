//! Motions as assets.

use crate::common::*;
use bevy::asset::AssetLoadFailedEvent;
use bevy::prelude::*;
use bevy_kinest::kinest::capture::write_bvh;
use bevy_kinest::kinest::motion::synthetic::{self, Kind};
use bevy_kinest::kinest::motion::{MotionClip, amass, headset};
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::kinest::tracker::{DeviceFromJoint, Grip, TrackerFrame, TrackerSet};
use bevy_kinest::prelude::*;
use bevy_kinest::{MotionFile, TrackerRecorder};
use glam::DMat3;
use std::path::Path;

fn app_in(folder: &Path) -> App {
    app_with_assets(KinestSettings { blend: 0.0, ..KinestSettings::inline() }, folder)
}

fn load(app: &App, name: &'static str) -> Handle<MotionFile> {
    app.world().resource::<AssetServer>().load(name)
}

/// An avatar that is replayed from a file.
fn replayed(app: &mut App, file: Handle<MotionFile>) -> Entity {
    let avatar = avatar_of(app, Fake::feeling);
    app.world_mut().entity_mut(avatar).insert(MotionReplay::file(file));
    avatar
}

fn replay(app: &App, avatar: Entity) -> &MotionReplay {
    app.world().get(avatar).unwrap()
}

fn clip() -> MotionClip {
    synthetic::walk_and_wave(&Skeleton::default())
}

/// Devices held like controllers by a player who has the size of the default skeleton.
fn devices(clip: &MotionClip) -> Vec<TrackerFrame> {
    let skeleton = Skeleton::default();
    let frames = clip.frames.iter().enumerate().map(|(i, frame)| {
        let joints = skeleton.forward(&frame.body_matrices(), frame.translation);
        let time = i as f64 / clip.rate_hz;
        let mut frame = TrackerFrame::from_joints(TrackerSet::HeadAndHands, time, &joints);
        for (pose, role) in frame.poses.iter_mut().zip(TrackerSet::HeadAndHands.roles()) {
            let held = DeviceFromJoint::of_grip(*role, Grip::default());
            pose.rotation *= DMat3::from_quat(held.rotation.conjugate());
            pose.position -= pose.rotation * held.position;
        }
        frame
    });
    frames.collect()
}

#[test]
fn a_clip_is_played_once_it_is_loaded_and_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    amass::save(folder.path().join("walk.npz"), &clip(), "neutral").unwrap();
    let mut app = app_in(folder.path());
    let file = load(&app, "walk.npz");
    let avatar = replayed(&mut app, file);
    assert_eq!(replay(&app, avatar).truth_z_up(), None);
    update_until(&mut app, |app| replay(app, avatar).truth_z_up().is_some());
    assert!((replay(&app, avatar).duration() - clip().duration()).abs() < 1e-9);
    (0..30).for_each(|_| app.update());
    let errors = replay(&app, avatar).errors(body(&app, avatar)).unwrap();
    assert!(errors[SmplJoint::LeftWrist.index()] < 1e-3, "{errors:?}");

    let short = synthetic::clip(Kind::Squat, 1, 2.0, 60.0, &Skeleton::default());
    amass::save(folder.path().join("walk.npz"), &short, "neutral").unwrap();
    app.world().resource::<AssetServer>().reload("walk.npz");
    update_until(&mut app, |app| replay(app, avatar).duration() < 3.0);
    assert!(replay(&app, avatar).seconds() < 0.5, "from its start");
}

#[test]
fn a_bvh_file_is_a_clip() {
    let folder = tempfile::tempdir().unwrap();
    let text = write_bvh(&clip(), &Skeleton::default());
    std::fs::write(folder.path().join("walk.bvh"), &text).unwrap();
    std::fs::write(folder.path().join("cut.bvh"), &text[..text.len() / 2]).unwrap();
    let mut app = app_in(folder.path());
    let file = load(&app, "walk.bvh");
    let avatar = replayed(&mut app, file);
    update_until(&mut app, |app| replay(app, avatar).truth_z_up().is_some());
    assert!((replay(&app, avatar).duration() - clip().duration()).abs() < 1e-6);
    let file = load(&app, "cut.bvh");
    let server = app.world().resource::<AssetServer>().clone();
    update_until(&mut app, |_| server.load_state(&file).is_failed());
}

#[test]
fn devices_of_a_headset_are_played_with_the_player_they_measure() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clip();
    headset::save(folder.path().join("game.npz"), &devices(&clip), clip.rate_hz).unwrap();
    let mut app = app_in(folder.path());
    let file = load(&app, "game.npz");
    let avatar = replayed(&mut app, file);
    update_until(&mut app, |app| app.world().get::<PlayerCalibration>(avatar).is_some());
    let PlayerCalibration(player) = app.world().get(avatar).unwrap();
    assert!((player.height - 1.75).abs() < 0.1, "{} m", player.height);
    (0..30).for_each(|_| app.update());
    // The devices are not where the joints are; the calibration says where those are.
    let truth = clip.pose_at(replay(&app, avatar).seconds());
    let wrist = SmplJoint::LeftWrist.index();
    let truth = Skeleton::default().pose_joints(&truth).positions[wrist];
    let off = body(&app, avatar).joints_z_up().positions[wrist].distance(truth);
    assert!(off < 0.05, "{off} m");
}

#[test]
fn a_recording_is_played_by_its_ending() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = app_in(folder.path());
    let avatar = avatar_of(&mut first, Fake::feeling);
    let trackers = trackers(&mut first);
    let recorder = TrackerRecorder::create(folder.path().join("p.trackers.jsonl"), true).unwrap();
    first.world_mut().entity_mut(avatar).insert(recorder);
    let walk = Walk::new();
    for i in 0..60_u32 {
        walk.move_trackers(&mut first, &trackers, f64::from(i) * FRAME.as_secs_f64());
        first.update();
    }
    first.world_mut().entity_mut(avatar).remove::<TrackerRecorder>();

    let mut app = app_in(folder.path());
    let file = load(&app, "p.trackers.jsonl");
    let avatar = replayed(&mut app, file);
    update_until(&mut app, |app| replay(app, avatar).truth_z_up().is_some());
    assert!((replay(&app, avatar).duration() - 59.0 * FRAME.as_secs_f64()).abs() < 1e-6);
}

#[test]
fn files_that_are_no_motion_are_reported_and_move_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("text.npz"), "no archive").unwrap();
    std::fs::write(folder.path().join("text.jsonl"), "no recording").unwrap();
    let mut app = app_in(folder.path());
    for (name, reason) in [("text.npz", "zip"), ("text.jsonl", "line 1"), ("none.npz", "none.npz")]
    {
        let file = load(&app, name);
        let avatar = replayed(&mut app, file);
        let mut reasons = String::new();
        update_until(&mut app, |app| {
            for failed in messages::<AssetLoadFailedEvent<MotionFile>>(app) {
                reasons += &failed.error.to_string();
            }
            reasons.contains(reason)
        });
        assert!(app.world().get::<Trackers>(avatar).is_none(), "{name}");
    }
}
