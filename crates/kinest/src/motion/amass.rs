//! AMASS motion files and those of other programs that work with SMPL: `.npz`, a zip of NumPy
//! arrays.
//!
//! | array | shape | contents |
//! |---|---|---|
//! | `poses` | `[frames, 66, 72, 156 or 165]` | axis-angles; the first 66 numbers are SMPL's 22 body joints in all four layouts (body only, SMPL, SMPL-H, SMPL-X) |
//! | or `root_orient` or `global_orient`, | `[frames, 3]` | axis-angle of the root |
//! | with `pose_body` or `body_pose` | `[frames, 63 or 69]` | axis-angles of the joints below it; the first 63 numbers are SMPL's 21 |
//! | `trans` or `transl` | `[frames, 3]` | root translation, metres, z up |
//! | `mocap_framerate`, `mocap_frame_rate`, `mocap_fps`, `fps`, `frame_rate` or `framerate` | one number | frames per second |
//!
//! Numbers of a frame may also be shaped `[joints, 3]`, and axes of size 1 do not matter. They are
//! floats of 16, 32 or 64 bits or integers, of either byte order, in either memory order. Other
//! arrays are ignored, whatever they hold: shape, gender, hands and face. Pickled objects are never
//! opened.

use super::clip::{ClipFrame, MotionClip};
use super::foreign;
use super::layouts::{self, Fault, Rotations};
use super::npy;
use super::npz::{ArrayError, NpzArchive};
use crate::files::write_atomically;
use crate::skeleton::SmplJoint;
use glam::DVec3;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Names of the arrays that say the frame rate.
pub const RATE_FIELDS: [&str; 6] = layouts::RATE;

/// Numbers per frame of `poses` when writing: SMPL-H, as in AMASS.
const WRITTEN_WIDTH: usize = 156;

/// A rate outside this range is a typing error, and resampling to it could fill the memory.
pub(super) const RATES: std::ops::RangeInclusive<f64> = 1.0..=10_000.0;

/// Why a motion file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MotionError {
    /// The file cannot be opened.
    #[error("cannot read motion file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// The file has another format.
    #[error(
        "motion file {path} is {kind}, but motion is read from .npz: a zip of NumPy arrays with \
         `poses`, `trans` and `mocap_framerate`"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The format.
        kind: &'static str,
    },
    /// The file is not a zip archive, or is truncated.
    #[error("motion file {path} is not a whole .npz (zip) archive")]
    Archive {
        /// The file.
        path: PathBuf,
        /// The archive reader's error.
        #[source]
        source: zip::result::ZipError,
    },
    /// An array is missing or has invalid contents.
    #[error("motion file {path}, field `{field}`: {problem}")]
    Field {
        /// The file.
        path: PathBuf,
        /// Name of the array.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The file cannot be written.
    #[error("cannot write motion file {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
}

/// Reads the clip in the file at `path`.
///
/// # Errors
/// If the file cannot be read or is not a `.npz` archive; if an array is missing or does not have
/// the shape in [the table](self), with the arrays that the file has; if there are fewer than two
/// frames (no velocity), a number that is not finite, or a rate outside 1 to 10000 Hz.
pub fn load(path: impl AsRef<Path>) -> Result<MotionClip, MotionError> {
    let path = path.as_ref();
    let file =
        File::open(path).map_err(|source| MotionError::Read { path: path.into(), source })?;
    read(BufReader::new(file), path)
}

/// Reads a clip from any source; `name` stands for the path in errors.
///
/// # Errors
/// As [`load`].
pub fn read(
    mut source: impl Read + Seek,
    name: impl AsRef<Path>,
) -> Result<MotionClip, MotionError> {
    let path = name.as_ref();
    if let Some(kind) =
        kind(&mut source).map_err(|source| MotionError::Read { path: path.into(), source })?
    {
        return Err(MotionError::Foreign { path: path.into(), kind });
    }
    let mut archive = NpzArchive::new(source)
        .map_err(|source| MotionError::Archive { path: path.into(), source })?;
    if archive.is_pytorch() {
        let kind = "a PyTorch file, whose pickle is never opened";
        return Err(MotionError::Foreign { path: path.into(), kind });
    }
    read_clip(&mut archive).map_err(|fault| {
        let (ArrayError { field, problem }, there) = match fault {
            Fault::Layout(error) => (error, format!("; the file has {}", archive.contents())),
            Fault::Numbers(error) => (error, String::new()),
        };
        MotionError::Field { path: path.into(), field, problem: problem + &there }
    })
}

