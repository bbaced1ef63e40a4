//! Detects the bones of a character among its entities.

use super::character::{Binding, KinestRig, RigBound, RigFailed};
use super::file::RigFile;
use super::humanoid::FileNode;
use bevy::asset::{AssetEvent, LoadState};
use bevy::ecs::entity::{EntityHashMap, EntityHashSet};
use bevy::ecs::system::SystemParam;
use bevy::mesh::skinning::{SkinnedMesh, SkinnedMeshInverseBindposes};
use bevy::prelude::*;
use bevy::world_serialization::{WorldInstance, WorldInstanceReady, WorldInstanceSpawner};
use glam::DAffine3;
use kinest::rig::{
    Bone, BoneTree, FoundRig, ModelNode, ModelNodes, Retarget, RigMap, RigOverride, Skin,
};
use kinest::skeleton::{Skeleton, SmplJoint};

/// The bones of a [`KinestRig`] that has been bound.
#[derive(Component, Clone, Debug, Reflect)]
#[reflect(opaque)]
#[reflect(Component, Clone, Debug)]
pub struct RigBones {
    pub(super) map: RigMap,
    pub(super) tree: BoneTree,
    pub(super) retarget: Retarget,
    /// The body skeleton that `retarget` was made for.
    pub(super) skeleton: Skeleton,
    /// Entities in the order of the bone tree.
    entities: Vec<Entity>,
    /// Driven entities with their rest transforms, in the order of `retarget`.
    pub(super) driven: Vec<(Entity, Transform)>,
    /// Original transforms of all entities that are driven or were moved to the rest pose.
    before: Vec<(Entity, Transform)>,
}

impl RigBones {
    /// The bone that is driven by `joint`, for instance to attach a sword, a hat or a camera.
    #[must_use]
    pub fn bone(&self, joint: SmplJoint) -> Option<Entity> {
        self.map.bone(joint).map(|bone| self.entities[bone])
    }

    /// The mapping of bones to joints, with confidence and evidence.
    #[must_use]
    pub fn map(&self) -> &RigMap {
        &self.map
    }

    /// Mapping of its bones to a humanoid.
    #[cfg(feature = "vmc")]
    pub(crate) fn humanoid(&self) -> kinest::osc::HumanCharacter {
        kinest::osc::HumanCharacter::new(&self.tree, &self.map)
    }

    /// The entity of a bone of the tree.
    #[cfg(feature = "vmc")]
    pub(crate) fn entity(&self, bone: usize) -> Option<Entity> {
        self.entities.get(bone).copied()
    }

    /// Restores the transforms that all bones had before binding.
    fn restore(&self, nodes: &mut Query<NodeData>) {
        for (entity, before) in &self.before {
            if let Ok((mut transform, ..)) = nodes.get_mut(*entity) {
                *transform = *before;
            }
        }
    }
}

type NodeData = (
    &'static mut Transform,
    Option<&'static Name>,
    Option<&'static FileNode>,
    Option<&'static SkinnedMesh>,
    Has<Mesh3d>,
    Has<Camera>,
);

/// Queries for the descendants of characters.
#[derive(SystemParam)]
pub(crate) struct Nodes<'w, 's> {
    children: Query<'w, 's, &'static Children>,
    data: Query<'w, 's, NodeData>,
    rigs: Query<'w, 's, (), With<KinestRig>>,
    poses: Option<Res<'w, Assets<SkinnedMeshInverseBindposes>>>,
    server: Res<'w, AssetServer>,
}

type SceneData =
    (&'static mut Binding, Has<RigBones>, Has<WorldAssetRoot>, Option<&'static WorldInstance>);

pub(crate) fn on_insert(
    inserted: On<Insert, KinestRig>,
    mut rigs: Query<SceneData>,
    spawner: Option<Res<WorldInstanceSpawner>>,
) {
    let Ok((mut binding, bound, has_scene, instance)) = rigs.get_mut(inserted.entity) else {
        return;
    };
    let is_ready = |instance: &WorldInstance| {
        spawner.as_ref().is_some_and(|spawner| spawner.instance_is_ready(**instance))
    };
    if bound || !has_scene || instance.is_some_and(is_ready) {
        *binding = Binding::Due;
    }
}

