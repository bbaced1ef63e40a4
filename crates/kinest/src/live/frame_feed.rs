//! Resamples tracker frames of any rate into the frames of a stream, each fed once.

use super::history::{TIME_TOLERANCE, TrackerHistory};
use crate::features::{FeatureLayout, WindowAxes};
use crate::model::{Feed, ModelSpec};
use crate::tracker::{Teleport, TrackerPose};
use std::collections::VecDeque;

/// Input of a network that is fed frame by frame ([`Feed::Frames`]), for one player.
///
/// Frames lie on a time grid that begins at the first tracker frame. A frame is due once the
/// trackers have passed its time, so the input is up to one step old. After a hitch all missing
/// frames are interpolated.
#[derive(Clone, Debug)]
pub struct FrameFeed {
    layout: FeatureLayout,
    /// Time between frames, seconds.
    step: f64,
    look_ahead: usize,
    /// Time and poses of the newest frame taken from the history; the first only serves velocities.
    last: Option<(f64, Vec<TrackerPose>)>,
    /// The axes of the newest frames, oldest first; one more than the network's look-ahead.
    axes: VecDeque<WindowAxes>,
}

/// The next frames of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct NewFrames {
    /// `[frames, inputs]`, row-major.
    pub features: Vec<f32>,
    /// Time of the frame that the newest output describes, seconds.
    pub time: f64,
    /// The axes of that output.
    pub axes: WindowAxes,
    /// A new stream starts: the network must discard its state of this player.
    pub starts: bool,
}

impl FrameFeed {
    /// A feed for a network with this spec, before its first frame.
    #[must_use]
    pub fn new(spec: &ModelSpec) -> Self {
        let look_ahead = match spec.feed {
            Feed::Windows => 0,
            Feed::Frames { look_ahead } => look_ahead,
        };
        Self {
            layout: spec.layout,
            step: 1.0 / spec.rate_hz,
            look_ahead,
            last: None,
            axes: VecDeque::new(),
        }
    }

    /// All frames that are due; `None` if there are none.
    pub fn next(&mut self, history: &TrackerHistory) -> Option<NewFrames> {
        let newest = history.newest()?;
        // A clock that jumps back is a new clock.
        let waits = |last: f64| (-self.step..=self.step).contains(&(newest.time - last));
        let goes_on = |last: f64| waits(last) || history.at(last + self.step).is_some();
        let (mut time, mut before) = match self.last.take() {
            Some((last, poses)) if goes_on(last) => (last, poses),
            _ => {
                self.axes.clear();
                (newest.time, newest.poses.clone())
            }
        };
        let starts = self.axes.is_empty();
        let mut features = Vec::new();
        while time + self.step <= newest.time + TIME_TOLERANCE
            && let Some(now) = history.at(time + self.step)
        {
            time += self.step;
            let pair = [before.as_slice(), now.as_slice()];
            if self.axes.len() > self.look_ahead {
                self.axes.pop_front();
            }
            self.axes.push_back(self.layout.write_features(pair.into_iter(), &mut features));
            before = now;
        }
        self.last = Some((time, before));
        if features.is_empty() {
            return None;
        }
        let axes = *self.axes.front()?;
        Some(NewFrames { features, time: time - self.look_ahead as f64 * self.step, axes, starts })
    }

