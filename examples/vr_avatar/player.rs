//! The visible player: a body, without the head for the player's own eyes, and controllers.

use crate::mirror::Mirrored;
use crate::room::HEAD_LAYER;
use bevy::camera::visibility::RenderLayers;
use bevy::prelude::*;
use bevy_kinest::Subtitles;
use bevy_kinest::prelude::*;
use bevy_kinest::xr::OpenXrDevice;
use kinest_stage::{CapsuleBodies, CapsuleBody};
use std::f32::consts::FRAC_PI_2;

const CONTROLLER: Color = Color::srgb(0.10, 0.11, 0.13);

/// A model shown in a hand while a controller is tracked.
#[derive(Component)]
struct Controller;

pub fn plugin(app: &mut App) {
    app.add_plugins(CapsuleBodies)
        .add_systems(Update, (give_twins, spawn_controllers, show_controllers));
}

/// A visible body whose gestures are told.
pub fn body(assets: &AssetServer) -> impl Bundle {
    let model = assets.load("models/kinest_full.model.ron");
    (Name::new("Player"), KinestAvatar::new(model), CapsuleBody::default(), Subtitles::default())
}

/// Every part of the body is visible in the mirror; the head only there.
fn give_twins(
    mut commands: Commands,
    parts: Query<(Entity, &ChildOf), Added<Mesh3d>>,
    skeletons: Query<&SmplSkeleton>,
) {
    for (part, ChildOf(joint)) in &parts {
        let Some(skeleton) = skeletons.iter().find(|s| s.joints.contains(joint)) else { continue };
        commands.entity(part).insert(Mirrored);
        // The neck ends in the head.
        if [SmplJoint::Head, SmplJoint::Neck].map(|j| skeleton.joint(j)).contains(joint) {
            commands.entity(part).insert(RenderLayers::layer(HEAD_LAYER));
        }
    }
}

/// Attaches a handle with a ring at its upper end to each hand tracker; −z of a grip points along
/// it.
fn spawn_controllers(
    mut commands: Commands,
    trackers: Query<(Entity, &SparseTracker), Added<OpenXrDevice>>,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<StandardMaterial>>,
) {
    for (tracker, _) in trackers.iter().filter(|(_, t)| t.role != TrackerRole::Head) {
        let material = materials.add(StandardMaterial {
            base_color: CONTROLLER,
            perceptual_roughness: 0.5,
            ..default()
        });
        let upright = Quat::from_rotation_x(FRAC_PI_2);
        let parts: [(Mesh, Vec3); 2] = [
            (Capsule3d::new(0.017, 0.09).into(), Vec3::new(0.0, 0.0, 0.01)),
            (Cylinder::new(0.05, 0.015).into(), Vec3::new(0.0, 0.0, -0.07)),
        ];
        for (mesh, at) in parts {
            commands.spawn((
                Controller,
                Mirrored,
                ChildOf(tracker),
                Mesh3d(meshes.add(mesh)),
                MeshMaterial3d(material.clone()),
                Transform::from_translation(at).with_rotation(upright),
            ));
        }
    }
}

fn show_controllers(
    devices: Query<&OpenXrDevice>,
    mut controllers: Query<(&ChildOf, &mut Visibility), With<Controller>>,
) {
    for (ChildOf(tracker), mut visibility) in &mut controllers {
        let held = matches!(devices.get(*tracker), Ok(OpenXrDevice::Controller(_)));
        let shown = if held { Visibility::Inherited } else { Visibility::Hidden };
        visibility.set_if_neq(shown);
    }
}
