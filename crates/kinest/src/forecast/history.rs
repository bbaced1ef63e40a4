//! Recent poses of a body.

use crate::skeleton::{Pose, Skeleton};
use crate::tracker::Teleport;
use std::collections::VecDeque;

/// Poses within this time of a wanted moment, in seconds, count as that moment: a nanosecond clock
/// cannot represent 1/60 s.
const TIME_TOLERANCE: f64 = 1e-6;

/// Gaps longer than this, in seconds, clear the history: the motion before does not predict the
/// present. Shorter gaps (hitches, lost packets) are interpolated.
const LONGEST_GAP: f64 = 0.5;

/// A clock that jumps back by more than this, in seconds, has restarted; less is a late pose.
const LATEST: f64 = 1.0;

/// Poses kept per frame of the grid, on average: 240 Hz for a grid of 30 Hz.
const SAMPLES_PER_STEP: usize = 4;

/// Recently shown poses of a body, for a [`BodyForecaster`](super::BodyForecaster).
///
/// Poses come at any rate. They are read on a grid of a fixed rate that ends at the newest pose:
/// the root's place is interpolated linearly, rotations by slerp. All memory is allocated at the
/// start.
#[derive(Clone, Debug)]
pub struct PoseHistory {
    /// Time between frames of the grid, seconds.
    step: f64,
    /// Frames of the grid.
    frames: usize,
    samples: VecDeque<Sample>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    time: f64,
    pose: Pose,
}

impl PoseHistory {
    /// An empty history of `frames` poses at `rate_hz`. `frames` is raised to at least 2, and
    /// `rate_hz` is clamped to 1 Hz to 1 kHz.
    #[must_use]
    pub fn new(rate_hz: f64, frames: usize) -> Self {
        let rate_hz = if rate_hz.is_nan() { 1.0 } else { rate_hz.clamp(1.0, 1000.0) };
        let frames = frames.max(2);
        let capacity = 2 * SAMPLES_PER_STEP * frames + 4;
        Self { step: 1.0 / rate_hz, frames, samples: VecDeque::with_capacity(capacity) }
    }

    /// Adds the pose shown at `time`, seconds on any clock. Returns false for a pose that is
    /// ignored: one that is not newer than the newest (doubled, or late), or is not finite.
    ///
    /// A gap of more than 0.5 s clears the history first, and so does a clock that jumps back by
    /// more than 1 s, since it has restarted.
    pub fn push(&mut self, time: f64, pose: &Pose) -> bool {
        if !(time.is_finite() && pose.is_finite()) {
            return false;
        }
        let passed = self.samples.back().map_or(0.0, |newest| time - newest.time);
        if !(-LATEST..=LONGEST_GAP).contains(&passed) {
            self.clear();
        } else if passed <= 0.0 && !self.samples.is_empty() {
            return false;
        }
        // The newer of two poses within one slot replaces the older, so that their number is
        // bounded and the newest is always kept.
        let slot = self.step / SAMPLES_PER_STEP as f64;
        if let Some(second) = self.samples.len().checked_sub(2)
            && time - self.samples[second].time < slot
        {
            self.samples.pop_back();
        }
        let oldest_needed = time - self.span() + TIME_TOLERANCE;
        while self.samples.get(1).is_some_and(|second| second.time <= oldest_needed) {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample { time, pose: *pose });
        true
    }

    /// The newest pose and its time.
    #[must_use]
    pub fn newest(&self) -> Option<(f64, &Pose)> {
        self.samples.back().map(|sample| (sample.time, &sample.pose))
    }

    /// Frames of the grid.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Frames per second of the grid.
    #[must_use]
    pub fn rate_hz(&self) -> f64 {
        1.0 / self.step
    }

