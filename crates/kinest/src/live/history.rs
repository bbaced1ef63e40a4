//! Resamples tracker frames of any rate to the rate of the network.

use crate::model::ModelSpec;
use crate::rotation::quat_from_matrix;
use crate::tracker::{Teleport, TrackerFrame, TrackerPose, TrackerRole, TrackerSet};
use glam::DMat3;
use std::collections::VecDeque;
use std::slice::ChunksExact;

/// Samples within this time of a grid point, in seconds, count as that point: a nanosecond clock
/// cannot represent 1/60 s, and human motion within 1 µs is negligible.
pub(super) const TIME_TOLERANCE: f64 = 1e-6;

/// Gaps longer than this, in seconds, clear the history: the frames before do not predict the
/// present. Shorter gaps (hitches) are interpolated.
pub(super) const LONGEST_HITCH: f64 = 1.0;

/// Maximum number of samples kept per frame of the window: 480 Hz for a 60 Hz network, above any
/// tracker's rate.
const SAMPLES_PER_STEP: f64 = 8.0;

/// Maximum accepted distance of a tracker from the origin of its space, metres: there the
/// resolution of single precision, in which networks compute, is a millimetre, and no player goes
/// farther.
pub const FARTHEST: f64 = 1e4;

/// Why a tracker frame was refused. The history does not change.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum TrackerError {
    /// The frame does not have exactly one pose per role.
    #[error("expected {expected} tracker poses, found {found}")]
    Count {
        /// Number of roles in the set.
        expected: usize,
        /// Number of poses in the frame.
        found: usize,
    },
    /// The time stamp is not finite.
    #[error("the time stamp {0} is not finite")]
    Time(f64),
    /// A pose is not finite or farther than [`FARTHEST`], or its matrix is not a rotation.
    #[error("the pose of tracker {0:?} is not finite, farther than 10 km, or not a rotation")]
    Pose(TrackerRole),
}

/// The recent tracker frames of one player.
///
/// Takes frames at any rate, with jitter, and resamples them to the network's rate on the grid that
/// ends at the newest frame: positions linearly, rotations by slerp. A tracker that drops out is
/// held at its last tracked pose. Memory is bounded.
#[derive(Clone, Debug)]
pub struct TrackerHistory {
    trackers: TrackerSet,
    /// Time between frames of the window, seconds.
    step: f64,
    /// Steps from the oldest to the newest frame of the window.
    steps: usize,
    samples: VecDeque<TrackerFrame>,
    /// The last window, kept for its allocation.
    window: Vec<TrackerPose>,
}

impl TrackerHistory {
    /// An empty history for the windows of `spec`.
    #[must_use]
    pub fn new(spec: &ModelSpec) -> Self {
        Self {
            trackers: spec.layout.trackers,
            step: 1.0 / spec.rate_hz,
            steps: spec.window,
            samples: VecDeque::new(),
            window: Vec::new(),
        }
    }

    /// Adds a frame. Returns false if the frame is ignored because it is not newer than the newest
    /// one.
    ///
    /// A gap of more than 1 s clears the history first, and so does a clock that jumps back by more
    /// than 1 s, since it has restarted. Once the history has a tracked pose of a tracker, its
    /// untracked poses are ignored; before that they are taken as a guess.
    ///
    /// # Errors
    /// If the frame has the wrong number of poses, or a pose that is used is not finite.
    pub fn push(&mut self, mut frame: TrackerFrame) -> Result<bool, TrackerError> {
        let roles = self.trackers.roles();
        if frame.poses.len() != roles.len() {
            return Err(TrackerError::Count { expected: roles.len(), found: frame.poses.len() });
        }
        if !frame.time.is_finite() {
            return Err(TrackerError::Time(frame.time));
        }
        let pause = self.newest().map_or(f64::INFINITY, |newest| frame.time - newest.time);
        let starts = pause.abs() > LONGEST_HITCH;
        if pause <= 0.0 && !starts {
            return Ok(false);
        }
        if let Some(last) = self.newest().filter(|_| !starts) {
            let lost = frame.poses.iter_mut().zip(&last.poses).filter(|(now, _)| !now.tracked);
            lost.for_each(|(now, last)| *now = last.lost());
        }
        if let Some(bad) = frame.poses.iter().position(|pose| !is_pose(pose)) {
            return Err(TrackerError::Pose(roles[bad]));
        }
        if starts {
            self.clear();
        }
        // The newer of two samples within one slot replaces the older, so that the number of
        // samples is bounded and the newest is always kept.
        let slot = self.step / SAMPLES_PER_STEP;
        if let Some(second) = self.samples.len().checked_sub(2)
            && frame.time - self.samples[second].time < slot
        {
            self.samples.pop_back();
        }
        let oldest_needed = frame.time - self.span();
        self.samples.push_back(frame);
        while self.samples.get(1).is_some_and(|second| second.time <= oldest_needed) {
            self.samples.pop_front();
        }
        Ok(true)
    }

