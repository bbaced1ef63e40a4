//! The panel's texts, and the effects of its buttons.

#[path = "../headless_app/common.rs"]
#[allow(dead_code, reason = "other tests need the rest")]
mod common;
mod picture;
mod reader;

use bevy::prelude::*;
use bevy_kinest::bevy_egui::{EguiPrimaryContextPass, EguiUserTextures};
use bevy_kinest::kinest::live::Recording;
use bevy_kinest::kinest::motion::synthetic::{self, Gesture, walk_and_wave};
use bevy_kinest::kinest::refine::Floor;
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::prelude::*;
use bevy_kinest::{
    Ahead, Extrapolation, Forecast, KinestModels, KinestPanel, KinestPanelPlugin, LiveDescription,
    ModelState, Subtitles, TrackerRecorder,
};
use common::*;
use reader::Reader;
use std::path::Path;
use std::time::Duration;

fn panel_app() -> App {
    let mut app = App::new();
    let settings = KinestSettings { blend: 0.0, ..KinestSettings::inline() };
    add_plugins(&mut app, settings, Path::new(env!("CARGO_TARGET_TMPDIR")));
    app.add_plugins(KinestPanelPlugin);
    finish(&mut app);
    app
}

fn replaying(app: &mut App) -> Entity {
    let avatar = avatar(app, NEVER);
    let skeleton = Skeleton::default();
    let replay = MotionReplay::clip(walk_and_wave(&skeleton), skeleton);
    app.world_mut().entity_mut(avatar).insert(replay);
    avatar
}

#[test]
fn the_panel_shows_the_state_of_an_avatar() {
    let mut app = panel_app();
    let mut panel = Reader::new(&mut app);
    assert!(panel.text().contains("There is no avatar."));

    let avatar = replaying(&mut app);
    panel.show(&mut app);
    let text = panel.text();
    for expected in ["waiting for the model", "the head has not been seen", "p99", "Joints"] {
        assert!(text.contains(expected), "no {expected} in\n{text}");
    }

    (0..90).for_each(|_| app.update());
    panel.show(&mut app);
    let text = panel.text();
    // A frame is 1/60 s, and every frame has an estimate.
    for expected in ["ready on test", "Pose: estimated, 0 ms old", "tracked", "60 /s", "100 %"] {
        assert!(text.contains(expected), "no {expected} in\n{text}");
    }
    assert_eq!(
        text.matches("60 /s").count(),
        6,
        "trackers, estimates, frames, each tracker:\n{text}"
    );
    // The network always bends the left knee, so the list shows its error in its row.
    let replay = app.world().get::<MotionReplay>(avatar).unwrap();
    let errors = replay.errors(body(&app, avatar)).unwrap();
    let ankle = errors[SmplJoint::LeftAnkle.index()];
    assert!(ankle > 0.1, "{ankle}");
    assert!(text.contains(&format!("{:4.1}", 1e2 * ankle)), "{ankle} in\n{text}");

    let left = app.world().get::<Trackers>(avatar).unwrap().iter().nth(1).unwrap();
    app.world_mut().entity_mut(avatar).remove::<MotionReplay>();
    app.world_mut().get_mut::<TrackingState>(left).unwrap().tracked = false;
    (0..31).for_each(|_| app.update());
    panel.show(&mut app);
    let text = panel.text();
    assert!(text.contains("lost for 0.5 s: its device is not tracked"), "{text}");
    assert!(!text.contains("the truth"), "nobody knows the truth any more:\n{text}");
}

#[test]
fn the_panel_shows_why_a_model_does_not_run() {
    let mut app = panel_app();
    let avatar = avatar(&mut app, 3);
    trackers(&mut app);
    let model = app.world().get::<KinestAvatar>(avatar).unwrap().model.id();
    let mut panel = Reader::new(&mut app);
    let failed = |app: &App| {
        let status = app.world().resource::<KinestModels>().get(model);
        status.is_some_and(|status| status.state == ModelState::Failed)
    };
    update_until(&mut app, failed);
    panel.show(&mut app);
    let text = panel.text();
    assert!(text.contains("failed") && text.contains("the device is lost"), "{text}");
}

