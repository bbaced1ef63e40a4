//! Motion files of any kind, as commands take them.

use kinest::capture::{self, CaptureError, Loaded};
use kinest::motion::MotionClip;
use kinest::skeleton::Skeleton;
use std::path::Path;

/// Reads a motion file, of whatever kind its contents are, onto `skeleton`. What is unusual about it is said on stderr.
///
/// # Errors
/// If it cannot be read; the error names the file.
pub fn load(path: &Path, skeleton: &Skeleton) -> Result<MotionClip, CaptureError> {
    let Loaded { clip, notes, .. } = capture::load(path, skeleton)?;
    for note in notes {
        eprintln!("{}: {note}", path.display());
    }
    Ok(clip)
}
