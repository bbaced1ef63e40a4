//! Joint entities.

use bevy::prelude::*;
use kinest::skeleton::{PerJoint, Skeleton, SmplJoint};

/// The entities that are an avatar's joints. Lives on the avatar's entity.
///
/// Every frame each joint's [`Transform`] is written: the pelvis's so that it is where the body is
/// in the world, whatever the avatar's own transform; the others' against their parent joint.
#[derive(Component, Clone, Debug, Reflect)]
#[reflect(Component)]
pub struct SmplSkeleton {
    /// One entity for each joint, in SMPL's order, each a child of its parent joint's and the
    /// pelvis's a child of the avatar.
    #[entities]
    pub joints: PerJoint<Entity>,
}

impl SmplSkeleton {
    /// Spawns the joints under `avatar`, named as [`SmplJoint::name`], in the rest pose of the
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

    /// The entity of one joint.
    #[must_use]
    pub fn joint(&self, joint: SmplJoint) -> Entity {
        self.joints[joint.index()]
    }
}