    /// Whether there is a pose for every frame of the grid.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.reaches(self.span())
    }

    /// Whether the history covers the last `seconds`.
    pub(super) fn reaches(&self, seconds: f64) -> bool {
        self.length() >= seconds - TIME_TOLERANCE && !self.samples.is_empty()
    }

    /// Time between the oldest and the newest pose, seconds.
    pub(super) fn length(&self) -> f64 {
        match (self.samples.front(), self.samples.back()) {
            (Some(oldest), Some(newest)) => newest.time - oldest.time,
            _ => 0.0,
        }
    }

    /// The pose `seconds` before the newest; the oldest if the history does not go back so far, and
    /// `None` if it is empty.
    #[must_use]
    pub fn before(&self, seconds: f64) -> Option<Pose> {
        let time = self.samples.back()?.time - seconds;
        let next = self.samples.partition_point(|sample| sample.time < time - TIME_TOLERANCE);
        let after = self.samples.get(next)?;
        let exact = after.time <= time + TIME_TOLERANCE;
        Some(match next.checked_sub(1).map(|i| &self.samples[i]) {
            Some(before) if !exact => {
                let t = (time - before.time) / (after.time - before.time);
                before.pose.interpolate(&after.pose, t)
            }
            _ => after.pose,
        })
    }

    /// The frames of the grid, oldest first. A history that is not [full](Self::is_full) begins
    /// with copies of its oldest pose; an empty one has no frames.
    pub fn grid(&self) -> impl Iterator<Item = Pose> {
        (0..self.frames).rev().filter_map(move |back| self.before(back as f64 * self.step))
    }

    /// Applies a teleport to all poses of a body with this `skeleton`, so that it does not appear
    /// as motion.
    pub fn teleport(&mut self, by: &Teleport, skeleton: &Skeleton) {
        let rest = skeleton.offsets[0];
        for Sample { pose, .. } in &mut self.samples {
            pose.translation = by.point(pose.translation + rest) - rest;
            pose.rotations[0] = by.rotation() * pose.rotations[0];
        }
    }

    /// Clears all poses, for another body.
    pub fn clear(&mut self) {
        self.samples.clear();
    }

    /// Time from the oldest to the newest frame of the grid, seconds.
    fn span(&self) -> f64 {
        (self.frames - 1) as f64 * self.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::geodesic_angle;
    use glam::{DQuat, DVec3};

    /// A body that moves along x at 1 m/s and turns its head at 1 rad/s.
    fn body(time: f64) -> Pose {
        let mut pose = Pose::rest();
        pose.translation = DVec3::new(time, 0.0, 0.9);
        pose.rotations[15] = DQuat::from_rotation_y(time);
        pose
    }

    fn distance(a: &Pose, b: &Pose) -> f64 {
        let turned = (0..22).map(|j| geodesic_angle(a.rotations[j], b.rotations[j]));
        turned.fold(a.translation.distance(b.translation), f64::max)
    }

    /// Rates below, at and above the grid's, and one that never coincides with it.
    #[test]
    fn poses_of_any_rate_are_read_on_the_grid_that_ends_at_the_newest() {
        for rate in [13.0, 30.0, 60.0, 71.3, 500.0, 2000.0] {
            let mut history = PoseHistory::new(30.0, 12);
            assert!(history.newest().is_none() && history.grid().next().is_none());
            let count = (1.5 * rate) as u32;
            for i in 0..count {
                assert!(history.push(f64::from(i) / rate, &body(f64::from(i) / rate)));
            }
            let newest = f64::from(count - 1) / rate;
            assert_eq!(history.newest(), Some((newest, &body(newest))));
            assert!(history.is_full(), "{rate} Hz");
            let grid: Vec<Pose> = history.grid().collect();
            assert_eq!(grid.len(), 12);
            for (i, pose) in grid.iter().enumerate() {
                let time = newest - (11 - i) as f64 / 30.0;
                assert!(distance(pose, &body(time)) < 1e-9, "{rate} Hz, frame {i}");
            }
        }
    }

    #[test]
    fn its_memory_is_bounded_at_any_rate() {
        for rate in [20.0, 60.0, 479.0, 10_000.0] {
            let mut history = PoseHistory::new(30.0, 12);
            let room = history.samples.capacity();
            for i in 0..20_000 {
                history.push(f64::from(i) / rate, &body(0.0));
                assert!(history.samples.len() <= room, "{rate} Hz");
            }
            assert_eq!(history.samples.capacity(), room);
            assert!(history.is_full());
        }
    }

    #[test]
    fn doubled_late_and_broken_poses_are_ignored_and_long_gaps_start_anew() {
        let mut history = PoseHistory::new(30.0, 4);
        for i in 0..10 {
            assert!(history.push(0.1 * f64::from(i), &body(0.1 * f64::from(i))));
        }
        let mut broken = body(2.0);
        broken.rotations[3].x = f64::NAN;
        for (time, pose) in
            [(0.9, body(5.0)), (0.4, body(5.0)), (f64::NAN, body(1.0)), (1.0, broken)]
        {
            assert!(!history.push(time, &pose), "{time}");
        }
        assert_eq!(history.newest().map(|(time, _)| time), Some(0.9));
        assert!(history.is_full());
        assert!(history.push(1.3, &body(1.3)), "a hitch");
        assert!(history.is_full());
        assert!(history.push(1.9, &body(1.9)), "a gap");
        assert!(!history.is_full());
        assert!(history.push(0.0, &body(0.0)), "the clock has restarted");
        assert_eq!(history.newest().map(|(time, _)| time), Some(0.0));
    }

    #[test]
    fn a_history_that_is_too_short_begins_with_its_oldest_pose() {
        let mut history = PoseHistory::new(10.0, 4);
        history.push(7.0, &body(0.0));
        history.push(7.1, &body(0.1));
        let moved: Vec<f64> = history.grid().map(|pose| pose.translation.x).collect();
        assert!(moved.iter().zip([0.0, 0.0, 0.0, 0.1]).all(|(a, b)| (a - b).abs() < 1e-9));
    }

    /// Also for a skeleton whose pelvis does not rest at the origin.
    #[test]
    fn a_teleported_history_is_that_of_a_body_that_was_always_there() {
        let mut skeleton = Skeleton::default();
        skeleton.offsets[0] = DVec3::new(0.02, -0.2, 0.1);
        let by = Teleport { turn: 2.0, from: DVec3::X, to: DVec3::new(9.0, -4.0, 0.3) };
        let mut history = PoseHistory::new(30.0, 12);
        (0..12).for_each(|i| _ = history.push(f64::from(i) / 30.0, &body(f64::from(i) / 30.0)));
        let joints = |history: &PoseHistory| -> Vec<_> {
            history.grid().map(|pose| skeleton.pose_joints(&pose).positions).collect()
        };
        let before = joints(&history);
        history.teleport(&by, &skeleton);
        for (before, after) in before.iter().zip(joints(&history)) {
            let pairs = before.iter().zip(after);
            assert!(pairs.into_iter().all(|(p, q)| by.point(*p).distance(q) < 1e-9));
        }
    }

    #[test]
    fn rates_that_are_none_are_moved_to_some() {
        for rate in [f64::NAN, 0.0, -60.0, f64::INFINITY] {
            let mut history = PoseHistory::new(rate, 0);
            (0..3000).for_each(|i| _ = history.push(f64::from(i) * 1e-3, &body(0.0)));
            assert!(history.is_full() && history.grid().count() == 2);
        }
    }
}
