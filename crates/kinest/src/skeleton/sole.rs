//! The points of a foot that touch the floor.

use super::{JointTransforms, Skeleton, SmplJoint};
use glam::DVec3;

/// Points of both soles that touch the floor: left heel, left ball, right heel, right ball.
pub const CONTACTS: usize = 4;

/// Distance of the heel behind the ankle, metres.
const HEEL_BEHIND: f64 = 0.05;

impl Skeleton {
    /// From an ankle joint to the points below heel and ball that touch the floor, in the foot's
    /// axes, metres: `[heel, ball]`.
    ///
    /// # Panics
    /// If `ankle` is not an ankle.
    #[must_use]
    pub fn sole(&self, ankle: SmplJoint) -> [DVec3; 2] {
        let ball = match ankle {
            SmplJoint::LeftAnkle => SmplJoint::LeftFoot,
            SmplJoint::RightAnkle => SmplJoint::RightFoot,
            other => panic!("{other:?} has no sole"),
        };
        let below = |x, z| DVec3::new(x, -self.ankle_height, z);
        let ball = self.offsets[ball.index()];
        [below(0.0, -HEEL_BEHIND), below(ball.x, ball.z)]
    }

    /// Height of the lower of heel and ball relative to the ankle, metres; `world_from_foot`
    /// rotates vectors from the foot's axes to the world's.
    ///
    /// # Panics
    /// If `ankle` is no ankle.
    #[must_use]
    pub fn lowest_sole(&self, ankle: SmplJoint, world_from_foot: impl Fn(DVec3) -> DVec3) -> f64 {
        let [heel, ball] = self.sole(ankle).map(|point| world_from_foot(point).z);
        heel.min(ball)
    }

    /// Height of the lower one of heel and ball, metres, of a foot whose ankle is at `position`;
    /// `world_from_foot` as in [`lowest_sole`](Self::lowest_sole).
    ///
    /// # Panics
    /// If `ankle` is no ankle.
    #[must_use]
    pub fn sole_height(
        &self,
        ankle: SmplJoint,
        position: DVec3,
        world_from_foot: impl Fn(DVec3) -> DVec3,
    ) -> f64 {
        position.z + self.lowest_sole(ankle, world_from_foot)
    }
}

impl JointTransforms {
    /// Height of the lower one of heel and ball of the foot at `ankle`, metres.
    ///
    /// # Panics
    /// If `ankle` is no ankle.
    #[must_use]
    pub fn sole_height(&self, skeleton: &Skeleton, ankle: SmplJoint) -> f64 {
        let rotation = self.rotations[ankle.index()];
        skeleton.sole_height(ankle, self.positions[ankle.index()], |point| rotation * point)
    }
}
