//! What bodies do: groups, gestures, files of gestures.

use crate::common::*;
use bevy::diagnostic::DiagnosticsStore;
use bevy::prelude::*;
use bevy_kinest::kinest::events::{EventKind, Phase};
use bevy_kinest::kinest::motion::synthetic::{self, Gesture};
use bevy_kinest::kinest::skeleton::{Group, Skeleton};
use bevy_kinest::prelude::*;
use bevy_kinest::{
    CodeFile, GestureFile, Interactions, KinematicGroups, MotionEvent, MotionEvents, MotionState,
};
use std::path::Path;

const SECONDS: f64 = 8.0;

fn app_in(folder: &Path) -> App {
    app_with_assets(KinestSettings { blend: 0.0, ..KinestSettings::inline() }, folder)
}

/// A player who stands and makes a gesture again and again. Nothing below the arms is estimated.
pub fn gesturing(app: &mut App, gesture: Gesture) -> Entity {
    let skeleton = Skeleton::default();
    let (clip, _) = synthetic::gestures(gesture, 1, SECONDS, 60.0, &skeleton);
    let model = app.world_mut().resource_mut::<Assets<PoseModel>>().add(PoseModel::standing());
    let replay = MotionReplay::clip(clip, skeleton);
    app.world_mut().spawn((KinestAvatar::new(model), replay, MotionEvents::default())).id()
}

fn run(app: &mut App, seconds: f64) {
    (0..(60.0 * seconds) as usize).for_each(|_| app.update());
}

/// The gestures among events, by name and phase.
fn gestures(events: &[MotionEvent]) -> Vec<(&str, Phase)> {
    events.iter().filter_map(|event| Some((event.gesture()?, event.phase))).collect()
}

/// Every message since the last call.
#[derive(Resource, Default)]
struct Read(Vec<MotionEvent>);

#[test]
fn a_gesture_is_an_event_on_its_avatar_and_a_message() {
    let mut app = app(KinestSettings::inline());
    listen::<MotionEvent>(&mut app);
    app.init_resource::<Read>().add_systems(
        Last,
        |mut events: MessageReader<MotionEvent>, mut read: ResMut<Read>| {
            read.0.extend(events.read().cloned());
        },
    );
    let waving = gesturing(&mut app, Gesture::Wave);
    let other = gesturing(&mut app, Gesture::BothHandsUp);
    let mut held = false;
    for _ in 0..(60.0 * SECONDS) as usize {
        app.update();
        let state = |entity| app.world().get::<MotionState>(entity).unwrap();
        held |= state(other).makes("both_hands_up");
        for now in state(waving).gestures() {
            assert!(now.since <= app.world().resource::<Time<Real>>().elapsed_secs_f64());
        }
    }
    assert!(held);
    let events = heard::<MotionEvent>(&mut app);
    assert_eq!(events, app.world().resource::<Read>().0);
    assert!(events.iter().any(|event| matches!(event.kind, EventKind::Code(_))));

    let of = |avatar| {
        let own = events.iter().filter(move |event| event.avatar == avatar).cloned();
        own.collect::<Vec<_>>()
    };
    let (waves, raises) = (of(waving), of(other));
    let waves = gestures(&waves);
    let side =
        if waves.contains(&("wave_left", Phase::Begin)) { "wave_left" } else { "wave_right" };
    for (told, name) in [(waves, side), (gestures(&raises), "both_hands_up")] {
        let begin = told.iter().position(|event| *event == (name, Phase::Begin));
        let end = told.iter().position(|event| *event == (name, Phase::End));
        assert!(begin.is_some() && begin < end, "{name}: {told:?}");
        assert!(told.contains(&(name, Phase::Hold)), "{name}: {told:?}");
    }
    assert!(!gestures(&raises).iter().any(|(name, _)| name.starts_with("wave")));
    let store = app.world().resource::<DiagnosticsStore>();
    assert!(store.get_measurement(&KinestPlugins::EVENTS_MS).is_some_and(|m| m.value > 0.0));
}

