//! Detects bodies that stay in the air, because the floor of the tracking space is too low.

use super::place::lower_sole;
use crate::skeleton::{Pose, Skeleton};

/// Height of the lower sole above the floor, metres, from which a body counts as airborne.
const IN_THE_AIR: f64 = 0.05;
/// Airtime longer than any jump, seconds.
const NO_JUMP: f64 = 2.0;

/// Height up to which the lower sole counts as on the floor, metres. Between this and
/// [`IN_THE_AIR`] the airtime decreases, because the feet of a walking body also come near a floor
/// that is too low.
const ON_THE_FLOOR: f64 = 0.02;

/// Detects that a body has been in the air for longer than any jump. Corrections cannot fix that:
/// its head is higher than the body is tall, because the runtime moved the floor, or the player is
/// taller than calibrated.
#[derive(Clone, Copy, Debug, Default)]
pub struct OffFloor {
    /// Time in the air, seconds.
    seconds: f64,
    height: f64,
}

impl OffFloor {
    /// Takes a shown `pose`, `dt` seconds after the previous one, above a floor at height `floor`,
    /// metres.
    pub fn step(&mut self, skeleton: &Skeleton, pose: &Pose, floor: f64, dt: f64) {
        self.height = lower_sole(skeleton, pose) - floor;
        self.seconds = match self.height {
            height if height > IN_THE_AIR => self.seconds + dt,
            height if height > ON_THE_FLOOR => (self.seconds - dt).max(0.0),
            _ => 0.0,
        };
    }

    /// Height of the lower sole above the floor, metres, if the body has been in the air for too
    /// long.
    #[must_use]
    pub fn get(&self) -> Option<f64> {
        (self.seconds > NO_JUMP).then_some(self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refine::Place;
    use crate::skeleton::SmplJoint;

    #[test]
    fn a_jump_is_not_reported_and_a_floor_that_moved_is() {
        let skeleton = Skeleton::default();
        let mut standing = Pose::rest();
        let ankle = Place::of(&skeleton, &standing, SmplJoint::LeftAnkle).position.z;
        standing.translation.z += skeleton.ankle_height - ankle;
        let mut off = OffFloor::default();
        let dt = 1.0 / 60.0;
        for i in 0..600 {
            let height = match i {
                60..110 => 0.4,
                200.. => 0.3,
                _ => 0.0,
            };
            let mut pose = standing;
            pose.translation.z += height;
            off.step(&skeleton, &pose, 0.0, dt);
            assert_eq!(off.get().is_some(), i >= 200 + 120, "frame {i}");
        }
        assert!((off.get().unwrap() - 0.3).abs() < 1e-6);
        off.step(&skeleton, &standing, 0.0, dt);
        assert_eq!(off.get(), None);
    }

    /// A walk over a floor that is 7 cm too low for most of each step, and 4 cm when a foot is set down.
    #[test]
    fn a_walker_over_a_floor_that_moved_is_told() {
        let skeleton = Skeleton::default();
        let mut standing = Pose::rest();
        let ankle = Place::of(&skeleton, &standing, SmplJoint::LeftAnkle).position.z;
        standing.translation.z += skeleton.ankle_height - ankle;
        let mut off = OffFloor::default();
        let told = (0..600).find(|i| {
            let mut pose = standing;
            pose.translation.z += if i % 30 < 8 { 0.04 } else { 0.07 };
            off.step(&skeleton, &pose, 0.0, 1.0 / 60.0);
            off.get().is_some()
        });
        assert!(told.is_some_and(|told| told < 300), "{told:?}");
    }
}
