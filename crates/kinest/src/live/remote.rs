//! A player on another machine: poses that arrive rarely, late and out of order, shown at any rate.

use super::curve::pose_at;
use super::settle::Settling;
use crate::forecast::{BodyForecaster, Extrapolation, ForecastPose, PoseHistory};
use crate::skeleton::{PerJoint, Pose, SmplJoint};
use crate::tracker::Teleport;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// Poses kept: 0.8 s at 20 Hz.
const KEPT: usize = 16;

/// A pose older than the newest by more than this, seconds, may belong to another clock; a longer
/// gap clears the motion.
const OTHER_CLOCK: f64 = 1.0;
/// Consecutive poses that confirm another clock; a single one is a stray packet.
const STRAYS: u32 = 3;

/// Maximum rate at which the shown time catches up, as a fraction of the time that passes.
const CATCH_UP_RATE: f64 = 0.1;
/// Time constant for catching up, seconds.
const CATCH_UP: f64 = 0.25;
/// A larger difference is followed at once, seconds.
const SNAP: f64 = 0.5;

/// Time constant of the decay of confidence beyond the longest forecast, seconds.
const STALE: f64 = 1.0;

/// Settings for showing a player on another machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoteSettings {
    /// Delay of the shown body behind the newest pose that could have arrived. With zero the body
    /// is forecast to the present; with more than the interval of the poses plus their jitter,
    /// nearly every frame is interpolated between received poses.
    pub delay: Duration,
    /// Longest forecast beyond the newest pose; after it the body stands still.
    pub longest: Duration,
    /// Time constant in which errors of a forecast are corrected.
    pub correction: Duration,
}

impl Default for RemoteSettings {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            longest: Duration::from_millis(400),
            correction: Duration::from_millis(50),
        }
    }
}

/// Why a pose was refused. The player does not change.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum RemoteError {
    /// A time is not finite.
    #[error("the time {0} is not finite")]
    Time(f64),
    /// The position of the root is not finite.
    #[error("the translation is not finite")]
    Translation,
    /// A rotation is not finite, or too far from a unit quaternion to be one.
    #[error("the rotation of joint {} is not a unit quaternion", .0.name())]
    Rotation(SmplJoint),
}

/// The body of a player on another machine at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RemotePose {
    /// The body.
    pub pose: Pose,
    /// The shown moment, seconds on the sender's clock.
    pub time: f64,
    /// Time of the forecast beyond the newest received pose, seconds; 0 between poses.
    pub ahead: f64,
    /// Time behind the newest pose that could have arrived, seconds.
    pub age: f64,
    /// Confidence in each joint, 0 to 1; 1 between received poses.
    pub confidence: PerJoint<f32>,
}

