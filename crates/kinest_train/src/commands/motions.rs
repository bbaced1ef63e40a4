//! The motion that `generate` and `edit` work with.

use super::library;
use anyhow::{Context, ensure};
use clap::Args;
use kinest::skeleton::Skeleton;
use kinest_language::Library;
use kinest_language::generate::{MotionFolder, Repertoire};
use std::path::PathBuf;

/// Those whose motion is described for its words only.
const DESCRIBED: u8 = 1;
/// People whose synthetic motion is used where no other is given.
const PEOPLE: u8 = 4;

/// Where motion comes from.
#[derive(Args, Clone, Debug)]
pub struct MotionsArgs {
    /// Library of motion: a file that `library` made, with `--data`, or a folder of AMASS `.npz` files,
    /// which is described first; by default synthetic motion
    #[arg(long)]
    pub library: Option<PathBuf>,
    /// The folder that the library file was made of
    #[arg(long, requires = "library")]
    pub data: Option<PathBuf>,
    /// Body of the motions, JSON; by default the built-in skeleton
    #[arg(long, requires = "library")]
    pub skeleton: Option<PathBuf>,
}

impl MotionsArgs {
    /// Opens them.
    ///
    /// # Errors
    /// If the library, its folder or the skeleton cannot be read, or the file is of another kind.
    pub fn open(&self) -> anyhow::Result<Repertoire> {
        if self.library.is_none() {
            eprintln!("no library is given: using synthetic motion");
        }
        self.or_synthetic(PEOPLE)
    }

    /// Opens them for what they know of words, where a network makes the motion.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn for_words(&self) -> anyhow::Result<Repertoire> {
        self.or_synthetic(DESCRIBED)
    }

    fn or_synthetic(&self, people: u8) -> anyhow::Result<Repertoire> {
        let Some(path) = &self.library else {
            return Ok(Repertoire::synthetic(people)?);
        };
        let skeleton = match &self.skeleton {
            Some(path) => {
                Skeleton::load(path).with_context(|| format!("skeleton {}", path.display()))?
            }
            None => Skeleton::default(),
        };
        if path.is_dir() {
            ensure!(self.data.is_none(), "`--library` is a folder already: leave out `--data`");
            let (clips, _) = library::described(path, &skeleton, &Default::default())?;
            let library = Library::new(clips)?;
            return Ok(Repertoire::new(library, MotionFolder(path.clone()), skeleton));
        }
        let library = Library::load(path)?;
        let data = self.data.clone().with_context(|| {
            format!("{}: say with `--data` which folder it was made of", path.display())
        })?;
        ensure!(data.is_dir(), "{} is not a folder", data.display());
        Ok(Repertoire::new(library, MotionFolder(data), skeleton))
    }
}
