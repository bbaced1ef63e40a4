//! Reaching for objects.

use super::arms::{Hand, outward};
use super::body::{Act, Arm, Body, SIDES, Side, Target, Trunk, forward_and_left};
use super::curves::Pulse;
use super::standing::{Posture, Standing, Turn};
use super::style::{Dice, Style};
use glam::DVec3;

/// An object to reach for.
struct Thing {
    pulse: Pulse,
    side: Side,
    target: Target,
    /// Posture of the body when the hand is there.
    help: Posture,
}

/// A person who reaches for objects high and low with one hand, several times.
pub(super) struct Reach {
    standing: Standing,
    things: Vec<Thing>,
}

/// Direction of the elbow of a reaching hand, in the axes of [`Hand`].
const ELBOW: DVec3 = DVec3::new(0.7, -0.8, -0.5);

impl Reach {
    pub(super) fn new(dice: &mut Dice, body: &Body, seconds: f64) -> Self {
        let style = Style::draw(dice);
        let standing = Standing::new(style, dice.between(0.1..0.16), dice.between(0.1..0.3), body);
        let mut things: Vec<Thing> = vec![];
        let mut start = dice.between(0.3..0.8);
        loop {
            let side = if dice.chance(0.65) { style.side } else { style.side.other() };
            // Relative to the shoulder's height: from the shin to above the head.
            let (high, aside) = (dice.between(0.25..1.35), dice.between(-0.35..0.9));
            let pulse = Pulse {
                start,
                rise: dice.between(0.7..1.1) / style.tempo + 0.5 * (1.0 - high).max(0.0),
                hold: dice.between(0.1..0.7),
                fall: dice.between(0.7..1.0) / style.tempo + 0.4 * (1.0 - high).max(0.0),
            };
            if pulse.end() > seconds && !things.is_empty() {
                break;
            }
            let far = dice.between(0.88..0.98);
            things.push(Self::thing(&standing, body, pulse, side, high, aside, far));
            start = pulse.end() + dice.between(0.1..0.9);
        }
        Self { standing, things }
    }

    /// An object at a height (1 is shoulder height), an angle to the side, and a distance from the
    /// shoulder (1 is an arm's length).
    fn thing(
        standing: &Standing,
        body: &Body,
        pulse: Pulse,
        side: Side,
        high: f64,
        aside: f64,
        far: f64,
    ) -> Thing {
        let low = (0.8 - high).max(0.0);
        let yaw = side.sign() * aside * 0.45;
        let help = Posture {
            // Legs and trunk share the movement down.
            down: 0.7 * low,
            forward: -0.3 * low,
            left: side.sign() * 0.04 * aside,
            pelvis: Turn::new(low, 0.5 * yaw, 0.0),
            chest: Turn::new(0.1 * aside.cos() + 1.6 * low, yaw, side.sign() * -0.05 * aside),
            head: Turn::new(0.9 * (0.9 - high), side.sign() * 0.6 * aside, 0.0),
        };
        // The object is where the hand gets in that posture.
        let there = standing.trunk(pulse.start + pulse.rise, help);
        let shoulder = there.shoulder(side, body);
        let upright = standing.trunk(0.0, Posture::default()).shoulder(side, body);
        let (forward, left) = forward_and_left(standing.style.heading);
        let over = high * upright.z - shoulder.z;
        let arm = far * body.arm_length();
        let over = over.clamp(-0.98 * arm, 0.98 * arm);
        let across = (arm * arm - over * over).sqrt();
        let way = forward * aside.cos() + left * (side.sign() * aside.sin());
        let offset = (way * across).extend(over);
        let (shoulder, _) = there.shoulder_towards(side, body, shoulder + offset);
        let elbow = outward(side, standing.style.heading, ELBOW);
        Thing { pulse, side, target: Target { wrist: shoulder + offset, elbow }, help }
    }
}

impl Act for Reach {
    fn trunk(&self, t: f64, _: &Body) -> Trunk {
        let help = self.things.iter().map(|thing| thing.help * thing.pulse.at(t));
        self.standing.trunk(t, help.fold(Posture::default(), |sum, help| sum + help))
    }

    fn arms(&self, t: f64, trunk: &Trunk, body: &Body) -> [Arm; 2] {
        SIDES.map(|side| {
            let hanging = self.standing.target(side, Hand::HANGING, trunk, body);
            let now =
                self.things.iter().find(|thing| thing.side == side && thing.pulse.at(t) > 0.0);
            Arm::Reaching(
                now.map_or(hanging, |thing| hanging.lerp(thing.target, thing.pulse.at(t))),
            )
        })
    }
}
