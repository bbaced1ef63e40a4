//! The other side of the mirror: a twin of each visible part of the player.

use crate::room::MIRROR_Z;
use bevy::prelude::*;
use bevy::transform::TransformSystems;

/// An entity visible in the mirror. Its mesh must be symmetric in its own z, like spheres, capsules
/// and boxes.
#[derive(Component)]
#[require(Transform, Visibility)]
pub struct Mirrored;

/// The original of a twin.
#[derive(Component)]
struct TwinOf(Entity);

pub fn plugin(app: &mut App) {
    app.add_systems(Update, spawn_twins)
        .add_systems(PostUpdate, place_twins.after(TransformSystems::Propagate));
}

fn spawn_twins(
    mut commands: Commands,
    originals: Query<(Entity, &Mesh3d, &MeshMaterial3d<StandardMaterial>), Added<Mirrored>>,
) {
    for (original, mesh, material) in &originals {
        commands.spawn((TwinOf(original), mesh.clone(), material.clone()));
    }
}

/// Twins have no parents, so their transforms are world transforms.
fn place_twins(
    mut commands: Commands,
    mut twins: Query<(Entity, &TwinOf, &mut Transform, &mut GlobalTransform, &mut Visibility)>,
    originals: Query<(&GlobalTransform, &InheritedVisibility), Without<TwinOf>>,
) {
    for (twin, TwinOf(original), mut transform, mut global, mut visibility) in &mut twins {
        let Ok((place, visible)) = originals.get(*original) else {
            commands.entity(twin).despawn();
            continue;
        };
        *transform = reflect(place.compute_transform());
        *global = GlobalTransform::from(*transform);
        let seen = if visible.get() { Visibility::Visible } else { Visibility::Hidden };
        visibility.set_if_neq(seen);
    }
}

/// The mirror image of a transform.
fn reflect(place: Transform) -> Transform {
    let (at, q) = (place.translation, place.rotation);
    Transform {
        translation: at.with_z(2.0 * MIRROR_Z - at.z),
        // The axis is reflected and the angle reversed.
        rotation: Quat::from_xyzw(-q.x, -q.y, q.z, q.w),
        scale: place.scale,
    }
}
