//! Standing idle.

use super::arms::ArmSwing;
use super::body::{Act, Arm, Body, SIDES, Trunk};
use super::curves::glide;
use super::standing::{Posture, Standing, Turn};
use super::style::{Dice, Style};

/// A value that changes at random times.
struct Whim(Vec<Change>);

struct Change {
    start: f64,
    takes: f64,
    to: f64,
}

impl Whim {
    fn new(dice: &mut Dice, seconds: f64, every: [f64; 2], takes: [f64; 2], size: f64) -> Self {
        let mut changes = vec![];
        let mut start = dice.between(0.0..every[1]);
        while start < seconds {
            let takes = dice.between(takes[0]..takes[1]);
            changes.push(Change { start, takes, to: dice.between(-size..size) });
            start += takes + dice.between(every[0]..every[1]);
        }
        Self(changes)
    }

    fn at(&self, t: f64) -> f64 {
        let mut value = 0.0;
        for Change { start, takes, to } in &self.0 {
            value += (to - value) * glide((t - start) / takes);
        }
        value
    }
}

/// A person waiting: shifts the weight between the legs and looks around.
pub(super) struct Idle {
    standing: Standing,
    /// −1 on the right leg, 1 on the left.
    weight: Whim,
    look: Whim,
    nod: Whim,
    /// Swing of the arms, in opposite directions.
    swing: Whim,
}

impl Idle {
    pub(super) fn new(dice: &mut Dice, body: &Body, seconds: f64) -> Self {
        let style = Style::draw(dice);
        let standing =
            Standing::new(style, dice.between(0.08..0.14), dice.between(0.05..0.3), body);
        Self {
            standing,
            weight: Whim::new(dice, seconds, [0.8, 3.0], [0.8, 1.5], style.amplitude),
            look: Whim::new(dice, seconds, [0.4, 2.0], [0.4, 1.0], 0.8 * style.amplitude),
            nod: Whim::new(dice, seconds, [0.4, 2.0], [0.4, 1.0], 0.2),
            swing: Whim::new(dice, seconds, [0.5, 3.0], [0.6, 1.4], 0.25),
        }
    }
}

impl Act for Idle {
    fn trunk(&self, t: f64, _: &Body) -> Trunk {
        let (weight, look) = (self.weight.at(t), self.look.at(t));
        self.standing.trunk(
            t,
            Posture {
                // The unloaded leg bends a little, and its hip drops.
                down: 0.01 * weight.abs(),
                forward: 0.0,
                left: 0.05 * weight,
                pelvis: Turn::new(0.0, 0.06 * look, 0.07 * weight),
                chest: Turn::new(0.0, 0.2 * look, -0.04 * weight),
                head: Turn::new(self.nod.at(t), look, 0.0),
            },
        )
    }

    fn arms(&self, t: f64, _: &Trunk, _: &Body) -> [Arm; 2] {
        let swing = self.swing.at(t) + 0.1 * self.weight.at(t);
        SIDES.map(|side| Arm::Posed(ArmSwing::WALKING.pose(side, swing)))
    }
}
