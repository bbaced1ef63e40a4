//! Arm poses.

use super::body::{Body, Side, Target, Trunk, facing};
use glam::{DQuat, DVec3};

/// Arms that swing like pendulums, opposite to the legs.
#[derive(Clone, Copy)]
pub(super) struct ArmSwing {
    /// Forward angle of the upper arm at the centre of the swing, radians.
    pub rest: f64,
    /// Amplitude forward and back with a full step, radians.
    pub forward: f64,
    pub back: f64,
    /// Elbow angle at the centre of the swing, and its increase when the arm is forward, radians.
    pub bend: f64,
    pub bend_swing: f64,
}

impl ArmSwing {
    pub(super) const WALKING: Self =
        Self { rest: 0.06, forward: 0.42, back: 0.34, bend: 0.32, bend_swing: 0.22 };
    pub(super) const RUNNING: Self =
        Self { rest: -0.1, forward: 0.6, back: 0.8, bend: 1.5, bend_swing: 0.35 };

    /// Interpolates to `other`; `t` is 0 to 1.
    pub(super) fn lerp(self, other: Self, t: f64) -> Self {
        let mix = |a: f64, b: f64| a + (b - a) * t;
        Self {
            rest: mix(self.rest, other.rest),
            forward: mix(self.forward, other.forward),
            back: mix(self.back, other.back),
            bend: mix(self.bend, other.bend),
            bend_swing: mix(self.bend_swing, other.bend_swing),
        }
    }

    /// Joint rotations; `swing` is 1 with the right foot a full step ahead.
    pub(super) fn pose(&self, side: Side, swing: f64) -> [DQuat; 4] {
        let sign = side.sign();
        // The left arm swings forward with the right foot; arms swing further forward than back.
        let forward = sign * swing;
        let reach = self.rest + if forward > 0.0 { self.forward } else { self.back } * forward;
        let bend = self.bend + self.bend_swing * forward;
        [
            DQuat::from_rotation_z(-sign * 0.06),
            DQuat::from_rotation_x(-reach)
                * DQuat::from_rotation_z(-sign * 1.3)
                * DQuat::from_rotation_x(-0.15),
            DQuat::from_rotation_y(-sign * bend),
            DQuat::from_rotation_z(-sign * 0.06),
        ]
    }
}

/// The arm at `up` (0 to 1) on the way from `arm` to a raised hand: upper arm out and up, forearm
/// upright, palm forward. `swing`, −1 to 1, moves the hand from side to side.
pub(super) fn raised(side: Side, arm: [DQuat; 4], up: f64, swing: f64) -> [DQuat; 4] {
    let sign = side.sign();
    let raised = [
        DQuat::from_rotation_z(sign * 0.18),
        DQuat::from_rotation_y(-sign * 0.35)
            * DQuat::from_rotation_z(sign * (0.2 + 0.05 * swing))
            * DQuat::from_rotation_x(-1.45),
        DQuat::from_rotation_y(-sign * (1.45 + 0.42 * swing)),
        DQuat::from_rotation_y(-sign * (0.25 * swing)),
    ];
    std::array::from_fn(|i| arm[i].slerp(raised[i], up))
}

/// Place of a hand relative to its shoulder, in upright axes with the body's heading: x away from
/// the body, y up, z forward; metres, for an arm [`ARM`] metres long.
#[derive(Clone, Copy)]
pub(super) struct Hand {
    pub wrist: DVec3,
    /// Direction in which the elbow points.
    pub elbow: DVec3,
}

/// Arm length that [`Hand`]s are given for, metres.
const ARM: f64 = 0.55;

impl Hand {
    /// Hanging at the side.
    pub(super) const HANGING: Self =
        Self { wrist: DVec3::new(0.06, -0.525, 0.05), elbow: DVec3::new(0.3, 0.0, -1.0) };

    pub(super) fn lerp(self, other: Self, t: f64) -> Self {
        Self { wrist: self.wrist.lerp(other.wrist, t), elbow: self.elbow.lerp(other.elbow, t) }
    }

    /// World-space target for a person facing `heading`.
    pub(super) fn target(self, side: Side, heading: f64, trunk: &Trunk, body: &Body) -> Target {
        let offset = outward(side, heading, self.wrist) * (body.arm_length() / ARM);
        Target {
            wrist: trunk.shoulder(side, body) + offset,
            elbow: outward(side, heading, self.elbow),
        }
    }
}

/// From the axes of a [`Hand`] to world axes.
pub(super) fn outward(side: Side, heading: f64, v: DVec3) -> DVec3 {
    facing(heading, 0.0) * DVec3::new(side.sign() * v.x, v.y, v.z)
}
