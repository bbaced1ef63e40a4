//! Knee bends.

use super::arms::Hand;
use super::body::{Act, Arm, Body, SIDES, Trunk};
use super::curves::Pulse;
use super::standing::{Posture, Standing, Turn};
use super::style::{Dice, Style};
use crate::easing::smoothstep;
use glam::DVec3;

/// Arms stretched forward to balance the hips moving back.
const FORWARD: Hand =
    Hand { wrist: DVec3::new(-0.04, -0.02, 0.57), elbow: DVec3::new(0.6, -1.0, 0.0) };

/// A person who does several squats.
pub(super) struct Squat {
    standing: Standing,
    bends: Vec<(Pulse, f64)>,
}

impl Squat {
    pub(super) fn new(dice: &mut Dice, body: &Body, seconds: f64) -> Self {
        let style = Style::draw(dice);
        let standing =
            Standing::new(style, dice.between(0.14..0.2), dice.between(0.25..0.45), body);
        let mut bends: Vec<(Pulse, f64)> = vec![];
        let mut start = dice.between(0.4..0.9);
        loop {
            let bend = Pulse {
                start,
                rise: dice.between(0.9..1.2) / style.tempo,
                hold: dice.between(0.05..0.5),
                fall: dice.between(0.8..1.1) / style.tempo,
            };
            // Stop before a squat that would not end in time, but make at least one.
            if bend.end() > seconds && !bends.is_empty() {
                break;
            }
            bends.push((bend, style.amplitude * dice.between(0.42..0.55) * body.leg_length()));
            start = bend.end() + dice.between(0.2..0.8);
        }
        Self { standing, bends }
    }

    /// How far the pelvis is lowered, metres.
    fn depth(&self, t: f64) -> f64 {
        self.bends.iter().map(|(bend, depth)| depth * bend.at(t)).sum()
    }
}

impl Act for Squat {
    fn trunk(&self, t: f64, body: &Body) -> Trunk {
        let down = self.depth(t);
        // As a fraction of the leg's length; half is a deep squat.
        let deep = down / body.leg_length();
        let bent = Posture {
            down,
            forward: -0.34 * deep * body.leg_length(),
            pelvis: Turn::new(0.9 * deep, 0.0, 0.0),
            chest: Turn::new(1.3 * deep, 0.0, 0.0),
            head: Turn::new(0.3 * deep, 0.0, 0.0),
            ..Posture::default()
        };
        self.standing.trunk(t, bent)
    }

    fn arms(&self, t: f64, trunk: &Trunk, body: &Body) -> [Arm; 2] {
        let up = smoothstep(self.depth(t) / (0.4 * body.leg_length()));
        let hand = Hand::HANGING.lerp(FORWARD, up);
        SIDES.map(|side| Arm::Reaching(self.standing.target(side, hand, trunk, body)))
    }
}
