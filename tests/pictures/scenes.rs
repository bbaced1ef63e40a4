//! Compares every scene of the testbed with its reference picture.

#[path = "../../examples/testbed/main.rs"]
#[allow(dead_code, reason = "the test does not start the testbed by its `main`")]
mod testbed;

use super::likeness::{Difference, MOST, difference_picture};
use bevy::prelude::*;
use std::path::Path;

/// Size of each picture in a row, pixels.
const SIZE: UVec2 = UVec2::new(240, 240);

#[test]
fn minimal() {
    // Before the window is full, with legs at rest; then estimated, with the hand on the other side.
    check("minimal", &[0.79, 2.36]);
}

#[test]
fn first_afternoon() {
    // The other player walks, then waves back; the hand of the first is up, then down.
    check("first_afternoon", &[1.57, 9.74]);
}

#[test]
fn headset_replay() {
    check("headset_replay", &[1.0, 2.0]);
}

#[test]
fn many_avatars() {
    // Soon after the window is full, because sixteen networks take long.
    check("many_avatars", &[1.8]);
}

#[test]
fn remote_player() {
    // Walks, then waves.
    check("remote_player", &[2.1, 8.0]);
}

#[test]
fn retarget() {
    check("retarget", &[2.1, 2.6]);
}

#[test]
fn dropouts() {
    // Tracked, held, relaxed.
    check("dropouts", &[2.6, 2.9, 3.7]);
}

#[test]
fn forecast() {
    // A step, and the turn before the wave.
    check("forecast", &[1.4, 2.8]);
}

#[test]
fn gestures() {
    // Waves, then has both hands up.
    check("gestures", &[2.6, 8.6]);
}

#[test]
fn every_scene_has_a_reference_picture() {
    for (name, _) in testbed::SCENES {
        assert!(reference(name).exists(), "{name}: draw it here and set KINEST_RENEW_PICTURES=1");
    }
}

fn reference(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/pictures/{name}.png"))
}

/// Draws a scene at some instants, seconds, and compares.
fn check(name: &str, at: &[f64]) {
    if super::skips() {
        return;
    }
    let (_, make) = testbed::SCENES.into_iter().find(|(n, _)| *n == name).unwrap();
    let drawn = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
    let exit = make().unwrap().draw(drawn.clone(), at.to_vec(), SIZE);
    assert_eq!(exit, AppExit::Success);

    if std::env::var_os("KINEST_RENEW_PICTURES").is_some_and(|v| v == "1") {
        std::fs::copy(&drawn, reference(name)).unwrap();
        return;
    }
    let [picture, expected] = [&drawn, &reference(name)].map(|path| {
        image::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).to_rgb8()
    });
    let difference = Difference::between(&picture, &expected);
    if difference.worst > MOST {
        let seen = drawn.with_file_name(format!("{name}_difference.png"));
        difference_picture(&picture, &expected).save(&seen).unwrap();
        panic!(
            "{name} is not like its reference picture: {difference:?}, see {} and {}",
            drawn.display(),
            seen.display()
        );
    }
}
