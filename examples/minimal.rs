//! The smallest full body: an avatar, three trackers that something moves, capsules to see it.
//!
//! ```sh
//! cargo run --release --example minimal
//! ```
//!
//! ![A body of capsules that swings its arms](../assets/pictures/minimal.png)
//!
//! The trackers are moved by a few sines here; a headset and two controllers would do the same. Without
//! a display it draws `minimal.png`.

use bevy::prelude::*;
use bevy_kinest::prelude::*;
use clap::Parser;
use kinest_stage::{CapsuleBody, Framing, Scene, SceneArgs};

/// The head joint of somebody who stands, and the reach from shoulder to wrist, metres.
const HEAD: Vec3 = Vec3::new(0.0, 1.58, 0.0);
const REACH: f32 = 0.5;

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    scene: SceneArgs,
}

fn main() -> AppExit {
    scene().run(Args::parse().scene)
}

pub fn scene() -> Scene {
    Scene {
        name: "minimal",
        framing: Framing::default(),
        at: vec![2.2, 2.7, 3.2, 3.7],
        plugin: Box::new(|app| {
            app.add_plugins(KinestPlugins)
                .add_systems(Startup, spawn_player)
                .add_systems(Update, move_trackers);
        }),
    }
}

fn spawn_player(mut commands: Commands, assets: Res<AssetServer>) {
    let model = assets.load("models/kinest_small.model.ron");
    let avatar = commands.spawn((KinestAvatar::new(model), CapsuleBody::default())).id();
    for tracker in [SparseTracker::HEAD, SparseTracker::LEFT_HAND, SparseTracker::RIGHT_HAND] {
        commands.spawn((tracker, TrackerOf(avatar)));
    }
}

/// Somebody who faces +z, sways and swings the arms, one after the other.
fn move_trackers(time: Res<Time>, mut trackers: Query<(&SparseTracker, &mut Transform)>) {
    let t = 3.0 * time.elapsed_secs();
    let head = HEAD + 0.05 * Vec3::new((0.5 * t).sin(), -(0.5 * t).cos().abs(), 0.0);
    for (tracker, mut transform) in &mut trackers {
        // The left is at +x.
        let side = match tracker.role {
            TrackerRole::Head => {
                *transform = Transform::from_translation(head);
                continue;
            }
            TrackerRole::LeftHand => 1.0,
            TrackerRole::RightHand => -1.0,
        };
        let swing = (t + side).sin();
        let arm = Vec3::new(0.3 * side, 0.6 * swing - 0.2, 0.8).normalize();
        let shoulder = head + Vec3::new(0.18 * side, -0.15, -0.03);
        // Arms are stretched out to the sides where joints have no rotation.
        *transform = Transform::from_translation(shoulder + REACH * arm)
            .with_rotation(Quat::from_rotation_arc(side * Vec3::X, arm));
    }
}
