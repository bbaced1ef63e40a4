//! Teleports: players that change place from one frame to the next.

use super::TrackerPose;
use crate::coordinates::heading;
use glam::{DQuat, DVec3};

/// Maximum speed of a runner, m/s: the world record peaks at 12.4 m/s (Berlin 2009).
const TOP_SPEED: f64 = 12.5;
/// Minimum length of a teleport, metres; shorter jumps are trackers that recover.
const SHORTEST_JUMP: f64 = 0.5;

/// A turn of the whole player about the vertical and a move, in no time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Teleport {
    /// Turn about the vertical, radians.
    pub turn: f64,
    /// A point of the player before the teleport.
    pub from: DVec3,
    /// The same point after it.
    pub to: DVec3,
}

impl Teleport {
    /// The teleport that takes a head from one pose to another, up to its tilt.
    #[must_use]
    pub fn between(before: &TrackerPose, after: &TrackerPose) -> Self {
        let turn = heading(after.rotation) - heading(before.rotation);
        Self { turn, from: before.position, to: after.position }
    }

    /// [`between`](Self::between), if the head is tracked in both poses and no body moves that far
    /// in `seconds`.
    #[must_use]
    pub fn detect(before: &TrackerPose, after: &TrackerPose, seconds: f64) -> Option<Self> {
        let tracked = before.tracked && after.tracked;
        (tracked && Self::is_one(before.position, after.position, seconds))
            .then(|| Self::between(before, after))
    }

    /// Whether no body gets from one place to the other in `seconds`.
    #[must_use]
    pub fn is_one(from: DVec3, to: DVec3, seconds: f64) -> bool {
        from.distance(to) > SHORTEST_JUMP.max(TOP_SPEED * seconds)
    }

    /// The turn as a rotation.
    #[must_use]
    pub fn rotation(&self) -> DQuat {
        DQuat::from_rotation_z(self.turn)
    }

    /// Position of a point of the player after the teleport.
    #[must_use]
    pub fn point(&self, before: DVec3) -> DVec3 {
        self.to + self.rotation() * (before - self.from)
    }

    /// Change of height, metres.
    #[must_use]
    pub fn rise(&self) -> f64 {
        self.to.z - self.from.z
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinates::UPRIGHT;
    use glam::DMat3;

    fn head(position: DVec3, yaw: f64, nod: f64) -> TrackerPose {
        let rotation = DQuat::from_rotation_z(yaw) * UPRIGHT * DQuat::from_rotation_x(nod);
        TrackerPose::new(position, DMat3::from_quat(rotation))
    }

    #[test]
    fn possible_motion_is_not_a_teleport() {
        let here = head(DVec3::new(0.0, 0.0, 1.6), 0.0, 0.0);
        let there = |x: f64| head(DVec3::new(x, 0.0, 1.6), 0.0, 0.0);
        assert_eq!(Teleport::detect(&here, &there(0.3), 1.0 / 90.0), None, "a glitch");
        assert_eq!(Teleport::detect(&here, &there(4.0), 0.5), None, "a sprint in a hitch");
        let found = Teleport::detect(&here, &there(1.0), 1.0 / 60.0).unwrap();
        assert_eq!((found.turn, found.to.x), (0.0, 1.0));
        assert_eq!(Teleport::detect(&here, &there(1.0).lost(), 1.0 / 60.0), None, "not seen");
    }

    /// The head ends at its new pose, the hand keeps its pose relative to the head, and nods stay.
    #[test]
    fn all_trackers_move_together() {
        let (before, after) =
            (head(DVec3::new(1.0, 2.0, 1.6), 0.3, 0.2), head(DVec3::new(-4.0, 0.0, 4.6), 2.0, 0.5));
        let by = Teleport::between(&before, &after);
        let mut moved = before;
        moved.teleport(&by);
        assert!(moved.position.distance(after.position) < 1e-12);
        assert!((heading(moved.rotation) - heading(after.rotation)).abs() < 1e-9);
        let in_head =
            |head: &TrackerPose, p: DVec3| head.rotation.transpose() * (p - head.position);
        let mut hand = head(DVec3::new(1.3, 1.7, 1.1), 1.0, 0.0);
        let beside = in_head(&before, hand.position);
        hand.teleport(&by);
        assert!(in_head(&moved, hand.position).distance(beside) < 1e-12);
    }
}
