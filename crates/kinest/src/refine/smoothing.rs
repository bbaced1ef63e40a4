//! Less tremble for little lag.

use crate::rotation::{geodesic_angle, log};
use crate::skeleton::{PerJoint, Pose, SmplJoint};
use crate::tracker::Teleport;
use glam::{DQuat, DVec3};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// Settings of the one-euro filter (Casiez, Roussel and Vogel 2012, "1€ Filter: A Simple Speed-based
/// Low-pass Filter for Noisy Input in Interactive Systems").
///
/// It is a low-pass filter whose cut-off frequency `f = min_cutoff + beta · speed` rises with the speed:
/// slow motion is smoothed, fast motion follows. What turns steadily at a speed comes out late by
/// `1 / (2π f)` seconds ([`lag`](Self::lag)), at any frame rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OneEuro {
    /// Cut-off frequency for a joint at rest, Hz.
    pub min_cutoff: f64,
    /// By how many Hz the cut-off rises for each rad/s of a joint's speed.
    pub beta: f64,
    /// Cut-off frequency for the speed itself, Hz.
    pub speed_cutoff: f64,
    /// No joint comes out faster than this against its parent, rad/s, and the root, which turns with the
    /// whole player, no faster than twice that: faster are mostly networks that meet motion they have never
    /// seen.
    pub max_speed: f64,
}

impl Default for OneEuro {
    /// 53 ms of lag at rest, 27 ms at 3 rad/s. Chosen on 17 CMU clips predicted online by the shipped
    /// model: a third of the jitter for 1 % more joint error. A plain exponential filter with about the
    /// same lag on those clips left 8 % more jitter. The limit of speed costs nothing there; with twice as
    /// much knees turn over when somebody waves sabers.
    fn default() -> Self {
        Self { min_cutoff: 3.0, beta: 1.0, speed_cutoff: 2.0, max_speed: 6.0 }
    }
}

impl OneEuro {
    fn cutoff(&self, speed: f64) -> f64 {
        self.min_cutoff + self.beta * speed
    }

    /// How late a joint is that turns steadily at `speed`, seconds; `speed` in rad/s.
    #[must_use]
    pub fn lag(&self, speed: f64) -> f64 {
        1.0 / (TAU * self.cutoff(speed))
    }
}

/// The part of the way to a new value for a low-pass filter with this cut-off, after `dt` seconds.
fn share(cutoff: f64, dt: f64) -> f64 {
    1.0 / (1.0 + 1.0 / (TAU * cutoff * dt))
}

/// A [`OneEuro`] filter on every joint rotation of one body, the root's included.
///
/// The root's translation passes unchanged, so what hangs on filtered joints moves a little: put the head
/// back with [`place_head`](super::place_head) or [`place_trackers`](super::place_trackers) afterwards.
#[derive(Clone, Debug)]
pub struct PoseFilter {
    settings: OneEuro,
    state: Option<State>,
}

#[derive(Clone, Debug)]
struct State {
    /// What came in last.
    raw: PerJoint<DQuat>,
    /// What went out last.
    smooth: PerJoint<DQuat>,
    /// Rotation vectors per second, each in its joint's own axes.
    velocity: PerJoint<DVec3>,
}

impl PoseFilter {
    /// A filter that has seen nothing.
    #[must_use]
    pub fn new(settings: OneEuro) -> Self {
        Self { settings, state: None }
    }

    /// Smooths `pose`, which comes `dt` seconds after the one before. The first one stays as it is.
    ///
    /// A `dt` that is not above zero repeats what went out last.
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

    /// Forgets what it has seen: for another body.
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

    /// Hand-worked: at rest the cut-off is 1 Hz, the share at 60 Hz 1 / (1 + 60 / 2π).
    #[test]
    fn a_step_is_followed_by_the_share_of_the_formula() {
        let settings = OneEuro { min_cutoff: 1.0, beta: 0.0, speed_cutoff: 1.0, max_speed: 1e3 };
        let mut filter = PoseFilter::new(settings);
        filter.apply(&mut bent(0.0), 1.0 / 60.0);
        let mut pose = bent(1.0);
        filter.apply(&mut pose, 1.0 / 60.0);
        assert!((bend(&pose) - 0.094_793).abs() < 1e-6, "{}", bend(&pose));
        // No time, no change; nothing seen, nothing smoothed.
        let mut again = bent(0.5);
        filter.apply(&mut again, 0.0);
        assert_eq!(again.rotations, pose.rotations);
        filter.reset();
        let mut fresh = bent(0.7);
        filter.apply(&mut fresh, 1.0 / 60.0);
        assert_eq!(fresh, bent(0.7));
    }

    /// Turned with its body, the filter does the same as before.
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
    fn the_lag_is_that_of_the_formula_at_any_rate() {
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
    fn tremble_shrinks_and_the_sign_of_a_quaternion_does_not_matter() {
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
    fn no_joint_is_faster_than_people_are() {
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

    /// Who spins may be twice as fast.
    #[test]
    fn a_whole_player_turns_faster_than_a_joint() {
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
