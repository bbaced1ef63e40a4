//! Turning on the spot.

use super::arms::ArmSwing;
use super::body::{Act, Arm, Body, SIDES, Side, Trunk, facing, forward_and_left};
use super::curves::Sampled;
use super::gait::{Footprint, Footsteps, Gait};
use super::style::{Dice, Style};
use glam::DQuat;

/// The largest turn of a foot per step, radians.
const STEP_TURN: f64 = 0.75;
/// Foot pitch at lift-off, radians: a small step.
const PUSH: f64 = 0.3;

/// A person who turns left and right in small steps.
pub(super) struct Turning {
    style: Style,
    steps: Footsteps,
    /// Mean heading of the feet, smoothed; the head is ahead of it.
    heading: Sampled,
    load: Sampled,
    height: Sampled,
}

/// Head and pelvis look at the heading this many seconds ahead, the pelvis only partly.
const HEAD_FIRST: f64 = 0.3;

impl Turning {
    pub(super) fn new(dice: &mut Dice, body: &Body, seconds: f64, rate_hz: f64) -> Self {
        let style = Style::draw(dice);
        let gait = Gait { clearance: 0.05, ..Gait::walking(0.46 / style.tempo) };
        let (half_width, toe_out) = (dice.between(0.08..0.12), dice.between(0.05..0.2));
        let print = |side, heading| {
            Footprint::standing(side, style.place, heading, half_width, toe_out, body)
        };
        let start = SIDES.map(|side| print(side, style.heading));
        let mut steps = Footsteps::standing(start, gait);
        let mut headings = [style.heading; 2];
        let mut turns = vec![(0.0, style.heading)];
        let mut lift = dice.between(0.4..0.8);
        let mut way = dice.sign();
        while lift + gait.swing_seconds < seconds || turns.len() == 1 {
            // A quarter turn to a bit over half a turn, in equal steps; the foot on the inside
            // steps first.
            let angle = dice.between(1.3..3.4);
            let count = (angle / STEP_TURN).ceil();
            let target = headings[0] + way * angle;
            let mut side = if way > 0.0 { Side::Left } else { Side::Right };
            for step in 1..=(count as usize + 1) {
                // The last step brings the other foot alongside.
                let heading = target - way * angle * (1.0 - step as f64 / count).max(0.0);
                headings[side as usize] = heading;
                let lands = lift + gait.swing_seconds;
                steps.step(side, PUSH, print(side, heading).landing(lands));
                turns.push((lands, (headings[0] + headings[1]) / 2.0));
                side = side.other();
                lift += gait.step_seconds;
            }
            lift += gait.swing_seconds + dice.between(0.1..1.0);
            way = if dice.chance(0.6) { -way } else { way };
        }
        let sampled = |of: &dyn Fn(f64) -> f64| {
            let count = (seconds * rate_hz) as usize + 1;
            Sampled::new((0..count).map(|i| of(i as f64 / rate_hz)).collect(), rate_hz)
        };
        // The heading changes between a foot's lift-off and its landing.
        let heading = |t: f64| {
            let next = turns.partition_point(|(lands, _)| *lands <= t);
            let (before, Some(after)) = (turns[next - 1], turns.get(next)) else {
                return turns[turns.len() - 1].1;
            };
            let begun = before.0.max(after.0 - gait.swing_seconds);
            let u = ((t - begun) / (after.0 - begun)).clamp(0.0, 1.0);
            before.1 + (after.1 - before.1) * u
        };
        let mut turning = Self {
            heading: sampled(&heading).smoothed(0.15),
            load: sampled(&|t| steps.carrying_side(t)).smoothed(0.12),
            height: sampled(&|_| f64::INFINITY),
            style,
            steps,
        };
        turning.height =
            sampled(&|t| turning.trunk(t, body).highest_pelvis(body)).smoothed_floor(0.1);
        turning
    }
}

impl Act for Turning {
    fn trunk(&self, t: f64, body: &Body) -> Trunk {
        let (heading, load) = (self.heading.at(t), self.load.at(t));
        let ahead = self.heading.at(t + HEAD_FIRST) - heading;
        let (forward, left) = forward_and_left(heading);
        let (sway, lean) = (self.style.sway(t), self.style.lean);
        Trunk {
            feet: self.steps.feet(t, body),
            heading,
            ground: self.style.place + left * (0.03 * load + sway.left) + forward * sway.forward,
            height: self.height.at(t),
            pelvis: facing(heading, 0.05 + 0.5 * lean) * DQuat::from_rotation_z(0.04 * load),
            chest: facing(heading + 0.3 * ahead, 0.03 + lean - sway.breath)
                * DQuat::from_rotation_z(-0.03 * load),
            head: facing(heading + ahead, 0.04 + sway.nod) * DQuat::from_rotation_z(sway.tilt),
        }
    }

    fn arms(&self, t: f64, _: &Trunk, _: &Body) -> [Arm; 2] {
        // Arms lag behind the turn.
        let lag = self.heading.at(t - 0.1) - self.heading.at(t + 0.1);
        SIDES.map(|side| Arm::Posed(ArmSwing::WALKING.pose(side, 0.6 * lag)))
    }
}
