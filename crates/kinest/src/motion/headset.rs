//! Recordings of a headset and two controllers without a body: `.npz`, a zip of NumPy arrays.
//!
//! | array | shape | contents |
//! |---|---|---|
//! | `fps` | one number | frames per second |
//! | `time` | `[frames]` | seconds; optional if `fps` is present |
//! | `head_pos`, `left_pos`, `right_pos` | `[frames, 3]` | metres, OpenXR axes (y up, −z forward) |
//! | `head_quat_xyzw`, `left_quat_xyzw`, `right_quat_xyzw` | `[frames, 4]` | world-from-device rotation |
//!
//! A zero quaternion, which some runtimes report for a device they do not see, means that the
//! device is not tracked, and so does a pose with a number that is not finite. A frame whose time is not finite lies
//! between its neighbours, and nothing is tracked in it; before the first time and after the last one it is left out.
//! Other arrays are ignored.

use super::amass::{MotionError, RATES};
use super::npy;
use super::npz::{ArrayError, NpzArchive};
use crate::coordinates::{
    amass_from_engine_point, amass_from_engine_rotation, engine_from_amass_point,
    engine_from_amass_rotation,
};
use crate::files::write_atomically;
use crate::rotation::quat_from_matrix;
use crate::tracker::{TrackerFrame, TrackerPose};
use glam::{DMat3, DVec3, Quat, Vec3};
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, Write};
use std::path::Path;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Names of the arrays of head, left hand and right hand.
const ARRAYS: [[&str; 2]; 3] = [
    ["head_pos", "head_quat_xyzw"],
    ["left_pos", "left_quat_xyzw"],
    ["right_pos", "right_quat_xyzw"],
];

/// A quaternion with a smaller squared length counts as zero.
const LENGTH_SQUARED: f32 = 1e-6;

/// What is in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Devices {
    /// Headset, left and right controller in AMASS space. A
    /// [`Calibration`](crate::calibration::Calibration) maps them to joints.
    pub frames: Vec<TrackerFrame>,
    /// For each of them, in how many frames of the file its pose or the time was not finite. It is lost there.
    pub not_finite: [usize; 3],
}

/// Reads the file at `path`.
///
/// # Errors
/// If the file cannot be read or is not a `.npz` archive; if an array is missing or does not have
/// the shape in [the table](self); if there are no frames, times that
/// do not increase, or neither times nor a rate; if numbers that are not finite leave nothing that is tracked.
pub fn load(path: impl AsRef<Path>) -> Result<Devices, MotionError> {
    let path = path.as_ref();
    let file =
        File::open(path).map_err(|source| MotionError::Read { path: path.into(), source })?;
    read(BufReader::new(file), path)
}

