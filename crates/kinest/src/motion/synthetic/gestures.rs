//! Gestures, with the times at which they are made.

use super::arms::{ArmSwing, Hand, raised};
use super::body::{Act, Arm, Body, SIDES, Side, Trunk, forward_and_left};
use super::curves::{Pulse, glide};
use super::standing::{Posture, Standing, Turn};
use super::style::{Dice, Style};
use crate::motion::MotionClip;
use crate::skeleton::{Group, Skeleton};
use glam::DVec3;
use std::f64::consts::{PI, TAU};

/// A gesture of a person who stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Gesture {
    /// Raises a hand and waves.
    Wave,
    /// Raises a hand above the head.
    RaiseHand,
    /// Raises both hands above the head.
    BothHandsUp,
    /// Claps several times.
    Clap,
    /// Crosses the arms before the chest.
    ArmsCrossed,
    /// Puts both hands on the hips.
    HandsOnHips,
    /// Points forward.
    Point,
    /// Throws a straight punch from the guard.
    Punch,
    /// Pushes forward with both hands.
    Push,
    /// Bends the knees deeply.
    Crouch,
    /// Jumps on the spot.
    Jump,
    /// Nods several times.
    Nod,
    /// Shakes the head several times.
    ShakeHead,
    /// Bows.
    Bow,
    /// Kicks forward.
    Kick,
    /// Leans to a side.
    Lean,
    /// Stretches both arms out to the sides.
    TPose,
}

impl Gesture {
    /// Every gesture.
    pub const ALL: [Self; 17] = [
        Self::Wave,
        Self::RaiseHand,
        Self::BothHandsUp,
        Self::Clap,
        Self::ArmsCrossed,
        Self::HandsOnHips,
        Self::Point,
        Self::Punch,
        Self::Push,
        Self::Crouch,
        Self::Jump,
        Self::Nod,
        Self::ShakeHead,
        Self::Bow,
        Self::Kick,
        Self::Lean,
        Self::TPose,
    ];

    /// Whether it is made with an arm, with a leg, or with the whole body.
    fn groups(self) -> [Group; 2] {
        match self {
            Self::Wave | Self::RaiseHand | Self::Point | Self::Punch => {
                [Group::LeftArm, Group::RightArm]
            }
            Self::Kick => [Group::LeftLeg, Group::RightLeg],
            Self::Nod | Self::ShakeHead => [Group::Neck; 2],
            _ => [Group::Torso; 2],
        }
    }
}

/// One gesture in a clip, seconds from its start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Performed {
    /// Which it is.
    pub gesture: Gesture,
    /// The group that makes it.
    pub group: Group,
    /// When the body begins to move for it.
    pub start_s: f64,
    /// When it is there: the pose is reached, the feet leave the floor, the fist starts, the first
    /// nod, clap or wave starts.
    pub there_s: f64,
    /// When the body is back.
    pub end_s: f64,
}

/// A clip of a person who stands and makes a gesture several times, with its times; otherwise as
/// [`clip`](super::clip).
///
/// # Panics
/// As [`clip`](super::clip).
#[must_use]
pub fn gestures(
    gesture: Gesture,
    seed: u64,
    seconds: f64,
    rate_hz: f64,
    skeleton: &Skeleton,
) -> (MotionClip, Vec<Performed>) {
    let positive = |v: f64| v.is_finite() && v > 0.0;
    assert!(positive(seconds) && positive(rate_hz), "{seconds} s at {rate_hz} Hz is no clip");
    /// Streams of the seed after those of the kinds of clips.
    const STREAM: u64 = 100;
    let (body, dice) = (Body::new(skeleton), &mut Dice::new(seed, STREAM + gesture as u64));
    let act = Gestures::new(gesture, dice, &body, seconds);
    let performed = act.made.iter().map(Made::performed).collect();
    (body.play(&act, seconds, rate_hz), performed)
}