    /// Time from the oldest to the newest frame of the window, seconds.
    fn span(&self) -> f64 {
        self.steps as f64 * self.step
    }

    /// The newest frame.
    #[must_use]
    pub fn newest(&self) -> Option<&TrackerFrame> {
        self.samples.back()
    }

    /// The window that ends at the newest frame: `window + 1` frames (the first only serves
    /// velocities), each with one pose per role. `None` until the history is long enough.
    ///
    /// This is the input of [`write_features`](crate::features::FeatureLayout::write_features).
    pub fn window(&mut self) -> Option<ChunksExact<'_, TrackerPose>> {
        let newest = self.newest()?.time;
        if self.samples[0].time > newest - self.span() + TIME_TOLERANCE {
            return None;
        }
        self.window.clear();
        let mut next = 0;
        for back in (0..=self.steps).rev() {
            let time = newest - back as f64 * self.step;
            while self.samples[next].time < time - TIME_TOLERANCE {
                next += 1;
            }
            let after = &self.samples[next];
            if next == 0 || after.time <= time + TIME_TOLERANCE {
                self.window.extend_from_slice(&after.poses);
            } else {
                let before = &self.samples[next - 1];
                let t = (time - before.time) / (after.time - before.time);
                let pairs = before.poses.iter().zip(&after.poses);
                self.window.extend(pairs.map(|(a, b)| interpolate(a, b, t)));
            }
        }
        Some(self.window.chunks_exact(self.trackers.roles().len()))
    }

    /// Interpolated poses at `time`; `None` before the oldest and after the newest frame.
    pub(super) fn at(&self, time: f64) -> Option<Vec<TrackerPose>> {
        let next = self.samples.partition_point(|sample| sample.time < time - TIME_TOLERANCE);
        let after = self.samples.get(next)?;
        if after.time <= time + TIME_TOLERANCE {
            return Some(after.poses.clone());
        }
        let before = self.samples.get(next.checked_sub(1)?)?;
        let t = (time - before.time) / (after.time - before.time);
        let pairs = before.poses.iter().zip(&after.poses);
        Some(pairs.map(|(a, b)| interpolate(a, b, t)).collect())
    }

    /// Moves the whole history along with a teleport, so that no tracker appears to move.
    pub fn teleport(&mut self, by: &Teleport) {
        let poses = self.samples.iter_mut().flat_map(|frame| &mut frame.poses);
        poses.for_each(|pose| pose.teleport(by));
    }

    /// Changes to the windows of another model and keeps the frames that both can use.
    ///
    /// Returns whether any were kept; a model with other trackers starts with an empty history.
    pub fn change_model(&mut self, spec: &ModelSpec) -> bool {
        let fresh = Self::new(spec);
        let same = fresh.trackers == self.trackers;
        if same {
            (self.step, self.steps) = (fresh.step, fresh.steps);
        } else {
            *self = fresh;
        }
        same
    }

    /// Clears the history, for another player.
    pub fn clear(&mut self) {
        self.samples.clear();
    }
}

