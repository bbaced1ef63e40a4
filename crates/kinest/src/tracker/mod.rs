//! Trackers: devices, where they are worn, and what they report.

mod device;
mod teleport;

pub use device::{DeviceFromJoint, Grip};
pub use teleport::Teleport;

use crate::skeleton::{JointTransforms, SmplJoint};
use glam::{DMat3, DVec3};
use serde::{Deserialize, Serialize};

/// Where a tracked device is worn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TrackerRole {
    /// The headset.
    Head,
    /// The controller or tracked wrist of the player's left hand.
    LeftHand,
    /// The controller or tracked wrist of the player's right hand.
    RightHand,
}

impl TrackerRole {
    /// The body joint that this tracker stands for.
    #[must_use]
    pub const fn joint(self) -> SmplJoint {
        match self {
            Self::Head => SmplJoint::Head,
            Self::LeftHand => SmplJoint::LeftWrist,
            Self::RightHand => SmplJoint::RightWrist,
        }
    }
}

/// Which trackers a model was trained with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrackerSet {
    /// Head, left hand, right hand, in this order.
    #[default]
    HeadAndHands,
}

impl TrackerSet {
    /// The trackers of the set, in the network's input order.
    #[must_use]
    pub const fn roles(self) -> &'static [TrackerRole] {
        match self {
            Self::HeadAndHands => {
                &[TrackerRole::Head, TrackerRole::LeftHand, TrackerRole::RightHand]
            }
        }
    }
}

/// Pose of the joint that a tracker stands for: AMASS space, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackerPose {
    /// World position.
    pub position: DVec3,
    /// World-from-joint rotation.
    pub rotation: DMat3,
    /// Whether the device is tracked now. If it is not (a hand out of the cameras' view, a sleeping
    /// controller), the pose is its last tracked one.
    pub tracked: bool,
}

impl TrackerPose {
    /// The pose of a tracked device.
    #[must_use]
    pub const fn new(position: DVec3, rotation: DMat3) -> Self {
        Self { position, rotation, tracked: true }
    }

    /// This pose, reported as the last one of a lost device.
    #[must_use]
    pub const fn lost(self) -> Self {
        Self { tracked: false, ..self }
    }

    /// Follows a teleport.
    pub fn teleport(&mut self, by: &Teleport) {
        self.position = by.point(self.position);
        self.rotation = DMat3::from_quat(by.rotation()) * self.rotation;
    }
}

/// One moment of all trackers in a set, in the order of [`TrackerSet::roles`].
#[derive(Clone, Debug, PartialEq)]
pub struct TrackerFrame {
    /// Time on the sender's clock, seconds.
    pub time: f64,
    /// One pose for each role of the set.
    pub poses: Vec<TrackerPose>,
}

impl TrackerFrame {
    /// Perfect trackers on these joints at `time`.
    #[must_use]
    pub fn from_joints(set: TrackerSet, time: f64, joints: &JointTransforms) -> Self {
        let poses = set.roles().iter().map(|role| {
            let j = role.joint().index();
            TrackerPose::new(joints.positions[j], joints.rotations[j])
        });
        Self { time, poses: poses.collect() }
    }

    /// Whether every number is finite.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.time.is_finite()
            && self.poses.iter().all(|p| p.position.is_finite() && p.rotation.is_finite())
    }
}