/// [`load`] from any source; `name` stands for the path in errors.
///
/// # Errors
/// As [`load`].
pub fn read(source: impl Read + Seek, name: impl AsRef<Path>) -> Result<Devices, MotionError> {
    let name = name.as_ref();
    let mut archive = NpzArchive::new(source)
        .map_err(|source| MotionError::Archive { path: name.into(), source })?;
    let fault = |field, problem| MotionError::Field { path: name.into(), field, problem };
    let in_file = |ArrayError { field, problem }: ArrayError| fault(field, problem);

    let mut points = Vec::with_capacity(ARRAYS.len());
    for [position, rotation] in ARRAYS {
        let (_, positions) = archive
            .array(position, |shape| match *shape {
                [_, 3] => None,
                _ => Some("[frames, 3]"),
            })
            .map_err(in_file)?;
        let (_, rotations) = archive
            .array(rotation, |shape| match *shape {
                [_, 4] => None,
                _ => Some("[frames, 4]"),
            })
            .map_err(in_file)?;
        points.push((positions, rotations));
    }
    let frames = points[0].0.len() / 3;
    for ([position, rotation], (positions, rotations)) in ARRAYS.into_iter().zip(&points) {
        for (field, count) in [(position, positions.len() / 3), (rotation, rotations.len() / 4)] {
            if count != frames {
                let problem = format!("{count} frames, but `{}` has {frames}", ARRAYS[0][0]);
                return Err(fault(field, problem));
            }
        }
    }
    if frames == 0 {
        return Err(fault(ARRAYS[0][0], "0 frames".into()));
    }
    let times = if archive.has("time") {
        let one_axis = |shape: &[u64]| (shape.len() != 1).then_some("[frames]");
        let (_, times) = archive.array("time", one_axis).map_err(in_file)?;
        if times.len() != frames {
            let problem = format!("{} frames, but `{}` has {frames}", times.len(), ARRAYS[0][0]);
            return Err(fault("time", problem));
        }
        times
    } else {
        let one = |shape: &[u64]| (!shape.iter().all(|s| *s == 1)).then_some("one number");
        let (_, rate) = archive.array("fps", one).map_err(in_file)?;
        if !RATES.contains(&rate[0]) {
            let (low, high) = (RATES.start(), RATES.end());
            let problem = format!("{} is not a frame rate from {low} to {high} Hz", rate[0]);
            return Err(fault("fps", problem));
        }
        (0..frames).map(|frame| frame as f64 / rate[0]).collect()
    };

    let placed = placed(&times);
    let mut last = f64::NEG_INFINITY;
    for (frame, time) in placed.iter().enumerate().filter_map(|(i, time)| Some((i, (*time)?))) {
        // Times of which one is huge have no middle.
        if time <= last || !time.is_finite() {
            return Err(fault("time", format!("frame {frame}: {time} s does not rise")));
        }
        last = time;
    }

    // Last tracked pose of each device, held during a dropout.
    let mut seen = [TrackerPose::new(DVec3::ZERO, DMat3::IDENTITY).lost(); 3];
    let mut not_finite = [0; 3];
    let mut found = Vec::with_capacity(frames);
    for (frame, time) in placed.into_iter().enumerate() {
        for (k, (pose, (positions, rotations))) in seen.iter_mut().zip(&points).enumerate() {
            let [x, y, z] = [0, 1, 2].map(|i| positions[3 * frame + i] as f32);
            let rotation = Quat::from_array([0, 1, 2, 3].map(|i| rotations[4 * frame + i] as f32));
            let position = Vec3::new(x, y, z);
            let is_finite =
                times[frame].is_finite() && position.is_finite() && rotation.is_finite();
            not_finite[k] += usize::from(!is_finite);
            *pose = if !is_finite || rotation.length_squared() < LENGTH_SQUARED {
                pose.lost()
            } else {
                TrackerPose::new(
                    amass_from_engine_point(position),
                    DMat3::from_quat(amass_from_engine_rotation(rotation)),
                )
            };
        }
        found.extend(time.map(|time| TrackerFrame::new(time, seen.to_vec())));
    }
    let is_tracked = |frame: &TrackerFrame| frame.poses.iter().any(|pose| pose.tracked);
    if not_finite != [0; 3] && !found.iter().any(is_tracked) {
        let field = if found.is_empty() { "time" } else { ARRAYS[0][0] };
        return Err(fault(field, "nothing is tracked in a frame whose numbers are finite".into()));
    }
    Ok(Devices { frames: found, not_finite })
}

/// Times of frames; one that is not finite lies evenly between its neighbours, or is `None` before the first and after
/// the last that is.
pub(crate) fn placed(times: &[f64]) -> Vec<Option<f64>> {
    let mut placed: Vec<_> = times.iter().map(|time| time.is_finite().then_some(*time)).collect();
    let known: Vec<usize> = (0..times.len()).filter(|i| times[*i].is_finite()).collect();
    for pair in known.windows(2) {
        let [from, to] = [pair[0], pair[1]];
        let step = (times[to] - times[from]) / (to - from) as f64;
        for (time, steps) in placed[from + 1..to].iter_mut().zip(1..) {
            *time = Some(times[from] + f64::from(steps) * step);
        }
    }
    placed
}

/// Writes a file that [`load`] reads, atomically. `devices` are in AMASS space; each device's own
/// axes have −z forward and y up.
///
/// # Errors
/// If the file cannot be written.
///
/// # Panics
/// If a frame does not have three poses.
pub fn save(
    path: impl AsRef<Path>,
    devices: &[TrackerFrame],
    rate_hz: f64,
) -> Result<(), MotionError> {
    let path = path.as_ref();
    let mut bytes = Cursor::new(vec![]);
    write(&mut bytes, devices, rate_hz)
        .and_then(|()| write_atomically(path, bytes.get_ref()))
        .map_err(|source| MotionError::Write { path: path.into(), source })
}

