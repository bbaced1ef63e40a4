//! Joint entities.

use super::pose::BodyPose;
use bevy::prelude::*;
use bevy::transform::helper::TransformHelper;
use kinest::skeleton::{PerJoint, Skeleton, SmplJoint};

/// The joint entities of an avatar. Lives on the avatar's entity.
///
/// Every frame the joints' [`Transform`]s are written: the pelvis's so that the body is at its
/// place in the world, whatever the avatar's own transform; the others' relative to their parent
/// joints.
#[derive(Component, Clone, Debug, Reflect)]
#[reflect(Component)]
pub struct SmplSkeleton {
    /// One entity per joint, in SMPL's order; each is a child of its parent joint's entity, the
    /// pelvis of the avatar's.
    #[entities]
    pub joints: PerJoint<Entity>,
}

impl SmplSkeleton {
    /// Spawns the joints under `avatar`, named by [`SmplJoint::name`], in the rest pose of the
    /// default skeleton, and binds them to it.
    pub fn spawn(commands: &mut Commands, avatar: Entity) -> Self {
        let skeleton = Skeleton::default();
        let mut joints = [avatar; SmplJoint::COUNT];
        for joint in SmplJoint::ALL {
            let parent = joint.parent().map_or(avatar, |parent| joints[parent.index()]);
            let offset = skeleton.offsets[joint.index()].as_vec3();
            let bundle =
                (Name::new(joint.name()), Transform::from_translation(offset), ChildOf(parent));
            joints[joint.index()] = commands.spawn(bundle).id();
        }
        let skeleton = Self { joints };
        commands.entity(avatar).insert(skeleton.clone());
        skeleton
    }

    /// The entity of a joint.
    #[must_use]
    pub fn joint(&self, joint: SmplJoint) -> Entity {
        self.joints[joint.index()]
    }
}

/// Writes the joints of every body that has been placed.
pub(super) fn write_joints(
    bodies: Query<(Entity, &SmplSkeleton, &BodyPose)>,
    mut transforms: ParamSet<(TransformHelper, Query<&mut Transform>)>,
) {
    for (avatar, skeleton, body) in &bodies {
        if body.time().is_none() {
            continue;
        }
        let Ok(world_from_avatar) = transforms.p0().compute_global_transform(avatar) else {
            continue;
        };
        let mut joints = transforms.p1();
        for joint in SmplJoint::ALL {
            // A despawned joint entity is skipped.
            let Ok(mut transform) = joints.get_mut(skeleton.joint(joint)) else { continue };
            *transform = match joint.parent() {
                None => body.joint_global(joint).reparented_to(&world_from_avatar),
                // Local rotations and rest offsets are the same in both spaces.
                Some(_) => Transform {
                    translation: body.skeleton().offsets[joint.index()].as_vec3(),
                    rotation: body.pose().rotations[joint.index()].as_quat(),
                    scale: Vec3::ONE,
                },
            };
        }
    }
}
