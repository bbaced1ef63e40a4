//! Keys of the window.

use super::playback::{PlaybackSystems, Skip};
use super::scene::Ghost;
use bevy::prelude::*;
use bevy_kinest::prelude::*;

/// What is said about them in the help.
pub const HELP: &str = "In the window: space pauses, left and right go back and forth by a second, \
    - and + halve and double the speed, page down and page up go to the next and the previous clip, \
    G shows the true body beside the estimated one, over it, or not at all, F1 opens and closes the panel (feature `panel`).";
/// Seconds that an arrow goes.
const STEP: f64 = 1.0;
/// Speeds between which keys change it.
const SPEEDS: [f64; 2] = [0.125, 4.0];

pub fn plugin(app: &mut App) {
    app.add_systems(Update, press.run_if(nobody_types).before(PlaybackSystems));
    #[cfg(feature = "panel")]
    app.add_systems(Update, toggle_panel);
}

fn press(
    keys: Res<ButtonInput<KeyCode>>,
    mut replay: Single<&mut MotionReplay>,
    mut ghost: ResMut<Ghost>,
    mut skips: MessageWriter<Skip>,
) {
    for key in keys.get_just_pressed() {
        match key {
            KeyCode::Space => replay.paused ^= true,
            KeyCode::ArrowLeft => {
                let to = replay.seconds() - STEP;
                replay.seek(to);
            }
            KeyCode::ArrowRight => {
                let to = replay.seconds() + STEP;
                replay.seek(to);
            }
            KeyCode::Minus | KeyCode::NumpadSubtract => {
                replay.speed = (replay.speed / 2.0).max(SPEEDS[0]);
            }
            KeyCode::Equal | KeyCode::NumpadAdd => {
                replay.speed = (replay.speed * 2.0).min(SPEEDS[1]);
            }
            KeyCode::PageDown | KeyCode::KeyN => {
                skips.write(Skip(1));
            }
            KeyCode::PageUp | KeyCode::KeyP => {
                skips.write(Skip(-1));
            }
            KeyCode::KeyG => *ghost = ghost.next(),
            _ => {}
        }
    }
}

/// Whether keys are for us, and not for a field of the panel.
#[cfg(feature = "panel")]
fn nobody_types(egui: Res<bevy_kinest::bevy_egui::input::EguiWantsInput>) -> bool {
    !egui.wants_keyboard_input()
}

#[cfg(not(feature = "panel"))]
fn nobody_types() -> bool {
    true
}

#[cfg(feature = "panel")]
fn toggle_panel(keys: Res<ButtonInput<KeyCode>>, mut panel: ResMut<bevy_kinest::KinestPanel>) {
    if keys.just_pressed(KeyCode::F1) {
        panel.open ^= true;
    }
}
