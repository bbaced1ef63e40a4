//! Sitting down.

use super::arms::Hand;
use super::body::{Act, Arm, Body, SIDES, Target, Trunk};
use super::curves::{Pulse, glide};
use super::standing::{Posture, Standing, Turn};
use super::style::{Dice, Style};
use glam::DVec3;
use std::f64::consts::PI;

/// Height of the pelvis above the seat, metres.
const PELVIS_OVER_SEAT: f64 = 0.1;
/// Height of the wrist above the middle of the thigh, metres.
const HAND_OVER_THIGH: f64 = 0.075;

/// A person who sits down on a chair and stays there, looking around.
pub(super) struct Sit {
    standing: Standing,
    start: f64,
    /// Duration of sitting down, seconds.
    takes: f64,
    /// Movement of the pelvis while sitting down, metres.
    down: f64,
    back: f64,
    /// How far the trunk bends forward on the way.
    bow: f64,
    /// Glances to a side, with their angles.
    looks: Vec<(Pulse, f64)>,
}

impl Sit {
    pub(super) fn new(dice: &mut Dice, body: &Body, seconds: f64) -> Self {
        let style = Style::draw(dice);
        let standing =
            Standing::new(style, dice.between(0.09..0.16), dice.between(0.05..0.25), body);
        let start = dice.between(0.4..0.9);
        let takes = dice.between(1.3..1.8) / style.tempo;
        let seat = dice.between(0.4..0.48);
        let upright = standing.trunk(0.0, Posture::default()).height;
        let mut looks: Vec<(Pulse, f64)> = vec![];
        let mut next = start + takes + dice.between(0.2..1.0);
        while next < seconds {
            let look = Pulse {
                start: next,
                rise: dice.between(0.5..0.9),
                hold: dice.between(0.3..1.5),
                fall: dice.between(0.5..0.9),
            };
            next = look.end() + dice.between(0.2..2.0);
            looks.push((look, dice.sign() * dice.between(0.25..0.7)));
        }
        Self {
            start,
            takes,
            down: upright - seat - PELVIS_OVER_SEAT,
            back: dice.between(0.4..0.46) * body.leg_length() / 0.86,
            bow: dice.between(0.65..0.85),
            standing,
            looks,
        }
    }

    /// 0 standing, 1 sitting.
    fn seated(&self, t: f64) -> f64 {
        glide((t - self.start) / self.takes)
    }
}

impl Act for Sit {
    fn trunk(&self, t: f64, _: &Body) -> Trunk {
        let u = ((t - self.start) / self.takes).clamp(0.0, 1.0);
        let seated = self.seated(t);
        let bow = self.bow * (PI * glide(u)).sin().powi(2);
        let look: f64 = self.looks.iter().map(|(look, to)| to * look.at(t)).sum();
        self.standing.trunk(
            t,
            Posture {
                // Back first, then down: the weight stays over the feet as long as possible.
                down: self.down * glide(1.1 * u - 0.1),
                forward: -self.back * glide(1.1 * u),
                left: 0.0,
                pelvis: Turn::new(0.55 * bow - 0.2 * seated, 0.05 * look, 0.0),
                chest: Turn::new(bow - 0.08 * seated, 0.25 * look, 0.0),
                head: Turn::new(0.45 * bow - 0.03 * seated, look, 0.0),
            },
        )
    }

    fn arms(&self, t: f64, trunk: &Trunk, body: &Body) -> [Arm; 2] {
        let seated = self.seated(t);
        SIDES.map(|side| {
            let hanging = self.standing.target(side, Hand::HANGING, trunk, body);
            let [hip, knee] = trunk.thigh(side, body);
            let lap = hip.lerp(knee, 0.68) + DVec3::Z * HAND_OVER_THIGH;
            Arm::Reaching(hanging.lerp(Target { wrist: lap, ..hanging }, seated))
        })
    }
}
