//! Hides jumps: the shown value starts at the old one, and the difference fades out.

use super::place::Place;
use crate::easing::smoothstep;
use crate::rotation::geodesic_angle;
use crate::skeleton::{PerJoint, SmplJoint};
use crate::tracker::Teleport;
use glam::{DQuat, DVec3};

/// Shortest fade, seconds.
const SHORTEST: f64 = 0.1;
/// Maximum rotation speed of a fade, rad/s: half a turn in half a second.
const TURN_SPEED: f64 = std::f64::consts::TAU;
/// Greatest slope of [`smoothstep`], in the middle.
const STEEPEST: f64 = 1.5;

/// The fading difference between the shown place and its target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlaceFade {
    offset: DVec3,
    turn: DQuat,
    time: f64,
    duration: f64,
}

impl Default for PlaceFade {
    /// No difference.
    fn default() -> Self {
        Self { offset: DVec3::ZERO, turn: DQuat::IDENTITY, time: SHORTEST, duration: SHORTEST }
    }
}

impl PlaceFade {
    /// Fades from the place `shown` last to the target `meant`. The difference shrinks at `speed`
    /// (m/s) at most, over at least `at_least` seconds.
    pub fn new(shown: Place, meant: Place, speed: f64, at_least: f64) -> Self {
        let offset = shown.position - meant.position;
        let turn = (shown.rotation * meant.rotation.conjugate()).normalize();
        let turn = if turn.w < 0.0 { -turn } else { turn };
        let angle = geodesic_angle(DQuat::IDENTITY, turn);
        let duration = (offset.length() / speed).max(angle / TURN_SPEED) * STEEPEST;
        Self { offset, turn, time: 0.0, duration: duration.max(at_least).max(SHORTEST) }
    }

    /// Advances by `dt` seconds.
    pub fn step(&mut self, dt: f64) {
        self.time += dt;
    }

    /// Rotates the difference with everything else.
    pub fn rotate(&mut self, by: DQuat) {
        self.offset = by * self.offset;
        self.turn = by * self.turn * by.conjugate();
    }

    /// Whether the difference is gone.
    pub fn is_over(&self) -> bool {
        self.time >= self.duration
    }

    /// The place to show for the target `meant`.
    pub fn apply(&self, meant: Place) -> Place {
        if self.is_over() {
            return meant;
        }
        let gone = smoothstep(self.time / self.duration);
        let turn = self.turn.slerp(DQuat::IDENTITY, gone);
        Place {
            position: meant.position + self.offset * (1.0 - gone),
            rotation: (turn * meant.rotation).normalize(),
        }
    }
}

/// Joint rotations whose source changes, shown without a jump.
///
/// The first source is shown as it is. When the source changes, the difference from the rotations
/// shown last fades out.
#[derive(Clone, Debug)]
pub struct SourceFade<S> {
    shown: Option<(S, PerJoint<DQuat>)>,
    /// Difference between shown and target rotations when the source changed.
    difference: PerJoint<DQuat>,
    time: f64,
    duration: f64,
}

impl<S> Default for SourceFade<S> {
    fn default() -> Self {
        let difference = [DQuat::IDENTITY; SmplJoint::COUNT];
        Self { shown: None, difference, time: 0.0, duration: 0.0 }
    }
}

impl<S: Copy + PartialEq> SourceFade<S> {
    /// Whether a change of source is still fading.
    pub(super) fn fades(&self) -> bool {
        self.time < self.duration
    }

    /// The rotations to show for the target `meant` from `source`, `dt` seconds after the last
    /// call. A change of source takes `duration` seconds, or longer if a joint would otherwise
    /// rotate faster than half a turn in half a second; a duration of 0 changes at once.
    pub fn apply(
        &mut self,
        source: S,
        meant: PerJoint<DQuat>,
        dt: f64,
        duration: f64,
    ) -> PerJoint<DQuat> {
        self.time += dt;
        if let Some((before, shown)) = &self.shown
            && *before != source
        {
            self.difference = std::array::from_fn(|j| {
                let difference = (shown[j] * meant[j].conjugate()).normalize();
                if difference.w < 0.0 { -difference } else { difference }
            });
            let angles = self.difference.iter().map(|d| geodesic_angle(DQuat::IDENTITY, *d));
            let needed = angles.fold(0.0, f64::max) / TURN_SPEED * STEEPEST;
            self.duration = if duration > 0.0 { duration.max(needed) } else { 0.0 };
            self.time = dt.min(self.duration);
        }
        let mut out = meant;
        if self.time < self.duration {
            let gone = smoothstep(self.time / self.duration);
            for (out, difference) in out.iter_mut().zip(&self.difference) {
                *out = (difference.slerp(DQuat::IDENTITY, gone) * *out).normalize();
            }
        }
        self.shown = Some((source, out));
        out
    }

