//! Motion files that examples replay.

use bevy_kinest::kinest::capture::{self, CaptureError, Loaded};
use bevy_kinest::kinest::motion::MotionClip;
use bevy_kinest::kinest::skeleton::Skeleton;
use std::path::Path;

/// Reads a motion file of any kind (AMASS `.npz`, BVH, AMC, glTF, VRM animation) onto the default skeleton, and prints
/// what is unusual about it.
///
/// # Errors
/// If it cannot be read; the error names the file.
pub fn load_motion(path: &Path) -> Result<MotionClip, CaptureError> {
    let Loaded { clip, notes, .. } = capture::load(path, &Skeleton::default())?;
    for note in notes {
        eprintln!("{}: {note}", path.display());
    }
    Ok(clip)
}
