//! Subtitles, live descriptions, and motions found by words.

use crate::common::*;
use crate::events::gesturing;
use bevy::prelude::*;
use bevy_kinest::kinest::motion::amass;
use bevy_kinest::kinest::motion::synthetic::{self, Gesture};
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::kinest_language::{Clip, Library, Moment};
use bevy_kinest::prelude::*;
use bevy_kinest::{Language, LiveDescription, MotionEvents, MotionLibrary, Subtitles, WordsFile};
use std::path::Path;

const WORDS: &str = "../../crates/kinest_language/assets/english.words.ron";

fn app_in(folder: &Path) -> App {
    app_with_assets(KinestSettings { blend: 0.0, ..KinestSettings::inline() }, folder)
}

/// The lines that an avatar had, one after another.
fn lines(app: &mut App, avatar: Entity, seconds: f64) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    for _ in 0..(60.0 * seconds) as usize {
        app.update();
        let line = app.world().get::<Subtitles>(avatar).unwrap().text();
        if lines.last().is_none_or(|last| last != line) {
            lines.push(line.to_owned());
        }
    }
    lines
}

#[test]
fn subtitles_name_the_gesture_in_the_language_asked_for_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let words = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(WORDS)).unwrap();
    let own = words.replace("\"raises both hands\"", "\"gives up\"");
    assert_ne!(own, words);
    std::fs::write(folder.path().join("my.words.ron"), own).unwrap();
    let mut app = app_in(folder.path());
    let file: Handle<WordsFile> = app.world().resource::<AssetServer>().load("my.words.ron");
    let id = file.id();
    update_until(&mut app, |app| app.world().resource::<Assets<WordsFile>>().get(id).is_some());
    for (language, expected) in [
        (Language::English, "Someone raises both hands."),
        (Language::German, "Jemand"),
        (Language::File(file), "Someone gives up."),
    ] {
        let avatar = gesturing(&mut app, Gesture::BothHandsUp);
        app.world_mut().entity_mut(avatar).insert(Subtitles::new(language));
        let lines = lines(&mut app, avatar, 8.0);
        assert!(lines.iter().any(|line| line.starts_with(expected)), "{expected} in {lines:?}");
        assert_eq!(lines.first().map(String::as_str), Some(""));
        // The gesture has ended; some more gestures may follow, but a line does not stay for ever.
        app.world_mut().entity_mut(avatar).remove::<MotionEvents>();
        (0..150).for_each(|_| app.update());
        let now = app.world().get::<Subtitles>(avatar).unwrap();
        assert!(now.text().is_empty() || lines.last().is_some_and(|last| last == now.text()));
        app.world_mut().despawn(avatar);
    }
}

/// The live description is about the present: it mentions the wave while there is one.
#[test]
fn the_last_seconds_are_described() {
    let mut app = app(KinestSettings::inline());
    let avatar = gesturing(&mut app, Gesture::Wave);
    app.world_mut().entity_mut(avatar).insert(LiveDescription::default());
    let live = |app: &App| app.world().get::<LiveDescription>(avatar).unwrap().clone();
    assert!(live(&app).texts().is_none());
    let (mut seen, mut changes) = (vec![], 0);
    for _ in 0..8 * 60 {
        app.update();
        let live = live(&app);
        let Some(texts) = live.texts() else { continue };
        if seen.last() != Some(&texts.global[0]) {
            seen.push(texts.global[0].clone());
        }
        let longest = texts.codes.iter().map(|code| code.end_s).fold(0.0, f64::max);
        assert!(longest <= live.window.as_secs_f64() + 1e-6, "{longest} s");
        changes += u32::from(
            app.world().entity(avatar).get_ref::<LiveDescription>().unwrap().is_changed(),
        );
    }
    assert!(seen.iter().any(|text| text.contains("waves with the")), "{seen:#?}");
    assert!(changes < 8 * 60, "it changes with its texts");
}

/// What is found is played from where it begins to where it ends.
#[test]
fn a_motion_found_by_words_is_played() {
    let folder = tempfile::tempdir().unwrap();
    let skeleton = Skeleton::default();
    std::fs::create_dir(folder.path().join("motions")).unwrap();
    let names = ["wave.npz", "crouch.npz"];
    for (name, gesture) in names.iter().zip([Gesture::Wave, Gesture::Crouch]) {
        let (clip, _) = synthetic::gestures(gesture, 1, 8.0, 60.0, &skeleton);
        amass::save(folder.path().join("motions").join(name), &clip, "neutral").unwrap();
    }
    let moment = |text: &str| Moment { text: text.into(), start_s: 2.0, end_s: 3.0, weight: 1.0 };
    let clips =
        names.iter().zip(["waves with the right hand", "crouches"]).map(|(name, text)| Clip {
            clip: (*name).into(),
            duration_s: 7.9,
            moments: vec![moment(text)],
            ..Clip::default()
        });
    let library = Library::new(clips.collect()).unwrap();
    library.save(folder.path().join("motions/all.library")).unwrap();

    let mut app = app_in(folder.path());
    let assets = app.world().resource::<AssetServer>().clone();
    let file: Handle<MotionLibrary> = assets.load("motions/all.library");
    let libraries = |app: &App| app.world().resource::<Assets<MotionLibrary>>().get(&file).cloned();
    update_until(&mut app, |app| libraries(app).is_some());
    let library = libraries(&app).unwrap();
    let hits = library.search("someone squats", 5).unwrap();
    assert_eq!(hits[0].clip, "crouch.npz");
    let avatar = avatar_of(&mut app, Fake::feeling);
    app.world_mut().entity_mut(avatar).insert(library.replay(&hits[0], &assets));
    let replay = |app: &App| app.world().get::<MotionReplay>(avatar).unwrap().clone();
    update_until(&mut app, |app| replay(app).truth_z_up().is_some());
    assert!((2.0..2.1).contains(&replay(&app).seconds()), "{} s", replay(&app).seconds());
    (0..70).for_each(|_| app.update());
    assert_eq!((replay(&app).seconds(), replay(&app).passes()), (3.0, 1));
}
