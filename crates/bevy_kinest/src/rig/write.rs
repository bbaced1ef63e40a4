//! Writes poses to the bones of characters.

use super::bind::RigBones;
use super::character::KinestRig;
use crate::body::BodyPose;
use bevy::prelude::*;
use bevy::transform::helper::TransformHelper;
use kinest::coordinates::engine_from_amass_rotation;
use kinest::rig::{Retarget, Similarity};

/// Writes the bones of every character whose body has been placed.
pub(super) fn write_rigs(
    mut rigs: Query<(Entity, &KinestRig, &mut RigBones)>,
    bodies: Query<&BodyPose>,
    mut transforms: ParamSet<(TransformHelper, Query<&mut Transform>)>,
) {
    for (entity, rig, mut bones) in &mut rigs {
        let Ok(body) = bodies.get(rig.avatar.unwrap_or(entity)) else { continue };
        let Ok(world_from_rig) = transforms.p0().compute_global_transform(entity) else { continue };
        if body.time().is_none() {
            continue;
        }
        let bones = &mut *bones;
        if bones.skeleton != *body.skeleton() {
            bones.retarget = Retarget::new(&bones.tree, &bones.map, body.skeleton());
            bones.skeleton = body.skeleton().clone();
        }
        let mut transforms = transforms.p1();
        // The body is given in its tracking space.
        let space_from_world = body.world_from_space.affine().inverse();
        let space = rig_from_amass(&(space_from_world * world_from_rig.affine()).into());
        bones.retarget.apply(body.joints_z_up(), &space, rig.fit, |i, write| {
            // A despawned bone is skipped.
            let Ok(mut transform) = transforms.get_mut(bones.driven[i].0) else { return };
            transform.rotation = write.rotation.as_quat();
            if let Some(translation) = write.translation {
                transform.translation = translation.as_vec3();
            }
            if let Some(scale) = write.scale {
                transform.scale = scale.as_vec3();
            }
        });
    }
}

/// Transform from the body's space (AMASS) to the space of a character's entity, whose scale is
/// taken as uniform.
fn rig_from_amass(space_from_rig: &GlobalTransform) -> Similarity {
    let (scale, rotation, translation) = space_from_rig.to_scale_rotation_translation();
    let scale = f64::from(scale.abs().element_sum() / 3.0).max(f64::MIN_POSITIVE);
    let rig_from_space = rotation.as_dquat().conjugate();
    Similarity {
        rotation: rig_from_space * engine_from_amass_rotation(glam::DQuat::IDENTITY).as_dquat(),
        translation: rig_from_space * -translation.as_dvec3() / scale,
        scale: scale.recip(),
    }
}
