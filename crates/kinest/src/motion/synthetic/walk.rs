//! Walking and running.
//!
//! Footsteps are planned first and the legs are solved for them, so that feet on the floor do not
//! slide; everything above the pelvis follows from the feet. Pelvis and chest counter-rotate, and
//! arms swing opposite to the legs.

use super::arms::{ArmSwing, raised};
use super::body::{Act, Arm, Body, SIDES, Side, Trunk, facing, forward_and_left};
use super::curves::Sampled;
use super::gait::{Footsteps, Gait, Path};
use super::style::{Dice, Style};
use crate::easing::smoothstep;
use glam::{DQuat, DVec2};
use std::f64::consts::TAU;

/// Length of a full step relative to the leg's.
const STEP_PER_LEG: f64 = 0.72;
/// Length of the first step from standing, relative to a full step.
const FIRST_STEP: f64 = 0.6;
/// Delay of the arms, seconds.
const ARMS_LATE: f64 = 0.05;
/// Additional forward lean of the trunk in a run, radians.
const RUNNING_LEAN: f64 = 0.12;
/// How far ahead on the path the head looks, metres.
const LOOK_AHEAD: f64 = 0.35;

/// Times at which a hand starts to rise, is up, starts to fall and is down, seconds; it waves at
/// `hz`.
#[derive(Clone, Copy)]
struct Waving {
    times: [f64; 4],
    hz: f64,
    side: Side,
}

impl Waving {
    /// 0 with the hand down, 1 with the hand up.
    fn up(&self, t: f64) -> f64 {
        let ramp = |from: f64, to: f64| smoothstep((t - from) / (to - from));
        ramp(self.times[0], self.times[1]) - ramp(self.times[2], self.times[3])
    }

    fn swing(&self, t: f64) -> f64 {
        self.up(t) * (TAU * self.hz * (t - self.times[1])).sin()
    }
}

/// Vertical movement of the trunk in a run.
#[derive(Clone, Copy)]
struct Bounce {
    /// How much lower the pelvis is on average than in standing, metres.
    crouch: f64,
    /// Amplitude around that height, metres.
    by: f64,
    /// Phase of the step, 0 to 1, at which it is highest: the middle of the flight.
    top: f64,
    /// How far the pelvis is ahead of the midpoint of the feet, seconds.
    ahead_seconds: f64,
}

/// The differences between walking and running.
struct Going {
    gait: Gait,
    /// Length of a full step, metres.
    full_step: f64,
    /// Lengths of the first steps and of the last steps, relative to a full one.
    faster: &'static [f64],
    slower: &'static [f64],
    bounce: Option<Bounce>,
}

/// A person who walks or runs along a path.
pub(super) struct Walk {
    style: Style,
    path: Path,
    steps: Footsteps,
    step_length: f64,
    /// Distance of the pelvis along the path, metres: midway between the feet at each landing and
    /// smooth in between, so that it also sets off before the first foot lands.
    way: Sampled,
    /// 1 where the left foot alone carries the weight, −1 where the right one does.
    load: Sampled,
    height: Sampled,
    /// How far the right foot is ahead of the left one, in full steps; smoothed, because arms
    /// follow like pendulums.
    stride: Sampled,
    /// 1 at the full pace of a run, 0 at rest and always 0 in a walk.
    running: Sampled,
    waving: Option<Waving>,
}

/// What a [`Walk`] is built from.
struct Plan {
    style: Style,
    gait: Gait,
    path: Path,
    ways: Vec<f64>,
    step_length: f64,
    first_lift: f64,
    waving: Option<Waving>,
    bounce: Option<Bounce>,
}

