//! Bodies that stay in the air: the floor of the tracking space is not where people stand.

use super::Place;
use crate::skeleton::{Pose, Skeleton, SmplJoint};

/// Height of the lower sole above the floor, metres, from which a body is in the air.
const IN_THE_AIR: f64 = 0.05;
/// No jump takes this long, seconds.
const NO_JUMP: f64 = 2.0;

/// Notices that a body has been in the air for longer than any jump, which corrections cannot mend: its head
/// is higher than it can stand, because the runtime moved the floor, or the player is taller than calibrated.
#[derive(Clone, Copy, Debug, Default)]
pub struct OffFloor {
    /// Time in the air, seconds.
    seconds: f64,
    height: f64,
}

impl OffFloor {
    /// Sees a shown `pose`, `dt` seconds after the one before, above a floor at height `floor`, metres.
    pub fn step(&mut self, skeleton: &Skeleton, pose: &Pose, floor: f64, dt: f64) {
        let sole = |ankle| {
            let foot = Place::of(skeleton, pose, ankle);
            foot.position.z + skeleton.lowest_sole(ankle, |point| foot.rotation * point)
        };
        let [left, right] = [SmplJoint::LeftAnkle, SmplJoint::RightAnkle].map(sole);
        self.height = left.min(right) - floor;
        self.seconds = if self.height > IN_THE_AIR { self.seconds + dt } else { 0.0 };
    }

    /// Height of the lower sole above the floor, metres, of a body that has been in the air for too long.
    #[must_use]
    pub fn get(&self) -> Option<f64> {
        (self.seconds > NO_JUMP).then_some(self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
