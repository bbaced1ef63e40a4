//! Poses for every drawn frame, from estimates that arrive at irregular times.

use crate::rotation::{exp, log};
use crate::skeleton::PerJoint;
use crate::tracker::Teleport;
use glam::{DQuat, DVec3};
use std::collections::VecDeque;

/// Estimates kept: 0.4 s at 60 Hz, more than the longest delay.
const KEPT: usize = 24;

/// Maximum delay of shown poses, seconds. Estimates later than that are shown on arrival.
const LONGEST_DELAY: f64 = 0.2;

/// Decrease of the delay, seconds per second, when estimates arrive earlier.
const DELAY_DECAY: f64 = 0.02;

/// After a frame without a new estimate, corners are rounded for at least this long, seconds.
const ROUNDED_FOR: f64 = 1.0;

/// An estimate older than the newest by more than this, seconds, belongs to another clock.
const OTHER_CLOCK: f64 = 1.0;

/// Time constant for following a change of the delay, seconds.
const CATCH_UP: f64 = 0.25;
/// Maximum rate of following it, as a fraction of the time that passes.
const CATCH_UP_RATE: f64 = 0.3;
/// A larger change is followed at once, seconds.
const SNAP: f64 = 0.5;

/// Time constant in which joints come to rest beyond the newest estimate, seconds: their turning
/// speed, from the [`log`] of the last turn, decays exponentially.
const COAST: f64 = 0.05;
/// Minimum time over which velocities are measured, seconds; shorter intervals are noisy.
const SPEED_OVER: f64 = 0.03;

/// Time constant in which an extrapolation that proved wrong is corrected, seconds.
const CORRECTION: f64 = 0.05;

/// The estimates of one body on their own clock, shown at any frame rate.
///
/// Poses are shown slightly late, by as much as estimates have recently been late, so that nearly
/// every drawn frame has an estimate before and after it to interpolate between. When estimates
/// arrive at once, as in a test that waits for each, the delay is 0 and they are shown unchanged.
/// When none arrive, joints coast for a moment and then stop. Only rotations are delayed: the body
/// is placed below the newest head afterwards.
///
/// Measured on 41 CMU clips longer than 2.5 s, with the shipped model's online estimates and a
/// worker that starts at most 60 calls per second. Jitter is the mean third derivative of all joint
/// positions, 10² m/s³; it grows with the sampling rate. The fifth column is what linear
/// interpolation between all 60 estimates per second would show if none were late:
///
/// | screen | time per call | jitter shown | jitter, linear | mean age |
/// |---|---|---|---|---|
/// | 60 Hz | 0 | 18.5 | 18.5 | 0 ms |
/// | 60 Hz | 3 ms | 17.2 | 18.5 | 18 ms |
/// | 60 Hz | 40 ms | 3.9 | 18.5 | 108 ms |
/// | 90 Hz | 3 ms | 14.1 | 22.5 | 30 ms |
/// | 90 Hz | 40 ms | 5.4 | 22.5 | 100 ms |
/// | 144 Hz | 3 ms | 20.5 | 47.4 | 29 ms |
/// | 144 Hz | 40 ms | 10.7 | 47.4 | 97 ms |
#[derive(Clone, Debug, Default)]
pub struct PoseTimeline {
    estimates: VecDeque<(f64, PerJoint<DQuat>)>,
    delay: f64,
    /// The pose shown last, its time and the frame's time.
    shown: Option<Shown>,
    /// Whether an estimate arrived since the last frame.
    fresh: bool,
    /// Corners are rounded until this time, seconds.
    rounded_until: Option<f64>,
    /// Whether newer estimates contradict the last shown pose.
    revised: bool,
    /// Remaining offset of the shown pose from the estimates.
    correction: Option<PerJoint<DQuat>>,
}

#[derive(Clone, Copy, Debug)]
struct Shown {
    playhead: f64,
    now: f64,
    rotations: PerJoint<DQuat>,
}