/// The live state of a player on another machine, from received poses to the shown one.
///
/// The sender sends whole poses, such as those of a [`Player`](super::Player), with the time of
/// each on its own clock, as rarely as 10 times a second; they may arrive late, twice, out of order
/// or not at all. In every frame [`show`](Self::show) returns a body that moves without jumps. A
/// [`BodyForecaster`] continues the motion beyond the newest pose, for a bounded time. When a
/// received pose contradicts the forecast, the differences in position and velocity decay smoothly.
///
/// The clocks of sender and receiver need not agree: their difference is estimated from the poses
/// that arrive fastest. This type reads no clock itself.
///
/// Measured on 36 CMU clips (the first 8 s of each). Poses take 40 ms plus an exponentially
/// distributed 15 ms on average; 2 % of them arrive twice. Errors are means over all joints:
/// relative to the sender's body at the time the fastest packet left ("to the present"), and to the
/// body at the shown time ("to its time"). Jitter is the mean third derivative, 10² m/s³; the clips
/// have 2.7. The last column is the fraction of frames in which a joint moves more than 5 cm
/// further than in the truth (`cargo test -p bevy_kinest --test forecasts -- --ignored --nocapture
/// remote`):
///
/// | poses, lost | shown by | to the present | to its time | jitter | jumps |
/// |---|---|---|---|---|---|
/// | 20 Hz, 0 % | damped velocity, at once | 8 mm | 8 mm | 38.3 | 6.1 % |
/// | | interpolation, 100 ms late | 65 mm | 1 mm | 3.4 | 0.0 % |
/// | | this | 16 mm | 16 mm | 5.3 | 1.4 % |
/// | | this, 50 ms late | 35 mm | 3 mm | 2.7 | 0.0 % |
/// | 20 Hz, 5 % | damped velocity, at once | 9 mm | 9 mm | 39.8 | 6.8 % |
/// | | interpolation, 100 ms late | 65 mm | 1 mm | 5.2 | 0.2 % |
/// | | this | 18 mm | 17 mm | 5.4 | 1.6 % |
/// | | this, 50 ms late | 36 mm | 4 mm | 2.9 | 0.1 % |
/// | 20 Hz, 20 % | damped velocity, at once | 13 mm | 13 mm | 44.0 | 8.3 % |
/// | | interpolation, 100 ms late | 67 mm | 4 mm | 11.2 | 1.1 % |
/// | | this | 22 mm | 22 mm | 5.8 | 2.6 % |
/// | | this, 50 ms late | 39 mm | 7 mm | 3.5 | 0.5 % |
/// | 10 Hz, 0 % | damped velocity, at once | 19 mm | 19 mm | 54.4 | 12.5 % |
/// | | interpolation, 100 ms late | 66 mm | 5 mm | 15.8 | 1.5 % |
/// | | this | 30 mm | 29 mm | 7.1 | 4.3 % |
/// | | this, 100 ms late | 67 mm | 3 mm | 2.0 | 0.2 % |
/// | 10 Hz, 5 % | damped velocity, at once | 22 mm | 22 mm | 55.9 | 12.0 % |
/// | | interpolation, 100 ms late | 68 mm | 7 mm | 20.3 | 2.2 % |
/// | | this | 33 mm | 32 mm | 7.1 | 5.2 % |
/// | | this, 100 ms late | 68 mm | 5 mm | 2.3 | 0.4 % |
/// | 10 Hz, 20 % | damped velocity, at once | 33 mm | 33 mm | 60.8 | 10.4 % |
/// | | interpolation, 100 ms late | 77 mm | 17 mm | 33.0 | 3.2 % |
/// | | this | 46 mm | 46 mm | 7.3 | 8.4 % |
/// | | this, 100 ms late | 76 mm | 14 mm | 3.1 | 2.3 % |
///
/// Without a delay the error to the present is 1.7 to 4 times lower than with interpolation, and
/// higher than with damped velocity shown at once, whose joints jump by up to 1.6 m in a frame;
/// here the maximum is 0.25 m. With the same delay as interpolation, the error is the same and the
/// jitter a fraction.
///
/// ```
/// use kinest::forecast::{BodyForecaster, Extrapolation};
/// use kinest::live::{RemotePlayer, RemoteSettings};
/// use kinest::motion::synthetic::walk_and_wave;
/// use kinest::skeleton::Skeleton;
///
/// let clip = walk_and_wave(&Skeleton::default());
/// let mut forecaster = BodyForecaster::new(Extrapolation::default());
/// let mut player = RemotePlayer::new(RemoteSettings::default());
/// for frame in 0..60 {
///     let now = f64::from(frame) / 60.0;
///     // Ten poses a second, 30 ms on their way; the sender's clock started 100 s earlier.
///     if frame % 6 == 0 {
///         let sent = now - 0.03;
///         player.receive(100.0 + sent, now, &clip.pose_at(sent))?;
///     }
///     if let Some(shown) = player.show(&mut forecaster, now) {
///         assert!(shown.pose.is_finite() && shown.ahead < 0.11);
///     }
/// }
/// # Ok::<(), kinest::live::RemoteError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RemotePlayer {
    /// May be changed at any time.
    pub settings: RemoteSettings,
    clock: SenderClock,
    /// Poses by the sender's time, oldest first.
    poses: VecDeque<(f64, Pose)>,
    strays: u32,
    history: PoseHistory,
    shown: Option<Shown>,
    /// Offset of the last shown pose from the current best estimate of it.
    settling: Settling,
    /// Whether poses have arrived since the last frame.
    revised: bool,
}

