//! From the nodes of a model file, or of a spawned scene, to a character's bones.

use super::map::RigMap;
use super::rest::{Skin, to_bind_pose};
use super::tree::{Bone, BoneTree, MOST_BONES};
use super::{RigError, RigOverride};
use crate::skeleton::SmplJoint;
use glam::{DQuat, DVec3};
use std::collections::BTreeMap;

/// One node of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelNode {
    /// Name, parent and transform; the parent is another node and comes earlier.
    pub bone: Bone,
    /// Its number in the model file, by which reports and overrides can name it (`#12`).
    pub number: Option<usize>,
    /// Whether it shows a mesh or a camera.
    pub shows: bool,
}

/// The nodes of a model, before it is known which of them are bones. Model files and scenes of an
/// engine become bones by the same rules, so both give the same map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelNodes {
    /// All nodes, parents before children.
    pub nodes: Vec<ModelNode>,
    /// The skins of the model; their joints are indices in `nodes`.
    pub skins: Vec<Skin>,
    /// The nodes that the file itself declares as joints of a humanoid, as VRM files do.
    pub humanoid: BTreeMap<SmplJoint, usize>,
}

/// A character whose bones were found.
#[derive(Clone, Debug)]
pub struct FoundRig {
    /// Its bones, in the rest pose of its skins.
    pub tree: BoneTree,
    /// Which bone is what.
    pub map: RigMap,
    /// For each bone of `tree`, the index in [`ModelNodes::nodes`].
    pub nodes: Vec<usize>,
}

impl ModelNodes {
    /// Finds the bones of a humanoid among the nodes.
    ///
    /// If there are skins, only their joints, the nodes that `given` or the file names, and the
    /// ancestors of all these can be bones. Otherwise all nodes of a file can be, as the parts of a
    /// jointed doll are meshes. The rest pose is the one the skins were made in,
    /// wherever the nodes stand.
    ///
    /// # Errors
    /// See [`RigMap::find`]; a model in which more nodes could be bones than any body has is refused.
    pub fn find(&self, given: &RigOverride) -> Result<FoundRig, RigError> {
        let (tree, nodes) = self.tree(given)?;
        let bone_of = |node: &usize| nodes.iter().position(|n| n == node);
        let humanoid = self.humanoid.iter();
        let said = humanoid.filter_map(|(joint, node)| Some((*joint, bone_of(node)?))).collect();
        let map = RigMap::find(&tree, given, &said)?;
        Ok(FoundRig { tree, map, nodes })
    }

    /// The bones, and the node of each.
    pub(crate) fn tree(&self, given: &RigOverride) -> Result<(BoneTree, Vec<usize>), RigError> {
        let count = self.nodes.len();
        let mut bones: Vec<Bone> = self.nodes.iter().map(|node| node.bone.clone()).collect();
        for bone in &mut bones {
            if is_made_up(&bone.name) {
                bone.name.clear();
            }
        }
        let numbers = |node: usize| self.nodes[node].number;
        // Resolves what `given` names, whatever the transforms are.
        let names = bones.iter().map(|bone| Bone {
            name: bone.name.clone(),
            parent: bone.parent,
            translation: DVec3::ZERO,
            rotation: DQuat::IDENTITY,
            scale: DVec3::ONE,
        });
        let all = BoneTree::new(names.collect())?.numbered(numbers);

        let mut kept = vec![false; count];
        let joints = self.skins.iter().flat_map(|skin| &skin.joints);
        joints.filter(|joint| **joint < count).for_each(|joint| kept[*joint] = true);
        let skinned = kept.contains(&true);
        self.humanoid.values().filter(|n| **n < count).for_each(|node| kept[*node] = true);
        for (node, kept) in kept.iter_mut().enumerate() {
            *kept |= !skinned && (!self.nodes[node].shows || numbers(node).is_some());
        }
        keep_ancestors(&bones, &mut kept);
        for name in given.bones.values().chain(&given.ignore) {
            let named = all.all_named(name);
            // Meshes are often named like the bone that holds them.
            let tests: [&dyn Fn(usize) -> bool; 2] = [&|n| kept[n], &|n| !self.nodes[n].shows];
            let meant = tests.iter().map(|test| named.iter().filter(|n| test(**n)).collect());
            let meant: Option<Vec<&usize>> = meant.into_iter().find(|m: &Vec<_>| !m.is_empty());
            let meant: Vec<usize> =
                meant.map_or(named.clone(), |m| m.into_iter().copied().collect());
            meant.into_iter().for_each(|node| kept[node] = true);
        }
        keep_ancestors(&bones, &mut kept);
        let most = kept.iter().filter(|kept| **kept).count();
        if most > MOST_BONES {
            return Err(RigError::TooMany { bones: most });
        }
        let mut notes = to_bind_pose(&mut bones, &self.skins);
        // Weapons and the like are hidden by making them infinitely small.
        let mut flat = vec![false; count];
        for (node, bone) in bones.iter().enumerate() {
            let size = bone.scale.x * bone.scale.y * bone.scale.z;
            let hangs = bone.parent.is_some_and(|parent| flat[parent]);
            flat[node] = hangs || size.abs() < f64::MIN_POSITIVE;
            if flat[node] && kept[node] {
                kept[node] = false;
                if !hangs {
                    notes
                        .push(format!("`{}` is scaled to nothing and left out", all.address(node)));
                }
            }
        }

        let nodes: Vec<usize> = (0..count).filter(|node| kept[*node]).collect();
        let moved = |node: usize| nodes.binary_search(&node).ok();
        let bones = nodes.iter().map(|node| {
            let bone = &bones[*node];
            Bone { parent: bone.parent.and_then(moved), ..bone.clone() }
        });
        let addresses = nodes.iter().map(|node| all.address(*node)).collect();
        let tree = BoneTree::new(bones.collect())?.numbered(|bone| numbers(nodes[bone]));
        Ok((tree.noted(notes).addressed(addresses), nodes))
    }
}

fn keep_ancestors(bones: &[Bone], kept: &mut [bool]) {
    for node in (0..bones.len()).rev() {
        if let Some(parent) = bones[node].parent {
            kept[parent] |= kept[node];
        }
    }
}

/// Whether a loader made up this name, because the file has none.
fn is_made_up(name: &str) -> bool {
    let number = name.strip_prefix("GltfNode");
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit()))
}