impl PoseTimeline {
    /// Adds an estimate for `time` (s). An estimate that is not newer than the newest is ignored,
    /// unless it is so much older that it belongs to another clock.
    pub fn push(&mut self, time: f64, rotations: PerJoint<DQuat>) {
        if let Some(newest) = self.newest() {
            if newest - time > OTHER_CLOCK {
                self.clear();
            } else if time <= newest {
                return;
            }
            self.revised |= self.shown.is_some_and(|shown| shown.playhead > newest);
        }
        if self.estimates.len() == KEPT {
            self.estimates.pop_front();
        }
        self.estimates.push_back((time, rotations));
        self.fresh = true;
    }

    /// Time of the newest estimate, seconds.
    #[must_use]
    pub fn newest(&self) -> Option<f64> {
        self.estimates.back().map(|(time, _)| *time)
    }

    /// The current target delay, seconds.
    #[must_use]
    pub fn delay(&self) -> f64 {
        self.delay
    }

    /// The pose to show at time `now` (s), and the time of the estimates it comes from; `None`
    /// before the first estimate. Call once per drawn frame.
    pub fn show(&mut self, now: f64) -> Option<(f64, PerJoint<DQuat>)> {
        let newest = self.newest()?;
        let age = (now - newest).max(0.0);
        let passed = self.shown.map_or(0.0, |shown| (now - shown.now).max(0.0));
        if !std::mem::take(&mut self.fresh) && passed > 0.0 {
            self.revised |= self.rounded_until.is_none();
            self.rounded_until = Some(now + ROUNDED_FOR);
        } else if self.rounded_until.is_some_and(|until| now > until) {
            self.revised = true;
            self.rounded_until = None;
        }
        let needed = age + self.rounding() / 2.0;
        self.delay = (self.delay - DELAY_DECAY * passed).max(needed).min(LONGEST_DELAY);
        let target = now - self.delay;
        let playhead = match self.shown {
            Some(shown) if (target - shown.playhead - passed).abs() < SNAP => {
                let behind = target - (shown.playhead + passed);
                let most = CATCH_UP_RATE * passed;
                // Ends exactly on target: a remainder below 1 µs is removed at once.
                let step = (behind * (passed / CATCH_UP).min(1.0)).clamp(-most, most);
                let step = if behind.abs() < 1e-6 { behind } else { step };
                shown.playhead + passed + step
            }
            _ => target,
        };
        if std::mem::take(&mut self.revised)
            && let Some(shown) = self.shown
        {
            let meant = self.rounded(shown.playhead);
            self.correction = Some(std::array::from_fn(|j| {
                let difference = shown.rotations[j] * meant[j].conjugate();
                if difference.w < 0.0 { -difference } else { difference }
            }));
        }
        let mut rotations = self.rounded(playhead);
        if let Some(correction) = &mut self.correction {
            let gone = 1.0 - (-passed / CORRECTION).exp();
            let mut most = 0.0_f64;
            for (rotation, left) in rotations.iter_mut().zip(correction) {
                *left = left.slerp(DQuat::IDENTITY, gone).normalize();
                *rotation = (*left * *rotation).normalize();
                most = most.max(left.xyz().length());
            }
            if most < 1e-5 {
                self.correction = None;
            }
        }
        self.shown = Some(Shown { playhead, now, rotations });
        Some((playhead.min(newest), rotations))
    }

    /// The width over which the interpolation is averaged, seconds: the mean interval of estimates
    /// while corners are rounded, else 0.
    fn rounding(&self) -> f64 {
        let (Some((first, _)), Some(last)) = (self.estimates.front(), self.newest()) else {
            return 0.0;
        };
        let gaps = self.estimates.len().saturating_sub(1).max(1) as f64;
        if self.rounded_until.is_some() { ((last - first) / gaps).min(LONGEST_DELAY) } else { 0.0 }
    }

