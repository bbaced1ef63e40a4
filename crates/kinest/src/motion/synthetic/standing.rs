//! Standing on one spot, whatever the rest of the body does.

use super::arms::Hand;
use super::body::{Body, FootPose, SIDES, Side, Target, Trunk, facing, forward_and_left};
use super::gait::Footprint;
use super::style::Style;
use glam::{DQuat, DVec2};
use std::ops::{Add, Mul};

/// Lowers the pelvis so that knees are not locked, metres: locked knees look stiff.
const SOFT_KNEES: f64 = 0.012;

/// Deviation from upright standing, metres and radians; all 0 when upright. Postures add up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Posture {
    /// Movement of the pelvis relative to the feet.
    pub down: f64,
    pub forward: f64,
    pub left: f64,
    /// Pitch leans forward, yaw turns left, roll leans right.
    pub pelvis: Turn,
    pub chest: Turn,
    pub head: Turn,
}

/// Rotation of a body part relative to the body's heading, radians.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Turn {
    pub pitch: f64,
    pub yaw: f64,
    pub roll: f64,
}

impl Turn {
    pub(super) fn new(pitch: f64, yaw: f64, roll: f64) -> Self {
        Self { pitch, yaw, roll }
    }

    fn facing(self, heading: f64) -> DQuat {
        facing(heading + self.yaw, self.pitch) * DQuat::from_rotation_z(self.roll)
    }
}

impl Mul<f64> for Turn {
    type Output = Self;
    fn mul(self, by: f64) -> Self {
        Self { pitch: self.pitch * by, yaw: self.yaw * by, roll: self.roll * by }
    }
}

impl Add for Turn {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            pitch: self.pitch + other.pitch,
            yaw: self.yaw + other.yaw,
            roll: self.roll + other.roll,
        }
    }
}

impl Mul<f64> for Posture {
    type Output = Self;
    fn mul(self, by: f64) -> Self {
        Self {
            down: self.down * by,
            forward: self.forward * by,
            left: self.left * by,
            pelvis: self.pelvis * by,
            chest: self.chest * by,
            head: self.head * by,
        }
    }
}

impl Add for Posture {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            down: self.down + other.down,
            forward: self.forward + other.forward,
            left: self.left + other.left,
            pelvis: self.pelvis + other.pelvis,
            chest: self.chest + other.chest,
            head: self.head + other.head,
        }
    }
}

/// Feet on the floor with a person above them.
pub(super) struct Standing {
    pub style: Style,
    feet: [FootPose; 2],
    /// Height of the pelvis when standing upright, metres.
    height: f64,
}

impl Standing {
    /// Feet side by side.
    pub(super) fn new(style: Style, half_width: f64, toe_out: f64, body: &Body) -> Self {
        let print = |side| {
            let Style { place, heading, .. } = style;
            Footprint::standing(side, place, heading, half_width, toe_out, body)
        };
        Self::on(style, SIDES.map(print), body)
    }

    /// The left foot `ahead` metres in front of the centre and the right one as far behind, each
    /// turned out by `toe_out`.
    pub(super) fn astride(
        style: Style,
        half_width: f64,
        ahead: f64,
        toe_out: [f64; 2],
        body: &Body,
    ) -> Self {
        let (forward, _) = forward_and_left(style.heading);
        let print = |side: Side| {
            let place = style.place + forward * (side.sign() * ahead);
            let out = toe_out[side as usize];
            Footprint::standing(side, place, style.heading, half_width, out, body)
        };
        Self::on(style, SIDES.map(print), body)
    }

    fn on(style: Style, prints: [Footprint; 2], body: &Body) -> Self {
        let feet = prints.map(|p| FootPose {
            ankle: p.ankle,
            heading: p.heading,
            pitch: 0.0,
            toe_bend: 0.0,
        });
        let mut standing = Self { style, feet, height: 0.0 };
        let upright = standing.upright(Posture::default());
        standing.height = upright.highest_pelvis(body) - SOFT_KNEES;
        standing
    }

    /// The body at time `t` in a posture.
    pub(super) fn trunk(&self, t: f64, posture: Posture) -> Trunk {
        let (sway, lean) = (self.style.sway(t), self.style.lean);
        let idle = Posture {
            left: sway.left,
            forward: sway.forward,
            pelvis: Turn::new(0.05 + 0.5 * lean, 0.0, 0.0),
            chest: Turn::new(0.03 + lean - sway.breath, 0.0, 0.0),
            head: Turn::new(0.04 + sway.nod, 0.0, sway.tilt),
            ..Posture::default()
        };
        self.upright(idle + posture)
    }

    fn upright(&self, posture: Posture) -> Trunk {
        let Style { place, heading, .. } = self.style;
        let (forward, left) = forward_and_left(heading);
        let ground: DVec2 = place + forward * posture.forward + left * posture.left;
        Trunk {
            feet: self.feet,
            heading,
            ground,
            height: self.height - posture.down,
            pelvis: posture.pelvis.facing(heading),
            chest: posture.chest.facing(heading),
            head: posture.head.facing(heading),
        }
    }

    /// World-space target of a hand given relative to its shoulder.
    pub(super) fn target(&self, side: Side, hand: Hand, trunk: &Trunk, body: &Body) -> Target {
        hand.target(side, self.style.heading, trunk, body)
    }
}
