//! The same room without a headset: a replayed player and a free camera.

use crate::shot::{AT, FROM};
use crate::{Args, board, flow, mirror, player, room, shot};
use bevy::camera::visibility::RenderLayers;
use bevy::input::mouse::AccumulatedMouseMotion;
use bevy::math::DVec3;
use bevy::prelude::*;
use bevy_kinest::kinest::motion::synthetic::{Kind, clip};
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::prelude::*;
use kinest_stage::View;
use std::f32::consts::{FRAC_PI_2, PI};

/// Camera speed, metres per second, and rotation, radians per point of mouse movement.
const SPEED: f32 = 1.6;
const TURN: f32 = 0.003;
/// Duration and rate of the replayed motion.
const SECONDS: f64 = 20.0;
const RATE_HZ: f64 = 90.0;

/// Direction of each key, in the camera's axes.
const KEYS: [(KeyCode, Vec3); 6] = [
    (KeyCode::KeyW, Vec3::NEG_Z),
    (KeyCode::KeyS, Vec3::Z),
    (KeyCode::KeyA, Vec3::NEG_X),
    (KeyCode::KeyD, Vec3::X),
    (KeyCode::KeyQ, Vec3::NEG_Y),
    (KeyCode::KeyE, Vec3::Y),
];

#[derive(Component)]
struct Flies;

#[must_use]
pub fn run(args: &Args) -> AppExit {
    let view = View::choose(args.shot.clone(), "vr_avatar.png");
    let args = match &view {
        View::Window => args.clone(),
        View::Pictures(path) => Args { shot: Some(path.clone()), ..args.clone() },
        View::Nothing => return AppExit::error(),
    };
    let mut app = App::new();
    if view != View::Window {
        // Every run shows the same frames.
        app.insert_resource(KinestSettings::inline());
    }
    view.add_plugins(&mut app, "vr_avatar");
    app.add_plugins((KinestPlugins, room::plugin, player::plugin, mirror::plugin, flow::plugin))
        .add_systems(Startup, spawn_player);
    if view == View::Window {
        println!("W A S D Q E and the mouse with a button held: fly. C: measure. R: record.");
        app.add_plugins(board::in_the_window)
            .add_systems(Startup, spawn_camera)
            .add_systems(Update, fly);
    }
    shot::plugin(&mut app, &args, false);
    app.run()
}

/// In the first frame the player faces the mirror, −z.
fn spawn_player(mut commands: Commands, assets: Res<AssetServer>) {
    let skeleton = Skeleton::default();
    let motion = clip(Kind::Reach, 3, SECONDS, RATE_HZ, &skeleton);
    let looks_to = motion.pose_at(0.0).rotations[0] * DVec3::Z;
    let yaw = looks_to.x.atan2(-looks_to.y) as f32;
    let space = commands.spawn(Transform::from_rotation(Quat::from_rotation_y(PI - yaw))).id();
    let replay = MotionReplay::clip(motion, skeleton).repeating();
    let avatar = commands.spawn((player::body(&assets), replay, TrackingSpace(space))).id();
    for tracker in [SparseTracker::HEAD, SparseTracker::LEFT_HAND, SparseTracker::RIGHT_HAND] {
        commands.spawn((tracker, TrackerOf(avatar), ChildOf(space)));
    }
}

fn spawn_camera(mut commands: Commands) {
    commands.spawn((
        Flies,
        Camera3d::default(),
        RenderLayers::from_layers(&[0, room::HEAD_LAYER]),
        Transform::from_translation(FROM).looking_at(AT, Vec3::Y),
    ));
}

fn fly(
    time: Res<Time<Real>>,
    keys: Res<ButtonInput<KeyCode>>,
    buttons: Res<ButtonInput<MouseButton>>,
    mouse: Res<AccumulatedMouseMotion>,
    mut camera: Single<&mut Transform, With<Flies>>,
) {
    let way: Vec3 = KEYS.iter().filter(|(key, _)| keys.pressed(*key)).map(|(_, way)| *way).sum();
    let step = camera.rotation * way.normalize_or_zero() * SPEED * time.delta_secs();
    camera.translation += step;
    if buttons.any_pressed([MouseButton::Left, MouseButton::Right]) {
        let (yaw, pitch, _) = camera.rotation.to_euler(EulerRot::YXZ);
        let pitch = (pitch - TURN * mouse.delta.y).clamp(-FRAC_PI_2, FRAC_PI_2);
        let yaw = yaw - TURN * mouse.delta.x;
        camera.rotation = Quat::from_euler(EulerRot::YXZ, yaw, pitch, 0.0);
    }
}