impl Walk {
    /// A person who walks a few steps while turning right, stops and waves the right hand.
    pub(super) fn and_wave(body: &Body, seconds: f64, rate_hz: f64) -> Self {
        const STEPS: usize = 10;
        /// Headings before and after the turn, radians, and the fractions of the path where it
        /// starts and ends.
        const HEADINGS: [f64; 2] = [1.25, -0.2];
        const TURN: [f64; 2] = [0.35, 0.9];
        let step_length = STEP_PER_LEG * body.leg_length();
        let length = step_length * (FIRST_STEP + (STEPS - 2) as f64);
        let heading = |part: f64| {
            let turned = smoothstep((part - TURN[0]) / (TURN[1] - TURN[0]));
            HEADINGS[0] + (HEADINGS[1] - HEADINGS[0]) * turned
        };
        // The last step brings the feet together.
        let ways = (0..STEPS).map(|step| (step_length * (FIRST_STEP + step as f64)).min(length));
        let plan = Plan {
            style: Style::PLAIN,
            gait: Gait::walking(0.55),
            path: Path::new(DVec2::ZERO, length, heading),
            ways: ways.collect(),
            step_length,
            first_lift: 1.1,
            waving: Some(Waving { times: [7.3, 8.2, 10.5, 11.4], hz: 1.5, side: Side::Right }),
            bounce: None,
        };
        Self::new(plan, body, seconds, rate_hz)
    }

    /// Walks a winding path; starts and ends standing.
    pub(super) fn walking(dice: &mut Dice, body: &Body, seconds: f64, rate_hz: f64) -> Self {
        let style = Style::draw(dice);
        let gait = Gait {
            half_width: dice.between(0.055..0.095),
            toe_out: dice.between(0.04..0.2),
            ..Gait::walking(0.54 / style.tempo)
        };
        let going = Going {
            gait,
            full_step: style.amplitude * dice.between(0.62..0.8) * body.leg_length(),
            faster: &[FIRST_STEP],
            slower: &[0.8],
            bounce: None,
        };
        Self::winding(dice, style, going, body, seconds, rate_hz)
    }

    /// Runs a winding path; starts and ends standing.
    pub(super) fn running(dice: &mut Dice, body: &Body, seconds: f64, rate_hz: f64) -> Self {
        let style = Style::draw(dice);
        let gait = Gait::running(0.36 / style.tempo);
        let down = 2.0 * gait.step_seconds - gait.swing_seconds;
        let going = Going {
            gait,
            full_step: style.amplitude * dice.between(1.05..1.35) * body.leg_length(),
            faster: &[0.4, 0.65, 0.85],
            slower: &[0.8, 0.6, 0.4],
            bounce: Some(Bounce {
                crouch: 0.065,
                by: dice.between(0.025..0.04),
                top: 0.5 + 0.5 * down / gait.step_seconds,
                ahead_seconds: 0.2 * gait.step_seconds,
            }),
        };
        Self::winding(dice, style, going, body, seconds, rate_hz)
    }

    fn winding(
        dice: &mut Dice,
        style: Style,
        going: Going,
        body: &Body,
        seconds: f64,
        rate_hz: f64,
    ) -> Self {
        let Going { gait, full_step, faster, slower, bounce } = going;
        let first_lift = dice.between(0.5..1.0);
        let walking = seconds - first_lift - gait.swing_seconds - dice.between(0.5..1.0);
        let steps = (walking / gait.step_seconds).max(0.0) as usize;
        let full = steps.saturating_sub(faster.len() + slower.len() + 1);
        let lengths = faster.iter().copied().chain(std::iter::repeat_n(1.0, full));
        // The last step brings the feet together.
        let lengths = lengths.chain(slower.iter().copied()).chain([0.0]);
        let ways: Vec<f64> = lengths
            .scan(0.0, |way, part| {
                *way += part * full_step;
                Some(*way)
            })
            .collect();
        let length = ways.last().copied().unwrap_or_default();
        // Bends over several metres, at most about 0.6 rad per metre.
        let bends: [(f64, f64, f64); 3] = std::array::from_fn(|_| {
            let metres = dice.between(4.0..9.0);
            (TAU / metres, dice.between(0.0..0.2) * metres / TAU * 1.5, dice.between(0.0..TAU))
        });
        let (start, drift) = (style.heading, dice.sign() * dice.between(0.0..0.25));
        let heading = move |part: f64| {
            let way = part * length;
            start
                + drift * way
                + bends.iter().map(|(k, by, at)| by * (k * way + at).sin()).sum::<f64>()
        };
        let plan = Plan {
            style,
            gait,
            path: Path::new(style.place, length, heading),
            ways,
            step_length: full_step,
            first_lift,
            waving: None,
            bounce,
        };
        Self::new(plan, body, seconds, rate_hz)
    }

