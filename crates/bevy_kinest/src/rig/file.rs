//! `*.rig.ron` as an asset.

use bevy::asset::io::Reader;
use bevy::asset::{AssetLoader, LoadContext};
use bevy::prelude::*;
use kinest::rig::{RigError, RigOverride};
use std::string::FromUtf8Error;

/// A [`RigOverride`] loaded from `*.rig.ron`. Characters that use it are rebound when it changes.
#[derive(Asset, TypePath, Clone, Debug, Default)]
pub struct RigFile(pub RigOverride);

/// Why a [`RigFile`] could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum RigFileError {
    /// The file could not be read.
    #[error("could not be read: {0}")]
    Read(#[from] std::io::Error),
    /// The file is not text.
    #[error("not UTF-8: {0}")]
    Text(#[from] FromUtf8Error),
    /// The text is not a valid rig override.
    #[error(transparent)]
    Rig(#[from] RigError),
}

#[derive(TypePath)]
pub(crate) struct RigFileLoader;

impl AssetLoader for RigFileLoader {
    type Asset = RigFile;
    type Settings = ();
    type Error = RigFileError;

    async fn load(
        &self,
        reader: &mut dyn Reader,
        _: &(),
        _: &mut LoadContext<'_>,
    ) -> Result<RigFile, RigFileError> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).await?;
        Ok(RigFile(RigOverride::from_ron(&String::from_utf8(bytes)?)?))
    }

    fn extensions(&self) -> &[&str] {
        &["rig.ron"]
    }
}
