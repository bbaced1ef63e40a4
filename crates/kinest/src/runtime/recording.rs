//! Trackers, and the poses made of them, on file.
//!
//! One line of JSON for each frame, after one that says what it is: readable with any tool, and what was
//! written before a crash is there.

use super::history::{TIME_TOLERANCE, interpolate};
use crate::rotation::quat_from_matrix;
use crate::skeleton::Pose;
use crate::tracker::{TrackerFrame, TrackerPose, TrackerSet};
use glam::{DMat3, DQuat, DVec3};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The only format there has been.
const FORMAT: u32 = 1;

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    kinest_recording: u32,
    trackers: TrackerSet,
}

/// Every other line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    time: f64,
    trackers: Vec<Point>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pose: Option<Pose>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    position: DVec3,
    rotation: DQuat,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    lost: bool,
}

/// One moment of a [`Recording`].
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedFrame {
    /// What the devices said.
    pub trackers: TrackerFrame,
    /// The pose that was shown, if it was recorded.
    pub pose: Option<Pose>,
}

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file could not be read or written.
    #[error("recording {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A line is not what it should be.
    #[error("recording {path}, line {line}: {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// What trackers did for a while: at least one frame, in the order of time. AMASS space, metres.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    frames: Vec<RecordedFrame>,
}

impl Recording {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read or is no recording: the line is named.
    pub fn load(path: &Path) -> Result<Self, RecordingError> {
        let file_error = |source| RecordingError::File { path: path.into(), source };
        let bad = |line, problem: String| RecordingError::Line { path: path.into(), line, problem };
        let file = File::open(path).map_err(file_error)?;
        let mut lines = BufReader::new(file).lines().zip(1..);
        let (first, _) = lines.next().ok_or_else(|| bad(1, "the file is empty".into()))?;
        let header: Header = serde_json::from_str(&first.map_err(file_error)?)
            .map_err(|error| bad(1, error.to_string()))?;
        if header.kinest_recording != FORMAT {
            let found = header.kinest_recording;
            return Err(bad(1, format!("format {FORMAT} expected, found {found}")));
        }
        let mut frames: Vec<RecordedFrame> = Vec::new();
        for (text, line) in lines {
            let parsed: Line = serde_json::from_str(&text.map_err(file_error)?)
                .map_err(|error| bad(line, error.to_string()))?;
            let expected = header.trackers.roles().len();
            if parsed.trackers.len() != expected {
                let found = parsed.trackers.len();
                return Err(bad(line, format!("{expected} trackers expected, found {found}")));
            }
            if frames.last().is_some_and(|last| parsed.time <= last.trackers.time) {
                return Err(bad(line, format!("the time {} does not rise", parsed.time)));
            }
            if !parsed.trackers.iter().all(|p| p.position.is_finite() && p.rotation.is_normalized())
            {
                return Err(bad(line, "a rotation has not length 1".into()));
            }
            let poses = parsed.trackers.iter().map(|point| TrackerPose {
                position: point.position,
                rotation: DMat3::from_quat(point.rotation),
                tracked: !point.lost,
            });
            let trackers = TrackerFrame { time: parsed.time, poses: poses.collect() };
            frames.push(RecordedFrame { trackers, pose: parsed.pose });
        }
        if frames.is_empty() {
            return Err(bad(2, "there are no frames".into()));
        }
        Ok(Self { frames })
    }

    /// The frames.
    #[must_use]
    pub fn frames(&self) -> &[RecordedFrame] {
        &self.frames
    }

    /// Seconds from the first frame to the last.
    #[must_use]
    pub fn duration(&self) -> f64 {
        let [first, .., last] = &self.frames[..] else { return 0.0 };
        last.trackers.time - first.trackers.time
    }

    /// What the trackers said `seconds` after the first frame: interpolated, held at both ends.
    #[must_use]
    pub fn trackers_at(&self, seconds: f64) -> Vec<TrackerPose> {
        let (before, after, t) = self.around(seconds);
        let pairs = before.trackers.poses.iter().zip(&after.trackers.poses);
        pairs.map(|(a, b)| if t == 0.0 { *a } else { interpolate(a, b, t) }).collect()
    }

    /// The pose that was shown then, if poses were recorded.
    #[must_use]
    pub fn pose_at(&self, seconds: f64) -> Option<Pose> {
        let (before, after, t) = self.around(seconds);
        Some(before.pose?.interpolate(&after.pose?, t))
    }

