//! Clips to files of any kind.

use super::write_gltf::MOST_FRAMES;
use super::{CaptureError, write_bvh, write_glb, write_vrma};
use crate::files::write_atomically;
use crate::motion::{MotionClip, amass};
use crate::skeleton::Skeleton;
use std::path::Path;

/// A format that clips are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MotionFormat {
    /// AMASS: axis-angles in a zip of NumPy arrays.
    Npz,
    /// Biovision hierarchy: text.
    Bvh,
    /// glTF: skeleton, skin and animation in one binary file.
    Glb,
    /// VRM animation: for any VRM character.
    Vrma,
}

impl MotionFormat {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Npz, Self::Bvh, Self::Glb, Self::Vrma];

    /// The ending of its files, without a dot.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Npz => "npz",
            Self::Bvh => "bvh",
            Self::Glb => "glb",
            Self::Vrma => "vrma",
        }
    }

    /// The format of a file with this ending; `None` for others.
    #[must_use]
    pub fn of(path: impl AsRef<Path>) -> Option<Self> {
        let ending = path.as_ref().extension()?.to_str()?.to_ascii_lowercase();
        Self::ALL.into_iter().find(|format| format.ending() == ending)
    }

    /// As [`of`](Self::of).
    ///
    /// # Errors
    /// If the ending is another; the error names those that there are.
    pub fn required(path: impl AsRef<Path>) -> Result<Self, CaptureError> {
        let path = path.as_ref();
        Self::of(path).ok_or_else(|| CaptureError::Ending { path: path.into(), known: endings() })
    }

    /// Writes a clip on `skeleton` to a file, whatever its ending.
    ///
    /// # Errors
    /// If the file cannot be written, or a clip is too long for its format.
    pub fn save(
        self,
        path: impl AsRef<Path>,
        clip: &MotionClip,
        skeleton: &Skeleton,
    ) -> Result<(), CaptureError> {
        let path = path.as_ref();
        if matches!(self, Self::Glb | Self::Vrma) && clip.frames.len() > MOST_FRAMES {
            return Err(CaptureError::TooLong { path: path.into(), most: MOST_FRAMES });
        }
        let bytes = match self {
            Self::Npz => return Ok(amass::save(path, clip, "neutral")?),
            Self::Bvh => write_bvh(clip, skeleton).into_bytes(),
            Self::Glb => write_glb(clip, skeleton),
            Self::Vrma => write_vrma(clip, skeleton),
        };
        write_atomically(path, &bytes)
            .map_err(|source| CaptureError::Write { path: path.into(), source })
    }
}

/// Writes a clip on `skeleton` in the format that the ending of `path` names: `.npz`, `.bvh`, `.glb` or `.vrma`.
///
/// # Errors
/// If the ending is another, or as [`MotionFormat::save`].
pub fn save(
    path: impl AsRef<Path>,
    clip: &MotionClip,
    skeleton: &Skeleton,
) -> Result<(), CaptureError> {
    let path = path.as_ref();
    MotionFormat::required(path)?.save(path, clip, skeleton)
}

/// The endings that are known, as in `.npz, .bvh`.
fn endings() -> String {
    MotionFormat::ALL.map(|format| format!(".{}", format.ending())).join(", ")
}
