//! Smooths joint rotations over time, with little lag.

use crate::rotation::{geodesic_angle, log};
use crate::skeleton::{PerJoint, Pose, SmplJoint};
use crate::tracker::Teleport;
use glam::{DQuat, DVec3};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// Settings of the one-euro filter (Casiez, Roussel and Vogel 2012, "1€ Filter: A Simple
/// Speed-based Low-pass Filter for Noisy Input in Interactive Systems").
///
/// A low-pass filter whose cut-off frequency `f = min_cutoff + beta · speed` rises with speed: slow
/// motion is smoothed, fast motion is followed. Steady rotation lags by `1 / (2π f)` seconds
/// ([`lag`](Self::lag)), at any frame rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OneEuro {
    /// Cut-off frequency for a joint at rest, Hz.
    pub min_cutoff: f64,
    /// Increase of the cut-off frequency, Hz per rad/s of a joint's speed.
    pub beta: f64,
    /// Cut-off frequency of the speed estimate, Hz.
    pub speed_cutoff: f64,
    /// Maximum output speed of a joint relative to its parent, rad/s; twice that for the root,
    /// which rotates with the whole player. Faster rotations mostly come from motion unlike the
    /// network's training data.
    pub max_speed: f64,
}

impl Default for OneEuro {
    /// Lag 53 ms at rest, 27 ms at 3 rad/s. Chosen on 17 CMU clips predicted online by the shipped
    /// model: a third of the jitter for 1 % more joint error. A plain exponential filter with about
    /// the same lag left 8 % more jitter on those clips. The speed limit costs nothing there; with
    /// twice the limit, knees flip when a player swings sabers.
    fn default() -> Self {
        Self { min_cutoff: 3.0, beta: 1.0, speed_cutoff: 2.0, max_speed: 6.0 }
    }
}

impl OneEuro {
    fn cutoff(&self, speed: f64) -> f64 {
        self.min_cutoff + self.beta * speed
    }

    /// Lag of a joint that rotates steadily at `speed` (rad/s), seconds.
    #[must_use]
    pub fn lag(&self, speed: f64) -> f64 {
        1.0 / (TAU * self.cutoff(speed))
    }
}

/// Fraction of the step to a new value that a low-pass filter with this cut-off (Hz) takes in `dt`
/// seconds.
fn share(cutoff: f64, dt: f64) -> f64 {
    1.0 / (1.0 + 1.0 / (TAU * cutoff * dt))
}

/// A [`OneEuro`] filter on every joint rotation of one body, the root's included.
///
/// The root's translation is not filtered, so joints move slightly with the filtered rotations:
/// call [`place_head`](super::place_head) or [`place_trackers`](super::place_trackers) afterwards
/// to restore the head.
#[derive(Clone, Debug)]
pub struct PoseFilter {
    settings: OneEuro,
    state: Option<State>,
}

#[derive(Clone, Debug)]
struct State {
    /// Last input.
    raw: PerJoint<DQuat>,
    /// Last output.
    smooth: PerJoint<DQuat>,
    /// Smoothed angular velocity, rad/s, in each joint's own axes.
    velocity: PerJoint<DVec3>,
}

impl PoseFilter {
    /// A filter without history.
    #[must_use]
    pub fn new(settings: OneEuro) -> Self {
        Self { settings, state: None }
    }

    /// Smooths `pose`, which comes `dt` seconds after the previous one. The first pose is
    /// unchanged.
    ///
    /// If `dt` is not positive, repeats the last output.
    pub fn apply(&mut self, pose: &mut Pose, dt: f64) {
        let Some(state) = &mut self.state else {
            let velocity = [DVec3::ZERO; SmplJoint::COUNT];
            self.state = Some(State { raw: pose.rotations, smooth: pose.rotations, velocity });
            return;
        };
        if dt > 0.0 {
            for (j, raw) in pose.rotations.iter().enumerate() {
                let velocity = log(state.raw[j].conjugate() * *raw) / dt;
                let speed_share = share(self.settings.speed_cutoff, dt);
                state.velocity[j] = state.velocity[j].lerp(velocity, speed_share);
                let cutoff = self.settings.cutoff(state.velocity[j].length());
                let behind = geodesic_angle(state.smooth[j], *raw);
                let fastest = self.settings.max_speed * if j == 0 { 2.0 } else { 1.0 };
                let most = fastest * dt / behind.max(f64::MIN_POSITIVE);
                let part = share(cutoff, dt).min(most);
                state.smooth[j] = state.smooth[j].slerp(*raw, part).normalize();
            }
            state.raw = pose.rotations;
        }
        pose.rotations = state.smooth;
    }

    /// Follows a teleport.
    pub fn teleport(&mut self, by: &Teleport) {
        if let Some(state) = &mut self.state {
            let turn = by.rotation();
            for rotations in [&mut state.raw, &mut state.smooth] {
                rotations[0] = (turn * rotations[0]).normalize();
            }
        }
    }