    /// The interpolation, averaged over [`rounding`](Self::rounding) around `time`.
    fn rounded(&self, time: f64) -> PerJoint<DQuat> {
        let middle = self.at(time);
        let width = self.rounding();
        if width <= 0.0 {
            return middle;
        }
        let (from, to) = (time - width / 2.0, time + width / 2.0);
        let turns = |time| {
            let there = self.at(time);
            std::array::from_fn(|j| log(middle[j].conjugate() * there[j]))
        };
        let mut mean: PerJoint<DVec3> = std::array::from_fn(|_| DVec3::ZERO);
        let mut before: (f64, PerJoint<DVec3>) = (from, turns(from));
        let corners = self.estimates.iter().map(|(t, _)| *t).filter(|t| from < *t && *t < to);
        for time in corners.chain([to]) {
            // Between two estimates the turns are linear in time, to first order.
            let now = (time, turns(time));
            for (mean, (a, b)) in mean.iter_mut().zip(before.1.iter().zip(&now.1)) {
                *mean += (*a + *b) * ((now.0 - before.0) / (2.0 * width));
            }
            before = now;
        }
        std::array::from_fn(|j| (middle[j] * exp(mean[j])).normalize())
    }

    /// The estimates at `time` (s): interpolated; coasting after the newest; the oldest before all
    /// others.
    fn at(&self, time: f64) -> PerJoint<DQuat> {
        let after = self.estimates.partition_point(|(t, _)| *t < time);
        let Some((t1, b)) = self.estimates.get(after) else {
            return self.coast(time);
        };
        let Some((t0, a)) = after.checked_sub(1).map(|before| &self.estimates[before]) else {
            return *b;
        };
        // At the time of an estimate, exactly that estimate.
        if *t1 == time {
            return *b;
        }
        let t = (time - t0) / (t1 - t0);
        std::array::from_fn(|j| a[j].slerp(b[j], t))
    }

    fn coast(&self, time: f64) -> PerJoint<DQuat> {
        let (newest, last) = self.estimates.back().expect("there is an estimate");
        let older = self.estimates.iter().rev().find(|(t, _)| newest - t >= SPEED_OVER);
        let Some((before, from)) = older else { return *last };
        let reach = COAST * (1.0 - ((newest - time) / COAST).exp()) / (newest - before);
        std::array::from_fn(|j| {
            let turn = log(from[j].conjugate() * last[j]);
            (last[j] * exp(turn * reach)).normalize()
        })
    }

    /// Follows a teleport.
    pub fn teleport(&mut self, by: &Teleport) {
        let turn = by.rotation();
        self.estimates.iter_mut().for_each(|(_, rotations)| rotations[0] = turn * rotations[0]);
        if let Some(shown) = &mut self.shown {
            shown.rotations[0] = turn * shown.rotations[0];
        }
        if let Some(correction) = &mut self.correction {
            correction[0] = turn * correction[0] * turn.conjugate();
        }
    }

    /// Clears all estimates.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::geodesic_angle;
    use crate::skeleton::{Pose, SmplJoint};

    const KNEE: usize = SmplJoint::LeftKnee as usize;

    /// A knee that swings by 0.8 rad at 1 Hz: at most 5 rad/s and 32 rad/s².
    fn swing(time: f64) -> PerJoint<DQuat> {
        let mut rotations = Pose::rest().rotations;
        rotations[KNEE] = DQuat::from_rotation_x(1.0 + 0.8 * (std::f64::consts::TAU * time).sin());
        rotations
    }

    fn bend(rotations: &PerJoint<DQuat>) -> f64 {
        log(rotations[KNEE]).x
    }

    /// Draws frames at `screen` Hz from a worker that starts at most 60 calls per second and takes
    /// `latency` seconds. Returns the shown angles and their age.
    fn play(screen: f64, latency: f64, timeline: &mut PoseTimeline) -> Vec<(f64, f64)> {
        let (mut free_at, mut due) = (0.0, 0.0);
        let mut running: Option<f64> = None;
        let mut shown = vec![];
        for i in 0..(4.0 * screen) as u32 {
            let now = f64::from(i) / screen;
            if let Some(asked) = running.filter(|_| now >= free_at) {
                timeline.push(asked, swing(asked));
                running = None;
            }
            if running.is_none() && now >= due {
                (running, free_at) = (Some(now), now + latency);
                due = (due + 1.0 / 60.0).max(now - 1.0 / 60.0);
            }
            if let Some((time, rotations)) = timeline.show(now) {
                // The delay settles in the first second.
                if now > 1.0 {
                    shown.push((bend(&rotations), now - time));
                }
            }
        }
        shown
    }

