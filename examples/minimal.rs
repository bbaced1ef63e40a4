//! The smallest full-body avatar: an avatar, three moving trackers, and capsules to make it
//! visible.
//!
//! ```sh
//! cargo run --release --example minimal
//! ```
//!
//! ![A waving body of capsules](../assets/pictures/minimal.png)
//!
//! Here a few sines move the trackers; a headset and two controllers would do the same. Without a
//! display it draws `minimal.png`.

use bevy::prelude::*;
use bevy_kinest::prelude::*;
use clap::Parser;
use kinest_stage::{CapsuleBody, Framing, Scene, SceneArgs};
use std::f32::consts::FRAC_PI_2;

/// Head joint of a standing person, metres, and its downward pitch, radians.
const HEAD: Vec3 = Vec3::new(0.0, 1.57, 0.0);
const LOOKS_DOWN: f32 = 0.1;
/// Offsets of the wrists from the head, metres: one hangs, one is raised to wave.
const LEFT_WRIST: Vec3 = Vec3::new(0.26, -0.66, 0.04);
const RIGHT_WRIST: Vec3 = Vec3::new(-0.36, 0.06, 0.16);

fn main() -> AppExit {
    scene().run(SceneArgs::parse())
}

pub fn scene() -> Scene {
    Scene {
        name: "minimal",
        framing: Framing::default(),
        at: vec![2.36, 2.88],
        plugin: Box::new(|app| {
            app.add_plugins(KinestPlugins)
                .add_systems(Startup, spawn_player)
                .add_systems(Update, move_trackers);
        }),
    }
}

fn spawn_player(mut commands: Commands, assets: Res<AssetServer>) {
    let model = assets.load("models/kinest_full.model.ron");
    let avatar = commands.spawn((KinestAvatar::new(model), CapsuleBody::default())).id();
    for tracker in [SparseTracker::HEAD, SparseTracker::LEFT_HAND, SparseTracker::RIGHT_HAND] {
        commands.spawn((tracker, TrackerOf(avatar)));
    }
}

/// A person who faces +z, sways slightly and waves the right hand.
fn move_trackers(time: Res<Time>, mut trackers: Query<(&SparseTracker, &mut Transform)>) {
    let t = time.elapsed_secs();
    let head = HEAD + 0.03 * t.sin() * Vec3::X;
    for (tracker, mut transform) in &mut trackers {
        // With an identity rotation the arms are stretched out to the sides, palms down.
        *transform = match tracker.role {
            TrackerRole::Head => {
                Transform::from_translation(head).with_rotation(Quat::from_rotation_x(LOOKS_DOWN))
            }
            TrackerRole::LeftHand => Transform::from_translation(head + LEFT_WRIST)
                .with_rotation(Quat::from_rotation_z(-1.4)),
            TrackerRole::RightHand => {
                let wave = 0.4 * (6.0 * t).sin();
                let palm_to_the_front =
                    Quat::from_rotation_z(wave) * Quat::from_rotation_y(FRAC_PI_2);
                Transform::from_translation(head + RIGHT_WRIST - 0.2 * wave * Vec3::X)
                    .with_rotation(palm_to_the_front * Quat::from_rotation_z(-FRAC_PI_2))
            }
            _ => continue,
        };
    }
}