    /// The source and rotations shown last.
    #[must_use]
    pub fn shown(&self) -> Option<&(S, PerJoint<DQuat>)> {
        self.shown.as_ref()
    }

    /// Follows a teleport, so that a displaced body does not rotate.
    pub fn teleport(&mut self, by: &Teleport) {
        let turn = by.rotation();
        if let Some((_, shown)) = &mut self.shown {
            shown[0] = turn * shown[0];
        }
        self.difference[0] = turn * self.difference[0] * turn.conjugate();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::Pose;

    fn at(x: f64, angle: f64) -> Place {
        Place { position: DVec3::X * x, rotation: DQuat::from_rotation_z(angle) }
    }

    /// Starts at the shown place, ends at the target and respects the speed limits, also for a
    /// moving target.
    #[test]
    fn a_place_fades_to_its_target_within_its_speed_limits() {
        const DT: f64 = 0.005;
        for (x, angle) in [(0.5, 0.0), (0.01, 3.0), (-1.0, -1.0)] {
            let mut fade = PlaceFade::new(at(x, angle), at(0.0, 0.0), 2.0, 0.0);
            let mut before = fade.apply(at(0.0, 0.0));
            assert!(before.position.distance(at(x, angle).position) < 1e-12);
            assert!(geodesic_angle(before.rotation, at(x, angle).rotation) < 1e-9);
            let mut steps = 0;
            while !fade.is_over() {
                fade.step(DT);
                let now = fade.apply(at(0.0, 0.0));
                assert!(now.position.distance(before.position) < 2.0 * DT + 1e-9);
                assert!(geodesic_angle(now.rotation, before.rotation) < TURN_SPEED * DT + 1e-9);
                (before, steps) = (now, steps + 1);
            }
            assert_eq!(before, at(0.0, 0.0));
            assert!(f64::from(steps) * DT < 1.0, "{steps}");
        }
    }

    #[test]
    fn another_source_takes_over_without_a_jump_and_is_then_shown_exactly() {
        let knee = SmplJoint::LeftKnee.index();
        let bent = |angle| {
            let mut rotations = Pose::rest().rotations;
            rotations[knee] = DQuat::from_rotation_x(angle);
            rotations
        };
        let mut fade = SourceFade::default();
        assert_eq!(fade.apply('a', bent(0.2), 0.01, 0.3), bent(0.2));
        assert_eq!(fade.apply('a', bent(0.9), 0.01, 0.3), bent(0.9), "one source is not smoothed");
        let mut before = 0.9;
        for i in 1..=31 {
            let shown = fade.apply('b', bent(0.1), 0.01, 0.3)[knee];
            let angle = geodesic_angle(DQuat::IDENTITY, shown);
            assert!(angle <= before + 1e-9 && before - angle < 0.8 * 1.5 / 30.0 + 1e-6, "step {i}");
            before = angle;
        }
        assert!((before - 0.1).abs() < 1e-9);
        // Large differences take longer instead of being faster: 3 rad at 2π rad/s at most.
        let mut fade = SourceFade::default();
        fade.apply('a', bent(3.1), 0.01, 0.3);
        let (mut before, mut steps) = (3.1, 0);
        while before > 0.1 + 1e-9 {
            let shown = fade.apply('b', bent(0.1), 0.01, 0.3)[knee];
            let angle = geodesic_angle(DQuat::IDENTITY, shown);
            assert!(before - angle < TURN_SPEED * 0.01 + 1e-6, "step {steps}");
            (before, steps) = (angle, steps + 1);
        }
        assert!((70..75).contains(&steps), "{steps} steps of 0.01 s");
        // With a duration of 0 the change is immediate.
        let mut fade = SourceFade::default();
        fade.apply('a', bent(0.0), 0.01, 0.0);
        assert_eq!(fade.apply('b', bent(1.0), 0.01, 0.0), bent(1.0));
    }
}
