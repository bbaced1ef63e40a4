//! Recordings of trackers, and of the poses made from them.
//!
//! A header line, then one line of JSON per frame: readable with any tool, and complete up to a
//! second before a crash. Numbers are read back bit for bit.

use super::history::{TIME_TOLERANCE, interpolate};
use crate::calibration::Calibration;
use crate::motion::headset::placed;
use crate::skeleton::{PerJoint, Pose};
use crate::tracker::{BodyTrackers, TrackerFrame, TrackerPose, TrackerRole, TrackerSet};
use glam::{DMat3, DQuat, DVec3};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The only format version so far.
const FORMAT: u32 = 1;

/// Maximum part of a recording that is buffered in memory, seconds, and lost if the process is
/// killed.
const UNWRITTEN: f64 = 1.0;

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    kinest_recording: u32,
    trackers: TrackerSet,
}

/// Every other line. A missing field has the value of the previous line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(deserialize_with = "number")]
    time: f64,
    trackers: Vec<Point>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    body: BTreeMap<TrackerRole, Point>,
    #[serde(default, deserialize_with = "body", skip_serializing_if = "Option::is_none")]
    pose: Option<Pose>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    teleported: bool,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    calibration: Option<Option<Calibration>>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    model: Option<Option<String>>,
}

/// Reads `null` as `Some(None)`; only a missing field is `None`.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    value: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// Reads `null` as NaN.
fn number<'de, D: Deserializer<'de>>(value: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or(f64::NAN))
}

/// Reads `null` as the default: unknown.
fn known<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    value: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(value)?.unwrap_or_default())
}

/// A pose whose numbers may be `null`.
#[derive(Deserialize)]
struct Body {
    translation: [Option<f64>; 3],
    rotations: PerJoint<[Option<f64>; 4]>,
}

/// Reads a pose; `null` numbers become NaN.
fn body<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Pose>, D::Error> {
    let number = |number: Option<f64>| number.unwrap_or(f64::NAN);
    let body = Option::<Body>::deserialize(value)?;
    Ok(body.map(|body| Pose {
        translation: DVec3::from_array(body.translation.map(number)),
        rotations: body.rotations.map(|q| DQuat::from_array(q.map(number))),
    }))
}

/// Whether a pose can be shown. Zero quaternions are not rotations.
fn is_pose(pose: &Pose) -> bool {
    pose.is_finite() && pose.rotations.iter().all(|q| q.length_squared() > ZERO)
}

/// Quaternions with a smaller squared length count as zero, which programs write for untracked
/// devices.
const ZERO: f64 = 1e-6;

/// A tracker's pose, in which other programs may write `NaN` or `null`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    #[serde(deserialize_with = "known")]
    position: [Option<f64>; 3],
    #[serde(deserialize_with = "known")]
    rotation: Turn,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    lost: bool,
}

impl Point {
    fn of(pose: &TrackerPose) -> Self {
        let rotation = Turn::Matrix(pose.rotation.to_cols_array().map(Some));
        Self { position: pose.position.to_array().map(Some), rotation, lost: !pose.tracked }
    }

    /// The pose, or the reason for its absence.
    fn pose(&self) -> Result<TrackerPose, NoPose> {
        let position = DVec3::from_array(finite(&self.position).ok_or(NoPose::Nothing)?);
        let rotation = self.rotation.matrix()?;
        Ok(TrackerPose { position, rotation, tracked: !self.lost })
    }
}

/// Why a [`Point`] is not a pose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NoPose {
    /// Numbers that are not finite, or a zero quaternion.
    Nothing,
    NotRotation,
}

fn finite<const N: usize>(numbers: &[Option<f64>; N]) -> Option<[f64; N]> {
    let numbers = numbers.map(|number| number.unwrap_or(f64::NAN));
    numbers.iter().all(|number| number.is_finite()).then_some(numbers)
}