#[derive(Clone, Copy, Debug)]
struct Shown {
    /// On the sender's clock.
    playhead: f64,
    /// On the receiver's clock.
    now: f64,
    pose: Pose,
    /// The pose shown before `pose` and the time between them in seconds, for the velocity.
    before: Option<(Pose, f64)>,
}

impl Default for RemotePlayer {
    fn default() -> Self {
        Self::new(RemoteSettings::default())
    }
}

impl RemotePlayer {
    /// A player without received poses.
    #[must_use]
    pub fn new(settings: RemoteSettings) -> Self {
        let (poses, clock) = (VecDeque::with_capacity(KEPT), SenderClock::default());
        let history = BodyForecaster::new(Extrapolation::default()).history();
        let settling = Settling::default();
        let (strays, shown, revised) = (0, None, false);
        Self { settings, clock, poses, strays, history, shown, settling, revised }
    }

    /// Takes a pose that the player had at time `sent` of the sender's clock and that arrived at
    /// `arrived` of the receiver's, in seconds, in any order. Returns false if it is ignored: it is
    /// a duplicate, or older than all kept poses.
    ///
    /// An impossible jump is shown as a [`Teleport`]; earlier poses are discarded.
    ///
    /// # Errors
    /// If a time or the pose is not finite, or a rotation is not a unit quaternion. Rounded
    /// rotations are accepted.
    pub fn receive(&mut self, sent: f64, arrived: f64, pose: &Pose) -> Result<bool, RemoteError> {
        if !arrived.is_finite() {
            return Err(RemoteError::Time(arrived));
        }
        let pose = Self::check(sent, pose)?;
        if let Some(newest) = self.newest() {
            let other = newest - sent > OTHER_CLOCK;
            self.strays = if other { self.strays + 1 } else { 0 };
            if other && self.strays < STRAYS {
                return Ok(false);
            }
            if other || sent - newest > OTHER_CLOCK {
                // Another session, or too long a gap: earlier poses do not predict the present.
                self.poses.clear();
                if other {
                    self.clock = SenderClock::default();
                }
            }
        }
        self.strays = 0;
        let mut after = self.poses.partition_point(|(time, _)| *time < sent);
        let next = self.poses.get(after);
        let twice = next.is_some_and(|(time, _)| *time == sent);
        let too_old = after == 0 && self.poses.len() == KEPT;
        // After a jump only the newer place counts.
        let left = next.is_some_and(|(time, next)| jumps(&pose, next, time - sent));
        if twice || too_old || left {
            return Ok(false);
        }
        let before = after.checked_sub(1).map(|before| &self.poses[before]);
        if before.is_some_and(|(time, before)| jumps(before, &pose, sent - time)) {
            self.poses.drain(..after);
            (self.shown, after) = (None, 0);
        } else if self.poses.len() == KEPT {
            self.poses.pop_front();
            after -= 1;
        }
        self.poses.insert(after, (sent, pose));
        self.clock.hear(sent, arrived);
        self.remember();
        self.revised = true;
        Ok(true)
    }

    /// The pose with rotations of exactly unit length, as [`receive`](Self::receive) takes it.
    ///
    /// # Errors
    /// If the time or the pose is not finite, or a rotation is not a unit quaternion.
    pub fn check(sent: f64, pose: &Pose) -> Result<Pose, RemoteError> {
        if !sent.is_finite() {
            return Err(RemoteError::Time(sent));
        }
        if !pose.translation.is_finite() {
            return Err(RemoteError::Translation);
        }
        let mut rotations = pose.rotations;
        for (joint, rotation) in SmplJoint::ALL.into_iter().zip(&mut rotations) {
            // NaN is in no range.
            if !(0.9..1.1).contains(&rotation.length()) {
                return Err(RemoteError::Rotation(joint));
            }
            *rotation = rotation.normalize();
        }
        Ok(Pose { translation: pose.translation, rotations })
    }

    /// Time of the newest pose on the sender's clock, seconds.
    #[must_use]
    pub fn newest(&self) -> Option<f64> {
        self.poses.back().map(|(time, _)| *time)
    }