#[test]
fn the_panel_lists_gestures() {
    let mut app = panel_app();
    let avatar = avatar_of(&mut app, || Fake::bent_knee(NEVER));
    let skeleton = Skeleton::default();
    let (clip, _) = synthetic::gestures(Gesture::BothHandsUp, 1, 8.0, 60.0, &skeleton);
    app.world_mut().entity_mut(avatar).insert(MotionReplay::clip(clip, skeleton));
    app.update();
    let mut panel = Reader::new(&mut app);
    panel.show(&mut app);
    assert!(!panel.text().contains("Gestures"), "{}", panel.text());
    app.world_mut().entity_mut(avatar).insert((Subtitles::default(), LiveDescription::default()));
    app.update();
    panel.show(&mut app);
    assert!(panel.text().contains("None yet."), "{}", panel.text());
    (0..150).for_each(|_| app.update());
    panel.show(&mut app);
    let text = panel.text();
    for expected in ["both_hands_up", "torso", "both hands"] {
        assert!(text.contains(expected), "no {expected} in\n{text}");
    }
}

#[test]
fn the_panel_shows_and_changes_forecasts() {
    let mut app = panel_app();
    let avatar = replaying(&mut app);
    app.update();
    let mut panel = Reader::new(&mut app);
    panel.show(&mut app);
    assert!(!panel.text().contains("ms ahead"), "{}", panel.text());
    let ahead = Ahead::By(Duration::from_millis(40));
    app.world_mut().entity_mut(avatar).insert(Forecast { ahead, ..default() });
    (0..60).for_each(|_| app.update());
    panel.show(&mut app);
    let text = panel.text();
    for expected in ["Forecast", "40 ms ahead", "by the baseline"] {
        assert!(text.contains(expected), "no {expected} in\n{text}");
    }
    let settings = |app: &App| app.world().get::<Forecast>(avatar).unwrap().clone();
    panel.press(&mut app, "As old as the estimate");
    assert_eq!(settings(&app).ahead, Ahead::Age);
    panel.press(&mut app, "Velocity");
    assert_eq!(settings(&app).baseline, Extrapolation::Velocity);
}

#[test]
fn switches_change_the_corrections() {
    let mut app = panel_app();
    let avatar = replaying(&mut app);
    app.update();
    let mut panel = Reader::new(&mut app);
    let refine = |app: &App| *app.world().get::<KinestRefine>(avatar).unwrap();
    assert_eq!(refine(&app), KinestRefine::none());
    for (name, now) in [
        ("Smooth", KinestRefine { smooth: true, ..KinestRefine::none() }),
        ("Lock feet", KinestRefine { smooth: true, lock_feet: true, ..KinestRefine::none() }),
        (
            "Bodies that hang in the air stand",
            KinestRefine { place_trackers: false, ..KinestRefine::default() },
        ),
        ("Head and hands exactly at their trackers", KinestRefine::default()),
    ] {
        assert!(!panel.is_on(name));
        panel.press(&mut app, name);
        assert_eq!(refine(&app), now, "{name}");
        assert!(panel.is_on(name));
    }
    panel.press(&mut app, "Smooth");
    assert!(!refine(&app).smooth);
    let changed = app.world_mut().get_mut::<KinestRefine>(avatar).unwrap().last_changed();
    panel.show(&mut app);
    let after = app.world_mut().get_mut::<KinestRefine>(avatar).unwrap().last_changed();
    assert_eq!(changed, after, "looking changes nothing");

    let mut odd = KinestRefine::default();
    (odd.one_euro.min_cutoff, odd.feet.floor) = (77.0, Floor::At(0.123_456));
    *app.world_mut().get_mut::<KinestRefine>(avatar).unwrap() = odd;
    panel.show(&mut app);
    assert_eq!(refine(&app), odd, "nor does it make what was set by hand fit");
}

#[test]
fn transport_buttons_control_the_replay() {
    let mut app = panel_app();
    let avatar = replaying(&mut app);
    (0..10).for_each(|_| app.update());
    let mut panel = Reader::new(&mut app);
    let replay = |app: &App| app.world().get::<MotionReplay>(avatar).unwrap().clone();

    panel.press(&mut app, "Pause");
    assert!(replay(&app).paused);
    panel.set(&mut app, "at", 2.5);
    assert_eq!(replay(&app).seconds(), 2.5);
    app.update();
    assert_eq!(replay(&app).seconds(), 2.5, "it stands still there");
    panel.set(&mut app, "speed", 2.0);
    panel.press(&mut app, "Play");
    app.update();
    let frame = FRAME.as_secs_f64();
    assert!(replay(&app).seconds() > 2.5 + 1.9 * frame, "{}", replay(&app).seconds());
    let odd = 0.123_456_789;
    app.world_mut().get_mut::<MotionReplay>(avatar).unwrap().speed = odd;
    let before = replay(&app).seconds();
    panel.show(&mut app);
    app.update();
    assert!((replay(&app).seconds() - before - odd * frame).abs() < 1e-9, "looking moves nothing");
    panel.press(&mut app, "again and again");
    assert!(replay(&app).repeats);
    panel.press(&mut app, "To the start");
    assert!(replay(&app).seconds() < 2.0 * frame);
}

