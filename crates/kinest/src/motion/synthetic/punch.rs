//! Shadow boxing.

use super::arms::Hand;
use super::body::{Act, Arm, Body, SIDES, Side, Trunk};
use super::curves::Pulse;
use super::standing::{Posture, Standing, Turn};
use super::style::{Dice, Style};
use glam::DVec3;
use std::f64::consts::TAU;

/// Guard: fists in front of the chin, the leading one further out, elbows down.
const GUARD_LEADING: Hand =
    Hand { wrist: DVec3::new(-0.04, -0.04, 0.29), elbow: DVec3::new(0.35, -1.0, 0.0) };
const GUARD_REAR: Hand =
    Hand { wrist: DVec3::new(-0.07, -0.01, 0.19), elbow: DVec3::new(0.45, -1.0, 0.0) };
/// A straight punch at shoulder height, towards the centre.
const STRAIGHT: Hand =
    Hand { wrist: DVec3::new(-0.1, 0.0, 0.57), elbow: DVec3::new(0.8, -1.0, 0.0) };

/// How long the trunk turns before the arm moves, seconds.
const TRUNK_FIRST: f64 = 0.05;

/// A person in a boxer's stance who throws straight punches, one at a time.
pub(super) struct Punch {
    standing: Standing,
    /// Side of the front foot and fist.
    leading: Side,
    punches: Vec<(Pulse, Side)>,
    /// Frequency of the bounce in the knees, Hz.
    bounce_hz: f64,
}

impl Punch {
    pub(super) fn new(dice: &mut Dice, body: &Body, seconds: f64) -> Self {
        let style = Style::draw(dice);
        // Right-handed people keep the right fist back.
        let leading = style.side.other();
        let out = dice.between(0.5..0.8);
        let toe_out = SIDES.map(|side| if side == leading { -0.15 } else { out });
        let ahead = leading.sign() * dice.between(0.16..0.24);
        let standing = Standing::astride(style, dice.between(0.1..0.15), ahead, toe_out, body);
        let mut punches: Vec<(Pulse, Side)> = vec![];
        let mut start = dice.between(0.5..1.0);
        while start < seconds || punches.is_empty() {
            let pulse = Pulse {
                start,
                rise: dice.between(0.23..0.29) / style.tempo,
                hold: dice.between(0.0..0.04),
                fall: dice.between(0.28..0.4) / style.tempo,
            };
            let side = if dice.chance(0.6) { leading } else { leading.other() };
            start = pulse.end() + if dice.chance(0.4) { 0.02 } else { dice.between(0.2..1.1) };
            punches.push((pulse, side));
        }
        Self { standing, leading, punches, bounce_hz: dice.between(1.2..1.8) }
    }

    /// How far a fist is extended, 0 to 1.
    fn out(&self, side: Side, t: f64) -> f64 {
        self.punches.iter().filter(|(_, s)| *s == side).map(|(pulse, _)| pulse.at(t)).sum()
    }
}

impl Act for Punch {
    fn trunk(&self, t: f64, _: &Body) -> Trunk {
        let size = self.standing.style.amplitude;
        let jab = self.out(self.leading, t + TRUNK_FIRST);
        let cross = self.out(self.leading.other(), t + TRUNK_FIRST);
        // The punching shoulder comes forward: the trunk is turned away from the leading side,
        // turns further for the leading fist, and past the centre for the other.
        let yaw = -self.leading.sign() * (0.5 + size * (0.2 * jab - 0.9 * cross));
        let bounce = 0.012 * (TAU * self.bounce_hz * t).sin();
        self.standing.trunk(
            t,
            Posture {
                down: 0.075 + bounce + 0.02 * cross,
                forward: -0.01 + size * (0.05 * jab + 0.09 * cross),
                left: 0.0,
                pelvis: Turn::new(0.03, 0.6 * yaw, 0.0),
                chest: Turn::new(0.12 + 0.06 * (jab + cross), yaw, 0.0),
                head: Turn::new(0.08, 0.1 * yaw, 0.0),
            },
        )
    }

    fn arms(&self, t: f64, trunk: &Trunk, body: &Body) -> [Arm; 2] {
        SIDES.map(|side| {
            let guard = if side == self.leading { GUARD_LEADING } else { GUARD_REAR };
            let hand = guard.lerp(STRAIGHT, self.out(side, t));
            Arm::Reaching(self.standing.target(side, hand, trunk, body))
        })
    }
}
