//! Motion from any file.

use super::{BoneMotion, CaptureError, LineError, read_amc, read_asf, read_bvh, read_gltf};
use crate::motion::{MotionClip, amass};
use crate::rig::{GltfError, RigOverride, beside};
use crate::skeleton::Skeleton;
use std::path::{Path, PathBuf};

/// A clip, and what was unusual about its file.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The motion on SMPL's joints.
    pub clip: MotionClip,
    /// Notes for people.
    pub notes: Vec<String>,
}

/// Reads a motion file, of whatever kind its contents are: AMASS `.npz`, BVH, glTF (`.glb`, `.gltf`, `.vrm`), VRM
/// animation (`.vrma`), or AMC with the `.asf` file beside it (of the same name, of the part before `_`, or the only
/// one in the folder). Of several animations the longest is read.
///
/// # Errors
/// If the file cannot be read, is of another kind, or its bones are not those of a person; the error names file
/// and line.
pub fn load(path: impl AsRef<Path>, skeleton: &Skeleton) -> Result<Loaded, CaptureError> {
    load_animation(path, skeleton, None)
}

/// As [`load`], of a file with several animations the one called `animation`.
///
/// # Errors
/// As [`load`], and if there is no such animation.
pub fn load_animation(
    path: impl AsRef<Path>,
    skeleton: &Skeleton,
    animation: Option<&str>,
) -> Result<Loaded, CaptureError> {
    let path = path.as_ref();
    let bytes = read(path)?;
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).trim_ascii_start();
    if bytes.starts_with(b"glTF") || start.starts_with(b"{") {
        return gltf(&bytes, path, skeleton, animation, &beside(path));
    }
    if animation.is_some() {
        return Err(CaptureError::NoAnimations { path: path.into() });
    }
    let is_amc = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("amc"));
    let motion = if start.get(..9).is_some_and(|word| word.eq_ignore_ascii_case(b"HIERARCHY")) {
        return load_bvh(&bytes, path, skeleton);
    } else if is_amc || start.starts_with(b"#!OML") || start.starts_with(b":FULLY") {
        let asf = skeleton_of(path)?;
        let skeleton = read_asf(&String::from_utf8_lossy(&read(&asf)?)).map_err(bad(&asf))?;
        read_amc(&String::from_utf8_lossy(&bytes), &skeleton).map_err(bad(path))?
    } else {
        let clip = amass::read(std::io::Cursor::new(bytes), path)?;
        return Ok(Loaded { clip, notes: Vec::new() });
    };
    on(&motion, skeleton, path)
}

/// Reads the bytes of a BVH file; `name` stands for the path in errors.
///
/// # Errors
/// As [`load`].
pub fn load_bvh(
    bytes: &[u8],
    name: impl AsRef<Path>,
    skeleton: &Skeleton,
) -> Result<Loaded, CaptureError> {
    let path = name.as_ref();
    let motion = read_bvh(&String::from_utf8_lossy(bytes)).map_err(bad(path))?;
    on(&motion, skeleton, path)
}

/// Reads the bytes of a glTF or VRM animation file whose buffers are inside it; `name` stands for the path in errors.
///
/// # Errors
/// As [`load`].
pub fn load_gltf(
    bytes: &[u8],
    name: impl AsRef<Path>,
    skeleton: &Skeleton,
) -> Result<Loaded, CaptureError> {
    let outside = |buffer: &str| {
        let source = std::io::Error::other("buffers in files of their own are not read here");
        Err(GltfError::Read { path: buffer.into(), source })
    };
    gltf(bytes, name.as_ref(), skeleton, None, &outside)
}

fn gltf(
    bytes: &[u8],
    path: &Path,
    skeleton: &Skeleton,
    animation: Option<&str>,
    buffer: &dyn Fn(&str) -> Result<Vec<u8>, GltfError>,
) -> Result<Loaded, CaptureError> {
    let motion = read_gltf(bytes, animation, buffer)
        .map_err(|source| CaptureError::Gltf { path: path.into(), source })?;
    on(&motion, skeleton, path)
}

/// Adds the path to an error of a text.
fn bad(path: &Path) -> impl FnOnce(LineError) -> CaptureError {
    let path = path.to_owned();
    move |LineError { line, problem }| CaptureError::Line { path, line, problem }
}

fn on(motion: &BoneMotion, skeleton: &Skeleton, path: &Path) -> Result<Loaded, CaptureError> {
    let (clip, notes) = motion
        .to_clip(skeleton, &RigOverride::default())
        .map_err(|source| CaptureError::Rig { path: path.into(), source: Box::new(source) })?;
    Ok(Loaded { clip, notes })
}

fn read(path: &Path) -> Result<Vec<u8>, CaptureError> {
    std::fs::read(path).map_err(|source| CaptureError::Read { path: path.into(), source })
}

/// The `.asf` file of an `.amc` file.
fn skeleton_of(path: &Path) -> Result<PathBuf, CaptureError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder)
        .map_err(|source| CaptureError::Read { path: folder.into(), source })?;
    let is_asf = |path: &PathBuf| path.extension().is_some_and(|e| e.eq_ignore_ascii_case("asf"));
    let found: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_asf).collect();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let named =
        |wanted: &str| found.iter().find(|asf| asf.file_stem().is_some_and(|s| s == wanted));
    let subject = stem.split('_').next().unwrap_or_default();
    let only = if let [only] = &found[..] { Some(only) } else { None };
    named(&stem).or_else(|| named(subject)).or(only).cloned().ok_or_else(|| {
        let names: Vec<String> =
            found.iter().filter_map(|p| Some(p.file_name()?.to_string_lossy().into())).collect();
        let found = if names.is_empty() { "none".into() } else { names.join(", ") };
        CaptureError::NoSkeleton { path: path.into(), found }
    })
}
