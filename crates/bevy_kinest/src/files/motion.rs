//! Motion files as assets.

use super::loader::FromFile;
use bevy::asset::LoadContext;
use bevy::prelude::*;
use kinest::calibration::Calibration;
use kinest::capture::{CaptureError, Loaded, load_bvh, load_gltf};
use kinest::live::{Recording, RecordingError};
use kinest::motion::npz::NpzArchive;
use kinest::motion::{MotionClip, MotionError, amass, headset};
use kinest::skeleton::Skeleton;
use kinest::tracker::{DeviceFromJoint, Grip, TrackerFrame, TrackerRole};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A motion from a file, for [`MotionReplay::file`](crate::MotionReplay::file).
///
/// | ending | contents |
/// |---|---|
/// | `.npz` | a clip of the AMASS data set or in its format ([`amass`]), or a recording of a headset and two controllers ([`headset`]); the player's size is measured from the motion |
/// | `.bvh` | motion of any skeleton whose bones can be detected ([`capture`](kinest::capture)) |
/// | `.vrma` | a VRM animation |
/// | `.jsonl` | a recording by a [`TrackerRecorder`](crate::TrackerRecorder) |
#[derive(Asset, TypePath, Clone, Debug)]
pub enum MotionFile {
    /// The poses of a body.
    Clip(Arc<MotionClip>),
    /// The poses of trackers.
    Recording(Arc<Recording>),
}

/// Why a [`MotionFile`] could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum MotionFileError {
    /// The file could not be read.
    #[error("the motion could not be read: {0}")]
    Read(#[from] std::io::Error),
    /// The `.npz` is neither a clip nor a recording.
    #[error(
        "motion file {0} has neither the array `poses` of a clip, nor `root_orient` and \
         `pose_body`, nor `head_pos` of a recording"
    )]
    Contents(PathBuf),
    /// The `.npz` is damaged.
    #[error(transparent)]
    Motion(#[from] MotionError),
    /// The BVH file or VRM animation is damaged, or not of a person.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The recording is damaged.
    #[error(transparent)]
    Recording(#[from] RecordingError),
}

impl FromFile for MotionFile {
    type Error = MotionFileError;
    const ENDINGS: &'static [&'static str] = &["npz", "bvh", "vrma", "jsonl"];

    async fn from_file(
        bytes: Vec<u8>,
        context: &mut LoadContext<'_>,
    ) -> Result<Self, MotionFileError> {
        let path = context.path().path();
        if path.extension().is_some_and(|ending| ending == "jsonl") {
            let recording = Recording::read(&bytes[..], path)?;
            warn_of_lost(path, recording.not_finite());
            return Ok(Self::Recording(Arc::new(recording)));
        }
        let is = |wanted: &str| path.extension().is_some_and(|it| it.eq_ignore_ascii_case(wanted));
        if is("bvh") || is("vrma") {
            let skeleton = Skeleton::default();
            let Loaded { clip, notes, .. } = match is("bvh") {
                true => load_bvh(&bytes, path, &skeleton)?,
                false => load_gltf(&bytes, path, &skeleton)?,
            };
            notes.iter().for_each(|note| warn!("{}: {note}", path.display()));
            return Ok(Self::Clip(Arc::new(clip)));
        }
        from_npz(&bytes, path)
    }
}

fn from_npz(bytes: &[u8], path: &Path) -> Result<MotionFile, MotionFileError> {
    let archive = NpzArchive::new(Cursor::new(bytes))
        .map_err(|source| MotionError::Archive { path: path.into(), source })?;
    if amass::is_clip(&archive) {
        return Ok(MotionFile::Clip(Arc::new(amass::read(Cursor::new(bytes), path)?)));
    }
    if archive.has("head_pos") {
        let headset::Devices { frames: devices, not_finite } =
            headset::read(Cursor::new(bytes), path)?;
        warn_of_lost(path, not_finite.iter().sum());
        let player = player_of(&devices);
        // `headset::read` refuses files without frames and times that do not increase.
        let recording = Recording::of_trackers(devices).map(|it| it.with_calibration(player));
        return recording
            .map(|recording| MotionFile::Recording(Arc::new(recording)))
            .ok_or_else(|| MotionFileError::Contents(path.into()));
    }
    Err(MotionFileError::Contents(path.into()))
}

fn warn_of_lost(path: &Path, poses: usize) {
    if poses > 0 {
        warn!("{}: {poses} poses of trackers are no numbers; they are lost there", path.display());
    }
}

/// Calibration of the player of recorded devices: measured, or the default size if the motion is
/// too short or too low.
fn player_of(devices: &[TrackerFrame]) -> Calibration {
    let base = Skeleton::default();
    let roles = [TrackerRole::Head, TrackerRole::LeftHand, TrackerRole::RightHand];
    let held = roles.map(|role| DeviceFromJoint::of_grip(role, Grip::default()));
    Calibration::from_motion(&base, devices, held)
        .unwrap_or_else(|_| Calibration { devices: held, ..Calibration::of(&base) })
}