#[test]
fn without_the_component_nothing_is_told() {
    let mut app = app(KinestSettings::inline());
    listen::<MotionEvent>(&mut app);
    let avatar = gesturing(&mut app, Gesture::Wave);
    app.world_mut().entity_mut(avatar).remove::<MotionEvents>();
    run(&mut app, SECONDS);
    assert!(heard::<MotionEvent>(&mut app).is_empty());
}

/// A new file is followed at once, a mistake in it is logged with its place and changes nothing.
#[test]
fn gestures_of_a_file_are_followed_and_a_mistake_keeps_the_last_good_ones() {
    start_log();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("game.gestures.ron");
    let surrender = |name: &str| {
        format!(
            "[(name: \"{name}\", group: torso, when: All([\
             Is(\"left_hand_over_head\", \"above\"), Is(\"right_hand_over_head\", \"above\")]))]"
        )
    };
    std::fs::write(&path, surrender("surrender")).unwrap();
    let mut app = app_in(folder.path());
    listen::<MotionEvent>(&mut app);
    let file: Handle<GestureFile> = app.world().resource::<AssetServer>().load("game.gestures.ron");
    let avatar = gesturing(&mut app, Gesture::BothHandsUp);
    let id = file.id();
    let wanted = MotionEvents { shipped: false, gestures: vec![file], ..default() };
    app.world_mut().entity_mut(avatar).insert(wanted);
    update_until(&mut app, |app| app.world().resource::<Assets<GestureFile>>().get(id).is_some());
    let again = |app: &mut App| {
        app.world_mut().get_mut::<MotionReplay>(avatar).unwrap().seek(0.0);
        run(app, SECONDS);
        let events = heard::<MotionEvent>(app);
        let names: Vec<String> = gestures(&events)
            .into_iter()
            .filter(|(_, phase)| *phase == Phase::Begin)
            .map(|(name, _)| name.to_owned())
            .collect();
        assert!(!names.is_empty());
        names
    };
    assert!(again(&mut app).iter().all(|name| name == "surrender"), "and no shipped one");

    std::fs::write(&path, "[\n(name: \"wink\", group: neck, when: Is(\"left_eye\", \"shut\"))]")
        .unwrap();
    app.world().resource::<AssetServer>().reload("game.gestures.ron");
    update_until(&mut app, |_| !logged("left_eye").is_empty());
    let line = logged("left_eye").concat();
    assert!(line.contains("game.gestures.ron:2:"), "{line}");
    assert!(again(&mut app).iter().all(|name| name == "surrender"));

    std::fs::write(&path, surrender("give_up")).unwrap();
    app.world().resource::<AssetServer>().reload("game.gestures.ron");
    update_until(&mut app, |app| {
        let file = app.world().resource::<Assets<GestureFile>>().get(id).unwrap();
        file.0.find("give_up").is_some()
    });
    assert!(again(&mut app).iter().all(|name| name == "give_up"));
}

/// Thresholds that nobody reaches.
#[test]
fn thresholds_of_a_file_replace_the_shipped_ones() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/events/codes.ron");
    let table = std::fs::read_to_string(shipped).unwrap();
    let row = table.lines().find(|line| line.contains("\"hand_over_head\"")).unwrap();
    let (start, end) = (row.find('[').unwrap(), row.find(']').unwrap());
    let borders = row[start + 1..end].split(',').filter(|border| !border.trim().is_empty());
    let borders: Vec<f64> = borders.map(|b| b.trim().parse::<f64>().unwrap() + 2.0).collect();
    let never = row.replace(&row[start..=end], &format!("{borders:?}"));
    std::fs::write(folder.path().join("my.codes.ron"), table.replace(row, &never)).unwrap();
    let mut app = app_in(folder.path());
    listen::<MotionEvent>(&mut app);
    let file: Handle<CodeFile> = app.world().resource::<AssetServer>().load("my.codes.ron");
    let id = file.id();
    let avatar = gesturing(&mut app, Gesture::BothHandsUp);
    app.world_mut().get_mut::<MotionEvents>(avatar).unwrap().codes = Some(file);
    update_until(&mut app, |app| app.world().resource::<Assets<CodeFile>>().get(id).is_some());
    run(&mut app, 0.5);
    heard::<MotionEvent>(&mut app);
    app.world_mut().get_mut::<MotionReplay>(avatar).unwrap().seek(0.0);
    run(&mut app, SECONDS);
    let events = heard::<MotionEvent>(&mut app);
    assert!(!events.is_empty());
    assert!(!events.iter().any(|event| event.is("both_hands_up")), "{:?}", gestures(&events));
}