    /// Rewrites the forecaster's history with samples of a smooth curve through the poses.
    fn remember(&mut self) {
        self.history.clear();
        let (Some((oldest, _)), Some(newest)) = (self.poses.front(), self.newest()) else { return };
        let step = 1.0 / self.history.rate_hz();
        for back in (0..self.history.frames()).rev() {
            let time = newest - back as f64 * step;
            if let Some(pose) = pose_at(&self.poses, time).filter(|_| time >= *oldest) {
                self.history.push(time, &pose);
            }
        }
    }

    /// The body to show at `now` of the receiver's clock, seconds; `None` before the first pose, and
    /// for a time that is not finite. Call once per drawn frame.
    pub fn show(&mut self, forecaster: &mut BodyForecaster, now: f64) -> Option<RemotePose> {
        let newest = self.newest().filter(|_| now.is_finite())?;
        if !forecaster.reads(&self.history) {
            self.history = forecaster.history();
            self.remember();
        }
        let present = self.clock.sent_by(now)?;
        let target = present - self.settings.delay.as_secs_f64();
        let passed = self.shown.map_or(0.0, |shown| (now - shown.now).max(0.0));
        let playhead = match self.shown {
            Some(shown) if (target - shown.playhead - passed).abs() < SNAP => {
                let behind = target - (shown.playhead + passed);
                let most = CATCH_UP_RATE * passed;
                shown.playhead + passed + (behind * (passed / CATCH_UP).min(1.0)).clamp(-most, most)
            }
            _ => target,
        };
        if self.shown.is_none() {
            self.settling = Settling::default();
        }
        if std::mem::take(&mut self.revised)
            && let Some(Shown { playhead: then, pose: shown, before, .. }) = self.shown
        {
            // The current estimates of the last shown frame and of the frame before it.
            let meant = self.at(forecaster, then, newest);
            let speeds = before.map(|(earlier, seconds)| {
                (earlier, self.at(forecaster, then - seconds, newest).pose, seconds)
            });
            self.settling.start(&shown, &meant.pose, speeds.as_ref());
        }
        let meant = self.at(forecaster, playhead, newest);
        self.settling.step(passed, self.settings.correction.as_secs_f64());
        let pose = self.settling.apply(&meant.pose);
        let before = self.shown.filter(|_| passed > 0.0).map(|shown| (shown.pose, passed));
        self.shown = Some(Shown { playhead, now, pose, before });
        let ahead = (playhead - newest).max(0.0);
        let overdue = (ahead - self.longest()).max(0.0);
        let faded = (-overdue / STALE).exp() as f32;
        let confidence = meant.confidence.map(|confidence| confidence * faded);
        let age = present - playhead;
        Some(RemotePose { pose, time: playhead, ahead, age, confidence })
    }

    fn longest(&self) -> f64 {
        self.settings.longest.as_secs_f64()
    }

    /// The body at a time of the sender's clock: interpolated; forecast after the `newest` pose;
    /// the oldest pose before all others.
    fn at(&self, forecaster: &mut BodyForecaster, time: f64, newest: f64) -> ForecastPose {
        let ahead = (time - newest).min(self.longest());
        if ahead > 0.0
            && let Some(forecast) = forecaster.forecast(&self.history, ahead)
            && forecast.pose.is_finite()
        {
            return forecast;
        }
        let pose = pose_at(&self.poses, time).unwrap_or_else(Pose::rest);
        ForecastPose { pose, confidence: [1.0; SmplJoint::COUNT] }
    }

    /// Clears everything except the settings, for another player.
    pub fn reset(&mut self) {
        let history = self.history.clone();
        *self = Self { history, ..Self::new(self.settings) };
        self.history.clear();
    }
}

/// Whether no body can move from one pose to the other in `seconds`.
fn jumps(from: &Pose, to: &Pose, seconds: f64) -> bool {
    Teleport::is_one(from.translation, to.translation, seconds)
}

/// Estimate of the sender's clock from the poses with the shortest delay.
#[derive(Clone, Copy, Debug, Default)]
struct SenderClock {
    /// Start of the current span on the receiver's clock, and the minimum delay in it.
    present: Option<(f64, f64)>,
    /// Minimum delay in the previous span.
    before: Option<f64>,
}

