//! The program of the README: two players with the same glTF character. The first has three
//! trackers, one of which waves; the second is replayed from a clip, walks up and waves back.
//!
//! ```sh
//! cargo run --release --example first_afternoon
//! ```
//!
//! Without a display it draws `first_afternoon.png`.

use bevy::prelude::*;
use bevy_kinest::kinest::motion::synthetic::walk_and_wave;
use bevy_kinest::prelude::*;
use clap::Parser;
use kinest_stage::{Framing, Scene, SceneArgs};
use std::f32::consts::FRAC_PI_2;

fn main() -> AppExit {
    scene().run(SceneArgs::parse())
}

pub fn scene() -> Scene {
    Scene {
        name: "first_afternoon",
        framing: Framing { width: 3.2, ..Framing::default() },
        at: vec![3.0, 6.0, 9.3],
        plugin: Box::new(|app| {
            app.add_plugins((KinestPlugins, plugin));
        }),
    }
}

pub fn plugin(app: &mut App) {
    app.add_systems(Startup, spawn_players).add_systems(Update, wave);
}

fn spawn_players(mut commands: Commands, assets: Res<AssetServer>) {
    let character = GltfAssetLabel::Scene(0).from_asset("rigs/mannequin.glb");
    let player = (
        KinestAvatar::new(assets.load("models/kinest_full.model.ron")),
        // The bones of any humanoid, glTF or VRM, are found by name and shape.
        WorldAssetRoot(assets.load(character)),
        KinestRig::default(),
    );
    // Any entity with a `Transform` can be a tracker. This player faces +z.
    let trackers = related!(Trackers[
        (SparseTracker::HEAD, Transform::from_xyz(0.0, 1.6, 0.0)),
        (SparseTracker::LEFT_HAND, hand(1.0)),
        (SparseTracker::RIGHT_HAND, hand(-1.0), Waves),
    ]);
    commands.spawn((player.clone(), trackers));

    // The trackers of another player follow a clip, in a space of their own.
    let space = commands.spawn(Transform::from_xyz(-1.9, 0.0, -3.6)).id();
    let replay = MotionReplay::clip(walk_and_wave(&default()), default());
    commands.spawn((player, TrackingSpace(space), replay));
}

/// A hand in front of the body, palm down. Without a rotation it would point to its side.
fn hand(side: f32) -> Transform {
    Transform::from_xyz(0.25 * side, 1.1, 0.35)
        .with_rotation(Quat::from_rotation_y(-side * FRAC_PI_2))
}

#[derive(Component)]
struct Waves;

fn wave(time: Res<Time>, mut hand: Single<&mut Transform, With<Waves>>) {
    hand.translation.y = 1.4 + 0.2 * (5.0 * time.elapsed_secs()).sin();
}