/// Guard of a boxer, hands before the chest, and where they go.
const GUARD: Hand =
    Hand { wrist: DVec3::new(-0.05, -0.05, 0.22), elbow: DVec3::new(0.4, -1.0, 0.0) };
const STRAIGHT: Hand =
    Hand { wrist: DVec3::new(-0.08, 0.0, 0.55), elbow: DVec3::new(0.7, -1.0, 0.0) };
const CHEST: Hand = Hand { wrist: DVec3::new(0.0, -0.12, 0.17), elbow: DVec3::new(0.6, -1.0, 0.0) };
const PUSHED: Hand =
    Hand { wrist: DVec3::new(-0.04, -0.04, 0.53), elbow: DVec3::new(0.8, -1.0, 0.0) };
const HIGH: Hand = Hand { wrist: DVec3::new(0.06, 0.5, 0.08), elbow: DVec3::new(1.0, 0.0, 0.2) };
const POINTING: Hand =
    Hand { wrist: DVec3::new(-0.03, 0.01, 0.54), elbow: DVec3::new(0.5, -1.0, 0.0) };
const CROSSED: Hand =
    Hand { wrist: DVec3::new(-0.25, -0.23, 0.17), elbow: DVec3::new(0.4, -1.0, 0.0) };
const HIPS: Hand = Hand { wrist: DVec3::new(0.03, -0.4, 0.04), elbow: DVec3::new(1.0, 0.0, -0.5) };
const ASIDE: Hand = Hand { wrist: DVec3::new(0.545, 0.0, 0.0), elbow: DVec3::new(0.0, -0.3, -1.0) };
/// Hands that clap, apart; they meet before the breastbone.
const CLAPPING: Hand =
    Hand { wrist: DVec3::new(-0.02, -0.16, 0.3), elbow: DVec3::new(0.8, -1.0, 0.0) };
/// How far each hand goes to meet the other, as a fraction of half the shoulders' width.
const MEET: f64 = 0.7;

/// Greatest speed off the floor in a jump, and gravity: m/s, m/s².
const TAKE_OFF: std::ops::Range<f64> = 1.7..2.6;
const GRAVITY: f64 = 9.81;

/// One gesture with its numbers.
struct Made {
    gesture: Gesture,
    pulse: Pulse,
    side: Side,
    /// Size relative to the average.
    size: f64,
    /// Frequency of what is repeated, hertz; duration of a punch, kick or push, seconds; speed of a
    /// jump off the floor, m/s.
    pace: f64,
}

impl Made {
    fn performed(&self) -> Performed {
        let Pulse { start, rise, .. } = self.pulse;
        let group = self.gesture.groups()[self.side as usize];
        let (start_s, there_s) = (start, start + rise);
        Performed { gesture: self.gesture, group, start_s, there_s, end_s: self.pulse.end() }
    }

    /// Seconds since it is there.
    fn since(&self, t: f64) -> f64 {
        t - self.pulse.start - self.pulse.rise
    }

    /// Goes out and back from 0 to 1 while it is there.
    fn stroke(&self, t: f64) -> f64 {
        let u = self.since(t) / self.pace;
        glide(u) - glide((t - self.pulse.end() + self.pulse.fall + 0.6 * self.pace) / self.pace)
    }

    /// A sine that starts when it is there and fades at its end.
    fn swing(&self, t: f64) -> f64 {
        if self.since(t) < 0.0 {
            0.0
        } else {
            self.pulse.at(t) * (TAU * self.pace * self.since(t)).sin()
        }
    }
}

struct Gestures {
    standing: Standing,
    made: Vec<Made>,
}