    fn new(plan: Plan, body: &Body, seconds: f64, rate_hz: f64) -> Self {
        let Plan { style, gait, path, ways, step_length, first_lift, waving, bounce } = plan;
        let steps = Footsteps::along(&path, &ways, step_length, style.side, first_lift, gait, body);
        let sampled = |of: &dyn Fn(f64) -> f64| {
            let count = (seconds * rate_hz) as usize + 1;
            Sampled::new((0..count).map(|i| of(i as f64 / rate_hz)).collect(), rate_hz)
        };
        let ahead = bounce.map_or(0.0, |b| b.ahead_seconds);
        // While waving, the weight is on the opposite leg.
        let shift = |t: f64| waving.map_or(0.0, |w| -w.side.sign() * 0.8 * w.up(t));
        let mut walk = Self {
            way: sampled(&|t| steps.middle(t + ahead)).smoothed(0.2),
            load: sampled(&|t| steps.carrying_side(t) + shift(t)).smoothed(0.15),
            height: sampled(&|_| f64::INFINITY),
            stride: sampled(&|_| 0.0),
            running: sampled(&|_| 0.0),
            style,
            path,
            steps,
            step_length,
            waving,
        };
        walk.stride = sampled(&|t| walk.stride(t, body)).smoothed(5.0 / 60.0);
        walk.height = match bounce {
            None => sampled(&|t| walk.trunk(t, body).highest_pelvis(body)).smoothed_floor(0.1),
            Some(bounce) => {
                let full_speed = step_length / gait.step_seconds;
                let speed = |t: f64| (walk.way.at(t + 0.1) - walk.way.at(t - 0.1)) / 0.2;
                walk.running = sampled(&|t| (speed(t) / full_speed).min(1.0)).smoothed(0.1);
                let standing = walk.trunk(0.0, body).highest_pelvis(body) - 0.01;
                sampled(&|t| {
                    let beat = (TAU * (walk.steps.phase(t) - bounce.top)).cos();
                    standing + walk.running.at(t) * (bounce.by * beat - bounce.crouch)
                })
            }
        };
        walk
    }

    /// How far the right foot is ahead of the left one, in full steps.
    fn stride(&self, t: f64, body: &Body) -> f64 {
        let (_, heading) = self.path.at(self.way.at(t));
        let (forward, _) = forward_and_left(heading);
        let feet = self.steps.feet(t, body);
        (feet[1].ankle - feet[0].ankle).truncate().dot(forward) / self.step_length
    }

    fn waving(&self, t: f64) -> f64 {
        self.waving.map_or(0.0, |w| w.up(t))
    }
}

impl Act for Walk {
    fn trunk(&self, t: f64, body: &Body) -> Trunk {
        let (way, load, waving) = (self.way.at(t), self.load.at(t), self.waving(t));
        let (middle, heading) = self.path.at(way);
        let (_, ahead) = self.path.at(way + LOOK_AHEAD * (1.0 - waving));
        let (forward, left) = forward_and_left(heading);
        let swing = self.stride(t, body);
        let sway = self.style.sway(t);
        let lean = self.style.lean + RUNNING_LEAN * self.running.at(t);
        let ground = middle + left * (0.022 * load + sway.left) + forward * sway.forward;
        Trunk {
            feet: self.steps.feet(t, body),
            heading,
            ground,
            height: self.height.at(t),
            pelvis: facing(heading + 0.09 * swing, 0.05 + 0.5 * lean)
                * DQuat::from_rotation_z(0.045 * load),
            chest: facing(heading - 0.08 * swing, 0.03 + lean - sway.breath)
                * DQuat::from_rotation_z(-0.03 * load + 0.05 * waving),
            head: facing(ahead, 0.04 + sway.nod)
                * DQuat::from_rotation_z(sway.tilt - 0.06 * waving),
        }
    }

    fn arms(&self, t: f64, _: &Trunk, _: &Body) -> [Arm; 2] {
        let swing = self.stride.at(t - ARMS_LATE);
        let arms = ArmSwing::WALKING.lerp(ArmSwing::RUNNING, self.running.at(t));
        SIDES.map(|side| {
            let arm = arms.pose(side, swing);
            match self.waving.filter(|w| w.side == side) {
                Some(waving) => Arm::Posed(raised(side, arm, waving.up(t), waving.swing(t))),
                None => Arm::Posed(arm),
            }
        })
    }
}
