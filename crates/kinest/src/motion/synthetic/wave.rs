//! Waving.

use super::arms::{ArmSwing, raised};
use super::body::{Act, Arm, Body, SIDES, Side, Trunk};
use super::curves::Pulse;
use super::standing::{Posture, Standing, Turn};
use super::style::{Dice, Style};
use std::f64::consts::TAU;

/// One greeting.
struct Greeting {
    pulse: Pulse,
    side: Side,
    hz: f64,
    width: f64,
}

/// A person who raises a hand and waves it, several times.
pub(super) struct Wave {
    standing: Standing,
    greetings: Vec<Greeting>,
}

impl Wave {
    pub(super) fn new(dice: &mut Dice, body: &Body, seconds: f64) -> Self {
        let style = Style::draw(dice);
        let standing =
            Standing::new(style, dice.between(0.07..0.13), dice.between(0.05..0.25), body);
        let mut greetings: Vec<Greeting> = vec![];
        let mut start = dice.between(0.4..0.9);
        loop {
            let pulse = Pulse {
                start,
                rise: dice.between(0.6..0.9) / style.tempo,
                hold: dice.between(1.2..2.5),
                fall: dice.between(0.7..1.0) / style.tempo,
            };
            if pulse.end() > seconds && !greetings.is_empty() {
                break;
            }
            let side = if dice.chance(0.8) { style.side } else { style.side.other() };
            let (hz, width) = (style.tempo * dice.between(1.3..1.9), dice.between(0.7..1.15));
            greetings.push(Greeting { pulse, side, hz, width });
            start = pulse.end() + dice.between(0.3..1.5);
        }
        Self { standing, greetings }
    }

    /// How far a hand is raised, and where it is in its swing.
    fn hand(&self, side: Side, t: f64) -> (f64, f64) {
        let mut hand = (0.0, 0.0);
        for Greeting { pulse, hz, width, .. } in self.greetings.iter().filter(|g| g.side == side) {
            let up = pulse.at(t);
            hand.0 += up;
            hand.1 += up * width * (TAU * hz * (t - pulse.start - pulse.rise)).sin();
        }
        hand
    }
}

impl Act for Wave {
    fn trunk(&self, t: f64, _: &Body) -> Trunk {
        let [left, right] = SIDES.map(|side| self.hand(side, t).0);
        // Weight on the opposite leg, chest bent to make room, head towards the hand.
        let to_left = right - left;
        self.standing.trunk(
            t,
            Posture {
                left: 0.02 * to_left,
                pelvis: Turn::new(0.0, 0.0, 0.035 * to_left),
                chest: Turn::new(0.0, 0.05 * to_left, 0.03 * to_left),
                head: Turn::new(0.0, 0.0, -0.05 * to_left),
                ..Posture::default()
            },
        )
    }

    fn arms(&self, t: f64, _: &Trunk, _: &Body) -> [Arm; 2] {
        SIDES.map(|side| {
            let (up, swing) = self.hand(side, t);
            Arm::Posed(raised(side, ArmSwing::WALKING.pose(side, 0.0), up, swing))
        })
    }
}