impl SenderClock {
    /// Length of a span, seconds: short enough for a clock drift far below a millisecond, long
    /// enough to contain fast poses.
    const SPAN: f64 = 5.0;

    /// Takes the times of a pose. The measured delay is the true one plus the offset between the
    /// clocks.
    fn hear(&mut self, sent: f64, arrived: f64) {
        let delay = arrived - sent;
        self.present = match self.present {
            Some((start, least)) if (0.0..Self::SPAN).contains(&(arrived - start)) => {
                Some((start, least.min(delay)))
            }
            Some((start, least)) => {
                let next = (0.0..2.0 * Self::SPAN).contains(&(arrived - start));
                self.before = next.then_some(least);
                Some((arrived, delay))
            }
            None => Some((arrived, delay)),
        };
    }

    /// Sender's time of the newest pose that could have arrived by `now`.
    fn sent_by(&self, now: f64) -> Option<f64> {
        let (_, least) = self.present?;
        Some(now - self.before.map_or(least, |before| before.min(least)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::MotionClip;
    use crate::motion::synthetic::{self, Kind, walk_and_wave};
    use crate::skeleton::Skeleton;
    use glam::{DQuat, DVec3};
    use rand::{Rng, SeedableRng, rngs::StdRng};

    const DT: f64 = 1.0 / 60.0;
    /// The sender's clock at the receiver's zero.
    const CLOCK: f64 = 1234.5;

    fn baseline() -> BodyForecaster {
        BodyForecaster::new(Extrapolation::default())
    }

    /// A connection: poses per second, and their loss, delay and duplication.
    struct Line {
        rate: f64,
        lost: f64,
        /// Minimum and maximum delay, seconds.
        way: [f64; 2],
        doubled: f64,
    }

    /// The shown pose of each frame of `clip`.
    fn play(clip: &MotionClip, line: &Line, seed: u64) -> Vec<(f64, RemotePose)> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut mail = vec![];
        for i in 0..(clip.duration() * line.rate) as u32 {
            let sent = f64::from(i) / line.rate;
            for _ in 0..1 + u32::from(random.random_bool(line.doubled)) {
                let arrives = sent + random.random_range(line.way[0]..=line.way[1]);
                if !random.random_bool(line.lost) {
                    mail.push((arrives, sent));
                }
            }
        }
        mail.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut player, mut forecaster) = (RemotePlayer::default(), baseline());
        let (mut next, mut shown) = (0, vec![]);
        for frame in 0..(clip.duration() * 60.0) as u32 {
            let now = f64::from(frame) * DT;
            while mail.get(next).is_some_and(|(arrives, _)| *arrives <= now) {
                let (arrived, sent) = mail[next];
                player.receive(CLOCK + sent, arrived, &clip.pose_at(sent)).unwrap();
                next += 1;
            }
            shown.extend(player.show(&mut forecaster, now).map(|shown| (now, shown)));
        }
        shown
    }

    /// Largest distance between corresponding joints.
    fn farthest(a: &Pose, b: &Pose) -> f64 {
        let skeleton = Skeleton::default();
        let [a, b] = [a, b].map(|pose| skeleton.pose_joints(pose).positions);
        a.iter().zip(&b).map(|(a, b)| a.distance(*b)).fold(0.0, f64::max)
    }

    /// Mean distance between corresponding joints.
    fn apart(a: &Pose, b: &Pose) -> f64 {
        let skeleton = Skeleton::default();
        let [a, b] = [a, b].map(|pose| skeleton.pose_joints(pose).positions);
        a.iter().zip(&b).map(|(a, b)| a.distance(*b)).sum::<f64>() / SmplJoint::COUNT as f64
    }

    /// No joint moves much faster than in the truth, and the body is shown at its present place.
    #[test]
    fn a_body_is_smooth_and_near_the_truth_on_a_bad_line() {
        let skeleton = Skeleton::default();
        for (kind, rate, lost, most) in [
            (Kind::Walk, 20.0, 0.0, 0.06),
            (Kind::Walk, 10.0, 0.2, 0.12),
            (Kind::Punch, 20.0, 0.05, 0.06),
            (Kind::Wave, 10.0, 0.05, 0.06),
        ] {
            let clip = synthetic::clip(kind, 3, 8.0, 60.0, &skeleton);
            let own = (1..clip.frames.len())
                .map(|i| farthest(&(&clip.frames[i - 1]).into(), &(&clip.frames[i]).into()))
                .fold(0.0, f64::max);
            let line = Line { rate, lost, way: [0.02, 0.08], doubled: 0.1 };
            let shown = play(&clip, &line, 7);
            let step = shown.windows(2).map(|w| farthest(&w[0].1.pose, &w[1].1.pose));
            let step = step.fold(0.0, f64::max);
            let errors = shown.iter();
            let errors = errors.map(|(_, it)| apart(&it.pose, &clip.pose_at(it.time - CLOCK)));
            let mean = errors.sum::<f64>() / shown.len() as f64;
            println!("{kind:?} {rate} Hz {lost}: {step:.3} of {own:.3} m a frame, {mean:.3} m off");
            assert!(step < own + 0.15, "{kind:?}: {step} m in a frame, {own} m by itself");
            assert!(mean < most, "{kind:?}: {mean} m");
        }
    }

    /// On a line without faults, the shown time is that of the newest pose that can have arrived.
    #[test]
    fn clocks_are_compared_by_the_poses_that_come_fastest() {
        let clip = walk_and_wave(&Skeleton::default());
        let line = Line { rate: 20.0, lost: 0.0, way: [0.03, 0.13], doubled: 0.0 };
        let shown = play(&clip, &line, 1);
        for (now, shown) in shown.iter().filter(|(now, _)| *now > 2.0) {
            let late = now + CLOCK - shown.time - 0.03;
            assert!((0.0..0.01).contains(&late), "at {now}: {late}");
        }
    }

    #[test]
    fn a_motion_is_continued_for_a_bounded_time_and_surely_no_longer() {
        let mut player = RemotePlayer::default();
        let mut forecaster = baseline();
        let walk = |time: f64| Pose { translation: DVec3::X * time, ..Pose::rest() };
        (0..5).for_each(|i| {
            let time = 0.1 * f64::from(i);
            assert_eq!(player.receive(time, time, &walk(time)), Ok(true));
        });
        let x = |shown: &RemotePose| shown.pose.translation.x;
        let at = player.show(&mut forecaster, 0.4).unwrap();
        assert!((x(&at) - 0.4).abs() < 1e-9 && at.ahead.abs() < 1e-9);
        let later = player.show(&mut forecaster, 0.5).unwrap();
        // Damped with 0.2 s: 0.2 (1 − e^−0.5) m.
        assert!((x(&later) - 0.4 - 0.0787).abs() < 1e-3, "{}", x(&later));
        assert!((later.ahead - 0.1).abs() < 1e-9);
        let silent = [1.0, 2.0, 9.0].map(|now| player.show(&mut forecaster, now).unwrap());
        assert!(silent.windows(2).all(|w| w[0].pose == w[1].pose), "it stands");
        assert!(silent[2].confidence.iter().all(|sure| *sure < 0.01));
        assert!((x(&silent[0]) - 0.4) < 0.2);
    }

    #[test]
    fn late_and_doubled_poses_are_put_in_order_and_old_ones_ignored() {
        let (mut player, mut forecaster) = (RemotePlayer::default(), baseline());
        let body = |time: f64| Pose { translation: DVec3::X * time, ..Pose::rest() };
        let mut receive = |sent: f64, right: bool| {
            assert_eq!(player.receive(sent, 1.0, &body(sent)), Ok(right), "{sent}");
        };
        receive(0.5, true);
        receive(0.7, true);
        receive(0.6, true);
        receive(0.6, false);
        (8..28).for_each(|i| receive(0.05 * f64::from(i) + 0.31, true));
        receive(0.1, false);
        let times: Vec<f64> = player.poses.iter().map(|(time, _)| *time).collect();
        assert!(times.len() == KEPT && times.windows(2).all(|w| w[0] < w[1]), "{times:?}");
        assert!(player.show(&mut forecaster, 1.0).is_some());
    }

    #[test]
    fn a_clock_that_restarts_is_followed_and_a_stray_pose_is_not() {
        let mut player = RemotePlayer::default();
        let body = |time: f64| Pose { translation: DVec3::X * time, ..Pose::rest() };
        for i in 0..20 {
            let time = 100.0 + 0.1 * f64::from(i);
            player.receive(time, time, &body(0.0)).unwrap();
        }
        assert_eq!(player.receive(5.0, 102.0, &body(0.0)), Ok(false), "a stray");
        assert_eq!(player.receive(102.0, 102.0, &body(0.0)), Ok(true));
        let restarted =
            [0.0, 0.1, 0.2, 0.3].map(|sent| player.receive(sent, 102.1 + sent, &body(0.0)));
        assert_eq!(restarted, [Ok(false), Ok(false), Ok(true), Ok(true)]);
        let shown = player.show(&mut baseline(), 102.4).unwrap();
        assert!((shown.time - 0.3).abs() < 1e-9, "{}", shown.time);
    }

    /// A teleport is not interpolated.
    #[test]
    fn a_jump_is_shown_as_one() {
        let (mut player, mut forecaster) = (RemotePlayer::default(), baseline());
        let body = |x: f64| Pose { translation: DVec3::X * x, ..Pose::rest() };
        for frame in 0..120 {
            let now = f64::from(frame) * DT;
            let x = if now < 1.0 { 0.0 } else { 8.0 };
            if frame % 6 == 0 {
                player.receive(now, now, &body(x)).unwrap();
            }
            if frame == 67 {
                assert_eq!(player.receive(0.95, now, &body(0.0)), Ok(false), "from before");
            }
            let shown = player.show(&mut forecaster, now).unwrap().pose.translation.x;
            assert!(shown == 0.0 || shown == 8.0, "frame {frame}: {shown}");
        }
    }

    #[test]
    fn what_is_no_pose_is_refused_by_name_and_changes_nothing() {
        let mut player = RemotePlayer::default();
        assert!(player.show(&mut baseline(), 0.0).is_none());
        let mut pose = Pose::rest();
        pose.rotations[4] = DQuat::from_xyzw(0.0, 0.0, 0.0, 0.02);
        assert_eq!(
            player.receive(0.0, 0.0, &pose),
            Err(RemoteError::Rotation(SmplJoint::LeftKnee))
        );
        pose.rotations[4] = DQuat::NAN;
        let error = player.receive(0.0, 0.0, &pose).unwrap_err().to_string();
        assert!(error.contains("L_knee"), "{error}");
        let lost = Pose { translation: DVec3::NAN, ..Pose::rest() };
        assert_eq!(player.receive(0.0, 0.0, &lost), Err(RemoteError::Translation));
        let nan = f64::NAN;
        assert!(matches!(player.receive(nan, 0.0, &Pose::rest()), Err(RemoteError::Time(_))));
        assert!(matches!(player.receive(0.0, nan, &Pose::rest()), Err(RemoteError::Time(_))));
        assert!(player.newest().is_none());
        // Rounded to 8 bits, it is accepted.
        let mut rounded = Pose::rest();
        rounded.rotations[0] = DQuat::from_xyzw(0.711, 0.0, 0.0, 0.703);
        assert_eq!(player.receive(0.0, 0.0, &rounded), Ok(true));
        assert!(
            (player.show(&mut baseline(), 0.0).unwrap().pose.rotations[0].length() - 1.0).abs()
                < 1e-12
        );
    }

    /// Invalid settings cause neither panics nor invalid poses.
    #[test]
    fn any_settings_and_times_give_a_body() {
        let clip = walk_and_wave(&Skeleton::default());
        for value in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
            let settings = RemoteSettings { delay: value, longest: value, correction: value };
            let (mut player, mut forecaster) = (RemotePlayer::new(settings), baseline());
            for i in 0..90 {
                let now = f64::from(i) * DT;
                if i % 5 == 0 {
                    player.receive(now, now, &clip.pose_at(now)).unwrap();
                }
                for now in [now, now - 0.5, f64::NAN] {
                    if let Some(shown) = player.show(&mut forecaster, now) {
                        assert!(shown.pose.is_finite(), "{value:?} {now}");
                    }
                }
            }
        }
    }
}