/// Written as a matrix (column by column), because a quaternion would change the last digits. A
/// file written by hand may have quaternions (x, y, z, w) instead.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Turn {
    Quaternion([Option<f64>; 4]),
    Matrix([Option<f64>; 9]),
}

impl Default for Turn {
    /// Unknown.
    fn default() -> Self {
        Self::Quaternion([None; 4])
    }
}

impl Turn {
    /// Maximum deviation of the columns' dot products from those of a rotation.
    const SKEW: f64 = 1e-3;

    fn matrix(&self) -> Result<DMat3, NoPose> {
        match self {
            Self::Quaternion(q) => {
                let q = DQuat::from_array(finite(q).ok_or(NoPose::Nothing)?);
                if q.length_squared() < ZERO {
                    return Err(NoPose::Nothing);
                }
                q.is_normalized().then(|| DMat3::from_quat(q))
            }
            Self::Matrix(m) => {
                let m = DMat3::from_cols_array(&finite(m).ok_or(NoPose::Nothing)?);
                if m == DMat3::ZERO {
                    return Err(NoPose::Nothing);
                }
                let right = m.determinant() > 0.0;
                let straight = (m.transpose() * m).abs_diff_eq(DMat3::IDENTITY, Self::SKEW);
                (right && straight).then_some(m)
            }
        }
        .ok_or(NoPose::NotRotation)
    }
}

/// One moment of a [`Recording`].
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedFrame {
    /// Device poses, as reported.
    pub trackers: TrackerFrame,
    /// The pose that was shown, if recorded.
    pub pose: Option<Pose>,
    /// The whole player was moved since the previous frame.
    pub teleported: bool,
    /// The player's calibration at that time.
    pub calibration: Option<Calibration>,
    /// SHA-256 of the weights of the model that made the poses.
    pub model: Option<String>,
}

impl RecordedFrame {
    /// A frame of device poses only.
    #[must_use]
    pub fn of(trackers: TrackerFrame) -> Self {
        Self { trackers, pose: None, teleported: false, calibration: None, model: None }
    }
}

/// Why a recording could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file could not be read or written.
    #[error("recording {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: std::io::Error,
    },
    /// A line is invalid.
    #[error("recording {path}, line {line}: {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// Tracker frames in order of time, at least one. AMASS space, metres.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    frames: Vec<RecordedFrame>,
    not_finite: usize,
}

