//! Libraries of motion for text search.

use crate::files::FromFile;
use crate::replay::MotionReplay;
use bevy::asset::{AssetPath, LoadContext};
use bevy::prelude::*;
use kinest_language::{Hit, Lexicon, Library, LibraryError, SearchError};
use std::sync::Arc;

/// A searchable library of motions. Loaded from a `*.library` file that `kinest-train library`
/// wrote, in the folder of the motions.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_kinest::{MotionLibrary, prelude::*};
///
/// #[derive(Resource)]
/// struct Motions(Handle<MotionLibrary>);
///
/// fn act(
///     motions: Res<Motions>,
///     libraries: Res<Assets<MotionLibrary>>,
///     assets: Res<AssetServer>,
///     mut commands: Commands,
///     actor: Single<Entity, With<KinestAvatar>>,
/// ) -> Result {
///     let Some(library) = libraries.get(&motions.0) else { return Ok(()) };
///     if let Some(hit) = library.search("someone waves with the right hand", 1)?.first() {
///         commands.entity(*actor).insert(library.replay(hit, &assets));
///     }
///     Ok(())
/// }
/// # bevy::ecs::system::assert_is_system::<(), Result, _>(act);
/// ```
#[derive(Asset, TypePath, Clone, Debug)]
pub struct MotionLibrary {
    library: Arc<Library>,
    /// The folder of the motions, an asset path.
    folder: AssetPath<'static>,
}

impl MotionLibrary {
    /// A library that was not loaded by the asset server, whose motions are in `folder`.
    #[must_use]
    pub fn new(library: Library, folder: impl Into<AssetPath<'static>>) -> Self {
        Self { library: Arc::new(library), folder: folder.into() }
    }

    /// The clips that match a text, best first, at most `top`; see [`Library::search`].
    ///
    /// # Errors
    /// If the text has no word that describes motion.
    pub fn search(&self, text: &str, top: usize) -> Result<Vec<Hit>, SearchError> {
        self.library.search(text, top)
    }

    /// A replay of the matching part of a clip.
    #[must_use]
    pub fn replay(&self, hit: &Hit, assets: &AssetServer) -> MotionReplay {
        let path = self.folder.path().join(&hit.clip);
        let path = AssetPath::from(path).with_source(self.folder.source().clone_owned());
        MotionReplay::file(assets.load(path)).part(hit.start_s, hit.end_s)
    }

    /// The library.
    #[must_use]
    pub fn library(&self) -> &Library {
        &self.library
    }
}

/// Why a [`MotionLibrary`] could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum MotionLibraryError {
    /// The file could not be read.
    #[error("could not be read: {0}")]
    Read(#[from] std::io::Error),
    /// The file is damaged or empty.
    #[error(transparent)]
    Library(#[from] LibraryError),
}

impl FromFile for MotionLibrary {
    type Error = MotionLibraryError;
    const ENDINGS: &'static [&'static str] = &["library"];

    async fn from_file(
        bytes: Vec<u8>,
        context: &mut LoadContext<'_>,
    ) -> Result<Self, MotionLibraryError> {
        let path = context.path();
        let library = Library::from_bytes(&bytes, path.path(), Lexicon::english())?;
        let folder = path.parent().unwrap_or_default();
        Ok(Self::new(library, folder))
    }
}