/// Whether the archive is a clip, complete or not, rather than a recording of devices.
#[must_use]
pub fn is_clip<R: Read + Seek>(archive: &NpzArchive<R>) -> bool {
    layouts::has_rotations(archive)
}

/// What the source is, if it is known and no archive.
fn kind(source: &mut (impl Read + Seek)) -> io::Result<Option<&'static str>> {
    let mut start = vec![];
    source.by_ref().take(foreign::FIRST_BYTES as u64).read_to_end(&mut start)?;
    source.seek(SeekFrom::Start(0))?;
    Ok(foreign::kind(&start))
}

fn read_clip<R: Read + Seek>(archive: &mut NpzArchive<R>) -> Result<MotionClip, Fault> {
    let fault = |field, problem| Err(Fault::Numbers(ArrayError { field, problem }));
    let rotations = Rotations::read(archive)?;
    let trans = layouts::translation(archive, &rotations)?;
    let frames = rotations.frames();
    if frames < 2 {
        let problem = format!("{frames} frames; a motion needs at least 2");
        return fault(rotations.of_root().field, problem);
    }
    let (rate_hz, field) = layouts::rate(archive)?;
    if !RATES.contains(&rate_hz) {
        let (low, high) = (RATES.start(), RATES.end());
        return fault(field, format!("{rate_hz} is not a frame rate from {low} to {high} Hz"));
    }

    let mut clip = MotionClip { rate_hz, frames: Vec::with_capacity(frames) };
    for i in 0..frames {
        let frame = ClipFrame {
            translation: DVec3::from_slice(trans.row(i)),
            rotations: SmplJoint::ALL.map(|j| DVec3::from_slice(rotations.joint(i, j).0)),
        };
        let not_finite = |j: &SmplJoint| !frame.rotations[j.index()].is_finite();
        if let Some(joint) = SmplJoint::ALL.into_iter().find(not_finite) {
            let problem = format!("frame {i}, {}: not a finite number", joint.name());
            return fault(rotations.joint(i, joint).1, problem);
        }
        if !frame.translation.is_finite() {
            return fault(trans.field, format!("frame {i}: not a finite number"));
        }
        clip.frames.push(frame);
    }
    Ok(clip)
}

/// Writes `clip` to the file at `path`, atomically: an existing file is replaced only by a complete
/// one.
///
/// The layout is AMASS's: `f32` `poses` with hands at rest, `trans`, sixteen zero `betas`, `gender`
/// and `mocap_framerate`. `gender` names the body model the clip is meant for: `male`, `female` or
/// `neutral`.
///
/// # Errors
/// If the file cannot be written.
pub fn save(path: impl AsRef<Path>, clip: &MotionClip, gender: &str) -> Result<(), MotionError> {
    let path = path.as_ref();
    let mut bytes = Cursor::new(vec![]);
    write(&mut bytes, clip, gender)
        .and_then(|()| write_atomically(path, bytes.get_ref()))
        .map_err(|source| MotionError::Write { path: path.into(), source })
}

