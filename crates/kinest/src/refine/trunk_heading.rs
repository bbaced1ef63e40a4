//! Heading of the trunk, from head and hands.

use crate::coordinates::heading;
use crate::easing::smoothstep;
use crate::tracker::{Teleport, TrackerPose};
use std::f64::consts::{PI, TAU};

/// Weight of the hands relative to the head.
const HANDS: f64 = 0.6;
/// Minimum distance of the hands across the body, metres; closer hands are ignored.
const APART: f64 = 0.2;
/// Angles (rad) between the heading of the hands and of the head: above the first the weight of the
/// hands decreases, from the second on it is 0, because the arms are crossed.
const CROSSED: [f64; 2] = [1.2, 1.75];
/// Angles (rad) to the combined heading of head and hands within which the trunk does not turn:
/// with hands, and without.
const LOOSE: [f64; 2] = [0.26, 0.52];
/// Time constant with which the trunk turns within that range, seconds; only with hands.
const SETTLES: f64 = 3.0;
/// Maximum speed of the trunk, rad/s.
const FASTEST: f64 = 8.0;

/// The heading of the trunk while the head looks around.
///
/// People turn their heads far more often than their bodies. The trunk faces the combined heading
/// of head and hands, and turns only when that heading leaves a tolerance.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrunkHeading(Option<f64>);

impl TrunkHeading {
    /// The heading, radians; `None` before the first step.
    #[must_use]
    pub fn get(&self) -> Option<f64> {
        self.0
    }

    /// Follows `trackers` (head, left hand, right hand), `dt` seconds after the last call. While
    /// the head is lost, the trunk keeps its heading; lost hands are ignored.
    ///
    /// # Panics
    /// If there are not three trackers.
    pub fn step(&mut self, trackers: &[TrackerPose], dt: f64) -> f64 {
        let head = heading(trackers[0].rotation);
        let hands = hands(trackers).map(|hands| wrapped(hands - head));
        let goal = head + hands.map_or(0.0, weighted);
        let Some(before) = self.0 else { return *self.0.insert(wrapped(goal)) };
        if !trackers[0].tracked {
            return before;
        }
        let off = wrapped(goal - before);
        let loose = LOOSE[usize::from(hands.is_none())];
        let pulled = off - off.clamp(-loose, loose);
        let settling = if hands.is_some() { off.clamp(-loose, loose) * dt / SETTLES } else { 0.0 };
        let most = FASTEST * dt;
        *self.0.insert(wrapped(before + (pulled + settling).clamp(-most, most)))
    }

    /// Follows a teleport.
    pub fn teleport(&mut self, by: &Teleport) {
        if let Some(heading) = &mut self.0 {
            *heading = wrapped(*heading + by.turn);
        }
    }
}

/// Rotation of the trunk (rad) for hands rotated by `off` (rad) relative to the head.
fn weighted(off: f64) -> f64 {
    let [all, none] = CROSSED;
    HANDS * off * (1.0 - smoothstep((off.abs() - all) / (none - all)))
}

/// The heading of the line between the hands.
fn hands(trackers: &[TrackerPose]) -> Option<f64> {
    let [_, left, right] = trackers else { panic!("no three trackers") };
    let across = (left.position - right.position).truncate();
    (left.tracked && right.tracked && across.length() > APART).then(|| across.y.atan2(across.x))
}

/// An angle between −π and π.
fn wrapped(angle: f64) -> f64 {
    (angle + PI).rem_euclid(TAU) - PI
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinates::UPRIGHT;
    use glam::{DMat3, DQuat, DVec3};

    const DT: f64 = 1.0 / 60.0;

    /// Head and hands with these headings.
    fn trackers(head: f64, hands: f64) -> [TrackerPose; 3] {
        let rotation = |turn: f64| DMat3::from_quat(DQuat::from_rotation_z(turn) * UPRIGHT);
        let hand = |side: f64| {
            let beside = DQuat::from_rotation_z(hands) * DVec3::new(0.25 * side, -0.3, 1.1);
            TrackerPose::new(beside, rotation(hands))
        };
        [TrackerPose::new(DVec3::Z * 1.6, rotation(head)), hand(1.0), hand(-1.0)]
    }

    #[test]
    fn a_head_that_looks_around_leaves_the_trunk_where_it_is() {
        let degrees = PI / 180.0;
        for lost in [false, true] {
            let mut trunk = TrunkHeading::default();
            let mut most = 0.0_f64;
            for i in 0..600 {
                let yaw = 40.0 * degrees * (f64::from(i) * DT / 0.3).min(1.0);
                let mut seen = trackers(if i == 0 { 0.0 } else { yaw }, 0.0);
                if lost {
                    seen[1] = seen[1].lost();
                }
                most = most.max(trunk.step(&seen, DT).abs());
            }
            assert!(most < 20.0 * degrees, "{} degrees", most / degrees);
        }
    }

    #[test]
    fn a_body_that_turns_takes_its_trunk_along() {
        for turn in [-3.0, -1.0, 0.5, 2.0, 3.1] {
            let mut trunk = TrunkHeading::default();
            trunk.step(&trackers(0.0, 0.0), DT);
            let mut now = 0.0;
            for i in 0..120 {
                let turned = turn * (f64::from(i) / 60.0).min(1.0);
                now = trunk.step(&trackers(turned, turned), DT);
            }
            assert!(wrapped(now - turn).abs() < LOOSE[0], "{turn}: {now}");
        }
    }

    #[test]
    fn nothing_jumps_when_arms_cross() {
        let mut trunk = TrunkHeading::default();
        let mut before = trunk.step(&trackers(0.0, 0.0), DT);
        for i in 0..200 {
            let now = trunk.step(&trackers(0.0, PI * f64::from(i) / 100.0), DT);
            assert!(wrapped(now - before).abs() < 0.14 && now.abs() < 0.9, "{i}: {now}");
            before = now;
        }
    }
}