impl Recording {
    /// Reads a recording from a file. A last line that ends in the middle, as after a crash, is left out.
    ///
    /// A tracker whose pose is not finite, or whose rotation is a zero quaternion, is lost in that
    /// frame; a body with such a pose keeps its previous pose. A frame whose time is not finite is
    /// placed between its neighbours with all trackers lost; before the first and after the last
    /// valid time it is dropped. [`not_finite`](Self::not_finite) counts such poses.
    ///
    /// # Errors
    /// If it cannot be read or is not a recording; the error names the line. If numbers that are not finite leave no
    /// tracker in any frame.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let path = path.as_ref();
        let file = File::open(path)
            .map_err(|source| RecordingError::File { path: path.into(), source })?;
        Self::read(BufReader::new(file), path)
    }

    /// Reads a recording from any source; `name` stands for the path in errors.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn read(mut source: impl BufRead, name: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let path = name.as_ref();
        let file_error = |source| RecordingError::File { path: path.into(), source };
        let bad = |line, problem: String| RecordingError::Line { path: path.into(), line, problem };
        let mut text = String::new();
        if source.read_line(&mut text).map_err(file_error)? == 0 {
            return Err(bad(1, "the file is empty".into()));
        }
        let header: Header =
            serde_json::from_str(&text).map_err(|error| bad(1, error.to_string()))?;
        if header.kinest_recording != FORMAT {
            let found = header.kinest_recording;
            return Err(bad(1, format!("format {FORMAT} expected, found {found}")));
        }
        let mut frames: Vec<RecordedFrame> = Vec::new();
        let (mut newest, mut not_finite) = (f64::NEG_INFINITY, 0);
        for line in 2.. {
            text.clear();
            if source.read_line(&mut text).map_err(file_error)? == 0 {
                break;
            }
            // JSON has no literals for these, but Python writes them.
            for word in ["NaN", "-Infinity", "Infinity"] {
                if text.contains(word) {
                    text = text.replace(word, "null");
                }
            }
            let parsed: Line = match serde_json::from_str(&text) {
                Ok(parsed) => parsed,
                // The game ended, or the disk was full, in the middle of the line.
                Err(error) if error.is_eof() && !text.ends_with('\n') && !frames.is_empty() => {
                    break;
                }
                Err(error) => return Err(bad(line, error.to_string())),
            };
            let expected = header.trackers.roles().len();
            if parsed.trackers.len() != expected {
                let found = parsed.trackers.len();
                return Err(bad(line, format!("{expected} trackers expected, found {found}")));
            }
            if parsed.time <= newest {
                return Err(bad(line, format!("the time {} does not rise", parsed.time)));
            }
            let is_timed = parsed.time.is_finite();
            if is_timed {
                newest = parsed.time;
            }
            // Poses of a frame without a time are unknown.
            let pose_of =
                |point: &Point| if is_timed { point.pose() } else { Err(NoPose::Nothing) };
            let before = frames.last();
            let mut poses = Vec::with_capacity(expected);
            for (k, point) in parsed.trackers.iter().enumerate() {
                poses.push(match pose_of(point) {
                    Ok(pose) => pose,
                    Err(NoPose::NotRotation) => return Err(bad(line, "a rotation is none".into())),
                    Err(NoPose::Nothing) => {
                        not_finite += 1;
                        let never = TrackerPose::new(DVec3::ZERO, DMat3::IDENTITY);
                        before.map_or(never, |before| before.trackers.poses[k]).lost()
                    }
                });
            }
            let mut trackers = TrackerFrame::new(parsed.time, poses);
            for (role, point) in &parsed.body {
                if TrackerRole::HEAD_AND_HANDS.contains(role) {
                    return Err(bad(line, format!("the {role} is not worn on the body")));
                }
                match pose_of(point) {
                    Ok(pose) => trackers.body.set(*role, pose),
                    Err(NoPose::NotRotation) => {
                        return Err(bad(line, format!("the rotation of the {role} is none")));
                    }
                    Err(NoPose::Nothing) => {
                        not_finite += 1;
                        let last = before.and_then(|before| before.trackers.body.get(*role));
                        last.into_iter().for_each(|last| trackers.body.set(*role, last.lost()));
                    }
                }
            }
            let calibration =
                parsed.calibration.unwrap_or_else(|| before.and_then(|b| b.calibration));
            let model = parsed.model.unwrap_or_else(|| before.and_then(|b| b.model.clone()));
            let pose = match parsed.pose {
                Some(pose) if !is_pose(&pose) => {
                    not_finite += 1;
                    before.and_then(|before| before.pose)
                }
                pose => pose,
            };
            let teleported = parsed.teleported;
            frames.push(RecordedFrame { trackers, pose, teleported, calibration, model });
        }
        if frames.is_empty() {
            return Err(bad(2, "there are no frames".into()));
        }
        let frames = in_time(frames);
        if not_finite > 0 && !frames.iter().any(is_seen) {
            let problem = "from here on no tracker is where and when numbers are finite";
            return Err(bad(2, problem.into()));
        }
        Ok(Self { frames, not_finite })
    }

    /// A recording of frames from elsewhere, such as
    /// [`headset::load`](crate::motion::headset::load).
    ///
    /// `None` if there are no frames, or their times are not strictly increasing.
    #[must_use]
    pub fn of_trackers(frames: Vec<TrackerFrame>) -> Option<Self> {
        let rising = frames.windows(2).all(|pair| pair[0].time < pair[1].time);
        let frames: Vec<_> = frames.into_iter().map(RecordedFrame::of).collect();
        (rising && !frames.is_empty()).then_some(Self { frames, not_finite: 0 })
    }

    /// The same recording, of a player with this calibration in every frame.
    #[must_use]
    pub fn with_calibration(mut self, calibration: Calibration) -> Self {
        self.frames.iter_mut().for_each(|frame| frame.calibration = Some(calibration));
        self
    }

    /// Number of poses in the file, of trackers and bodies, with a number or time that is not
    /// finite, or a zero quaternion.
    #[must_use]
    pub fn not_finite(&self) -> usize {
        self.not_finite
    }

    /// The frames.
    #[must_use]
    pub fn frames(&self) -> &[RecordedFrame] {
        &self.frames
    }

    /// Time from the first frame to the last, seconds.
    #[must_use]
    pub fn duration(&self) -> f64 {
        let [first, .., last] = &self.frames[..] else { return 0.0 };
        last.trackers.time - first.trackers.time
    }

    /// Tracker poses `seconds` after the first frame, interpolated, and held at both ends.
    #[must_use]
    pub fn trackers_at(&self, seconds: f64) -> Vec<TrackerPose> {
        let (before, after, t) = self.around(seconds);
        let pairs = before.trackers.poses.iter().zip(&after.trackers.poses);
        pairs.map(|(a, b)| if t == 0.0 { *a } else { interpolate(a, b, t) }).collect()
    }

    /// The trackers on the body at that time. A tracker that is worn in only one of the two
    /// neighbouring frames has its pose of the earlier frame, or is missing.
    #[must_use]
    pub fn body_at(&self, seconds: f64) -> BodyTrackers {
        let (before, after, t) = self.around(seconds);
        let worn = before.trackers.body.iter().map(|(role, a)| {
            let b = after.trackers.body.get(role).filter(|_| t > 0.0);
            (role, b.map_or(*a, |b| interpolate(a, b, t)))
        });
        worn.collect()
    }

    /// The latest frame up to `seconds` after the first one, and whether its time is exactly that.
    #[must_use]
    pub fn frame_at(&self, seconds: f64) -> (&RecordedFrame, bool) {
        let (before, _, t) = self.around(seconds);
        (before, t == 0.0)
    }

    /// The pose shown at that time, if poses were recorded.
    #[must_use]
    pub fn pose_at(&self, seconds: f64) -> Option<Pose> {
        let (before, after, t) = self.around(seconds);
        Some(before.pose?.interpolate(&after.pose?, t))
    }

    /// The frames before and after a time, and the fraction of the way between them.
    fn around(&self, seconds: f64) -> (&RecordedFrame, &RecordedFrame, f64) {
        let time = self.frames[0].trackers.time + seconds.max(0.0);
        // A time within rounding error of a frame counts as that frame's time.
        let next = self.frames.partition_point(|f| f.trackers.time <= time + TIME_TOLERANCE);
        let before = &self.frames[next.saturating_sub(1)];
        let Some(after) = self.frames.get(next) else { return (before, before, 0.0) };
        let (from, to) = (before.trackers.time, after.trackers.time);
        let t = if time - from < TIME_TOLERANCE { 0.0 } else { (time - from) / (to - from) };
        (before, after, t.clamp(0.0, 1.0))
    }
}