/// The determinant of a rotation is 1; the reference's formula is off by at most 1e-6.
pub(super) fn is_pose(pose: &TrackerPose) -> bool {
    let turn = pose.rotation.determinant();
    // Comparisons with NaN are false.
    pose.position.length() <= FARTHEST && pose.rotation.is_finite() && (turn - 1.0).abs() < 1e-2
}

/// Interpolates two samples. A tracker that is lost in either counts as lost in between and is
/// held, so it does not glide to the place of its return.
pub(super) fn interpolate(a: &TrackerPose, b: &TrackerPose, t: f64) -> TrackerPose {
    if !(a.tracked && b.tracked) {
        return a.lost();
    }
    let (from, to) = (quat_from_matrix(a.rotation), quat_from_matrix(b.rotation));
    TrackerPose::new(a.position.lerp(b.position, t), DMat3::from_quat(from.slerp(to, t)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinates::UPRIGHT;
    use crate::live::fake;
    use crate::rotation::geodesic_angle;
    use glam::{DQuat, DVec3};

    /// A smooth motion at human speed: peaks of 1 m/s and 3 rad/s.
    fn trackers_at(time: f64) -> TrackerFrame {
        let pose = |k: f64| {
            let position =
                DVec3::new(0.3 * (3.0 * time + k).sin(), 0.1 * k + 0.2 * time, 1.5 - 0.3 * k);
            let rotation = DQuat::from_rotation_z(k + (3.0 * time).sin())
                * UPRIGHT
                * DQuat::from_rotation_x(k);
            TrackerPose::new(position, DMat3::from_quat(rotation))
        };
        TrackerFrame::new(time, vec![pose(0.0), pose(1.0), pose(2.0)])
    }

    fn history() -> TrackerHistory {
        TrackerHistory::new(&fake::spec())
    }

    /// Largest error in position and angle, on the grid that ends at `end`.
    fn worst(history: &mut TrackerHistory, end: f64) -> (f64, f64) {
        let spec = fake::spec();
        let frames = history.window().expect("the window is full");
        assert_eq!(frames.len(), spec.window + 1);
        let mut worst = (0.0_f64, 0.0_f64);
        for (i, frame) in frames.enumerate() {
            let truth = trackers_at(end - (spec.window - i) as f64 / spec.rate_hz);
            for (pose, truth) in frame.iter().zip(&truth.poses) {
                let angle = geodesic_angle(
                    quat_from_matrix(pose.rotation),
                    quat_from_matrix(truth.rotation),
                );
                worst.0 = worst.0.max(pose.position.distance(truth.position));
                worst.1 = worst.1.max(angle);
            }
        }
        worst
    }

    /// The window holds the same motion at any rate and from any start.
    #[test]
    fn every_headset_rate_gives_the_same_window() {
        // Linear interpolation error v̈ / (8 · rate²), here with 2.7 m/s² and 9 rad/s².
        for rate in [30.0, 60.0, 72.0, 90.0, 120.0, 144.0] {
            for start in [0.0, 1000.123] {
                let mut history = history();
                let mut end = 0.0;
                for i in 0..=(2.0 * rate) as u32 {
                    end = start + f64::from(i) / rate;
                    assert_eq!(history.push(trackers_at(end)), Ok(true));
                }
                let (metres, radians) = worst(&mut history, end);
                let limit = 1.05 / (8.0 * rate * rate) + 1e-6;
                assert!(metres < 2.7 * limit && radians < 9.0 * limit, "{rate} {metres} {radians}");
            }
        }
    }

    #[test]
    fn samples_on_the_grid_come_back_bit_for_bit() {
        let spec = fake::spec();
        // A clock in whole nanoseconds, as games have.
        let times: Vec<f64> = (0..200_u32).map(|i| f64::from(i) * 0.016_666_667).collect();
        let mut history = history();
        for &time in &times {
            history.push(trackers_at(time)).unwrap();
        }
        let expected: Vec<_> =
            times[199 - spec.window..].iter().flat_map(|&t| trackers_at(t).poses).collect();
        assert_eq!(history.window().unwrap().flatten().copied().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_window_exists_once_the_history_is_long_enough() {
        let spec = fake::spec();
        let mut history = history();
        for i in 0..spec.window {
            history.push(trackers_at(i as f64 / 60.0)).unwrap();
            assert!(history.window().is_none(), "{i}");
        }
        history.push(trackers_at(spec.window as f64 / 60.0)).unwrap();
        assert!(history.window().is_some());
        history.clear();
        assert!(history.window().is_none() && history.newest().is_none());
    }

    #[test]
    fn a_short_gap_is_interpolated_and_a_long_one_clears_the_history() {
        let mut history = history();
        let times = (0..180).map(|i| f64::from(i) / 90.0).filter(|t| !(1.0..1.3).contains(t));
        for time in times {
            history.push(trackers_at(time)).unwrap();
        }
        // Linear interpolation error over 0.3 s: 2.7 m/s² and 9 rad/s² times 0.31² / 8.
        let (metres, radians) = worst(&mut history, 179.0 / 90.0);
        assert!((0.005..0.033).contains(&metres) && radians < 0.11, "{metres} {radians}");
        history.push(trackers_at(4.0)).unwrap();
        assert!(history.window().is_none());
    }

    #[test]
    fn late_and_duplicate_frames_are_ignored() {
        let mut history = history();
        for i in 0..300_u32 {
            let time = f64::from(i) / 120.0 + 0.003 * f64::from(i * 7919 % 13) / 13.0;
            assert_eq!(history.push(trackers_at(time)), Ok(true));
            let elsewhere = TrackerFrame { time, ..trackers_at(time + 9.0) };
            assert_eq!(history.push(elsewhere.clone()), Ok(false), "a duplicate");
            assert_eq!(history.push(TrackerFrame { time: time - 0.1, ..elsewhere }), Ok(false));
        }
        let end = history.newest().unwrap().time;
        let (metres, radians) = worst(&mut history, end);
        assert!(metres < 1e-4 && radians < 3e-4, "{metres} {radians}");
    }

    #[test]
    fn a_restarted_clock_clears_the_history() {
        let mut history = history();
        for i in 0..=100_u32 {
            history.push(trackers_at(50.0 + f64::from(i) / 60.0)).unwrap();
        }
        assert_eq!(history.push(trackers_at(0.0)), Ok(true));
        assert!(history.window().is_none());
        for i in 1..=96_u32 {
            assert_eq!(history.push(trackers_at(f64::from(i) / 60.0)), Ok(true));
        }
        assert!(worst(&mut history, 1.6).0 < 1e-9);
    }

    #[test]
    fn an_invalid_pose_is_refused_with_its_role() {
        let mut history = history();
        history.push(trackers_at(0.0)).unwrap();
        let mut frame = trackers_at(0.1);
        frame.poses[1].position.x = f64::NAN;
        assert_eq!(history.push(frame), Err(TrackerError::Pose(TrackerRole::LeftHand)));
        for far in [1.1 * FARTHEST, -1e30, 1e300] {
            let mut frame = trackers_at(0.1);
            frame.poses[1].position.y = far;
            assert_eq!(history.push(frame), Err(TrackerError::Pose(TrackerRole::LeftHand)));
        }
        let mut frame = trackers_at(0.1);
        frame.poses[2].rotation = DMat3::ZERO;
        assert_eq!(history.push(frame), Err(TrackerError::Pose(TrackerRole::RightHand)));
        let frame = TrackerFrame { time: f64::INFINITY, ..trackers_at(0.1) };
        assert_eq!(history.push(frame), Err(TrackerError::Time(f64::INFINITY)));
        let mut frame = trackers_at(0.1);
        frame.poses.pop();
        assert_eq!(history.push(frame), Err(TrackerError::Count { expected: 3, found: 2 }));
        assert_eq!(history.newest(), Some(&trackers_at(0.0)));
    }

    /// At 90 Hz; the left hand is lost from 2.0 to 2.5 s and reports nonsense.
    #[test]
    fn a_lost_tracker_is_held_at_its_last_pose() {
        let (spec, mut history) = (fake::spec(), history());
        let mut last_seen = None;
        for i in 0..=270_u32 {
            let mut frame = trackers_at(f64::from(i) / 90.0);
            if (180..225).contains(&i) {
                frame.poses[1] = TrackerPose::new(DVec3::NAN, DMat3::ZERO).lost();
            } else if i < 180 {
                last_seen = Some(frame.poses[1]);
            }
            assert_eq!(history.push(frame), Ok(true));
        }
        let last_seen = last_seen.unwrap();
        let mut lost = 0;
        for (i, frame) in history.window().unwrap().enumerate() {
            let time = 3.0 - (spec.window - i) as f64 / spec.rate_hz;
            // Between a tracked and an untracked sample the pose is unknown.
            let seen = time <= 179.0 / 90.0 + 1e-6 || time >= 225.0 / 90.0 - 1e-6;
            assert_eq!(frame[1].tracked, seen, "{time}");
            assert!(frame[0].tracked && frame[2].tracked);
            if !seen {
                lost += 1;
                assert_eq!(frame[1], last_seen.lost(), "{time}");
            }
        }
        assert_eq!(lost, 30);
    }

    #[test]
    fn a_tracker_that_was_never_tracked_needs_a_guess() {
        let mut history = history();
        let mut frame = trackers_at(0.0);
        let guess = frame.poses[2].lost();
        frame.poses[2] = TrackerPose { rotation: DMat3::ZERO, ..guess };
        assert_eq!(history.push(frame.clone()), Err(TrackerError::Pose(TrackerRole::RightHand)));
        frame.poses[2] = guess;
        assert_eq!(history.push(frame), Ok(true));
    }

    /// After a teleport the window holds the same motion at the new place.
    #[test]
    fn a_teleport_moves_the_whole_history() {
        let by = Teleport { turn: 2.0, from: DVec3::X, to: DVec3::new(-7.0, 3.0, 2.0) };
        let (mut here, mut there) = (history(), history());
        for i in 0..=200_u32 {
            let frame = trackers_at(f64::from(i) / 90.0);
            here.push(frame.clone()).unwrap();
            if i < 150 {
                there.push(frame).unwrap();
                continue;
            }
            if i == 150 {
                there.teleport(&by);
            }
            let mut frame = frame;
            frame.poses.iter_mut().for_each(|pose| pose.teleport(&by));
            there.push(frame).unwrap();
        }
        let layout = fake::spec().layout;
        let [mut a, mut b] = [vec![], vec![]];
        layout.write_features(here.window().unwrap(), &mut a);
        layout.write_features(there.window().unwrap(), &mut b);
        // Height is an input of the model, and it rises by 2 m; no other feature changes.
        let height = |i: usize| (36..45).contains(&(i % 54)) && i % 3 == 2;
        for (i, (a, b)) in a.iter().zip(&b).enumerate() {
            let rise = if height(i) { 2.0 } else { 0.0 };
            assert!((b - a - rise).abs() < 1e-5, "number {i}: {a} {b}");
        }
    }

    #[test]
    fn another_model_keeps_the_history() {
        let mut history = history();
        for i in 0..=96_u32 {
            history.push(trackers_at(f64::from(i) / 60.0)).unwrap();
        }
        let shorter = ModelSpec { window: 40, ..fake::spec() };
        assert!(history.change_model(&shorter));
        assert_eq!(history.window().unwrap().len(), 41);
        let longer = ModelSpec { window: 200, ..fake::spec() };
        assert!(history.change_model(&longer));
        assert!(history.window().is_none());
    }

    #[test]
    fn memory_is_bounded_at_any_rate() {
        let mut history = history();
        let mut end = 0.0;
        for i in 0..40_000_u32 {
            end = f64::from(i) / 10_000.0;
            history.push(trackers_at(end)).unwrap();
        }
        assert!(history.samples.len() < 2 * 8 * (fake::spec().window + 2));
        assert_eq!(history.newest().unwrap().time, end);
        let (metres, radians) = worst(&mut history, end);
        assert!(metres < 1e-4 && radians < 1e-4, "{metres} {radians}");
    }
}
