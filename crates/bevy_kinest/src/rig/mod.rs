//! Characters from model files, driven by a body.

mod bind;
mod character;
mod file;
mod humanoid;
mod write;

pub use bind::RigBones;
pub use character::{AnchorReflect, FitReflect, KinestRig, RigBound, RigFailed};
pub use file::{RigFile, RigFileError};

use crate::files::FileLoader;
use crate::frame::KinestSystems;
use bevy::gltf::extensions::GltfExtensionHandlers;
use bevy::prelude::*;
use bind::{bind_rigs, follow_files, on_insert, on_ready, on_remove, report_missing_scenes};
use humanoid::{FileNode, HumanoidReader};
use write::write_rigs;

/// Drives the bones of characters from [`BodyPose`](crate::BodyPose).
pub struct KinestRigPlugin;

impl Plugin for KinestRigPlugin {
    fn build(&self, app: &mut App) {
        app.register_type::<KinestRig>()
            .register_type::<FileNode>()
            .register_type::<RigBones>()
            .register_type::<RigBound>()
            .register_type::<RigFailed>()
            .init_asset::<RigFile>()
            .init_asset_loader::<FileLoader<RigFile>>()
            .init_resource::<GltfExtensionHandlers>()
            .add_observer(on_insert)
            .add_observer(on_ready)
            .add_observer(on_remove)
            .add_systems(
                PostUpdate,
                (report_missing_scenes, follow_files, bind_rigs, write_rigs)
                    .chain()
                    .in_set(KinestSystems::Writeback),
            );
        let handlers = app.world().resource::<GltfExtensionHandlers>();
        handlers.0.write_blocking().push(Box::new(HumanoidReader::default()));
    }
}
