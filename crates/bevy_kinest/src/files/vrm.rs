//! VRM files by their own ending.

use bevy::asset::io::Reader;
use bevy::asset::{AssetLoader, LoadContext};
use bevy::gltf::extensions::GltfExtensionHandlers;
use bevy::gltf::{
    DefaultGltfImageSampler, Gltf, GltfError, GltfLoader, GltfLoaderSettings, GltfPlugin,
};
use bevy::image::{CompressedImageFormatSupport, CompressedImageFormats};
use bevy::prelude::*;

/// Loads `.vrm` as Bevy loads `.glb`: with the same labels, settings and extensions.
#[derive(TypePath)]
pub(super) struct VrmLoader(GltfLoader);

impl VrmLoader {
    pub const ENDINGS: &[&str] = &["vrm"];

    /// With the settings of the app's [`GltfPlugin`]; `None` without it.
    pub fn like_gltf(app: &App) -> Option<Self> {
        let plugins = app.get_added_plugins::<GltfPlugin>();
        let plugin = plugins.first()?;
        let world = app.world();
        let formats = world.get_resource::<CompressedImageFormatSupport>();
        Some(Self(GltfLoader {
            supported_compressed_formats: formats.map_or(CompressedImageFormats::NONE, |f| f.0),
            custom_vertex_attributes: plugin.custom_vertex_attributes.clone(),
            default_sampler: world.get_resource::<DefaultGltfImageSampler>()?.get_internal(),
            default_convert_coordinates: plugin.convert_coordinates,
            extensions: world.get_resource::<GltfExtensionHandlers>()?.0.clone(),
            default_skinned_mesh_bounds_policy: plugin.skinned_mesh_bounds_policy,
        }))
    }
}

impl AssetLoader for VrmLoader {
    type Asset = Gltf;
    type Settings = GltfLoaderSettings;
    type Error = GltfError;

    async fn load(
        &self,
        reader: &mut dyn Reader,
        settings: &GltfLoaderSettings,
        context: &mut LoadContext<'_>,
    ) -> Result<Gltf, GltfError> {
        self.0.load(reader, settings, context).await
    }

    fn extensions(&self) -> &[&str] {
        Self::ENDINGS
    }
}
