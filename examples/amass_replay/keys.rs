//! Keyboard controls of the window.

use super::playback::{PlaybackSystems, Skip};
use super::scene::Ghost;
use bevy::prelude::*;
use bevy_kinest::prelude::*;

/// Their description in the help.
pub const HELP: &str = "In the window: space pauses, left and right go back and forth by a second, \
    - and + halve and double the speed, N and P go to the next and the previous clip, G shows the \
    true body beside the estimated one, over it, or not at all. With the feature `panel` F1 opens \
    and closes the panel.";

/// Step of the arrow keys, seconds.
const STEP: f64 = 1.0;
/// Range of the playback speed.
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
            KeyCode::KeyN => {
                skips.write(Skip(1));
            }
            KeyCode::KeyP => {
                skips.write(Skip(-1));
            }
            KeyCode::KeyG => *ghost = ghost.next(),
            _ => {}
        }
    }
}

/// Whether key presses are ours rather than a text field's in the panel.
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

#[cfg(test)]
mod tests {
    use super::*;
    use bevy_kinest::kinest::motion::synthetic::walk_and_wave;
    use bevy_kinest::kinest::skeleton::Skeleton;

    #[test]
    fn every_key_does_what_the_help_says() {
        let mut app = App::new();
        app.insert_resource(Ghost::Beside).add_message::<Skip>().add_systems(Update, press);
        let skeleton = Skeleton::default();
        let replay = MotionReplay::clip(walk_and_wave(&skeleton), skeleton);
        let avatar = app.world_mut().spawn(replay).id();
        let mut press = |key: KeyCode| {
            let mut keys = ButtonInput::default();
            keys.press(key);
            app.insert_resource(keys);
            app.update();
            let skips = app.world_mut().resource_mut::<Messages<Skip>>().drain().map(|s| s.0).sum();
            let replay = app.world().get::<MotionReplay>(avatar).unwrap();
            let ghost = *app.world().resource::<Ghost>();
            (replay.paused, replay.seconds(), replay.speed, skips, ghost)
        };
        assert_eq!(press(KeyCode::Space), (true, 0.0, 1.0, 0, Ghost::Beside));
        assert_eq!(press(KeyCode::ArrowRight), (true, STEP, 1.0, 0, Ghost::Beside));
        assert_eq!(press(KeyCode::Equal), (true, STEP, 2.0, 0, Ghost::Beside));
        assert_eq!(press(KeyCode::Minus), (true, STEP, 1.0, 0, Ghost::Beside));
        assert_eq!(press(KeyCode::ArrowLeft), (true, 0.0, 1.0, 0, Ghost::Beside));
        assert_eq!(press(KeyCode::ArrowLeft), (true, 0.0, 1.0, 0, Ghost::Beside));
        assert_eq!(press(KeyCode::KeyN), (true, 0.0, 1.0, 1_isize, Ghost::Beside));
        assert_eq!(press(KeyCode::KeyP), (true, 0.0, 1.0, -1, Ghost::Beside));
        assert_eq!(press(KeyCode::KeyG).4, Ghost::Over);
        assert_eq!(press(KeyCode::KeyG).4, Ghost::Off);
        assert_eq!(press(KeyCode::Space), (false, 0.0, 1.0, 0, Ghost::Off));
        let slowest = (0..9).map(|_| press(KeyCode::Minus).2).fold(1.0, f64::min);
        assert_eq!(slowest, SPEEDS[0]);
    }
}
