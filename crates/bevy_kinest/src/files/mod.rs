//! Motions and VRM characters as assets, and what makes an asset of any other file.

mod loader;
mod motion;
mod vrm;

pub(crate) use loader::{FileLoader, FromFile};
pub use motion::{MotionFile, MotionFileError};

use bevy::gltf::GltfPlugin;
use bevy::prelude::*;
use vrm::VrmLoader;

/// Loads motions ([`MotionFile`]) and VRM characters: a `.vrm` is a glTF file, and loads as one.
pub struct KinestFilesPlugin;

impl Plugin for KinestFilesPlugin {
    fn build(&self, app: &mut App) {
        app.init_asset::<MotionFile>().init_asset_loader::<FileLoader<MotionFile>>();
        if app.is_plugin_added::<GltfPlugin>() {
            app.preregister_asset_loader::<VrmLoader>(VrmLoader::ENDINGS);
        }
    }

    /// In `finish`, because there Bevy determines the compressed texture formats of the graphics
    /// adapter.
    fn finish(&self, app: &mut App) {
        if let Some(loader) = VrmLoader::like_gltf(app) {
            app.register_asset_loader(loader);
        }
    }
}
