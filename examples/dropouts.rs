//! Dropouts of hands and head: the body recovers without a jump.
//!
//! ```sh
//! cargo run --release --example dropouts
//! cargo run --release --example dropouts -- --wear pelvis,feet
//! ```
//!
//! ![Five moments of a body: tracked, a hand held, relaxed, regained, without a head](../assets/pictures/dropouts.png)
//!
//! A lost hand is held where it was, then relaxes into what the network makes of the others, and is
//! taken back when it is found again; a body without a head freezes, then rests. Gizmos show it: axes of
//! trackers, a pink ring around what is lost, bones from green (sure) to red (guessed), a blue ring under
//! feet that stand. With `--wear`, the player has trackers on the body too. Without a display it draws `dropouts.png`.

use TrackerRole::{Head, LeftFoot, LeftHand, RightHand};
use bevy::prelude::*;
use bevy_kinest::KinestGizmoPlugin;
use bevy_kinest::kinest::capture::CaptureError;
use bevy_kinest::kinest::motion::synthetic;
use bevy_kinest::prelude::*;
use kinest_stage::{CapsuleBody, Framing, Scene, load_motion};
use std::ops::Range;
use std::path::PathBuf;

/// Start in the synthetic motion, seconds: just before the person stops and waves.
const START: f64 = 5.6;
/// Dropouts of trackers, in seconds of each round: the right hand while it waves, and a foot, if the
/// player wears a tracker there.
const DROPOUTS: [(TrackerRole, Range<f64>); 4] =
    [(RightHand, 2.7..3.8), (LeftHand, 2.9..3.8), (Head, 4.5..6.4), (LeftFoot, 0.5..1.5)];
const ROUND: f64 = 8.0;

#[derive(clap::Args, Default)]
pub struct Options {
    /// Motion to replay: AMASS .npz, BVH, AMC, glTF or VRM animation [default: a synthetic walk and wave]
    #[arg(long, value_name = "FILE")]
    motion: Option<PathBuf>,
    /// Trackers that the player wears beside head and hands: pelvis, chest, elbows, knees, feet
    #[arg(long, value_delimiter = ',', value_name = "WHERE", value_parser = worn)]
    wear: Vec<&'static [TrackerRole]>,
}

fn worn(name: &str) -> Result<&'static [TrackerRole], &'static str> {
    TrackerRole::named(name).ok_or("pelvis, chest, elbows, knees or feet expected")
}

fn main() -> AppExit {
    Scene::from_command_line(scene)
}

pub fn scene(options: &Options) -> Result<Scene, CaptureError> {
    let (clip, start) = match &options.motion {
        Some(path) => (load_motion(path)?, 0.0),
        None => (synthetic::walk_and_wave(&default()), START),
    };
    let mut replay = MotionReplay::clip(clip, default()).wearing(options.wear.concat()).repeating();
    replay.seek(start);
    Ok(Scene {
        name: "dropouts",
        framing: Framing::default(),
        // Tracked; held; relaxed; regained; without a head, at rest.
        at: vec![2.6, 2.9, 3.7, 4.4, 6.3],
        plugin: Box::new(move |app| {
            app.add_plugins((KinestPlugins, KinestGizmoPlugin))
                .add_systems(Startup, spawn_player(replay))
                .add_systems(Update, lose)
                .add_observer(tell_lost)
                .add_observer(tell_regained);
        }),
    })
}

fn spawn_player(replay: MotionReplay) -> impl Fn(Commands, Res<AssetServer>) {
    move |mut commands, assets| {
        commands.spawn((
            KinestAvatar::new(assets.load("models/kinest_full.model.ron")),
            CapsuleBody::default(),
            replay.clone(),
        ));
    }
}

/// Ends and starts dropouts. The pose of a tracker in a dropout is ignored.
fn lose(time: Res<Time>, mut trackers: Query<(&SparseTracker, &mut TrackingState)>) {
    let now = time.elapsed_secs_f64() % ROUND;
    for (tracker, mut state) in &mut trackers {
        let is_lost =
            |(role, when): &(TrackerRole, Range<f64>)| *role == tracker.role && when.contains(&now);
        state.tracked = !DROPOUTS.iter().any(is_lost);
    }
}

fn tell_lost(lost: On<TrackingLost>, time: Res<Time>) {
    let TrackingLost { role, reason, .. } = *lost;
    println!("{:5.2} s: {role:?} is lost ({reason:?})", time.elapsed_secs());
}

fn tell_regained(regained: On<TrackingRegained>, time: Res<Time>) {
    let TrackingRegained { role, after, .. } = *regained;
    println!("{:5.2} s: {role:?} is back after {after:.2} s", time.elapsed_secs());
}