/// Marks characters whose scene was spawned or respawned.
pub(crate) fn on_ready(
    ready: On<WorldInstanceReady>,
    mut commands: Commands,
    mut rigs: Query<&mut Binding>,
) {
    if let Ok(mut binding) = rigs.get_mut(ready.entity) {
        *binding = Binding::Due;
        // Bones of a despawned scene need no restoring.
        commands.entity(ready.entity).try_remove::<RigBones>();
    }
}

pub(crate) fn on_remove(
    removed: On<Remove, KinestRig>,
    mut commands: Commands,
    rigs: Query<&RigBones>,
    mut nodes: Query<NodeData>,
) {
    if let Ok(bones) = rigs.get(removed.entity) {
        bones.restore(&mut nodes);
        commands.entity(removed.entity).try_remove::<(RigBones, Binding)>();
    }
}

/// Rebinds characters whose file has changed or became readable.
pub(crate) fn follow_files(
    mut events: MessageReader<AssetEvent<RigFile>>,
    mut rigs: Query<(&KinestRig, &mut Binding)>,
) {
    for event in events.read() {
        let (AssetEvent::Added { id } | AssetEvent::Modified { id }) = event else { continue };
        for (rig, mut binding) in &mut rigs {
            if *binding == Binding::Done && rig.file.as_ref().is_some_and(|file| file.id() == *id) {
                *binding = Binding::Due;
            }
        }
    }
}

/// Reports characters whose scene cannot be loaded.
pub(crate) fn report_missing_scenes(
    mut commands: Commands,
    server: Res<AssetServer>,
    mut rigs: Query<(Entity, &WorldAssetRoot, &mut Binding), With<KinestRig>>,
) {
    for (rig, scene, mut binding) in &mut rigs {
        if *binding == Binding::Waiting
            && let LoadState::Failed(error) = server.load_state(&scene.0)
        {
            *binding = Binding::Done;
            commands.trigger(RigFailed { entity: rig, reason: error.to_string() });
        }
    }
}

pub(crate) fn bind_rigs(
    mut commands: Commands,
    files: Res<Assets<RigFile>>,
    server: Res<AssetServer>,
    mut rigs: Query<(Entity, &KinestRig, &mut Binding, Option<&RigBones>)>,
    mut nodes: Nodes,
) {
    for (rig, KinestRig { file, .. }, mut binding, old) in &mut rigs {
        if *binding != Binding::Due {
            continue;
        }
        let given = match file {
            None => Ok(RigOverride::default()),
            Some(file) => match (files.get(file), server.load_state(file)) {
                (Some(file), _) => Ok(file.0.clone()),
                (None, LoadState::Failed(error)) => Err(error.to_string()),
                (None, _) => continue,
            },
        };
        if let Some(old) = old {
            old.restore(&mut nodes.data);
        }
        let found = match given {
            Ok(given) => {
                let Some(model) = Model::under(rig, &nodes) else { continue };
                model.bind(&given, &mut nodes.data)
            }
            Err(reason) => Err(reason),
        };
        *binding = Binding::Done;
        match found {
            Ok(bones) => {
                let (report, confidence) = (bones.map.to_string(), bones.map.confidence());
                info!("rig {rig}: {} bones, confidence {confidence:.2}", bones.driven.len());
                for note in bones.map.notes() {
                    warn!("rig {rig}: {note}");
                }
                commands.entity(rig).insert(bones);
                commands.trigger(RigBound { entity: rig, confidence, report });
            }
            Err(reason) => {
                warn!("rig {rig} stays as it is: {reason}");
                commands.entity(rig).remove::<RigBones>();
                commands.trigger(RigFailed { entity: rig, reason });
            }
        }
    }
}

/// The nodes under a character, with their entities.
struct Model {
    nodes: ModelNodes,
    entities: Vec<Entity>,
}

