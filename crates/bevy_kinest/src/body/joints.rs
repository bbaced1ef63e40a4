//! Joint entities.

use super::pose::BodyPose;
use bevy::ecs::lifecycle::HookContext;
use bevy::ecs::world::DeferredWorld;
use bevy::prelude::*;
use bevy::transform::helper::TransformHelper;
use kinest::skeleton::{PerJoint, Skeleton, SmplJoint};

/// The joint entities of an avatar. Lives on the avatar's entity.
///
/// Inserting `SmplSkeleton::default()` spawns the joints, named by [`SmplJoint::name`], in the rest
/// pose of the default skeleton. Meshes, lights and colliders can be their children.
///
/// Every frame the joints' [`Transform`]s are written: the pelvis's so that the body is at its
/// trackers, independent of the avatar's own transform; the others relative to their parent joints.
/// Joints are despawned with the avatar, and stay in place if only this component is removed.
/// Inserting `SmplSkeleton::default()` again reuses them, and spawns new ones only if one of them
/// is missing.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_kinest::prelude::*;
/// # fn plugin(app: &mut App) {
/// app.add_observer(put_on_hat);
/// # }
/// /// Observers find the joints' entities as soon as there is a skeleton.
/// fn put_on_hat(added: On<Add, SmplSkeleton>, mut commands: Commands, bodies: Query<&SmplSkeleton>) {
///     let Ok(skeleton) = bodies.get(added.entity) else { return };
///     let hat = (Name::new("hat"), Transform::from_xyz(0.0, 0.2, 0.0));
///     commands.entity(skeleton.joint(SmplJoint::Head)).with_child(hat);
/// }
/// # App::new().add_plugins(plugin).world_mut().spawn(SmplSkeleton::default());
/// ```
#[derive(Component, Clone, Debug, Reflect)]
#[component(on_add = spawn_joints, on_insert = spawn_joints)]
#[reflect(Component, Default)]
#[require(Transform, Visibility, OwnJoints)]
pub struct SmplSkeleton {
    /// One entity per joint, in SMPL's order; each is a child of its parent joint's entity, the
    /// pelvis of the avatar's. A skeleton that is inserted with entities other than
    /// [`Entity::PLACEHOLDER`] keeps them.
    #[entities]
    pub joints: PerJoint<Entity>,
}

impl Default for SmplSkeleton {
    /// Placeholders: the joints are spawned on insertion.
    fn default() -> Self {
        Self { joints: [Entity::PLACEHOLDER; SmplJoint::COUNT] }
    }
}

impl SmplSkeleton {
    /// The entity of a joint.
    #[must_use]
    pub fn joint(&self, joint: SmplJoint) -> Entity {
        self.joints[joint.index()]
    }
}

/// The last joints of an avatar, which outlive its [`SmplSkeleton`].
#[derive(Component)]
struct OwnJoints(PerJoint<Entity>);

impl Default for OwnJoints {
    fn default() -> Self {
        Self([Entity::PLACEHOLDER; SmplJoint::COUNT])
    }
}

/// Gives a skeleton without joints the avatar's last joints, or spawns new ones. A hook, not a
/// system, so that observers of the insertion find the joints.
fn spawn_joints(mut world: DeferredWorld, HookContext { entity: avatar, .. }: HookContext) {
    let Some(new) = world.get::<SmplSkeleton>(avatar) else { return };
    let given = new.joints;
    let joints = if given.iter().any(|joint| *joint != Entity::PLACEHOLDER) {
        given
    } else {
        let own = world.get::<OwnJoints>(avatar).map_or(given, |own| own.0);
        let left: Vec<Entity> =
            own.into_iter().filter(|joint| world.get_entity(*joint).is_ok()).collect();
        if left.len() == SmplJoint::COUNT {
            own
        } else {
            let mut commands = world.commands();
            left.into_iter().for_each(|joint| commands.entity(joint).try_despawn());
            spawned(&mut commands, avatar)
        }
    };
    if let Some(mut new) = world.get_mut::<SmplSkeleton>(avatar) {
        new.joints = joints;
    }
    if let Some(mut own) = world.get_mut::<OwnJoints>(avatar) {
        own.0 = joints;
    }
}

/// Joints in the rest pose.
fn spawned(commands: &mut Commands, avatar: Entity) -> PerJoint<Entity> {
    let skeleton = Skeleton::default();
    let mut joints = [avatar; SmplJoint::COUNT];
    for joint in SmplJoint::ALL {
        let parent = joint.parent().map_or(avatar, |parent| joints[parent.index()]);
        let offset = Transform::from_translation(skeleton.offsets[joint.index()].as_vec3());
        let bundle = (Name::new(joint.name()), offset, Visibility::default(), ChildOf(parent));
        joints[joint.index()] = commands.spawn(bundle).id();
    }
    joints
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
                    rotation: body.pose_z_up().rotations[joint.index()].as_quat(),
                    scale: Vec3::ONE,
                },
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skeleton_that_is_inserted_again_keeps_its_joints() {
        let mut world = World::new();
        let avatar = world.spawn(SmplSkeleton::default()).id();
        let joints = |world: &World| world.get::<SmplSkeleton>(avatar).unwrap().joints;
        let count = |world: &mut World| world.query::<&Name>().iter(world).count();
        let first = joints(&world);
        assert!(first.iter().all(|joint| world.get_entity(*joint).is_ok()));
        world.entity_mut(avatar).insert(SmplSkeleton::default());
        assert_eq!((joints(&world), count(&mut world)), (first, SmplJoint::COUNT));
        world.entity_mut(avatar).remove::<SmplSkeleton>().insert(SmplSkeleton::default());
        assert_eq!((joints(&world), count(&mut world)), (first, SmplJoint::COUNT));
        // An arm is missing: the remaining joints are despawned.
        world.despawn(first[SmplJoint::LeftElbow.index()]);
        world.entity_mut(avatar).insert(SmplSkeleton::default());
        let second = joints(&world);
        assert!(second.iter().all(|joint| !first.contains(joint)));
        assert!(second.iter().all(|joint| world.get_entity(*joint).is_ok()));
        assert_eq!(count(&mut world), SmplJoint::COUNT);
        // Joints given by the game are kept.
        let given = SmplSkeleton { joints: first };
        world.entity_mut(avatar).insert(given);
        assert_eq!(joints(&world), first);
    }
}