impl Gestures {
    fn new(gesture: Gesture, dice: &mut Dice, body: &Body, seconds: f64) -> Self {
        use Gesture as G;
        let style = Style::draw(dice);
        let standing =
            Standing::new(style, dice.between(0.09..0.13), dice.between(0.05..0.25), body);
        let mut made: Vec<Made> = vec![];
        let mut start = dice.between(0.6..1.2);
        loop {
            let (pace, hold) = match gesture {
                G::Wave => (dice.between(1.2..2.0), dice.between(1.2..2.5)),
                G::Clap => (dice.between(1.6..2.8), dice.between(1.2..2.4)),
                G::Nod | G::ShakeHead => (dice.between(1.1..2.0), dice.between(1.3..2.4)),
                G::Punch => (dice.between(0.2..0.3), dice.between(0.5..0.7)),
                G::Kick => (dice.between(0.3..0.42), dice.between(0.65..0.8)),
                G::Push => (dice.between(0.35..0.6), dice.between(1.1..1.5)),
                G::Jump => {
                    let speed = dice.between(TAKE_OFF);
                    (speed, 2.0 * speed / GRAVITY)
                }
                _ => (1.0, dice.between(0.7..1.8)),
            };
            let quick = matches!(gesture, G::Nod | G::ShakeHead | G::Jump | G::Kick);
            let rise = if quick { dice.between(0.25..0.4) } else { dice.between(0.5..0.9) };
            let fall = if quick { dice.between(0.3..0.45) } else { dice.between(0.5..0.9) };
            let pulse = Pulse { start, rise: rise / style.tempo, hold, fall: fall / style.tempo };
            if pulse.end() > seconds && !made.is_empty() {
                break;
            }
            start = pulse.end() + dice.between(0.6..2.0);
            let (side, size) = (dice.side(), dice.between(0.85..1.15));
            made.push(Made { gesture, pulse, side, size, pace });
        }
        Self { standing, made }
    }

    /// The gesture at a time and how far the body has gone for it, 0 to 1.
    fn now(&self, t: f64) -> Option<(&Made, f64)> {
        let made =
            self.made.iter().find(|made| (made.pulse.start..made.pulse.end()).contains(&t))?;
        Some((made, made.pulse.at(t)))
    }

    fn posture(&self, t: f64, body: &Body) -> Posture {
        let Some((made, up)) = self.now(t) else { return Posture::default() };
        let (size, sign, leg) = (made.size, made.side.sign(), body.leg_length());
        match made.gesture {
            Gesture::Crouch => {
                let deep = 0.52 * size * up;
                Posture {
                    down: deep * leg,
                    forward: -0.3 * deep * leg,
                    pelvis: Turn::new(0.7 * deep, 0.0, 0.0),
                    chest: Turn::new(1.1 * deep, 0.0, 0.0),
                    ..Posture::default()
                }
            }
            Gesture::Jump => {
                // The knees give before and after, and are straight in the air.
                let air = made.since(t) / made.pulse.hold;
                let bent = if (0.0..1.0).contains(&air) { 0.0 } else { (PI * up.min(1.0)).sin() };
                Posture {
                    down: 0.22 * bent * leg,
                    chest: Turn::new(0.25 * bent, 0.0, 0.0),
                    ..Posture::default()
                }
            }
            Gesture::Nod => Posture {
                head: Turn::new(0.2 * size * made.swing(t), 0.0, 0.0),
                ..Posture::default()
            },
            Gesture::ShakeHead => Posture {
                head: Turn::new(0.0, 0.35 * size * made.swing(t), 0.0),
                ..Posture::default()
            },
            Gesture::Bow => {
                let deep = size * up;
                Posture {
                    forward: -0.12 * deep * leg,
                    pelvis: Turn::new(0.55 * deep, 0.0, 0.0),
                    chest: Turn::new(1.15 * deep, 0.0, 0.0),
                    head: Turn::new(1.1 * deep, 0.0, 0.0),
                    ..Posture::default()
                }
            }
            Gesture::Lean => {
                let roll = -sign * size * up;
                Posture {
                    left: 0.03 * sign * up,
                    pelvis: Turn::new(0.0, 0.0, 0.12 * roll),
                    chest: Turn::new(0.0, 0.0, 0.55 * roll),
                    head: Turn::new(0.0, 0.0, 0.35 * roll),
                    ..Posture::default()
                }
            }
            Gesture::Kick => {
                let out = made.stroke(t);
                Posture {
                    left: -0.07 * sign * up,
                    forward: 0.02 * out,
                    pelvis: Turn::new(-0.12 * out, 0.0, 0.0),
                    chest: Turn::new(-0.2 * out, 0.0, 0.0),
                    ..Posture::default()
                }
            }
            Gesture::Punch => {
                let yaw = -sign * 0.35 * size * made.stroke(t);
                Posture {
                    pelvis: Turn::new(0.0, 0.5 * yaw, 0.0),
                    chest: Turn::new(0.05, yaw, 0.0),
                    ..Posture::default()
                }
            }
            Gesture::Push => {
                let out = made.stroke(t);
                Posture {
                    forward: 0.03 * out,
                    chest: Turn::new(0.12 * out, 0.0, 0.0),
                    ..Posture::default()
                }
            }
            _ => Posture::default(),
        }
    }
}