impl Model {
    /// Collects the descendants of `rig`; `None` if a skin is still being loaded.
    fn under(rig: Entity, nodes: &Nodes) -> Option<Self> {
        let mut model = Self { nodes: ModelNodes::default(), entities: vec![] };
        let mut skins: Vec<&SkinnedMesh> = vec![];
        let mut open: Vec<(Entity, Option<usize>)> = vec![(rig, None)];
        while let Some((entity, parent)) = open.pop() {
            let mut own = None;
            if entity != rig {
                let Ok((transform, name, file, skin, is_mesh, is_camera)) = nodes.data.get(entity)
                else {
                    continue;
                };
                skins.extend(skin);
                let above = parent.map(|parent: usize| &mut model.nodes.nodes[parent]);
                // The meshes of a node in a file become children of its entity.
                if let (Some(node), None, true) = (&above, file, is_mesh)
                    && node.number.is_some()
                {
                    above.into_iter().for_each(|node| node.shows = true);
                    continue;
                }
                let index = model.entities.len();
                if let Some(joint) = file.and_then(|file| file.joint()) {
                    model.nodes.humanoid.insert(joint, index);
                }
                let bone = Bone {
                    name: name.map_or_else(String::new, |name| name.as_str().into()),
                    parent,
                    translation: transform.translation.as_dvec3(),
                    rotation: transform.rotation.as_dquat(),
                    scale: transform.scale.as_dvec3(),
                };
                let (number, shows) = (file.map(|file| file.number), is_mesh || is_camera);
                model.nodes.nodes.push(ModelNode { bone, number, shows });
                model.entities.push(entity);
                own = Some(index);
            }
            let below = nodes.children.get(entity).map(|c| c.to_vec()).unwrap_or_default();
            // Characters that are children of this one are not part of it.
            let below = below.into_iter().rev().filter(|child| !nodes.rigs.contains(*child));
            open.extend(below.map(|child| (child, own)));
        }
        let place: EntityHashMap<usize> =
            model.entities.iter().enumerate().map(|(i, entity)| (*entity, i)).collect();
        for skin in skins {
            let poses = nodes.poses.as_ref().and_then(|poses| poses.get(&skin.inverse_bindposes));
            if poses.is_none()
                && matches!(nodes.server.load_state(&skin.inverse_bindposes), LoadState::Loading)
            {
                return None;
            }
            let inverse = |k: usize| poses.and_then(|poses| Some(poses.get(k)?.as_dmat4()));
            let joints = skin.joints.iter().enumerate();
            let joints = joints.filter_map(|(k, joint)| Some((*place.get(joint)?, inverse(k))));
            let mut read = Skin::default();
            for (joint, inverse) in joints {
                read.joints.push(joint);
                read.inverse_binds.extend(inverse.map(DAffine3::from_mat4));
            }
            // All meshes of a file share its skins.
            if !model.nodes.skins.contains(&read) {
                model.nodes.skins.push(read);
            }
        }
        Some(model)
    }

    /// Finds the bones and moves them to their rest pose.
    fn bind(self, given: &RigOverride, data: &mut Query<NodeData>) -> Result<RigBones, String> {
        let found = self.nodes.find(given).map_err(|error| error.to_string())?;
        let FoundRig { tree, map, nodes } = found;
        let skeleton = Skeleton::default();
        let retarget = Retarget::new(&tree, &map, &skeleton);
        let entities: Vec<Entity> = nodes.iter().map(|node| self.entities[*node]).collect();
        let rest = |bone: usize| {
            let bone = &tree.bones()[bone];
            Transform {
                translation: bone.translation.as_vec3(),
                rotation: bone.rotation.as_quat(),
                scale: bone.scale.as_vec3(),
            }
        };
        let driven: Vec<_> = retarget.bones().map(|bone| (entities[bone], rest(bone))).collect();
        let is_driven: EntityHashSet = driven.iter().map(|(entity, _)| *entity).collect();
        let mut before = vec![];
        for (bone, entity) in entities.iter().enumerate() {
            let Ok((mut transform, ..)) = data.get_mut(*entity) else { continue };
            let rest = rest(bone);
            if *transform != rest || is_driven.contains(entity) {
                before.push((*entity, *transform));
                transform.set_if_neq(rest);
            }
        }
        Ok(RigBones { map, tree, retarget, skeleton, entities, driven, before })
    }
}
