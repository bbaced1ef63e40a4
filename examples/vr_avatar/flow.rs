//! Interaction besides moving: calibration and recording.

use bevy::prelude::*;
use bevy_kinest::TrackerRecorder;
use bevy_kinest::prelude::*;
use bevy_kinest::xr::{OpenXrHand, OpenXrPoses};
use std::path::PathBuf;

/// Time to get into the T-pose, seconds.
const COUNTDOWN: f32 = 3.0;
/// Pull from which on a trigger counts as held.
const HELD: f32 = 0.5;
/// Time that news stays on the board, seconds.
const NEWS: f32 = 12.0;

/// Text on the board.
#[derive(Resource, Default)]
pub struct Board {
    pub news: String,
    age: f32,
    /// Seconds until the player is measured; `None` if not requested.
    pub countdown: Option<f32>,
    /// Both triggers have been held since the player was measured.
    done: bool,
}

impl Board {
    fn say(&mut self, news: String) {
        println!("{news}");
        (self.news, self.age) = (news, 0.0);
    }
}

pub fn plugin(app: &mut App) {
    app.init_resource::<Board>()
        .add_systems(Update, (measure, wipe, record).chain())
        .add_observer(tell_size)
        .add_observer(tell_failure);
}

/// Counts down while both triggers are held, or after C is pressed.
fn measure(
    mut commands: Commands,
    time: Res<Time<Real>>,
    keys: Res<ButtonInput<KeyCode>>,
    poses: Option<Res<OpenXrPoses>>,
    avatar: Single<Entity, With<KinestAvatar>>,
    mut board: ResMut<Board>,
    mut by_key: Local<bool>,
) {
    *by_key |= keys.just_pressed(KeyCode::KeyC);
    let pulled = |hand: &OpenXrHand| hand.trigger > HELD;
    let held = poses.is_some_and(|poses| poses.hands.iter().all(pulled));
    if !held && !*by_key {
        (board.countdown, board.done) = (None, false);
        return;
    }
    if board.done && !*by_key {
        return;
    }
    let left = board.countdown.map_or(COUNTDOWN, |left| left - time.delta_secs());
    if left > 0.0 {
        board.countdown = Some(left);
        return;
    }
    board.countdown = None;
    board.done = true;
    *by_key = false;
    commands.trigger(Recalibrate { entity: *avatar, method: CalibrationMethod::TPose });
    board.say("Hold still ...".into());
}

/// Clears old news.
fn wipe(time: Res<Time<Real>>, mut board: ResMut<Board>) {
    board.age += time.delta_secs();
    if board.age > NEWS {
        board.news.clear();
    }
}

fn tell_size(measured: On<KinestCalibrated>, mut board: ResMut<Board>) {
    let (tall, wide) = (measured.calibration.height, measured.calibration.arm_span);
    board.say(format!("You are {tall:.2} m tall, {wide:.2} m from wrist to wrist."));
}

fn tell_failure(failed: On<CalibrationFailed>, mut board: ResMut<Board>) {
    board.say(format!("Please try again: {}", failed.reason));
}

/// Starts and stops recording with A or X of a controller, or with R.
fn record(
    mut commands: Commands,
    keys: Res<ButtonInput<KeyCode>>,
    poses: Option<Res<OpenXrPoses>>,
    avatar: Single<(Entity, Option<&TrackerRecorder>), With<KinestAvatar>>,
    mut board: ResMut<Board>,
    mut was_down: Local<bool>,
) {
    let down = poses.is_some_and(|poses| poses.hands.iter().any(|hand| hand.button));
    let pressed = !std::mem::replace(&mut *was_down, down) && down;
    if !pressed && !keys.just_pressed(KeyCode::KeyR) {
        return;
    }
    let (avatar, recorder) = *avatar;
    if let Some(recorder) = recorder {
        board.say(format!("{} frames are recorded.", recorder.frames()));
        commands.entity(avatar).remove::<TrackerRecorder>();
        return;
    }
    let path = free_path();
    match TrackerRecorder::create(&path, true) {
        Ok(recorder) => {
            commands.entity(avatar).insert(recorder);
            board.say(format!("Recording to {}.", path.display()));
        }
        Err(error) => board.say(format!("Not recorded: {error}")),
    }
}

/// A path that does not exist yet, so that no recording is overwritten.
fn free_path() -> PathBuf {
    let mut paths = (1..).map(|k| PathBuf::from(format!("vr_avatar-{k}.jsonl")));
    paths.find(|path| !path.exists()).unwrap_or_default()
}