/// A player who takes the headset off in the middle of a gesture no longer makes it.
#[test]
fn gestures_end_with_the_head() {
    let mut app = app(KinestSettings::inline());
    listen::<MotionEvent>(&mut app);
    let avatar = gesturing(&mut app, Gesture::BothHandsUp);
    let makes = |app: &App| app.world().get::<MotionState>(avatar).unwrap().makes("both_hands_up");
    update_until(&mut app, makes);
    let head = app.world().get::<Trackers>(avatar).unwrap().iter().next().unwrap();
    app.world_mut().get_mut::<TrackingState>(head).unwrap().tracked = false;
    run(&mut app, 1.0);
    assert!(!makes(&app));
    let events = heard::<MotionEvent>(&mut app);
    let of_hands: Vec<_> =
        gestures(&events).into_iter().filter(|(name, _)| *name == "both_hands_up").collect();
    assert_eq!(of_hands.last(), Some(&("both_hands_up", Phase::End)));
    let ends = events.iter().filter(|event| event.phase == Phase::End).count();
    let begins = events.iter().filter(|event| event.phase == Phase::Begin).count();
    assert_eq!(begins, ends, "codes end, too");
}

/// A vehicle carries the player forward while the left hand rises.
#[test]
fn groups_are_where_the_body_is_and_move_as_it_does() {
    let mut app = app(KinestSettings::inline());
    let vehicle = app.world_mut().spawn(Transform::from_xyz(10.0, 0.0, 0.0)).id();
    let avatar = gesturing(&mut app, Gesture::BothHandsUp);
    let components = (TrackingSpace(vehicle), KinematicGroups::default(), Interactions::default());
    app.world_mut().entity_mut(avatar).insert(components);
    let mut fastest = 0.0_f32;
    let mut before = None;
    for _ in 0..(60.0 * SECONDS) as usize {
        app.world_mut().get_mut::<Transform>(vehicle).unwrap().translation.z += 0.05;
        app.update();
        let body = body(&app, avatar);
        let groups = app.world().get::<KinematicGroups>(avatar).unwrap();
        let arm =
            Group::LeftArm.joints().iter().map(|joint| body.joint_transform(*joint).translation);
        let mean = arm.sum::<Vec3>() / 4.0;
        assert!(groups.position(Group::LeftArm).distance(mean) < 1e-5);
        // The vehicle's motion is none of the body.
        let own = mean - app.world().get::<Transform>(vehicle).unwrap().translation;
        if let Some(before) = before.replace(own) {
            let velocity = (own - before) / FRAME.as_secs_f32();
            let told = groups.velocity(Group::LeftArm);
            assert!(told.distance(velocity) < 2e-2, "{told} {velocity}");
            fastest = fastest.max(told.y);
        }
        let pairs = app.world().get::<Interactions>(avatar).unwrap();
        let to_right = pairs.between(Group::LeftArm, Group::RightArm);
        let to_left = pairs.between(Group::RightArm, Group::LeftArm);
        assert!(to_right.difference.x < -0.1, "the right arm is to the right: {to_right:?}");
        assert_eq!(to_right.difference, -to_left.difference);
        assert!(pairs.between(Group::Torso, Group::Neck).difference.y > 0.2);
    }
    assert!(fastest > 0.5, "the arm rises at {fastest} m/s");
}
