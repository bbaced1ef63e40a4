//! The other side of the mirror: a twin of each part of the player.

use crate::room::MIRROR_Z;
use bevy::prelude::*;
use bevy::transform::TransformSystems;

/// Something that is seen in the mirror. Its mesh must be the same when its own z is turned round, as balls,
/// capsules and boxes are.
#[derive(Component)]
#[require(Transform, Visibility)]
pub struct Mirrored;

/// Whose twin an entity is.
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

/// Twins have no parents, so what they are in the world is what is drawn.
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

/// What is seen of this in the mirror.
fn reflect(place: Transform) -> Transform {
    let (at, q) = (place.translation, place.rotation);
    Transform {
        translation: at.with_z(2.0 * MIRROR_Z - at.z),
        // Turned about the reflected axis, the other way round.
        rotation: Quat::from_xyzw(-q.x, -q.y, q.z, q.w),
        scale: place.scale,
    }
}
