//! Sixteen avatars with three trackers each, estimated in one call of the network.
//!
//! ```sh
//! cargo run --release --example many_avatars
//! ```
//!
//! ![Sixteen bodies that walk, box, squat and wave](../assets/pictures/many_avatars.png)
//!
//! Every few seconds, and at the end, it prints the latency of the calls, the time that requests
//! waited in the queue, and the age of the shown poses. Without a display it draws
//! `many_avatars.png`; every frame then waits for all its poses.

use bevy::diagnostic::DiagnosticsStore;
use bevy::prelude::*;
use bevy::time::common_conditions::on_timer;
use bevy_kinest::kinest::motion::synthetic::{self, Kind};
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::prelude::*;
use clap::Parser;
use kinest_stage::{CapsuleBody, Framing, RATE_HZ, Scene, SceneArgs};
use std::time::Duration;

/// Avatars per row and column, and their spacing, metres.
const SIDE: usize = 4;
const SPACING: f64 = 1.5;
/// Repeated motions. No running: a runner would leave the picture.
const KINDS: [Kind; 8] = [
    Kind::Wave,
    Kind::Walk,
    Kind::Punch,
    Kind::Squat,
    Kind::Reach,
    Kind::Turn,
    Kind::Idle,
    Kind::Sit,
];
const SECONDS: f64 = 8.0;
const REPORT_EVERY: Duration = Duration::from_secs(3);

fn main() -> AppExit {
    scene().run(SceneArgs::parse())
}

pub fn scene() -> Scene {
    Scene {
        name: "many_avatars",
        framing: Framing {
            width: 7.6,
            height: 5.8,
            look_at: 0.5,
            direction: Vec3::new(0.35, 0.45, 1.0),
        },
        at: vec![2.4],
        plugin: Box::new(|app| {
            app.add_plugins(KinestPlugins).add_systems(Startup, spawn_players).add_systems(
                Last,
                report.run_if(on_timer(REPORT_EVERY).or_else(on_message::<AppExit>)),
            );
        }),
    }
}

fn spawn_players(mut commands: Commands, assets: Res<AssetServer>) {
    let skeleton = Skeleton::default();
    let model = assets.load("models/kinest_full.model.ron");
    for i in 0..SIDE * SIDE {
        let kind = KINDS[i % KINDS.len()];
        let mut clip = synthetic::clip(kind, i as u64, SECONDS, RATE_HZ, &skeleton);
        let start = clip.frames[0].translation;
        let place = [i % SIDE, i / SIDE].map(|k| SPACING * (k as f64 - (SIDE - 1) as f64 / 2.0));
        for frame in &mut clip.frames {
            frame.translation.x += place[0] - start.x;
            frame.translation.y += place[1] - start.y;
        }
        let mut replay = MotionReplay::clip(clip, skeleton.clone()).repeating();
        replay.seek(0.2 * i as f64);
        let trunk = Color::hsl(360.0 * i as f32 / (SIDE * SIDE) as f32, 0.25, 0.4);
        commands.spawn((
            KinestAvatar::new(model.clone()),
            CapsuleBody { trunk, ..default() },
            replay,
        ));
    }
}

fn report(avatars: Query<&BodyPose>, diagnostics: Res<DiagnosticsStore>) {
    let of_network = avatars.iter().filter(|b| b.source() == PoseSource::Estimated).count();
    println!("{of_network} of {} bodies are estimated", avatars.iter().len());
    for (path, what) in [
        (KinestPlugins::INFERENCE_P50_MS, "half of the calls took less than, ms"),
        (KinestPlugins::INFERENCE_P95_MS, "95 % took less than, ms"),
        (KinestPlugins::QUEUE_MS, "windows waited for their turn, ms"),
        (KinestPlugins::POSE_AGE_MS, "poses are behind the trackers, ms"),
        (KinestPlugins::DROPPED, "windows that a newer one replaced"),
    ] {
        let value = diagnostics.get_measurement(&path).map(|newest| newest.value);
        println!("  {what:<38}{:>8}", value.map_or("-".into(), |value| format!("{value:.1}")));
    }
}