    /// The frames before and after a moment, and where between them it is.
    fn around(&self, seconds: f64) -> (&RecordedFrame, &RecordedFrame, f64) {
        let time = self.frames[0].trackers.time + seconds.max(0.0);
        // What lies on a frame but for rounding is that frame.
        let next = self.frames.partition_point(|f| f.trackers.time <= time + TIME_TOLERANCE);
        let before = &self.frames[next.saturating_sub(1)];
        let Some(after) = self.frames.get(next) else { return (before, before, 0.0) };
        let (from, to) = (before.trackers.time, after.trackers.time);
        (before, after, ((time - from) / (to - from)).clamp(0.0, 1.0))
    }
}

/// Writes a [`Recording`] frame by frame.
#[derive(Debug)]
pub struct RecordingWriter {
    path: PathBuf,
    out: BufWriter<File>,
    last: f64,
    frames: usize,
}

impl RecordingWriter {
    /// Starts the file at `path`; what was there is gone.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(path: &Path, trackers: TrackerSet) -> Result<Self, RecordingError> {
        let file_error = |source| RecordingError::File { path: path.into(), source };
        let out = BufWriter::new(File::create(path).map_err(file_error)?);
        let mut writer = Self { path: path.into(), out, last: f64::NEG_INFINITY, frames: 0 };
        writer.line(&Header { kinest_recording: FORMAT, trackers })?;
        Ok(writer)
    }

    /// Adds a frame; one that is not newer than the last, or not finite, is left out.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn push(
        &mut self,
        trackers: &TrackerFrame,
        pose: Option<&Pose>,
    ) -> Result<(), RecordingError> {
        if trackers.time <= self.last || !trackers.is_finite() {
            return Ok(());
        }
        let points = trackers.poses.iter().map(|pose| Point {
            position: pose.position,
            rotation: quat_from_matrix(pose.rotation),
            lost: !pose.tracked,
        });
        let line = Line { time: trackers.time, trackers: points.collect(), pose: pose.copied() };
        self.line(&line)?;
        self.last = trackers.time;
        self.frames += 1;
        Ok(())
    }

    /// How many frames there are.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Ends the file.
    ///
    /// # Errors
    /// If the rest of it cannot be written.
    pub fn finish(mut self) -> Result<(), RecordingError> {
        let Self { path, out, .. } = &mut self;
        out.flush().map_err(|source| RecordingError::File { path: path.clone(), source })
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
    use crate::rotation::geodesic_angle;

    fn frame(time: f64) -> TrackerFrame {
        let pose = |k: f64| {
            let rotation = DMat3::from_quat(DQuat::from_rotation_z(time + k));
            TrackerPose::new(DVec3::new(time, k, 1.0), rotation)
        };
        let mut poses = vec![pose(0.0), pose(1.0), pose(2.0)];
        if (0.2..0.3).contains(&time) {
            poses[1] = poses[1].lost();
        }
        TrackerFrame { time, poses }
    }

    #[test]
    fn what_is_written_is_read_and_interpolated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("walk.trackers.jsonl");
        let mut writer = RecordingWriter::create(&path, TrackerSet::HeadAndHands).unwrap();
        for i in 0..=10 {
            let pose = Pose { translation: DVec3::X * f64::from(i), ..Pose::rest() };
            writer.push(&frame(0.05 * f64::from(i)), Some(&pose)).unwrap();
        }
        writer.push(&frame(0.5), None).unwrap();
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
    }

    #[test]
    fn a_file_that_is_no_recording_is_refused_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.jsonl");
        let head = r#"{"kinest_recording":1,"trackers":"HeadAndHands"}"#;
        let point = r#"{"position":[0,0,0],"rotation":[0,0,0,1]}"#;
        let good = format!(r#"{{"time":1.0,"trackers":[{point},{point},{point}]}}"#);
        let few = format!(r#"{{"time":2.0,"trackers":[{point}]}}"#);
        let skewed = good.replace("[0,0,0,1]", "[0,0,0,2]");
        for (text, line, problem) in [
            (String::new(), 1, "empty"),
            ("{}".into(), 1, "kinest_recording"),
            (head.replace(":1", ":7"), 1, "format 1"),
            (head.into(), 2, "no frames"),
            (format!("{head}\n{good}\n{few}"), 3, "found 1"),
            (format!("{head}\n{good}\n{good}"), 3, "does not rise"),
            (format!("{head}\n{skewed}"), 2, "rotation"),
        ] {
            std::fs::write(&path, &text).unwrap();
            let error = Recording::load(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("line {line}:")) && error.contains(problem), "{error}");
        }
        assert!(matches!(Recording::load(folder.path()), Err(RecordingError::File { .. })));
    }
}
