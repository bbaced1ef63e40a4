//! A library of clips, and its file.

use super::clip::Clip;
use super::index::Index;
use super::looks::Looks;
use super::texts::names;
use crate::words::{Lexicon, Unit};
use kinest::files::write_atomically;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fmt::{self, Debug};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};
use thiserror::Error;

/// Version of the file that this crate writes, and the only one it reads.
const VERSION: u32 = 1;
/// First word of the file.
const MAGIC: &str = "kinest-library";

/// A library that cannot be read, written or used.
#[derive(Debug, Error)]
pub enum LibraryError {
    /// The file cannot be read.
    #[error("cannot read library {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write library {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no library.
    #[error("{path}: not a library of motion")]
    Magic {
        /// The file.
        path: PathBuf,
    },
    /// The file has another version.
    #[error("{path}: version {found} of the format; this program reads version {VERSION}")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: String,
    },
    /// The content is not what was written.
    #[error("{path}: damaged: {problem}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The library has no clips.
    #[error("the library is empty: it has no clips to search")]
    Empty,
    /// Two clips have the same name.
    #[error("clip {0} is in the library twice")]
    Twice(String),
    /// A clip's times are not a span inside it.
    #[error("clip {clip}: {start_s} to {end_s} s is not within its {duration_s} s")]
    Span {
        /// The clip.
        clip: String,
        /// Start, seconds.
        start_s: f64,
        /// End, seconds.
        end_s: f64,
        /// The clip's duration, seconds.
        duration_s: f64,
    },
}

/// Clips with what is known about them in words. Found by [`Library::search`].
pub struct Library {
    clips: Vec<Clip>,
    index: Index,
    looks: Looks,
    lexicon: Arc<Lexicon>,
}

impl Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").field("clips", &self.clips.len()).finish_non_exhaustive()
    }
}

impl Library {
    /// A library of these clips, with English texts.
    ///
    /// # Errors
    /// If there is no clip, two have the same name, or a moment is not within its clip.
    pub fn new(clips: Vec<Clip>) -> Result<Self, LibraryError> {
        Self::with_lexicon(clips, Lexicon::english())
    }

    /// A library of these clips, searched with other words than the built-in ones.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_lexicon(clips: Vec<Clip>, lexicon: Arc<Lexicon>) -> Result<Self, LibraryError> {
        if clips.is_empty() {
            return Err(LibraryError::Empty);
        }
        let mut names = HashSet::new();
        for Clip { clip, duration_s, moments, .. } in &clips {
            if !names.insert(clip) {
                return Err(LibraryError::Twice(clip.clone()));
            }
            let all = [(0.0, *duration_s)].into_iter();
            let spans = all.chain(moments.iter().map(|m| (m.start_s, m.end_s)));
            for (start_s, end_s) in spans {
                // Also false for NaN.
                if !(0.0 <= start_s && start_s <= end_s && end_s <= *duration_s) {
                    let (clip, duration_s) = (clip.clone(), *duration_s);
                    return Err(LibraryError::Span { clip, start_s, end_s, duration_s });
                }
            }
        }
        let index = Index::new(&clips, &lexicon);
        let looks = Looks::new(&index, &lexicon);
        Ok(Self { clips, index, looks, lexicon })
    }

    /// Its clips.
    #[must_use]
    pub fn clips(&self) -> &[Clip] {
        &self.clips
    }

    pub(crate) fn lexicon(&self) -> &Arc<Lexicon> {
        &self.lexicon
    }

    /// What a clip is about, as its titles and the name of its file say.
    pub(crate) fn about(&self, clip: &Clip) -> Vec<Unit> {
        let names = names(clip).take(clip.titles.len() + 1);
        names.flat_map(|name| self.lexicon.read(name)).filter(|unit| !unit.negated).collect()
    }

    /// Whether a text of a clip, or its name, has a word of this stem.
    pub(crate) fn has_word(&self, stem: &str) -> bool {
        self.index.texts().term(stem).is_some()
    }

    pub(super) fn looks(&self) -> &Looks {
        &self.looks
    }

    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    /// The bytes of its file: a line with version and checksum, then JSON.
    ///
    /// # Panics
    /// Never: texts and finite numbers can always be written.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let content = serde_json::to_vec(&self.clips).expect("texts and finite numbers");
        let mut bytes = format!("{MAGIC} {VERSION} {}\n", checksum(&content)).into_bytes();
        bytes.extend(content);
        bytes
    }

    /// Reads the bytes of a file; `path` is only for error messages.
    ///
    /// # Errors
    /// If they are not a library, of another version, damaged, or have no clips.
    pub fn from_bytes(
        bytes: &[u8],
        path: impl AsRef<Path>,
        lexicon: Arc<Lexicon>,
    ) -> Result<Self, LibraryError> {
        let path = || path.as_ref().to_owned();
        let damaged = |problem: String| LibraryError::Damaged { path: path(), problem };
        // The first line is short in any version.
        let end = bytes.iter().take(256).position(|byte| *byte == b'\n');
        let line = end.and_then(|end| str::from_utf8(&bytes[..end]).ok()).unwrap_or_default();
        let (Some(end), Some(head)) = (end, line.strip_prefix(MAGIC)) else {
            return Err(LibraryError::Magic { path: path() });
        };
        let (version, sum) = head.trim().split_once(' ').unwrap_or((head.trim(), ""));
        if version != VERSION.to_string() {
            return Err(LibraryError::Version { path: path(), found: version.into() });
        }
        let content = &bytes[end + 1..];
        if checksum(content) != sum {
            return Err(damaged("the checksum differs".into()));
        }
        let clips = serde_json::from_slice(content).map_err(|error| damaged(error.to_string()))?;
        match Self::with_lexicon(clips, lexicon) {
            Err(LibraryError::Empty) => Err(LibraryError::Empty),
            other => other.map_err(|error| damaged(error.to_string())),
        }
    }

    /// Reads a file with English texts.
    ///
    /// # Errors
    /// If it cannot be read, or as [`Self::from_bytes`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LibraryError> {
        Self::load_with(path, Lexicon::english())
    }

    /// Reads a file, to search it with other words than the built-in ones.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_with(path: impl AsRef<Path>, lexicon: Arc<Lexicon>) -> Result<Self, LibraryError> {
        let path = path.as_ref();
        let error = |source| LibraryError::Read { path: path.to_owned(), source };
        Self::from_bytes(&fs::read(path).map_err(error)?, path, lexicon)
    }

    /// Writes a file. Readers see the old file or the new one, never a partial one.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), LibraryError> {
        let path = path.as_ref();
        let error = |source| LibraryError::Write { path: path.to_owned(), source };
        write_atomically(path, &self.to_bytes()).map_err(error)
    }
}

/// SHA-256 in hexadecimal.
fn checksum(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}
