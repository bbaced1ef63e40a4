//! Numbers of nodes, and humanoid bones declared in VRM files, recorded on the nodes while a glTF
//! file is loaded.

use bevy::asset::LoadContext;
use bevy::gltf::GltfLoaderSettings;
use bevy::gltf::extensions::{ErasedGltfExtensionHandler, GltfExtensionHandler};
use bevy::prelude::*;
use kinest::rig::{VRM_EXTENSIONS, vrm_bones};
use kinest::skeleton::SmplJoint;
use std::collections::BTreeMap;

/// A node of the model file.
#[derive(Component, Clone, Copy, Debug, Reflect)]
#[reflect(Component)]
pub(crate) struct FileNode {
    /// Its number in the file.
    pub number: usize,
    /// Index, in SMPL's order, of the joint whose bone it is declared to be.
    joint: Option<usize>,
}

impl FileNode {
    pub fn joint(self) -> Option<SmplJoint> {
        SmplJoint::ALL.get(self.joint?).copied()
    }
}

/// Reads the extensions `VRMC_vrm` (1.0) and `VRM` (0.x).
#[derive(Clone, Default)]
pub(crate) struct HumanoidReader {
    /// Joints of the current file's glTF nodes.
    joints: BTreeMap<usize, SmplJoint>,
}

impl GltfExtensionHandler for HumanoidReader {
    fn dyn_clone(&self) -> Box<dyn ErasedGltfExtensionHandler> {
        Box::new(self.clone())
    }

    fn on_root(&mut self, _: &mut LoadContext<'_>, file: &gltf::Gltf, _: &GltfLoaderSettings) {
        let extensions = VRM_EXTENSIONS.iter().filter_map(|name| file.extension_value(name));
        let bones = extensions.map(vrm_bones).find(|bones| !bones.is_empty()).unwrap_or_default();
        self.joints = bones.into_iter().map(|(joint, node)| (node, joint)).collect();
    }

    fn on_gltf_node(
        &mut self,
        _: &mut LoadContext<'_>,
        node: &gltf::Node,
        entity: &mut EntityWorldMut,
    ) {
        let joint = self.joints.get(&node.index()).map(|joint| joint.index());
        entity.insert(FileNode { number: node.index(), joint });
    }
}
