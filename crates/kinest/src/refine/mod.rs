//! Corrections of the network's pose: head and hands exactly at the trackers, planted feet, less
//! jitter.
//!
//! All corrections change a [`Pose`] in place, need no network and allocate nothing. [`Refiner`]
//! applies those that [`RefineSettings`] enable, always in this order:
//!
//! 1. [`PoseFilter`]: smooths the joint rotations over time;
//! 2. [`Grounding`]: makes an airborne body stand, unless it jumps;
//! 3. [`TrackerPlacer`]: puts head and hands exactly at the trackers, and bridges their dropouts;
//! 4. [`BodyPlacer`]: puts pelvis, chest, elbows, knees and feet at their trackers, if the player
//!    wears any;
//! 5. [`FootLock`]: keeps feet on the floor, and planted feet from sliding.
//!
//! ```
//! use kinest::refine::{DropoutSettings, RefineSettings, Refiner};
//! use kinest::skeleton::{Pose, Skeleton};
//! use kinest::tracker::{TrackerFrame, TrackerSet};
//!
//! let skeleton = Skeleton::default();
//! let trackers =
//!     TrackerFrame::from_joints(TrackerSet::HeadAndHands, 0.0, &skeleton.pose_joints(&Pose::rest()));
//! let mut refiner = Refiner::new(RefineSettings::default());
//! let mut pose = Pose::rest(); // the network's estimate
//! let dropout = DropoutSettings::default();
//! let [left, right] = refiner.apply(&dropout, &skeleton, &mut pose, &trackers.poses, 1.0 / 60.0);
//! assert!(!left && !right, "nobody stands in the first frame");
//! ```
//!
//! [`SourceFade`] hides the jump when the source of a body changes from one frame to the next.
//!
//! [`three_point_pose`] makes a whole body from the trackers alone, as games without a network do.
//! It is the baseline for networks, and the pose to show until the network has enough frames.

mod arm;
mod body;
mod dropout;
mod fade;
mod foot;
mod grounding;
mod head;
mod limb;
mod off_floor;
mod place;
mod placer;
mod refiner;
mod smoothing;
mod three_point;
mod trunk;
mod trunk_heading;

pub use arm::Arm;
pub use body::BodyPlacer;
pub(crate) use dropout::Bridge;
pub use dropout::DropoutSettings;
pub use fade::SourceFade;
pub use foot::{Floor, FootLock, FootLockSettings};
pub use grounding::Grounding;
pub use head::place_head;
pub(crate) use limb::{LEGS, within};
pub use off_floor::OffFloor;
pub(crate) use place::Place;
pub use placer::TrackerPlacer;
pub(crate) use placer::joint_place;
pub use refiner::{Known, RefineSettings, Refiner};
pub use smoothing::{OneEuro, PoseFilter};
pub use three_point::{seated_pose, three_point_pose, three_point_pose_facing};
use trunk::{reaching_turn, turn_chest};
pub use trunk_heading::TrunkHeading;

use crate::skeleton::{Pose, Skeleton};
use crate::tracker::{TrackerPose, TrackerSet};

/// Puts the head and both wrists of `pose` at the trackers, given in the order of
/// [`TrackerSet::HeadAndHands`]: [`place_head`], then [`Arm::place_hand`] for each side, with a
/// trunk that twists and leans towards hands out of the arms' reach.
///
/// # Panics
/// If there is not one tracker for each role.
pub fn place_trackers(skeleton: &Skeleton, pose: &mut Pose, trackers: &[TrackerPose]) {
    let [head, left, right] = trackers else {
        panic!("{:?} needs 3 trackers, found {}", TrackerSet::HeadAndHands, trackers.len());
    };
    place_head(skeleton, pose, head);
    let turn = reaching_turn(skeleton, pose, [Some(left.position), Some(right.position)]);
    turn_chest(skeleton, pose, turn);
    Arm::LEFT.place_hand(skeleton, pose, left);
    Arm::RIGHT.place_hand(skeleton, pose, right);
}

#[cfg(test)]
mod tests {
    use crate::rotation::exp;
    use crate::skeleton::{Pose, SmplJoint};
    use glam::{DQuat, DVec3};
    use rand::Rng;

    pub(super) fn random_unit(random: &mut impl Rng) -> DVec3 {
        loop {
            let v = DVec3::from_array(std::array::from_fn(|_| random.random_range(-1.0..1.0)));
            if (0.01..1.0).contains(&v.length()) {
                return v.normalize();
            }
        }
    }

    pub(super) fn random_rotation(random: &mut impl Rng) -> DQuat {
        let angle = random.random_range(0.0..std::f64::consts::PI);
        exp(random_unit(random) * angle)
    }

    /// Every joint within half a radian of the rest pose, at a random place in the room.
    pub(super) fn random_pose(random: &mut impl Rng) -> Pose {
        let mut pose = Pose::rest();
        for local in &mut pose.rotations {
            *local *= exp(random_unit(random) * random.random_range(0.0..0.5));
        }
        pose.translation = random_unit(random);
        pose
    }

    /// The body mirrored left to right, in the plane x = 0.
    pub(super) fn mirrored(pose: &Pose) -> Pose {
        Pose {
            translation: pose.translation * DVec3::new(-1.0, 1.0, 1.0),
            rotations: SmplJoint::ALL.map(|joint| {
                let q = pose.rotations[joint.mirrored().index()];
                DQuat::from_xyzw(q.x, -q.y, -q.z, q.w)
            }),
        }
    }
}