    /// Clears the history, for another body.
    pub fn reset(&mut self) {
        self.state = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    const KNEE: usize = SmplJoint::LeftKnee as usize;

    fn bent(angle: f64) -> Pose {
        let mut pose = Pose::rest();
        pose.rotations[KNEE] = DQuat::from_rotation_x(angle);
        pose
    }

    fn bend(pose: &Pose) -> f64 {
        log(pose.rotations[KNEE]).x
    }

    /// Hand-worked: with a cut-off of 1 Hz the fraction at 60 Hz is 1 / (1 + 60 / 2π).
    #[test]
    fn a_step_is_followed_by_the_fraction_in_the_formula() {
        let settings = OneEuro { min_cutoff: 1.0, beta: 0.0, speed_cutoff: 1.0, max_speed: 1e3 };
        let mut filter = PoseFilter::new(settings);
        filter.apply(&mut bent(0.0), 1.0 / 60.0);
        let mut pose = bent(1.0);
        filter.apply(&mut pose, 1.0 / 60.0);
        assert!((bend(&pose) - 0.094_793).abs() < 1e-6, "{}", bend(&pose));
        // With dt = 0 the output does not change; without history it equals the input.
        let mut again = bent(0.5);
        filter.apply(&mut again, 0.0);
        assert_eq!(again.rotations, pose.rotations);
        filter.reset();
        let mut fresh = bent(0.7);
        filter.apply(&mut fresh, 1.0 / 60.0);
        assert_eq!(fresh, bent(0.7));
    }

    /// Rotated with its body, the filter continues as before.
    #[test]
    fn a_teleport_is_no_motion() {
        let mut filters =
            [PoseFilter::new(OneEuro::default()), PoseFilter::new(OneEuro::default())];
        let by = Teleport { turn: 2.5, from: DVec3::ZERO, to: DVec3::X };
        for i in 0..60 {
            let mut here = bent((0.1 * f64::from(i)).sin());
            let mut there = here;
            if i == 30 {
                filters[1].teleport(&by);
            }
            let turn = DQuat::from_rotation_z(if i < 30 { 0.0 } else { 2.5 });
            there.rotations[0] = turn * there.rotations[0];
            filters[0].apply(&mut here, 1.0 / 60.0);
            filters[1].apply(&mut there, 1.0 / 60.0);
            here.rotations[0] = turn * here.rotations[0];
            for (a, b) in here.rotations.iter().zip(&there.rotations) {
                assert!(geodesic_angle(*a, *b) < 1e-9, "frame {i}");
            }
        }
    }

    #[test]
    fn the_lag_matches_the_formula_at_any_rate() {
        let settings = OneEuro { min_cutoff: 2.0, beta: 1.5, speed_cutoff: 2.0, max_speed: 1e3 };
        // Hand-worked: 2 + 1.5 · 2 = 5 Hz.
        assert!((settings.lag(2.0) - 0.031_831).abs() < 1e-6);
        for rate in [60.0, 72.0, 120.0] {
            for speed in [0.2, 1.0, 2.0] {
                let mut filter = PoseFilter::new(settings);
                let mut late = 0.0;
                for i in 0..(1.5 * rate) as u32 {
                    let angle = speed * f64::from(i) / rate;
                    let mut pose = bent(angle);
                    filter.apply(&mut pose, 1.0 / rate);
                    late = (angle - bend(&pose)) / speed;
                }
                let formula = settings.lag(speed);
                assert!((late / formula - 1.0).abs() < 0.02, "{rate} {speed}: {late} {formula}");
            }
        }
    }

    #[test]
    fn jitter_shrinks_and_the_sign_of_a_quaternion_does_not_matter() {
        let mut random = StdRng::seed_from_u64(1);
        let mut filter = PoseFilter::new(OneEuro::default());
        let (mut before, mut after) = (0.0, 0.0);
        for i in 0..600 {
            let noise = random.random_range(-0.02..0.02);
            let mut pose = bent(0.5 + noise);
            if i % 2 == 0 {
                pose.rotations = pose.rotations.map(|q| -q);
            }
            filter.apply(&mut pose, 1.0 / 60.0);
            before += noise * noise;
            after += geodesic_angle(pose.rotations[KNEE], bent(0.5).rotations[KNEE]).powi(2);
        }
        assert!(after < 0.3 * before, "{after} {before}");
    }

    #[test]
    fn no_joint_exceeds_the_speed_limit() {
        let mut filter = PoseFilter::new(OneEuro { max_speed: 6.0, ..OneEuro::default() });
        let mut before = bent(0.0);
        for i in 0..60 {
            // From one end to the other in every third frame.
            let mut pose = bent(if i % 6 < 3 { 0.0 } else { 2.0 });
            filter.apply(&mut pose, 1.0 / 60.0);
            let step = geodesic_angle(before.rotations[KNEE], pose.rotations[KNEE]);
            assert!(step < 0.1 + 1e-6, "{step}");
            before = pose;
        }
    }

    /// The root may rotate twice as fast.
    #[test]
    fn the_root_may_rotate_twice_as_fast_as_a_joint() {
        let settings = OneEuro { max_speed: 6.0, ..OneEuro::default() };
        let mut filter = PoseFilter::new(settings);
        let turned = |angle: f64| Pose {
            rotations: std::array::from_fn(|_| DQuat::from_rotation_z(angle)),
            ..Pose::rest()
        };
        filter.apply(&mut turned(0.0), 1.0 / 60.0);
        let mut pose = turned(3.0);
        filter.apply(&mut pose, 1.0 / 60.0);
        let angle = |joint: usize| log(pose.rotations[joint]).z;
        assert!((angle(0) - 0.2).abs() < 1e-6 && (angle(KNEE) - 0.1).abs() < 1e-6);
    }
}