#[test]
fn buttons_measure_a_player_and_forget_the_calibration() {
    let mut app = panel_app();
    let avatar = replaying(&mut app);
    (0..10).for_each(|_| app.update());
    let mut panel = Reader::new(&mut app);
    let calibration = |app: &App| app.world().get::<PlayerCalibration>(avatar).copied();

    panel.press(&mut app, "Height");
    app.update();
    assert!((calibration(&app).unwrap().0.height - 1.75).abs() < 1e-9);
    panel.show(&mut app);
    assert!(panel.text().contains("1.75 m tall"), "{}", panel.text());
    panel.press(&mut app, "Reset");
    assert!(calibration(&app).is_none());

    // A walking player does not hold a T-pose.
    panel.press(&mut app, "T-pose");
    assert!(panel.text().contains("measuring"), "{}", panel.text());
    (0..90).for_each(|_| app.update());
    panel.show(&mut app);
    assert!(calibration(&app).is_none() && !panel.text().contains("measuring"));
    assert!(panel.text().contains("T-pose still") || panel.text().contains("stretch both arms"));
}

#[test]
fn buttons_start_and_stop_a_recording() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trackers.jsonl");
    let mut app = panel_app();
    let avatar = replaying(&mut app);
    (0..10).for_each(|_| app.update());
    let recording =
        |app: &App| app.world().get::<TrackerRecorder>(avatar).map(TrackerRecorder::frames);

    app.world_mut().resource_mut::<KinestPanel>().recording = folder.path().join("none/there");
    let mut panel = Reader::new(&mut app);
    panel.press(&mut app, "Record");
    assert_eq!(recording(&app), None);
    assert!(panel.text().contains("none/there"), "{}", panel.text());

    app.world_mut().resource_mut::<KinestPanel>().recording.clone_from(&file);
    panel.press(&mut app, "Record");
    (0..4).for_each(|_| app.update());
    assert_eq!(recording(&app), Some(5));
    panel.show(&mut app);
    assert!(panel.text().contains("5 frames"), "{}", panel.text());
    panel.press(&mut app, "Stop");
    assert_eq!(recording(&app), None);
    let recording = Recording::load(&file).unwrap();
    assert_eq!(recording.frames().len(), 5);
    assert!(recording.frames().iter().all(|frame| frame.pose.is_some()));
    assert!(panel.text().contains("there is such a file already"), "{}", panel.text());
}

#[test]
fn the_avatar_can_be_selected() {
    let mut app = panel_app();
    let first = replaying(&mut app);
    let second = avatar(&mut app, NEVER);
    for (avatar, name) in [(first, "Ann"), (second, "Bob")] {
        app.world_mut().entity_mut(avatar).insert(Name::new(name));
    }
    app.update();
    let mut panel = Reader::new(&mut app);
    let shown = |app: &App| app.world().resource::<KinestPanel>().avatar;
    assert_eq!(shown(&app), Some(first));
    assert!(panel.text().contains("Motion"));
    app.world_mut().resource_mut::<KinestPanel>().avatar = Some(second);
    panel.show(&mut app);
    assert!(!panel.text().contains("Motion"), "that one has no replay:\n{}", panel.text());
    assert!(panel.text().contains("Bob"));
    app.world_mut().despawn(second);
    panel.show(&mut app);
    assert!(panel.text().contains("Motion"), "what is gone is not shown:\n{}", panel.text());
}

/// An app without a camera.
#[test]
fn without_a_camera_the_panel_does_nothing() {
    let mut app = panel_app();
    app.init_resource::<EguiUserTextures>();
    replaying(&mut app);
    app.world_mut().run_schedule(EguiPrimaryContextPass);
    app.update();
    assert!(app.world().resource::<KinestPanel>().open);
}