    /// Mean absolute third difference; comparable at the same frame rate only.
    fn jitter(values: impl Iterator<Item = f64>) -> f64 {
        let values: Vec<f64> = values.collect();
        let third = values.windows(4).map(|w| (w[3] - 3.0 * w[2] + 3.0 * w[1] - w[0]).abs());
        third.sum::<f64>() / (values.len() - 3) as f64
    }

    #[test]
    fn motion_is_smooth_at_any_rate_and_with_a_slow_worker() {
        for (screen, latency, late) in
            [(144.0, 0.003, 0.04), (144.0, 0.04, 0.13), (90.0, 0.003, 0.05), (90.0, 0.04, 0.15)]
        {
            let shown = play(screen, latency, &mut PoseTimeline::default());
            let truth = jitter((0..400).map(|i| bend(&swing(f64::from(i) / screen))));
            let seen = jitter(shown.iter().map(|(bend, _)| *bend));
            let age = shown.iter().map(|(_, age)| *age).fold(0.0, f64::max);
            println!(
                "{screen} Hz, {latency} s: {:.1} times the jitter, {age:.3} s late",
                seen / truth
            );
            assert!(age < late, "{screen} Hz, {latency} s: {age} s late");
            assert!(age >= latency, "{age}: nothing is shown before it is known");
            // Linear interpolation gives 46 times, showing estimates on arrival hundreds of times.
            assert!(seen < 9.0 * truth, "{screen} Hz, {latency} s: {seen} against {truth}");
        }
    }

    /// If every estimate arrives in time, there is neither delay nor change.
    #[test]
    fn estimates_in_time_are_shown_bit_for_bit() {
        let mut timeline = PoseTimeline::default();
        assert!(timeline.show(0.0).is_none());
        for i in 0..200 {
            let now = f64::from(i) * 0.011;
            timeline.push(now, swing(now));
            assert_eq!(timeline.show(now), Some((now, swing(now))));
        }
    }

    #[test]
    fn without_estimates_joints_coast_and_stop_then_resume_without_a_jump() {
        let mut timeline = PoseTimeline::default();
        let dt = 1.0 / 90.0;
        let mut before: Option<f64> = None;
        let mut still = 0;
        for i in 0..400 {
            let now = f64::from(i) * dt;
            let silent = (1.0..2.2).contains(&now);
            if !silent {
                timeline.push(now - dt, swing(now - dt));
            }
            let (time, rotations) = timeline.show(now).unwrap();
            let bend = bend(&rotations);
            if let Some(before) = before {
                // 5 rad/s, and the correction of the missed motion: up to 1.6 rad within 50 ms.
                let limit =
                    if silent { 5.1 * dt } else { 5.1 * dt + 1.6 * (1.0 - (-dt / 0.05_f64).exp()) };
                assert!((bend - before).abs() < limit * 1.5, "{now}: {bend} after {before}");
                still += usize::from(silent && (bend - before).abs() < 1e-6);
            }
            assert!(!silent || time < 1.0, "the age is that of the newest estimate");
            before = Some(bend);
        }
        assert!(still > 20, "{still} frames stood still");
        let (_, rotations) = timeline.show(400.0 * dt).unwrap();
        let due = swing(400.0 * dt - timeline.delay());
        assert!(geodesic_angle(rotations[KNEE], due[KNEE]) < 0.2);
    }

    #[test]
    fn old_estimates_are_ignored_and_a_teleport_turns_all_others() {
        let mut timeline = PoseTimeline::default();
        timeline.push(1.0, swing(1.0));
        timeline.push(1.0, swing(0.3));
        timeline.push(0.5, swing(0.5));
        assert_eq!(timeline.show(1.0), Some((1.0, swing(1.0))));
        timeline.push(-7.0, swing(0.2));
        assert_eq!(timeline.show(-7.0), Some((-7.0, swing(0.2))), "another clock");
        timeline.clear();
        timeline.push(1.0, swing(1.0));
        let by = Teleport { turn: 1.0, from: DVec3::ZERO, to: DVec3::X };
        timeline.teleport(&by);
        let (_, rotations) = timeline.show(1.0).unwrap();
        assert!(geodesic_angle(rotations[0], by.rotation() * swing(1.0)[0]) < 1e-12);
        timeline.clear();
        assert!(timeline.show(1.0).is_none());
    }
}