impl Act for Gestures {
    fn trunk(&self, t: f64, body: &Body) -> Trunk {
        let mut trunk = self.standing.trunk(t, self.posture(t, body));
        let Some((made, up)) = self.now(t) else { return trunk };
        match made.gesture {
            Gesture::Jump => {
                let air = made.since(t);
                let height = (made.pace * air - 0.5 * GRAVITY * air * air).max(0.0);
                trunk.height += height;
                for foot in &mut trunk.feet {
                    foot.ankle.z += height;
                    // Toes point down in the air.
                    foot.pitch = 0.5 * (height / 0.1).min(1.0);
                }
            }
            Gesture::Kick => {
                let (forward, _) = forward_and_left(self.standing.style.heading);
                let (leg, out) = (body.leg_length(), made.stroke(t));
                let foot = &mut trunk.feet[made.side as usize];
                foot.ankle += (forward * (0.83 * leg * out - 0.1 * leg * up * (1.0 - out)))
                    .extend(0.52 * made.size * leg * out + 0.1 * leg * up);
                foot.pitch = -0.6 * out;
            }
            _ => {}
        }
        trunk
    }

    fn arms(&self, t: f64, trunk: &Trunk, body: &Body) -> [Arm; 2] {
        let now = self.now(t);
        SIDES.map(|side| {
            let to = |from: Hand, to: Hand, by: f64| from.lerp(to, by);
            let hand = match now {
                Some((made, up)) => {
                    let own = made.side == side;
                    let rest = Hand::HANGING;
                    match made.gesture {
                        Gesture::Wave if own => {
                            let arm = ArmSwing::WALKING.pose(side, 0.0);
                            return Arm::Posed(raised(side, arm, up, made.size * made.swing(t)));
                        }
                        Gesture::RaiseHand if own => to(rest, HIGH, up),
                        Gesture::BothHandsUp => to(rest, HIGH, up),
                        Gesture::Point if own => to(rest, POINTING, up),
                        Gesture::ArmsCrossed => to(rest, CROSSED, up),
                        Gesture::HandsOnHips => to(rest, HIPS, up),
                        Gesture::TPose => to(rest, ASIDE, up),
                        Gesture::Clap => {
                            let mut hand = to(rest, CLAPPING, up);
                            let meet =
                                (0.5 - 0.5 * (TAU * made.pace * made.since(t).max(0.0)).cos()) * up;
                            hand.wrist.x -= MEET * 0.185 * made.size * meet;
                            hand
                        }
                        Gesture::Punch => {
                            let guard = to(rest, GUARD, up);
                            if own { to(guard, STRAIGHT, made.stroke(t)) } else { guard }
                        }
                        Gesture::Push => to(to(rest, CHEST, up), PUSHED, made.stroke(t)),
                        _ => rest,
                    }
                }
                None => Hand::HANGING,
            };
            Arm::Reaching(self.standing.target(side, hand, trunk, body))
        })
    }
}
