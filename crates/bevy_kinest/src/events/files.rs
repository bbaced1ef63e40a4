//! Gestures and thresholds as assets.

use crate::files::FromFile;
use bevy::asset::LoadContext;
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

impl FromFile for GestureFile {
    type Error = EventsAssetError;
    const ENDINGS: &'static [&'static str] = &["gestures.ron"];

    async fn from_file(
        bytes: Vec<u8>,
        context: &mut LoadContext<'_>,
    ) -> Result<Self, EventsAssetError> {
        let text = String::from_utf8(bytes)?;
        Ok(Self(GestureBook::parse(&text, context.path().path())?))
    }
}

impl FromFile for CodeFile {
    type Error = EventsAssetError;
    const ENDINGS: &'static [&'static str] = &["codes.ron"];

    async fn from_file(
        bytes: Vec<u8>,
        context: &mut LoadContext<'_>,
    ) -> Result<Self, EventsAssetError> {
        let text = String::from_utf8(bytes)?;
        Ok(Self(Arc::new(CodeTable::parse(&text, context.path().path())?)))
    }
}
