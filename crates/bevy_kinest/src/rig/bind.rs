//! Finds the bones of a character among its entities.

use super::character::{Binding, KinestRig, RigBound, RigFailed};
use super::file::RigFile;
use super::humanoid::HumanoidBone;
use bevy::asset::{AssetEvent, LoadState};
use bevy::ecs::entity::EntityHashMap;
use bevy::ecs::system::SystemParam;
use bevy::mesh::skinning::SkinnedMesh;
use bevy::prelude::*;
use bevy::world_serialization::{WorldInstance, WorldInstanceReady, WorldInstanceSpawner};
use kinest::rig::{Bone, BoneTree, Retarget, RigError, RigMap, RigOverride};
use kinest::skeleton::{Skeleton, SmplJoint};
use std::collections::BTreeMap;

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
}

impl RigBones {
    /// The bone that takes the rotation of `joint`: a parent for a sword, a hat or a camera.
    #[must_use]
    pub fn bone(&self, joint: SmplJoint) -> Option<Entity> {
        self.map.bone(joint).map(|bone| self.entities[bone])
    }

    /// The mapping of bones to joints, with confidence and evidence.
    #[must_use]
    pub fn map(&self) -> &RigMap {
        &self.map
    }

    /// Resets driven bones to their rest transforms.
    fn restore(&self, nodes: &mut Query<NodeData>) {
        for (entity, rest) in &self.driven {
            if let Ok((mut transform, ..)) = nodes.get_mut(*entity) {
                *transform = *rest;
            }
        }
    }
}

type NodeData = (
    &'static mut Transform,
    Option<&'static Name>,
    Option<&'static HumanoidBone>,
    Option<&'static SkinnedMesh>,
    Has<Mesh3d>,
);

/// Queries for the descendants of characters.
#[derive(SystemParam)]
pub(crate) struct Nodes<'w, 's> {
    children: Query<'w, 's, &'static Children>,
    data: Query<'w, 's, NodeData>,
    rigs: Query<'w, 's, (), With<KinestRig>>,
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

/// Rebinds characters whose file has changed or become readable.
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
        *binding = Binding::Done;
        if let Some(old) = old {
            old.restore(&mut nodes.data);
        }
        let found = given.and_then(|given| {
            let found = Found::under(rig, &given, &nodes);
            found.bind(&given, &nodes.data).map_err(|error| error.to_string())
        });
        match found {
            Ok(bones) => {
                let (report, confidence) = (bones.map.to_string(), bones.map.confidence());
                info!("rig {rig}: {} bones, least sure {confidence:.2}", bones.driven.len());
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

/// Candidate bone entities, parents before children.
struct Found(Vec<(Entity, Option<usize>)>);

impl Found {
    /// The descendants of `rig`. If it has skinned meshes: only their joints, bones named by
    /// `given` or the model file, and the ancestors of both, because cameras, meshes and other
    /// nodes have misleading names.
    fn under(rig: Entity, given: &RigOverride, nodes: &Nodes) -> Self {
        let mut all: Vec<(Entity, Option<usize>)> = vec![];
        let mut open: Vec<(Entity, Option<usize>)> = vec![(rig, None)];
        while let Some((entity, parent)) = open.pop() {
            let own = (entity != rig).then(|| {
                all.push((entity, parent));
                all.len() - 1
            });
            let below = nodes.children.get(entity).map(|c| c.to_vec()).unwrap_or_default();
            // Characters carried by this one are not part of it.
            let below =
                below.into_iter().filter(|c| nodes.data.contains(*c) && !nodes.rigs.contains(*c));
            open.extend(below.map(|child| (child, own)));
        }
        let place: EntityHashMap<usize> =
            all.iter().enumerate().map(|(i, (e, _))| (*e, i)).collect();
        let data = |i: usize| nodes.data.get(all[i].0).expect("it was asked for above");
        let skins = (0..all.len()).filter_map(|i| data(i).3);
        let joints = skins.flat_map(|skin| &skin.joints).filter_map(|joint| place.get(joint));
        let mut kept = vec![false; all.len()];
        joints.for_each(|joint| kept[*joint] = true);
        let skinned = kept.contains(&true);
        for (i, kept) in kept.iter_mut().enumerate() {
            let (_, name, humanoid, _, is_mesh) = data(i);
            let name = name.map_or("", Name::as_str);
            *kept |= humanoid.is_some()
                || given.ignore.contains(name)
                || given.bones.values().any(|bone| bone == name)
                || !skinned && !is_mesh;
        }
        for i in (0..all.len()).rev() {
            if let Some(parent) = all[i].1 {
                kept[parent] |= kept[i];
            }
        }
        // Ancestors of kept entities are kept, so only the indices shift.
        let moved: Vec<usize> = kept
            .iter()
            .scan(0, |next, kept| {
                *next += usize::from(*kept);
                Some(next.saturating_sub(1))
            })
            .collect();
        let kept = all.iter().zip(kept).filter(|(_, kept)| *kept);
        Self(kept.map(|((entity, parent), _)| (*entity, parent.map(|p| moved[p]))).collect())
    }

    fn bind(&self, given: &RigOverride, nodes: &Query<NodeData>) -> Result<RigBones, RigError> {
        let mut said_by_file = BTreeMap::new();
        let mut bones = vec![];
        for (i, (entity, parent)) in self.0.iter().enumerate() {
            let (transform, name, humanoid, ..) = nodes.get(*entity).expect("it was found");
            if let Some(joint) = humanoid.and_then(|bone| bone.joint()) {
                said_by_file.insert(joint, i);
            }
            bones.push(Bone {
                name: name.map_or_else(String::new, |name| name.as_str().into()),
                parent: *parent,
                translation: transform.translation.as_dvec3(),
                rotation: transform.rotation.as_dquat(),
                scale: transform.scale.as_dvec3(),
            });
        }
        let tree = BoneTree::new(bones)?;
        let map = RigMap::find(&tree, given, &said_by_file)?;
        let skeleton = Skeleton::default();
        let retarget = Retarget::new(&tree, &map, &skeleton);
        let entities: Vec<_> = self.0.iter().map(|(entity, _)| *entity).collect();
        let rest = |bone: usize| {
            let (transform, ..) = nodes.get(entities[bone]).expect("it was found");
            (entities[bone], *transform)
        };
        let driven = retarget.bones().map(rest).collect();
        Ok(RigBones { map, tree, retarget, skeleton, entities, driven })
    }
}