fn write(writer: impl Write + Seek, devices: &[TrackerFrame], rate_hz: f64) -> io::Result<()> {
    let mut archive = ZipWriter::new(writer);
    let mut put = |name: &str, descr: &str, shape: &[usize], data: Vec<u8>| {
        archive.start_file(format!("{name}.npy"), SimpleFileOptions::default())?;
        npy::write(&mut archive, descr, shape, &data)
    };
    let frames = devices.len();
    put("fps", "<f8", &[], rate_hz.to_le_bytes().to_vec())?;
    let times = devices.iter().flat_map(|frame| frame.time.to_le_bytes());
    put("time", "<f8", &[frames], times.collect())?;
    for (k, [position, rotation]) in ARRAYS.into_iter().enumerate() {
        let poses = || devices.iter().map(|frame| frame.poses[k]);
        let place = |pose: TrackerPose| engine_from_amass_point(pose.position).to_array();
        let positions = poses().flat_map(place).flat_map(f32::to_le_bytes);
        put(position, "<f4", &[frames, 3], positions.collect())?;
        let turn = |pose: TrackerPose| match pose.tracked {
            true => engine_from_amass_rotation(quat_from_matrix(pose.rotation)).to_array(),
            false => [0.0; 4],
        };
        let rotations = poses().flat_map(turn).flat_map(f32::to_le_bytes);
        put(rotation, "<f4", &[frames, 4], rotations.collect())?;
    }
    archive.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracker::DeviceFromJoint;
    use glam::DQuat;
    use std::f64::consts::FRAC_PI_2;

    fn devices() -> Vec<TrackerFrame> {
        let frame = |i: i32| {
            let pose = |k: f64| {
                let turn = DQuat::from_rotation_z(0.1 * f64::from(i) + k);
                TrackerPose::new(DVec3::new(f64::from(i), k, 1.5), DMat3::from_quat(turn))
            };
            let mut poses = vec![pose(0.0), pose(1.0), pose(2.0)];
            if i == 2 {
                poses[1] = poses[1].lost();
            }
            TrackerFrame::new(f64::from(i) / 90.0, poses)
        };
        (0..4).map(frame).collect()
    }

    fn archive(without: &str, other: Option<(&str, &[usize], Vec<f64>)>) -> Vec<u8> {
        let mut out = ZipWriter::new(Cursor::new(vec![]));
        let mut put = |name: &str, shape: &[usize], values: &[f64]| {
            out.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
            let data: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            npy::write(&mut out, "<f8", shape, &data).unwrap();
        };
        if let Some((name, shape, values)) = &other {
            put(name, shape, values);
        }
        let absent = |name: &str| name != without && other.as_ref().is_none_or(|o| o.0 != name);
        for name in ARRAYS.into_iter().flatten().filter(|name| absent(name)) {
            let width = if name.ends_with("pos") { 3 } else { 4 };
            put(name, &[2, width], &vec![0.5; 2 * width]);
        }
        if absent("fps") {
            put("fps", &[], &[60.0]);
        }
        out.finish().unwrap().into_inner()
    }

    fn read_bytes(bytes: &[u8]) -> Result<Devices, MotionError> {
        read(Cursor::new(bytes), "some/game.npz")
    }

    #[test]
    fn a_saved_recording_loads_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("game.npz");
        save(&path, &devices(), 90.0).unwrap();
        let back = load(&path).unwrap().frames;
        assert_eq!(back.len(), 4);
        for (a, b) in devices().iter().zip(&back) {
            assert_eq!(a.time, b.time);
            for (k, (a, b)) in a.poses.iter().zip(&b.poses).enumerate() {
                assert_eq!(a.tracked, b.tracked);
                if a.tracked {
                    assert!(a.position.distance(b.position) < 1e-6, "{k}");
                    assert!(a.rotation.abs_diff_eq(b.rotation, 1e-6), "{k}");
                }
            }
        }
        assert_eq!(back[2].poses[1], back[1].poses[1].lost(), "what is lost stays where it was");
    }

    #[test]
    fn joints_follow_from_the_loaded_devices() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("game.npz");
        // Looking along −z of OpenXR, which is +y in AMASS space.
        let ahead = TrackerPose::new(DVec3::Z * 1.7, DMat3::from_rotation_x(FRAC_PI_2));
        save(&path, &[TrackerFrame::new(0.0, vec![ahead; 3])], 60.0).unwrap();
        let head = DeviceFromJoint::of_view().joint(&load(&path).unwrap().frames[0].poses[0]);
        assert!(head.position.abs_diff_eq(DVec3::new(0.0, -0.1, 1.62), 1e-6), "{}", head.position);
        let (forward, up) = (head.rotation * DVec3::Z, head.rotation * DVec3::Y);
        assert!(forward.abs_diff_eq(DVec3::Y, 1e-6) && up.abs_diff_eq(DVec3::Z, 1e-6), "{forward}");
    }

    #[test]
    fn without_times_the_rate_gives_the_times() {
        let frames = read_bytes(&archive("", None)).unwrap().frames;
        assert_eq!(frames[1].time, 1.0 / 60.0);
    }

    #[test]
    fn rows_that_are_no_numbers_are_lost_and_counted() {
        let row = [0.0, 0.0, 0.0, 1.0, f64::NAN, 0.0, 0.0, 1.0];
        let other = Some(("right_quat_xyzw", &[2, 4][..], row.to_vec()));
        let devices = read_bytes(&archive("", other)).unwrap();
        assert_eq!(devices.not_finite, [0, 0, 1]);
        let [first, second] = &devices.frames[..] else { panic!("two frames") };
        assert!(first.poses[2].tracked && second.poses[1].tracked);
        assert_eq!(second.poses[2], first.poses[2].lost());
        let other = Some(("head_pos", &[2, 3][..], vec![f64::INFINITY; 6]));
        assert_eq!(read_bytes(&archive("", other)).unwrap().not_finite, [2, 0, 0]);
    }

    /// The first frame has no time, the third one lies between its neighbours.
    #[test]
    fn moments_without_a_time_are_lost_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("game.npz");
        let mut devices = devices();
        devices[0].time = f64::NAN;
        devices[2].time = f64::INFINITY;
        save(&path, &devices, 90.0).unwrap();
        let back = load(&path).unwrap();
        assert_eq!(back.not_finite, [2; 3]);
        let [first, lost, last] = &back.frames[..] else { panic!("{} frames", back.frames.len()) };
        for (frame, time) in [(first, 1.0), (lost, 2.0), (last, 3.0)] {
            assert!((frame.time - time / 90.0).abs() < 1e-12, "{}", frame.time);
        }
        assert!(first.poses.iter().chain(&last.poses).all(|pose| pose.tracked));
        for (before, pose) in first.poses.iter().zip(&lost.poses) {
            assert_eq!(*pose, before.lost());
        }
    }

    #[test]
    fn a_file_in_which_nothing_is_left_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("game.npz");
        let refused = |spoil: &dyn Fn(&mut TrackerFrame)| {
            let mut devices = devices();
            devices.iter_mut().for_each(spoil);
            save(&path, &devices, 90.0).unwrap();
            load(&path).unwrap_err().to_string()
        };
        let timeless = refused(&|frame| frame.time = f64::NAN);
        assert!(timeless.contains("`time`: nothing is tracked"), "{timeless}");
        let placeless =
            refused(&|frame| frame.poses.iter_mut().for_each(|p| p.position.x = f64::NAN));
        assert!(placeless.contains("`head_pos`: nothing is tracked"), "{placeless}");
        // Whoever records without devices has a recording without devices.
        let mut unseen = devices();
        unseen.iter_mut().flat_map(|f| &mut f.poses).for_each(|pose| *pose = pose.lost());
        save(&path, &unseen, 90.0).unwrap();
        assert_eq!(load(&path).unwrap().not_finite, [0; 3]);
    }

    #[test]
    fn errors_name_the_bad_field() {
        for (without, other, field, expected) in [
            ("left_pos", None, "left_pos", "missing"),
            ("fps", None, "fps", "missing"),
            ("", Some(("fps", &[][..], vec![0.0])), "fps", "0 is not a frame rate"),
            ("", Some(("head_pos", &[2, 4], vec![0.0; 8])), "head_pos", "[2, 4]"),
            ("", Some(("head_pos", &[0, 3], vec![])), "head_quat_xyzw", "2 frames"),
            ("", Some(("time", &[2], vec![f64::NAN; 2])), "time", "nothing is tracked"),
            ("", Some(("time", &[2], vec![1.0, 1.0])), "time", "frame 1"),
            ("", Some(("time", &[1], vec![1.0])), "time", "1 frames"),
        ] {
            let message = read_bytes(&archive(without, other)).unwrap_err().to_string();
            for part in ["some/game.npz", &format!("`{field}`"), expected] {
                assert!(message.contains(part), "{message:?} does not say {part:?}");
            }
        }
        let whole = archive("", None);
        let cut = read_bytes(&whole[..whole.len() / 2]).unwrap_err();
        assert!(matches!(cut, MotionError::Archive { .. }), "{cut}");
    }
}
