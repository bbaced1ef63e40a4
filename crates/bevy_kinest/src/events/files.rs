//! Gestures and thresholds as assets.

use bevy::asset::io::Reader;
use bevy::asset::{AssetLoader, LoadContext};
use bevy::prelude::*;
use kinest::events::{CodeTable, EventsFileError, GestureBook};
use std::string::FromUtf8Error;
use std::sync::Arc;

/// Gestures, loaded from `*.gestures.ron`. [`GestureBook`] documents the format.
#[derive(Asset, TypePath, Clone, Debug)]
pub struct GestureFile(pub GestureBook);

/// Thresholds of the codes, loaded from `*.codes.ron` or a file named `codes.ron`: a whole
/// [`CodeTable`].
#[derive(Asset, TypePath, Clone, Debug)]
pub struct CodeFile(pub Arc<CodeTable>);

/// Why a [`GestureFile`] or [`CodeFile`] could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum EventsAssetError {
    /// The file could not be read.
    #[error("could not be read: {0}")]
    Read(#[from] std::io::Error),
    /// The file is not text.
    #[error("not UTF-8: {0}")]
    Text(#[from] FromUtf8Error),
    /// The text has an error.
    #[error(transparent)]
    Content(#[from] EventsFileError),
}

async fn text(reader: &mut dyn Reader) -> Result<String, EventsAssetError> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).await?;
    Ok(String::from_utf8(bytes)?)
}

#[derive(TypePath)]
pub(super) struct GestureFileLoader;

impl AssetLoader for GestureFileLoader {
    type Asset = GestureFile;
    type Settings = ();
    type Error = EventsAssetError;

    async fn load(
        &self,
        reader: &mut dyn Reader,
        _: &(),
        context: &mut LoadContext<'_>,
    ) -> Result<GestureFile, EventsAssetError> {
        let text = text(reader).await?;
        Ok(GestureFile(GestureBook::parse(&text, context.path().path())?))
    }

    fn extensions(&self) -> &[&str] {
        &["gestures.ron"]
    }
}

#[derive(TypePath)]
pub(super) struct CodeFileLoader;

impl AssetLoader for CodeFileLoader {
    type Asset = CodeFile;
    type Settings = ();
    type Error = EventsAssetError;

    async fn load(
        &self,
        reader: &mut dyn Reader,
        _: &(),
        context: &mut LoadContext<'_>,
    ) -> Result<CodeFile, EventsAssetError> {
        let text = text(reader).await?;
        Ok(CodeFile(Arc::new(CodeTable::parse(&text, context.path().path())?)))
    }

    fn extensions(&self) -> &[&str] {
        &["codes.ron"]
    }
}
