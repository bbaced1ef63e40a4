//! `*.rig.ron` as an asset.

use crate::files::FromFile;
use bevy::asset::LoadContext;
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

impl FromFile for RigFile {
    type Error = RigFileError;
    const ENDINGS: &'static [&'static str] = &["rig.ron"];

    async fn from_file(bytes: Vec<u8>, _: &mut LoadContext<'_>) -> Result<Self, RigFileError> {
        Ok(Self(RigOverride::from_ron(&String::from_utf8(bytes)?)?))
    }
}