/// [`save`] to any writer.
///
/// # Errors
/// If `writer` fails.
pub fn write(writer: impl Write + Seek, clip: &MotionClip, gender: &str) -> io::Result<()> {
    let f32s = |values: &mut dyn Iterator<Item = f64>| -> Vec<u8> {
        values.flat_map(|v| (v as f32).to_le_bytes()).collect()
    };
    let frames = clip.frames.len();
    let hands = std::iter::repeat_n(0.0, WRITTEN_WIDTH - 3 * SmplJoint::COUNT);
    let pose =
        |f: &ClipFrame| f.rotations.into_iter().flat_map(|a| a.to_array()).chain(hands.clone());
    let gender: Vec<char> = gender.chars().collect();
    let utf32 = gender.iter().flat_map(|c| u32::from(*c).to_le_bytes()).collect();

    let mut archive = ZipWriter::new(writer);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut put = |name: &str, descr: &str, shape: &[usize], data: Vec<u8>| {
        archive.start_file(format!("{name}.npy"), options)?;
        npy::write(&mut archive, descr, shape, &data)
    };
    let poses = f32s(&mut clip.frames.iter().flat_map(pose));
    put("poses", "<f4", &[frames, WRITTEN_WIDTH], poses)?;
    let trans = f32s(&mut clip.frames.iter().flat_map(|f| f.translation.to_array()));
    put("trans", "<f4", &[frames, 3], trans)?;
    put("betas", "<f4", &[16], f32s(&mut [0.0; 16].into_iter()))?;
    put("gender", &format!("<U{}", gender.len()), &[], utf32)?;
    put("mocap_framerate", "<f8", &[], clip.rate_hz.to_le_bytes().to_vec())?;
    archive.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;

    /// An array as saved by NumPy.
    #[derive(Clone)]
    struct Array(&'static str, Vec<usize>, Vec<u8>);

    fn f64s(shape: &[usize], value: impl Fn(usize) -> f64) -> Array {
        let count = shape.iter().product();
        Array("<f8", shape.into(), (0..count).flat_map(|i| value(i).to_le_bytes()).collect())
    }

    fn f32s(shape: &[usize], value: impl Fn(usize) -> f64) -> Array {
        let count = shape.iter().product();
        let data = (0..count).flat_map(|i| (value(i) as f32).to_le_bytes()).collect();
        Array("<f4", shape.into(), data)
    }

    /// Numbers that `f32` cannot represent.
    fn number(i: usize) -> f64 {
        (i as f64 * 0.7).sin() + 1e-12
    }

    fn rate(hz: f64) -> Array {
        f64s(&[], |_| hz)
    }

    type Arrays = Vec<(&'static str, Array)>;

    fn good(width: usize) -> Arrays {
        vec![
            (
                "gender",
                Array(
                    "<U4",
                    vec![],
                    "male".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
                ),
            ),
            ("markers", Array("|O", vec![3], b"a pickle nobody opens".into())),
            ("poses", f64s(&[4, width], number)),
            ("trans", f64s(&[4, 3], number)),
            ("mocap_framerate", rate(120.000_045_776_367_19)),
        ]
    }

    fn with(mut arrays: Arrays, name: &'static str, array: Option<Array>) -> Arrays {
        arrays.retain(|(n, _)| *n != name);
        arrays.extend(array.map(|array| (name, array)));
        arrays
    }

    fn npz(arrays: &Arrays, method: CompressionMethod) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(vec![]));
        for (name, Array(descr, shape, data)) in arrays {
            let options = SimpleFileOptions::default().compression_method(method);
            archive.start_file(format!("{name}.npy"), options).unwrap();
            npy::write(&mut archive, descr, shape, data).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    fn read_bytes(bytes: &[u8]) -> Result<MotionClip, MotionError> {
        read(Cursor::new(bytes), "some/clip.npz")
    }

    fn read_arrays(arrays: &Arrays) -> Result<MotionClip, MotionError> {
        read_bytes(&npz(arrays, CompressionMethod::Deflated))
    }

    #[test]
    fn all_layouts_are_read_in_full_precision_stored_or_deflated() {
        for width in [66, 156, 165] {
            for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
                let clip = read_bytes(&npz(&good(width), method)).unwrap();
                assert_eq!((clip.frames.len(), clip.rate_hz), (4, 120.000_045_776_367_19));
                let wrist = clip.frames[2].rotations[SmplJoint::RightWrist.index()];
                assert_eq!(wrist.z, number(2 * width + 65));
                assert_eq!(clip.frames[3].translation.x, number(9));
            }
        }
    }

    #[test]
    fn rates_are_read_under_both_names_in_every_type() {
        let i64s = |v: i64| Array("<i8", vec![], v.to_le_bytes().into());
        for (name, array, hz) in [
            ("mocap_framerate", f64s(&[1], |_| 59.94), 59.94),
            ("mocap_framerate", f32s(&[], |_| 100.0), 100.0),
            ("mocap_frame_rate", rate(30.0), 30.0),
            ("mocap_frame_rate", i64s(60), 60.0),
        ] {
            let arrays = with(with(good(165), "mocap_framerate", None), name, Some(array));
            assert_eq!(read_arrays(&arrays).unwrap().rate_hz, hz);
        }
    }

    /// Every error names the file and the field.
    #[test]
    fn errors_name_the_bad_field() {
        let at = |bad: usize, value: f64| move |i| if i == bad { value } else { 0.1 };
        let cases: Vec<(&str, Option<Array>, &str)> = vec![
            ("poses", None, "missing"),
            ("trans", None, "missing"),
            ("mocap_framerate", None, "mocap_frame_rate"),
            ("poses", Some(f64s(&[4, 71], number)), "[4, 71]"),
            ("poses", Some(f64s(&[624], number)), "[624]"),
            ("poses", Some(f64s(&[4, 3, 52], number)), "[4, 3, 52]"),
            ("poses", Some(f64s(&[4, 156], at(156 * 2 + 13, f64::NAN))), "frame 2, L_knee"),
            ("poses", Some(f32s(&[4, 156], at(0, f64::INFINITY))), "frame 0, pelvis"),
            ("poses", Some(f64s(&[4, 156], at(3, 1.0))), ""),
            ("poses", Some(f64s(&[0, 156], number)), "0 frames"),
            ("poses", Some(f64s(&[1, 156], number)), "1 frames"),
            ("poses", Some(Array("|O", vec![4, 156], vec![])), "|O"),
            ("poses", Some(Array("<f8", vec![1 << 40, 156], vec![])), "absurdly large"),
            ("poses", Some(Array("<f8", vec![4, 156], vec![0; 99])), "too early"),
            ("trans", Some(f64s(&[4, 4], number)), "[4, 4]"),
            ("trans", Some(f64s(&[3, 3], number)), "3 frames, but `poses` has 4"),
            ("trans", Some(f64s(&[4, 3], at(5, f64::NEG_INFINITY))), "frame 1"),
            ("mocap_framerate", Some(rate(0.0)), "0 is not"),
            ("mocap_framerate", Some(rate(-60.0)), "-60 is not"),
            ("mocap_framerate", Some(rate(f64::NAN)), "NaN is not"),
            ("mocap_framerate", Some(rate(1e-9)), "is not a frame rate"),
            ("mocap_framerate", Some(f64s(&[2], number)), "[2]"),
        ];
        for (field, array, expected) in cases {
            let mut arrays = with(good(156), field, array);
            if expected.contains(" frames") && field == "poses" {
                let frames = expected[..1].parse().unwrap();
                arrays = with(arrays, "trans", Some(f64s(&[frames, 3], number)));
            }
            let result = read_arrays(&arrays);
            if expected.is_empty() {
                result.unwrap();
                continue;
            }
            let message = result.unwrap_err().to_string();
            assert!(message.contains("some/clip.npz"), "{message}");
            assert!(message.contains(&format!("`{field}`")), "{message}");
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
    }

    /// A truncated file gives an error, never a panic or half a clip.
    #[test]
    fn a_file_cut_anywhere_is_refused() {
        let whole = npz(&good(66), CompressionMethod::Deflated);
        for length in (0..whole.len()).step_by(7) {
            let message = read_bytes(&whole[..length]).unwrap_err().to_string();
            assert!(message.contains("some/clip.npz"), "{message}");
        }
    }

    #[test]
    fn corrupted_data_is_refused() {
        let mut bytes = npz(&good(156), CompressionMethod::Stored);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        assert!(read_bytes(&bytes).unwrap_err().to_string().contains("`poses`"));
    }

    #[test]
    fn errors_name_the_missing_or_foreign_file() {
        let missing = load("no/such.npz").unwrap_err();
        assert!(missing.to_string().contains("no/such.npz") && missing.source().is_some());
        let error = read_bytes(b"this is text").unwrap_err();
        assert!(matches!(error, MotionError::Archive { .. }), "{error}");
    }

    #[test]
    fn a_saved_clip_loads_unchanged() {
        let clip = read_arrays(&good(165)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.npz");
        save(&path, &clip, "neutral").unwrap();
        let back = load(&path).unwrap();
        assert_eq!(back.rate_hz, clip.rate_hz);
        for (a, b) in clip.frames.iter().zip(&back.frames) {
            assert!(a.translation.abs_diff_eq(b.translation, 1e-7));
            assert!(a.rotations.iter().zip(&b.rotations).all(|(a, b)| a.abs_diff_eq(*b, 1e-7)));
        }
        let nowhere = save(folder.path().join("no/folder/out.npz"), &clip, "neutral");
        assert!(nowhere.unwrap_err().to_string().contains("folder/out.npz"));
    }
}