    /// Follows a teleport. The features do not change, because they do not depend on the place in
    /// the room.
    pub fn teleport(&mut self, by: &Teleport) {
        if let Some((_, poses)) = &mut self.last {
            poses.iter_mut().for_each(|pose| pose.teleport(by));
        }
        self.axes.iter_mut().for_each(|axes| axes.teleport(by));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinates::UPRIGHT;
    use crate::features::Axes;
    use crate::live::fake;
    use crate::tracker::TrackerFrame;
    use glam::{DMat3, DQuat, DVec3};

    fn spec(look_ahead: usize) -> ModelSpec {
        let layout = FeatureLayout { axes: Axes::OwnHeading, ..fake::spec().layout };
        ModelSpec { layout, window: 1, feed: Feed::Frames { look_ahead }, ..fake::spec() }
    }

    fn trackers_at(time: f64) -> TrackerFrame {
        let pose = |k: f64| {
            let position = DVec3::new(0.3 * (2.0 * time + k).sin(), 0.2 * time, 1.5 - 0.3 * k);
            let rotation = DQuat::from_rotation_z(k + (2.0 * time).sin()) * UPRIGHT;
            TrackerPose::new(position, DMat3::from_quat(rotation))
        };
        TrackerFrame::new(time, vec![pose(0.0), pose(1.0), pose(2.0)])
    }

    /// All frames that are fed while trackers report at `times`.
    fn feed(spec: &ModelSpec, times: impl Iterator<Item = f64>) -> Vec<NewFrames> {
        let (mut history, mut feed) = (TrackerHistory::new(spec), FrameFeed::new(spec));
        let take = |time| {
            history.push(trackers_at(time)).unwrap();
            feed.next(&history)
        };
        times.filter_map(take).collect()
    }

    /// Every headset rate feeds the same frames, each once.
    #[test]
    fn every_rate_feeds_the_same_frames() {
        let spec = spec(0);
        let inputs = spec.layout.inputs();
        let features = |rate: f64| -> Vec<f32> {
            let times = (0..=(2.0 * rate) as u32).map(|i| f64::from(i) / rate);
            feed(&spec, times).into_iter().flat_map(|new| new.features).collect()
        };
        let expected = features(60.0);
        assert_eq!(expected.len(), 120 * inputs);
        for rate in [30.0, 72.0, 90.0, 120.0, 144.0] {
            let found = features(rate);
            // If the rate is no multiple of the grid's, the last frame may not be due yet.
            assert!(expected.len() - found.len() <= inputs, "{rate}");
            let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            // Interpolation error at 1.2 m/s² over 33 ms, and its effect on a velocity.
            assert!(worst < 4e-3, "{rate}: {worst}");
        }
    }

    #[test]
    fn a_short_gap_is_filled_and_a_long_one_starts_a_new_stream() {
        let spec = spec(0);
        let times = (0..200).map(|i| f64::from(i) / 60.0);
        let fed =
            feed(&spec, times.filter(|t| !(1.001..1.4).contains(t) && !(1.6..2.9).contains(t)));
        let starts: Vec<f64> = fed.iter().filter(|new| new.starts).map(|new| new.time).collect();
        assert_eq!(starts.len(), 2, "{starts:?}");
        assert!(starts[0] < 0.02 && starts[1] > 2.9);
        let most = fed.iter().map(|new| new.features.len() / spec.layout.inputs()).max();
        assert_eq!(most, Some(24), "the frames of 0.4 s");
    }

    #[test]
    fn outputs_are_late_by_the_look_ahead() {
        let times = || (0..30).map(|i| f64::from(i) / 60.0);
        let (now, later) = (feed(&spec(0), times()), feed(&spec(3), times()));
        for (i, late) in later.iter().enumerate().skip(3) {
            assert_eq!(late.features, now[i].features);
            assert_eq!(late.axes, now[i - 3].axes);
            assert!((late.time - now[i - 3].time).abs() < 1e-9);
        }
    }

    #[test]
    fn features_do_not_change_in_a_teleport() {
        let spec = spec(2);
        let by = Teleport::between(
            &trackers_at(0.5).poses[0],
            &TrackerPose::new(
                DVec3::new(9.0, -3.0, 1.5),
                DMat3::from_quat(DQuat::from_rotation_z(2.0) * UPRIGHT),
            ),
        );
        let run = |teleport: bool| {
            let (mut history, mut feed) = (TrackerHistory::new(&spec), FrameFeed::new(&spec));
            let mut fed = vec![];
            for i in 0..60 {
                let mut frame = trackers_at(f64::from(i) / 60.0);
                if teleport && i == 30 {
                    history.teleport(&by);
                    feed.teleport(&by);
                }
                if teleport && i >= 30 {
                    frame.poses.iter_mut().for_each(|pose| pose.teleport(&by));
                }
                history.push(frame).unwrap();
                fed.extend(feed.next(&history));
            }
            fed
        };
        for (stayed, went) in run(false).iter().zip(&run(true)) {
            assert!(!went.starts || went.time < 0.02);
            let pairs = stayed.features.iter().zip(&went.features);
            assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-6));
            if stayed.time > 29.5 / 60.0 {
                let turned = stayed.axes.rotation() * by.rotation();
                assert!(turned.angle_between(went.axes.rotation()) < 1e-6);
            }
        }
    }
}
