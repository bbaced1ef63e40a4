//! History of an avatar, for the panel.

use super::options::KinestPanel;
use crate::body::{BodyPose, KinestAvatar};
use crate::events::MotionEvent;
use crate::models::{KinestModels, Latency};
use crate::replay::MotionReplay;
use crate::trackers::{AvatarStatus, CalibrationFailed, KinestCalibrated};
use bevy::prelude::*;
use kinest::events::Phase;
use kinest::live::PoseSource;
use kinest::skeleton::{Group, PerJoint};
use std::collections::VecDeque;

/// Number of gestures kept.
const GESTURES: usize = 5;
/// Window over which rates are averaged, seconds.
const RATE_SECONDS: f64 = 1.0;

/// The values of one frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    /// Real time since the start, seconds.
    pub time: f64,
    pub latency: Option<Latency>,
    /// Age of the shown estimate, milliseconds; `None` while none is shown.
    pub age_ms: Option<f64>,
    /// Counters at that time.
    pub status: AvatarStatus,
}

/// The last seconds of an avatar, and the inputs of the panel's user.
#[derive(Component, Default)]
pub(crate) struct Watch {
    pub(super) samples: VecDeque<Sample>,
    /// Distance of each joint from its true position, metres, if known, of the last complete frame:
    /// windows may be drawn before bodies have moved.
    pub(super) errors: Option<PerJoint<f64>>,
    /// Recent gestures, in progress or ended, oldest first: name, group, start time in seconds of
    /// the trackers' clock.
    pub(super) gestures: VecDeque<(String, Group, f64)>,
    /// The player's height being entered, metres.
    pub(super) height: Option<f64>,
    /// Why the last calibration failed.
    pub(super) not_calibrated: Option<String>,
    /// Why recording could not start.
    pub(super) not_recorded: Option<String>,
}

impl Watch {
    fn push(&mut self, sample: Sample, seconds: f64) {
        let oldest = sample.time - seconds.max(RATE_SECONDS);
        while self.samples.front().is_some_and(|s| s.time < oldest) {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// Increase of a counter per second over the last second; `None` until it can be measured.
    pub(super) fn rate(&self, count: impl Fn(&AvatarStatus) -> u64) -> Option<f64> {
        let newest = self.samples.back()?;
        let from = newest.time - RATE_SECONDS;
        let first = self.samples.partition_point(|s| s.time < from);
        let oldest = self.samples.get(first)?;
        let seconds = newest.time - oldest.time;
        let more = count(&newest.status) - count(&oldest.status);
        (seconds > 0.0).then(|| more as f64 / seconds)
    }

    /// Frames per second over the last second.
    pub(super) fn frame_rate(&self) -> Option<f64> {
        let newest = self.samples.back()?.time;
        let first = self.samples.partition_point(|s| s.time < newest - RATE_SECONDS);
        let seconds = newest - self.samples.get(first)?.time;
        (seconds > 0.0).then(|| (self.samples.len() - 1 - first) as f64 / seconds)
    }
}

pub(super) fn watch(
    time: Res<Time<Real>>,
    panel: Res<KinestPanel>,
    models: Res<KinestModels>,
    mut avatars: Query<(
        &KinestAvatar,
        &BodyPose,
        &AvatarStatus,
        Option<&MotionReplay>,
        &mut Watch,
    )>,
) {
    for (KinestAvatar { model }, body, status, replay, mut watch) in &mut avatars {
        let sample = Sample {
            time: time.elapsed_secs_f64(),
            latency: models.get(model).and_then(|status| status.latency),
            age_ms: (body.source() == PoseSource::Estimated).then(|| 1e3 * body.age()),
            status: *status,
        };
        watch.push(sample, panel.seconds);
        watch.errors = replay.and_then(|replay| replay.errors(body));
    }
}

/// Records the gestures.
pub(super) fn on_motion(event: On<MotionEvent>, mut avatars: Query<&mut Watch>) {
    if event.phase == Phase::Begin
        && let Some(name) = event.gesture()
        && let Ok(mut watch) = avatars.get_mut(event.avatar)
    {
        if watch.gestures.len() == GESTURES {
            watch.gestures.pop_front();
        }
        watch.gestures.push_back((name.into(), event.group, event.at));
    }
}

pub(super) fn on_calibrated(done: On<KinestCalibrated>, mut avatars: Query<&mut Watch>) {
    if let Ok(mut watch) = avatars.get_mut(done.entity) {
        watch.not_calibrated = None;
    }
}

pub(super) fn on_calibration_failed(failed: On<CalibrationFailed>, mut avatars: Query<&mut Watch>) {
    if let Ok(mut watch) = avatars.get_mut(failed.entity) {
        watch.not_calibrated = Some(failed.reason.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 50 frames per second for three seconds, with an estimate in every second frame.
    #[test]
    fn rates_cover_the_last_second_and_old_samples_are_dropped() {
        let mut watch = Watch::default();
        assert_eq!((watch.rate(|s| s.estimates), watch.frame_rate()), (None, None));
        for frame in 0..150_u64 {
            // No estimates before the third second.
            let status = AvatarStatus { estimates: frame.saturating_sub(100) / 2, ..default() };
            watch.push(Sample { time: frame as f64 / 50.0, status, ..default() }, 0.0);
        }
        let (rate, frames) = (watch.rate(|s| s.estimates).unwrap(), watch.frame_rate().unwrap());
        assert!((rate - 25.0).abs() < 1.5, "{rate}");
        assert!((frames - 50.0).abs() < 1e-6, "{frames}");
        assert!(watch.samples.len() <= 52, "{}", watch.samples.len());
    }
}
