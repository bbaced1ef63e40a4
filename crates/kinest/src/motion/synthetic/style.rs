//! Individual differences between two performances of the same motion.

use super::body::Side;
use glam::DVec2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::f64::consts::{PI, TAU};
use std::ops::Range;

/// A person's style, drawn from a seed. [`Style::PLAIN`] is the average.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Speed of movements; 1 is average.
    pub tempo: f64,
    /// Amplitude of movements; 1 is average.
    pub amplitude: f64,
    /// Additional forward lean of the trunk, radians.
    pub lean: f64,
    /// The preferred hand and the foot that steps first.
    pub side: Side,
    /// Initial heading, radians, and place on the floor, metres.
    pub heading: f64,
    pub place: DVec2,
    /// Phases of the slow movements of standing, radians.
    phases: [f64; 5],
}

impl Style {
    pub(super) const PLAIN: Self = Self {
        tempo: 1.0,
        amplitude: 1.0,
        lean: 0.0,
        side: Side::Right,
        heading: 0.0,
        place: DVec2::ZERO,
        phases: [0.0, 1.0, 0.3, 2.0, 0.5],
    };

    pub(super) fn draw(dice: &mut Dice) -> Self {
        Self {
            tempo: dice.between(0.85..1.2),
            amplitude: dice.between(0.85..1.15),
            lean: dice.between(-0.03..0.08),
            side: dice.side(),
            heading: dice.between(-PI..PI),
            place: DVec2::new(dice.between(-1.0..1.0), dice.between(-1.0..1.0)),
            phases: std::array::from_fn(|_| dice.between(0.0..TAU)),
        }
    }

    /// Slow movements, because nobody stands perfectly still.
    pub(super) fn sway(&self, t: f64) -> Sway {
        let idle = |hz: f64, phase: usize| (TAU * hz * t + self.phases[phase]).sin();
        Sway {
            breath: 0.012 * idle(0.27, 0),
            left: 0.004 * idle(0.19, 1),
            forward: 0.005 * idle(0.23, 2),
            nod: 0.015 * idle(0.17, 3),
            tilt: 0.008 * idle(0.21, 4),
        }
    }
}

/// Slow movements of a standing person, metres and radians.
#[derive(Clone, Copy)]
pub(super) struct Sway {
    /// How far the chest is raised.
    pub breath: f64,
    /// Movement of the pelvis.
    pub left: f64,
    pub forward: f64,
    /// Movement of the head.
    pub nod: f64,
    pub tilt: f64,
}

/// Random numbers of one performance; a seed gives the same numbers on every system.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// Each `stream` of a seed has its own numbers, so that motions are independent.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    pub(super) fn between(&mut self, range: Range<f64>) -> f64 {
        self.0.random_range(range)
    }

    pub(super) fn chance(&mut self, of_one: f64) -> bool {
        self.0.random::<f64>() < of_one
    }

    pub(super) fn side(&mut self) -> Side {
        if self.chance(0.5) { Side::Left } else { Side::Right }
    }

    /// −1 or 1.
    pub(super) fn sign(&mut self) -> f64 {
        self.side().sign()
    }
}
