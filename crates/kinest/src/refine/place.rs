//! Position and rotation.

use crate::rotation::quat_from_matrix;
use crate::skeleton::{Pose, Skeleton, SmplJoint};
use crate::tracker::{Teleport, TrackerPose};
use glam::{DMat3, DQuat, DVec3};

/// World position, metres, and world rotation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub position: DVec3,
    pub rotation: DQuat,
}

impl Place {
    /// The place of a body's joint.
    pub fn of(skeleton: &Skeleton, pose: &Pose, joint: SmplJoint) -> Self {
        let offset = skeleton.offsets[joint.index()];
        let local = pose.rotations[joint.index()];
        match joint.parent() {
            None => Self { position: pose.translation + offset, rotation: local },
            Some(parent) => {
                let parent = Self::of(skeleton, pose, parent);
                Self {
                    position: parent.position + parent.rotation * offset,
                    rotation: parent.rotation * local,
                }
            }
        }
    }

    /// Height of the lower one of heel and ball, metres, of a foot whose ankle is here.
    pub fn sole_height(&self, skeleton: &Skeleton, ankle: SmplJoint) -> f64 {
        skeleton.sole_height(ankle, self.position, |point| self.rotation * point)
    }

    /// Follows a teleport.
    pub fn teleport(&mut self, by: &Teleport) {
        self.position = by.point(self.position);
        self.rotation = by.rotation() * self.rotation;
    }
}

/// Height of the lowest point of both soles of a body, metres.
pub(super) fn lower_sole(skeleton: &Skeleton, pose: &Pose) -> f64 {
    let height = |ankle| Place::of(skeleton, pose, ankle).sole_height(skeleton, ankle);
    height(SmplJoint::LeftAnkle).min(height(SmplJoint::RightAnkle))
}

impl From<&TrackerPose> for Place {
    fn from(tracker: &TrackerPose) -> Self {
        Self { position: tracker.position, rotation: quat_from_matrix(tracker.rotation) }
    }
}

impl From<Place> for TrackerPose {
    fn from(place: Place) -> Self {
        Self::new(place.position, DMat3::from_quat(place.rotation))
    }
}