/// The frames with a valid time, or with one interpolated between their neighbours.
fn in_time(mut frames: Vec<RecordedFrame>) -> Vec<RecordedFrame> {
    let times: Vec<f64> = frames.iter().map(|frame| frame.trackers.time).collect();
    let mut placed = placed(&times).into_iter();
    let mut last = f64::NEG_INFINITY;
    frames.retain_mut(|frame| {
        let time = placed.next().flatten();
        // There may be no representable number between two times.
        let Some(time) = time.filter(|time| time.is_finite() && *time > last) else { return false };
        (frame.trackers.time, last) = (time, time);
        true
    });
    frames
}

/// Whether a tracker is tracked in this frame.
fn is_seen(frame: &RecordedFrame) -> bool {
    let body = frame.trackers.body.iter().map(|(_, pose)| pose);
    frame.trackers.poses.iter().chain(body).any(|pose| pose.tracked)
}

/// Writes a [`Recording`] frame by frame.
#[derive(Debug)]
pub struct RecordingWriter {
    path: PathBuf,
    out: BufWriter<File>,
    last: f64,
    /// Time of the newest flushed frame, seconds.
    flushed: f64,
    frames: usize,
    calibration: Option<Calibration>,
    model: Option<String>,
}

impl RecordingWriter {
    /// Creates the file at `path`, replacing an existing one.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn create(path: impl AsRef<Path>, trackers: TrackerSet) -> Result<Self, RecordingError> {
        let path = path.as_ref();
        let file_error = |source| RecordingError::File { path: path.into(), source };
        let out = BufWriter::new(File::create(path).map_err(file_error)?);
        let (last, path) = (f64::NEG_INFINITY, path.into());
        let flushed = last;
        let mut writer =
            Self { path, out, last, flushed, frames: 0, calibration: None, model: None };
        writer.line(&Header { kinest_recording: FORMAT, trackers })?;
        Ok(writer)
    }

    /// Appends a frame. A frame that is not newer than the last, or not finite, is skipped. Once
    /// per second of the recording, all frames are flushed to the operating system, so that a
    /// killed process loses at most one second.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn push(&mut self, frame: &RecordedFrame) -> Result<(), RecordingError> {
        let RecordedFrame { trackers, pose, teleported, calibration, model } = frame;
        if trackers.time <= self.last || !trackers.is_finite() {
            return Ok(());
        }
        self.line(&Line {
            time: trackers.time,
            trackers: trackers.poses.iter().map(Point::of).collect(),
            body: trackers.body.iter().map(|(role, pose)| (role, Point::of(pose))).collect(),
            pose: *pose,
            teleported: *teleported,
            calibration: (self.calibration != *calibration).then_some(*calibration),
            model: (self.model != *model).then(|| model.clone()),
        })?;
        (self.last, self.calibration) = (trackers.time, *calibration);
        self.model.clone_from(model);
        self.frames += 1;
        if trackers.time - self.flushed >= UNWRITTEN {
            self.flush()?;
            self.flushed = trackers.time;
        }
        Ok(())
    }

    /// Number of frames written.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Flushes and closes the file.
    ///
    /// # Errors
    /// If the remaining data cannot be written.
    pub fn finish(mut self) -> Result<(), RecordingError> {
        self.flush()
    }

    fn flush(&mut self) -> Result<(), RecordingError> {
        self.out.flush().map_err(|source| RecordingError::File { path: self.path.clone(), source })
    }

    fn line(&mut self, line: &impl Serialize) -> Result<(), RecordingError> {
        let mut text = serde_json::to_string(line).expect("numbers and structs can be written");
        text.push('\n');
        self.out
            .write_all(text.as_bytes())
            .map_err(|source| RecordingError::File { path: self.path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::{geodesic_angle, quat_from_matrix};
    use crate::skeleton::Skeleton;

    fn frame(time: f64) -> TrackerFrame {
        let pose = |k: f64| {
            let rotation = DMat3::from_quat(DQuat::from_rotation_z(time + k));
            TrackerPose::new(DVec3::new(time, k, 1.0), rotation)
        };
        let mut poses = vec![pose(0.0), pose(1.0), pose(2.0)];
        if (0.2..0.3).contains(&time) {
            poses[1] = poses[1].lost();
        }
        TrackerFrame::new(time, poses)
    }

    #[test]
    fn a_recording_is_read_back_and_interpolated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("walk.trackers.jsonl");
        let mut writer = RecordingWriter::create(&path, TrackerSet::HeadAndHands).unwrap();
        for i in 0..=10 {
            let pose = Pose { translation: DVec3::X * f64::from(i), ..Pose::rest() };
            let trackers = frame(0.05 * f64::from(i));
            writer
                .push(&RecordedFrame { pose: Some(pose), ..RecordedFrame::of(trackers) })
                .unwrap();
        }
        writer.push(&RecordedFrame::of(frame(0.5))).unwrap();
        assert_eq!(writer.frames(), 11, "a frame of the same time is left out");
        writer.finish().unwrap();
        let recording = Recording::load(&path).unwrap();
        assert!((recording.duration() - 0.5).abs() < 1e-12);
        for time in [0.0, 0.05, 0.12, 0.44, 0.5, 0.7] {
            let found = recording.trackers_at(time);
            let wanted = frame(time.min(0.5));
            for (a, b) in found.iter().zip(&wanted.poses) {
                assert!(a.position.distance(b.position) < 1e-9, "{time}");
                let [a, b] = [a, b].map(|pose| quat_from_matrix(pose.rotation));
                assert!(geodesic_angle(a, b) < 1e-6, "{time}");
            }
        }
        assert!(!recording.trackers_at(0.25)[1].tracked && recording.trackers_at(0.25)[0].tracked);
        assert!((recording.pose_at(0.125).unwrap().translation.x - 2.5).abs() < 1e-9);
        let (current, exact) = recording.frame_at(0.1);
        assert!(exact && current.trackers.poses == frame(0.1).poses);
        assert!(!recording.frame_at(0.12).1);
    }

    /// Numbers without a short decimal form, and values that change between frames.
    #[test]
    fn frames_are_read_back_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.trackers.jsonl");
        let calibrations =
            [None, Some(Calibration::of(&Skeleton::default())), None].into_iter().cycle();
        let models = [Some("a".to_owned()), Some("a".to_owned()), None, Some("b".to_owned())];
        let frames: Vec<RecordedFrame> = (0..40)
            .zip(calibrations)
            .zip(models.into_iter().cycle())
            .map(|((i, calibration), model)| {
                let mut pose = Pose::rest();
                for (j, rotation) in pose.rotations.iter_mut().enumerate() {
                    *rotation = DQuat::from_rotation_x(0.1 * f64::from(i) + 0.7 * j as f64);
                }
                RecordedFrame {
                    pose: Some(pose),
                    teleported: i % 7 == 3,
                    calibration,
                    model,
                    ..RecordedFrame::of(frame(f64::from(i) / 77.0))
                }
            })
            .collect();
        let mut writer = RecordingWriter::create(&path, TrackerSet::HeadAndHands).unwrap();
        frames.iter().for_each(|frame| writer.push(frame).unwrap());
        writer.finish().unwrap();
        assert_eq!(Recording::load(&path).unwrap().frames(), frames);
    }

    #[test]
    fn poses_that_are_no_numbers_are_lost_and_counted() {
        let point = |x: &str| format!(r#"{{"position":[{x},0,1],"rotation":[0,0,0,1]}}"#);
        let line = |time: f64, x: [&str; 3], pelvis: &str| {
            let [a, b, c] = x.map(point);
            let pelvis = point(pelvis);
            format!(r#"{{"time":{time},"trackers":[{a},{b},{c}],"body":{{"Pelvis":{pelvis}}}}}"#)
        };
        let text = [
            r#"{"kinest_recording":1,"trackers":"HeadAndHands"}"#.to_owned(),
            line(0.0, ["1", "2", "NaN"], "null"),
            line(1.0, ["3", "null", "4"], "5"),
            line(2.0, ["-Infinity", "6", "7"], "Infinity"),
        ]
        .join("\n");
        let recording = Recording::read(text.as_bytes(), "python.jsonl").unwrap();
        assert_eq!(recording.not_finite(), 5);
        let seen = |i: usize, k: usize| {
            let pose = recording.frames()[i].trackers.poses[k];
            (pose.position.x, pose.tracked)
        };
        assert_eq!([seen(0, 0), seen(0, 2), seen(1, 2)], [(1.0, true), (0.0, false), (4.0, true)]);
        assert_eq!([seen(1, 1), seen(2, 0), seen(2, 1)], [(2.0, false), (3.0, false), (6.0, true)]);
        let pelvis = |i: usize| recording.frames()[i].trackers.body.get(TrackerRole::Pelvis);
        assert!(pelvis(0).is_none() && pelvis(1).unwrap().tracked && !pelvis(2).unwrap().tracked);
    }

    #[test]
    fn moments_without_a_time_and_rotations_of_zeros_are_lost_and_counted() {
        let at = |x: f64| format!(r#"{{"position":[{x},0,1],"rotation":[0,0,0,1]}}"#);
        let line = |time: &str, x: f64, left: &str| {
            format!(r#"{{"time":{time},"trackers":[{0},{left},{0}]}}"#, at(x))
        };
        let head = r#"{"kinest_recording":1,"trackers":"HeadAndHands"}"#.to_owned();
        let read = |lines: &[String]| {
            let text = [&[head.clone()][..], lines].concat().join("\n");
            Recording::read(text.as_bytes(), "python.jsonl")
        };
        let recording = read(&[
            line("null", 0.0, &at(0.0)),
            line("1.0", 1.0, &at(1.0)),
            line("NaN", 2.0, &at(2.0)),
            line("3.0", 3.0, r#"{"position":[7,7,7],"rotation":[0,0,0,0]}"#),
            line("4.0", 4.0, r#"{"position":[7,7,7],"rotation":[0,0,0,0,0,0,0,0,0]}"#),
            line("5.0", 5.0, r#"{"position":null,"rotation":null}"#),
            line("Infinity", 6.0, &at(6.0)),
        ])
        .unwrap();
        assert_eq!(recording.not_finite(), 3 + 3 + 1 + 1 + 1 + 3);
        let seen = |k: usize| -> Vec<(f64, f64, bool)> {
            let trackers = recording.frames().iter().map(|frame| &frame.trackers);
            trackers.map(|t| (t.time, t.poses[k].position.x, t.poses[k].tracked)).collect()
        };
        let head_at = [(1.0, true), (1.0, false), (3.0, true), (4.0, true), (5.0, true)];
        let times = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(
            seen(0),
            times.iter().zip(head_at).map(|(t, (x, s))| (*t, x, s)).collect::<Vec<_>>()
        );
        assert_eq!(seen(1), times.map(|time| (time, 1.0, time == 1.0)));
        assert!(recording.trackers_at(0.5).iter().all(TrackerPose::is_finite));

        // A file without a valid pose.
        let lost = r#"{"position":[7,7,7],"rotation":[0,0,0,0]}"#;
        let unseen = format!(r#"{{"time":1.0,"trackers":[{lost},{lost},{lost}]}}"#);
        for lines in [vec![line("null", 0.0, &at(0.0)); 3], vec![unseen]] {
            let error = read(&lines).unwrap_err().to_string();
            assert!(error.contains("line 2: from here on no tracker"), "{error}");
        }
    }

    #[test]
    fn a_body_whose_pose_is_no_pose_keeps_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("poses.jsonl");
        let mut writer = RecordingWriter::create(&path, TrackerSet::HeadAndHands).unwrap();
        for i in 0..5 {
            let pose = Pose { translation: DVec3::X * f64::from(i), ..Pose::rest() };
            let frame = RecordedFrame::of(frame(f64::from(i)));
            writer.push(&RecordedFrame { pose: Some(pose), ..frame }).unwrap();
        }
        writer.finish().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines[1]["pose"]["translation"][2] = serde_json::Value::Null;
        lines[3]["pose"]["rotations"][4][0] = serde_json::Value::Null;
        lines[4]["pose"]["rotations"][4] = serde_json::json!([0, 0, 0, 0]);
        let lines: Vec<String> = lines.iter().map(serde_json::Value::to_string).collect();
        let recording = Recording::read(lines.join("\n").as_bytes(), "poses.jsonl").unwrap();
        assert_eq!(recording.not_finite(), 3);
        let shown = recording.frames().iter().map(|frame| Some(frame.pose?.translation.x));
        let shown: Vec<Option<f64>> = shown.collect();
        assert_eq!(shown, [None, Some(1.0), Some(1.0), Some(1.0), Some(4.0)]);
        assert!(recording.pose_at(2.5).unwrap().is_finite());
    }

    /// Whenever the game was killed, every complete line is read.
    #[test]
    fn a_recording_cut_anywhere_has_its_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.jsonl");
        let mut writer = RecordingWriter::create(&path, TrackerSet::HeadAndHands).unwrap();
        (0..5).for_each(|i| writer.push(&RecordedFrame::of(frame(f64::from(i)))).unwrap());
        writer.finish().unwrap();
        let whole = std::fs::read(&path).unwrap();
        let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
        let second = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0;
        for end in (second + 1..whole.len()).step_by(7) {
            let cut = Recording::read(&whole[..end], "cut.jsonl").unwrap();
            // A line that lacks only its line break is complete.
            let frames = lines(&whole[..end]) - 1;
            assert!((frames..=frames + 1).contains(&cut.frames().len()), "{end}");
        }
        let mut broken = whole.clone();
        broken[second - 4] = b'!';
        assert!(Recording::read(&broken[..], "cut.jsonl").is_err(), "a fault inside is one");
    }

    /// A killed process does not close the file: it lacks less than a second at any time.
    #[test]
    fn a_recording_is_in_its_file_while_it_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("on.jsonl");
        let mut writer = RecordingWriter::create(&path, TrackerSet::HeadAndHands).unwrap();
        for i in 0..40 {
            let time = 7.0 + f64::from(i) / 5.0;
            writer.push(&RecordedFrame::of(frame(time))).unwrap();
            let found = Recording::load(&path).unwrap();
            let newest = found.frames().last().unwrap().trackers.time;
            assert!(time - newest < UNWRITTEN, "{newest} s of {time} s");
        }
    }

    #[test]
    fn times_must_increase() {
        assert!(Recording::of_trackers(vec![]).is_none());
        assert!(Recording::of_trackers(vec![frame(0.1), frame(0.1)]).is_none());
        let recording = Recording::of_trackers(vec![frame(0.1), frame(0.2)]).unwrap();
        assert!((recording.duration() - 0.1).abs() < 1e-12);
    }

    #[test]
    fn errors_name_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.jsonl");
        let head = r#"{"kinest_recording":1,"trackers":"HeadAndHands"}"#;
        let point = r#"{"position":[0,0,0],"rotation":[0,0,0,1]}"#;
        let good = format!(r#"{{"time":1.0,"trackers":[{point},{point},{point}]}}"#);
        let few = format!(r#"{{"time":2.0,"trackers":[{point}]}}"#);
        let skewed = good.replace("[0,0,0,1]", "[0,0,0,2]");
        let mirrored = good.replace("[0,0,0,1]", "[1,0,0,0,1,0,0,0,-1]");
        for (text, line, problem) in [
            (String::new(), 1, "empty"),
            ("{}".into(), 1, "kinest_recording"),
            (head.replace(":1", ":7"), 1, "format 1"),
            (head.into(), 2, "no frames"),
            (format!("{head}\n{good}\n{few}"), 3, "found 1"),
            (format!("{head}\n{good}\n{good}"), 3, "does not rise"),
            (format!("{head}\n{skewed}"), 2, "rotation"),
            (format!("{head}\n{mirrored}"), 2, "rotation"),
        ] {
            std::fs::write(&path, &text).unwrap();
            let error = Recording::load(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("line {line}:")) && error.contains(problem), "{error}");
        }
        assert!(matches!(Recording::load(folder.path()), Err(RecordingError::File { .. })));
    }
}
