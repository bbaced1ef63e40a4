//! Languages.

use crate::files::FromFile;
use bevy::asset::LoadContext;
use bevy::prelude::*;
use kinest_language::{Wording, WordingError};
use std::string::FromUtf8Error;
use std::sync::Arc;

/// The language of texts.
#[derive(Clone, Debug, Default, PartialEq, Reflect)]
#[reflect(Default, Clone, PartialEq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
    /// The language of a file; English until it is loaded.
    File(Handle<WordsFile>),
}

impl Language {
    pub(super) fn wording<'a>(&self, files: &'a Assets<WordsFile>) -> &'a Wording {
        match self {
            Self::English => Wording::english(),
            Self::German => Wording::german(),
            Self::File(file) => files.get(file).map_or(Wording::english(), |words| &words.0),
        }
    }
}

/// The words of a language, loaded from `*.words.ron`: a translation of [`Wording`]'s English table.
#[derive(Asset, TypePath, Clone, Debug)]
pub struct WordsFile(pub Arc<Wording>);

/// Why a [`WordsFile`] could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum WordsFileError {
    /// The file could not be read.
    #[error("could not be read: {0}")]
    Read(#[from] std::io::Error),
    /// The file is not text.
    #[error("not UTF-8: {0}")]
    Text(#[from] FromUtf8Error),
    /// The text is not a table of words.
    #[error(transparent)]
    Words(#[from] WordingError),
}

impl FromFile for WordsFile {
    type Error = WordsFileError;
    const ENDINGS: &'static [&'static str] = &["words.ron"];

    async fn from_file(bytes: Vec<u8>, _: &mut LoadContext<'_>) -> Result<Self, WordsFileError> {
        Ok(Self(Arc::new(Wording::from_ron(&String::from_utf8(bytes)?)?)))
    }
}
