//! Motion from any file.

use super::recording::{is_recording, read_recording};
use super::{BoneMotion, CaptureError, LineError, read_amc, read_asf, read_bvh, read_gltf};
use crate::motion::npz::NpzArchive;
use crate::motion::{MotionClip, amass, foreign};
use crate::rig::{GltfError, RigError, RigMap, RigOverride, beside, read_whole};
use crate::skeleton::Skeleton;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// How AMC files begin; without these words they are known by their ending.
const AMC: [&[u8]; 4] = [b"#!OML", b":FULLY", b":DEGREES", b":RADIANS"];

/// A clip, and what was unusual about its file.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The motion on SMPL's joints.
    pub clip: MotionClip,
    /// Notes for people.
    pub notes: Vec<String>,
    /// Which bone was taken for which joint, and how sure that is; its `Display` form is a report. `None` for files with
    /// SMPL's joints: `.npz` and recordings.
    pub map: Option<RigMap>,
}

/// Reads a motion file, of whatever kind its contents are: AMASS `.npz`, BVH, glTF (`.glb`, `.gltf`, `.vrm`), VRM
/// animation (`.vrma`), AMC with the `.asf` file beside it (of the same name, of the part before `_`, or the only
/// one in the folder), or the bodies in a recording of a game (`.jsonl`). Of several animations the longest is read.
///
/// # Errors
/// If the file cannot be read, is no file or larger than 2 GiB, is of another kind, or its bones are not those of a
/// person; the error names file and line.
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
    let is_recording = is_recording(start);
    if bytes.starts_with(b"glTF") || (start.starts_with(b"{") && !is_recording) {
        return gltf(&bytes, path, skeleton, animation, &beside(path));
    }
    if animation.is_some() {
        return Err(CaptureError::NoAnimations { path: path.into() });
    }
    if is_recording {
        return load_recording(&bytes, path);
    }
    // Of a zip archive, as `.npz` is one.
    let is_zip = bytes.starts_with(b"PK");
    let is_amc = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("amc"));
    let motion = if start.get(..9).is_some_and(|word| word.eq_ignore_ascii_case(b"HIERARCHY")) {
        return load_bvh(&bytes, path, skeleton);
    } else if (is_amc && !is_zip) || AMC.iter().any(|it| start.starts_with(it)) {
        let asf = skeleton_of(path)?;
        let skeleton = read_asf(&String::from_utf8_lossy(&read(&asf)?)).map_err(bad(&asf))?;
        read_amc(&String::from_utf8_lossy(&bytes), &skeleton).map_err(bad(path))?
    } else if !is_zip {
        return Err(CaptureError::Unknown { path: path.into(), kind: kind(&bytes) });
    } else {
        if is_of_headset(&bytes) {
            return Err(CaptureError::NoBody {
                path: path.into(),
                kind: "a recording of a headset and two controllers",
                way: "the example `headset_replay` estimates it: `--report --out FOLDER FILE`",
            });
        }
        let clip = amass::read(Cursor::new(bytes), path)?;
        return Ok(Loaded { clip, notes: Vec::new(), map: None });
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

/// Reads the bodies in a recording of a game, the bytes of a `.jsonl` file; `name` stands for the path in errors.
///
/// # Errors
/// If there are no bodies, only trackers, or as [`load`].
pub fn load_recording(bytes: &[u8], name: impl AsRef<Path>) -> Result<Loaded, CaptureError> {
    let path = name.as_ref();
    let read = read_recording(&String::from_utf8_lossy(bytes)).map_err(bad(path))?;
    let (clip, notes) = read.ok_or_else(|| CaptureError::NoBody {
        path: path.into(),
        kind: "a recording of trackers",
        way: "a `MotionReplay` plays it in a game, where a `MotionWriter` writes what the body does",
    })?;
    Ok(Loaded { clip, notes, map: None })
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

/// What a file is that nothing here reads.
fn kind(bytes: &[u8]) -> &'static str {
    let start = &bytes[..bytes.len().min(foreign::FIRST_BYTES)];
    match foreign::kind(start) {
        Some(kind) => kind,
        None if bytes.is_empty() => "empty",
        None => "of an unknown kind",
    }
}

/// Whether these are the bytes of an `.npz` with devices and without a body.
fn is_of_headset(bytes: &[u8]) -> bool {
    NpzArchive::new(Cursor::new(bytes))
        .is_ok_and(|archive| !amass::is_clip(&archive) && archive.has("head_pos"))
}

/// Adds the path to an error of a text.
fn bad(path: &Path) -> impl FnOnce(LineError) -> CaptureError {
    let path = path.to_owned();
    move |LineError { line, problem }| CaptureError::Line { path, line, problem }
}

fn on(motion: &BoneMotion, skeleton: &Skeleton, path: &Path) -> Result<Loaded, CaptureError> {
    let (clip, notes, map) = motion.to_clip_and_map(skeleton, &RigOverride::default()).map_err(
        |source| match source {
            RigError::Frame { frame, bone, problem } => {
                CaptureError::Frame { path: path.into(), frame, bone, problem }
            }
            source => CaptureError::Rig { path: path.into(), source: Box::new(source) },
        },
    )?;
    Ok(Loaded { clip, notes, map: Some(map) })
}

fn read(path: &Path) -> Result<Vec<u8>, CaptureError> {
    read_whole(path).map_err(|source| CaptureError::Read { path: path.into(), source })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{MotionFormat, write_bvh};
    use crate::motion::synthetic::walk_and_wave;
    use crate::motion::{ClipFrame, headset};
    use crate::skeleton::{Pose, SmplJoint as J};
    use crate::tracker::{TrackerFrame, TrackerSet};
    use std::error::Error as _;
    use std::fs;

    fn walk() -> MotionClip {
        let mut walk = walk_and_wave(&Skeleton::default()).resampled(60.0);
        walk.frames.truncate(40);
        walk
    }

    #[test]
    fn our_files_keep_rates_of_video_and_heights_above_the_floor() {
        let (folder, skeleton) = (tempfile::tempdir().unwrap(), Skeleton::default());
        for whole in [24.0, 30.0, 60.0, 120.0] {
            let mut high = walk();
            high.rate_hz = whole * 1000.0 / 1001.0;
            high.frames.iter_mut().for_each(|frame| frame.translation.z += 0.8);
            for format in [MotionFormat::Bvh, MotionFormat::Glb, MotionFormat::Vrma] {
                let file = folder.path().join("high").with_extension(format.ending());
                format.save(&file, &high, &skeleton).unwrap();
                let Loaded { clip, notes, map } = load(&file, &skeleton).unwrap();
                assert_eq!((clip.rate_hz, clip.frames.len()), (high.rate_hz, 40), "{format:?}");
                assert!(map.is_some_and(|map| J::ALL.iter().all(|it| map.bone(*it).is_some())));
                assert!(notes.is_empty(), "{notes:?}");
                for (a, b) in high.frames.iter().zip(&clip.frames) {
                    let off = a.translation.distance(b.translation);
                    assert!(off < 1e-5, "{format:?}: {off} m");
                }
            }
        }
    }

    #[test]
    fn files_of_others_are_put_on_the_floor_and_a_note_says_how_far() {
        let skeleton = Skeleton::default();
        let mut high = walk();
        high.frames.iter_mut().for_each(|frame| frame.translation.z += 0.8);
        let text = write_bvh(&high, &skeleton).replace("L_hip", "LeftHip");
        let Loaded { clip, notes, map } =
            load_bvh(text.as_bytes(), "other.bvh", &skeleton).unwrap();
        let map = map.unwrap();
        assert!(map.confidence() > 0.7 && map.to_string().contains("LeftHip"), "{map}");
        let lowered = high.frames[0].translation.z - clip.frames[0].translation.z;
        assert!((lowered - 0.8).abs() < 0.05, "{lowered}");
        assert_eq!(notes, [format!("moved down by {lowered:.2} m, to stand on the floor")]);
        let text = write_bvh(&walk(), &skeleton).replace("L_hip", "LeftHip");
        let on_floor = load_bvh(text.as_bytes(), "other.bvh", &skeleton).unwrap();
        assert!(on_floor.notes.is_empty(), "{:?}", on_floor.notes);
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut refused = vec![(folder.path().to_owned(), "it is a folder")];
        if cfg!(unix) {
            refused.push(("/dev/null".into(), "it is a device or a pipe"));
        }
        for (path, problem) in refused {
            let error = load(&path, &Skeleton::default()).unwrap_err();
            let source = error.source().unwrap().to_string();
            assert!(source.starts_with(problem), "{error}: {source}");
        }
    }

    #[test]
    fn contents_say_what_a_file_is_and_not_its_ending() {
        let (folder, skeleton) = (tempfile::tempdir().unwrap(), Skeleton::default());
        for format in MotionFormat::ALL {
            for ending in ["npz", "bvh", "glb", "vrma", "amc", "jsonl", "txt"] {
                let file = folder.path().join("walk").with_extension(ending);
                format.save(&file, &walk(), &skeleton).unwrap();
                let Loaded { clip, .. } = load(&file, &skeleton).unwrap();
                assert_eq!((clip.rate_hz, clip.frames.len()), (60.0, 40), "{format:?} .{ending}");
            }
            let file = folder.path().join("walk");
            format.save(&file, &walk(), &skeleton).unwrap();
            assert_eq!(load(&file, &skeleton).unwrap().clip.frames.len(), 40, "no ending");
        }
    }

    #[test]
    fn contents_that_are_not_read_are_named() {
        let folder = tempfile::tempdir().unwrap();
        for (contents, ending, problem) in [
            (&b""[..], "bvh", "is empty; motion is read from BVH"),
            (b"once upon a time", "bvh", "is of an unknown kind; motion is read from BVH"),
            (b"\0\0\0\0", "glb", "is of an unknown kind"),
            (b"; FBX 7.4.0 project file", "fbx", "an FBX file"),
            (b"Kaydara FBX Binary  \0", "bvh", "an FBX file"),
            (b":version 1.10\n:name x", "asf", "an ASF file, the skeleton of the .amc files"),
            (b"\x93NUMPY\x01\0", "npz", "a single NumPy array"),
            (b"\xff\xfeH\0I\0E\0R\0", "bvh", "text in UTF-16"),
            (b"[1, 2]", "json", "is JSON"),
            (b"{\"poses\": []}", "json", "there are no nodes"),
            (b"{\"poses\": [", "json", "not a glTF file"),
            (b"PK\x05\x06", "npz", "not a whole .npz"),
            (b"glTF\x01\0\0\0", "glb", "of another version"),
            (b":RADIANS\n", "txt", "whose skeleton is an .asf file beside it"),
            (b"HIERARCHY\nROOT", "npz", "line 2: the file ends"),
        ] {
            let file = folder.path().join("motion").with_extension(ending);
            fs::write(&file, contents).unwrap();
            let error = load(&file, &Skeleton::default()).unwrap_err();
            let sources = std::iter::successors(error.source(), |error| (*error).source());
            let text = sources.fold(error.to_string(), |text, it| format!("{text}: {it}"));
            assert!(text.contains(problem) && text.contains("motion."), "{text}: {problem}");
            fs::remove_file(file).unwrap();
        }
    }

    #[test]
    fn recordings_are_read_where_they_have_bodies_and_said_to_have_none_elsewhere() {
        let (folder, skeleton, walk) = (tempfile::tempdir().unwrap(), Skeleton::default(), walk());
        let file = folder.path().join("game.jsonl");
        let mut text = "{\"kinest_recording\":1,\"trackers\":\"HeadAndHands\"}\n".to_owned();
        for (k, frame) in walk.frames.iter().enumerate() {
            let (time, pose) = (k as f64 / 60.0, Pose::from(frame));
            text += &serde_json::json!({"time": time, "trackers": [], "pose": pose}).to_string();
            text += "\n";
        }
        fs::write(&file, &text).unwrap();
        let Loaded { clip, map, .. } = load(&file, &skeleton).unwrap();
        assert_eq!((clip.rate_hz, clip.frames.len(), map.is_none()), (60.0, 40, true));
        for (a, b) in walk.frames.iter().zip(&clip.frames) {
            assert!(a.translation.distance(b.translation) < 1e-9);
        }
        fs::write(&file, text.replace("\"pose\"", "\"thought\"")).unwrap();
        let error = load(&file, &skeleton).unwrap_err().to_string();
        assert!(error.contains("game.jsonl is a recording of trackers, without a body"), "{error}");

        let file = folder.path().join("game.npz");
        let frame = |(k, frame): (usize, &ClipFrame)| {
            let joints = skeleton.pose_joints(&Pose::from(frame));
            TrackerFrame::from_joints(TrackerSet::HeadAndHands, k as f64 / 60.0, &joints)
        };
        let frames: Vec<TrackerFrame> = walk.frames.iter().enumerate().map(frame).collect();
        headset::save(&file, &frames, 60.0).unwrap();
        let error = load(&file, &skeleton).unwrap_err().to_string();
        assert!(error.contains("headset") && error.contains("`headset_replay`"), "{error}");
    }
}
