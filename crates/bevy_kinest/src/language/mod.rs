//! Text for bodies, and motions found and made from text.

mod description;
mod library;
mod say;
mod subtitles;
mod words;

pub use description::LiveDescription;
pub use library::{MotionLibrary, MotionLibraryError};
pub use say::{MakingMotion, MotionGenerator, MotionMade, NoMotion, Say};
pub use subtitles::Subtitles;
pub use words::{Language, WordsFile, WordsFileError};

use crate::events::detect;
use crate::files::FileLoader;
use crate::frame::KinestSystems;
use bevy::prelude::*;
use description::describe;
use subtitles::caption;

/// Writes [`Subtitles`] and [`LiveDescription`]s of bodies, makes the motion of [`Say`], and loads
/// [`MotionLibrary`]s.
pub struct KinestLanguagePlugin;

impl Plugin for KinestLanguagePlugin {
    fn build(&self, app: &mut App) {
        app.register_type::<Language>()
            .register_type::<LiveDescription>()
            .register_type::<MakingMotion>()
            .register_type::<MotionMade>()
            .register_type::<NoMotion>()
            .register_type::<Say>()
            .register_type::<Subtitles>()
            .init_asset::<MotionLibrary>()
            .init_asset::<WordsFile>()
            .init_asset_loader::<FileLoader<MotionLibrary>>()
            .init_asset_loader::<FileLoader<WordsFile>>()
            .add_observer(say::cancel)
            .add_systems(PreUpdate, (say::ask, say::receive).chain())
            .add_systems(
                PostUpdate,
                (caption, describe).after(detect).before(KinestSystems::Writeback),
            );
    }
}
