//! Blends the shown body into another motion: offsets of position and velocity decay like a
//! critically damped spring.

use crate::rotation::{exp, log};
use crate::skeleton::{PerJoint, Pose, SmplJoint};
use glam::DVec3;

/// Maximum offset (m) that is blended; beyond it the other body is shown at once.
const FAR: f64 = 1.0;
/// Maximum speed that the blend adds to the body's own, m/s, and to each joint's, rad/s: that of a
/// quick reach.
const FASTEST: f64 = 3.0;
const FASTEST_TURN: f64 = std::f64::consts::TAU;
/// Greatest time constant, seconds.
const LONGEST: f64 = 10.0;
/// Maximum plausible rotation of a joint in a frame, radians.
const FLIP: f64 = 1.0;

/// Offset of one quantity and its rate of change per second.
#[derive(Clone, Copy, Debug)]
struct Spring {
    offset: DVec3,
    speed: DVec3,
    /// Greatest stiffness, per second.
    stiffest: f64,
}

impl Default for Spring {
    fn default() -> Self {
        Self { offset: DVec3::ZERO, speed: DVec3::ZERO, stiffest: f64::INFINITY }
    }
}

impl Spring {
    /// An offset with the initial rate `speed`, whose rate later stays below about `most` per
    /// second.
    fn new(offset: DVec3, speed: DVec3, most: f64) -> Self {
        // From rest, a critically damped spring is at most as fast as this stiffness times its
        // offset, divided by e.
        Self { offset, speed, stiffest: std::f64::consts::E * most / offset.length() }
    }

    /// Advances a critically damped spring by `dt` seconds. Tiny offsets are set to zero, so that a
    /// settled body is exact.
    fn step(&mut self, dt: f64, stiffness: f64) {
        let stiffness = stiffness.min(self.stiffest);
        let decay = (-stiffness * dt).exp();
        let pull = self.speed + self.offset * stiffness;
        self.offset = (self.offset + pull * dt) * decay;
        self.speed = (self.speed - pull * (stiffness * dt)) * decay;
        if self.offset.length_squared() < 1e-14 && self.speed.length_squared() < 1e-12 {
            *self = Self::default();
        }
    }
}

/// Offset of the shown body from the target body.
///
/// It decays like a critically damped spring: when the target motion changes, the shown body keeps
/// its position and velocity, and reaches the target within about two time constants, or later if
/// it would exceed the speed limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settling {
    place: Spring,
    /// Rotation vectors in the axes of each joint's parent.
    turns: PerJoint<Spring>,
}

impl Default for Settling {
    /// No difference.
    fn default() -> Self {
        Self { place: Spring::default(), turns: [Spring::default(); SmplJoint::COUNT] }
    }
}

impl Settling {
    /// Starts at the body `shown`, with the target `meant`. `before` is the same pair some seconds
    /// earlier, for the velocities; without it the shown body takes the target's velocity.
    pub fn start(&mut self, shown: &Pose, meant: &Pose, before: Option<&(Pose, Pose, f64)>) {
        *self = Self::default();
        if shown.translation.distance(meant.translation) > FAR {
            return;
        }
        let before = before.filter(|(.., seconds)| *seconds > 0.0);
        let offset = shown.translation - meant.translation;
        let speed = before.map_or(DVec3::ZERO, |(shown_then, meant_then, seconds)| {
            (offset - (shown_then.translation - meant_then.translation)) / *seconds
        });
        self.place = Spring::new(offset, speed, FASTEST);
        for (j, turn) in self.turns.iter_mut().enumerate() {
            let apart = |shown: &Pose, meant: &Pose| {
                log(shown.rotations[j] * meant.rotations[j].conjugate())
            };
            let offset = apart(shown, meant);
            let speed = before.map_or(DVec3::ZERO, |(shown_then, meant_then, seconds)| {
                let change = offset - apart(shown_then, meant_then);
                // Near half a turn the axis flips, which is not a velocity.
                if change.length() < FLIP { change / *seconds } else { DVec3::ZERO }
            });
            *turn = Spring::new(offset, speed, FASTEST_TURN);
        }
    }

    /// Advances by `dt` seconds, with this time constant in seconds.
    pub fn step(&mut self, dt: f64, time: f64) {
        // Scaled so that an offset at rest integrates to the same as under a first-order filter.
        let stiffness = 2.0 / time.clamp(1e-3, LONGEST);
        self.place.step(dt, stiffness);
        self.turns.iter_mut().for_each(|turn| turn.step(dt, stiffness));
    }

    /// The body to show for the target `meant`.
    pub fn apply(&self, meant: &Pose) -> Pose {
        Pose {
            translation: meant.translation + self.place.offset,
            rotations: std::array::from_fn(|j| {
                let (turn, meant) = (self.turns[j].offset, meant.rotations[j]);
                if turn == DVec3::ZERO { meant } else { (exp(turn) * meant).normalize() }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::geodesic_angle;
    use glam::DQuat;

    const DT: f64 = 1.0 / 60.0;
    const KNEE: usize = SmplJoint::LeftKnee.index();

    fn body(x: f64, bend: f64) -> Pose {
        let mut pose = Pose::rest();
        pose.translation.x = x;
        pose.rotations[KNEE] = DQuat::from_rotation_x(bend);
        pose
    }

    /// A body walks at 1 m/s; then the target becomes one 0.2 m ahead and twice as fast.
    #[test]
    fn place_and_speed_are_kept_and_then_settle() {
        let mut settling = Settling::default();
        let slow = |i: i32| body(f64::from(i) * DT, 0.0);
        let fast = |i: i32| body(0.2 + 2.0 * f64::from(i) * DT, 0.5);
        settling.start(&slow(0), &fast(0), Some(&(slow(-1), fast(-1), DT)));
        assert!(settling.apply(&fast(0)).translation.distance(slow(0).translation) < 1e-12);
        let (mut x, mut speed) = (0.0, 1.0);
        for i in 1..90 {
            settling.step(DT, 0.1);
            let shown = settling.apply(&fast(i));
            let now = (shown.translation.x - x) / DT;
            // The pull is strongest at the start: 400 /s² of 0.2 m, less 40 /s of 1 m/s.
            assert!((now - speed).abs() < 85.0 * DT, "frame {i}: {now} m/s after {speed}");
            (x, speed) = (shown.translation.x, now);
            if i > 60 {
                assert_eq!(shown, fast(i), "frame {i}");
            }
        }
    }

    #[test]
    fn the_same_body_is_shown_to_the_last_bit_and_one_far_away_at_once() {
        let mut settling = Settling::default();
        let pose = body(0.3, 0.4);
        assert_eq!(settling.apply(&pose), pose);
        settling.start(&body(5.0, 0.0), &pose, None);
        assert_eq!(settling.apply(&pose), pose);
        settling.start(&body(0.0, 3.1), &pose, Some(&(body(0.0, -3.1), pose, DT)));
        settling.step(DT, 0.1);
        let turned =
            geodesic_angle(settling.apply(&pose).rotations[KNEE], body(0.0, 3.1).rotations[KNEE]);
        assert!(turned < 0.2, "a flip of the axis is no speed: {turned}");
    }
}
