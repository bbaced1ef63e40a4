//! Trackers: devices, where they are worn, and what they report.

mod body;
mod device;
mod plausibility;
mod role;
mod teleport;

pub use body::BodyTrackers;
pub use device::{BodyDevices, DeviceFromJoint, Grip};
pub use plausibility::{Doubt, Doubts, Plausibility, is_at_origin};
pub use role::TrackerRole;
pub use teleport::Teleport;

use crate::skeleton::JointTransforms;
use glam::{DMat3, DVec3};
use serde::{Deserialize, Serialize};

/// Which trackers a model was trained with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrackerSet {
    /// Head, left hand, right hand, in this order.
    #[default]
    HeadAndHands,
    /// Head and hands, and any of [`TrackerRole::BODY`], of which none need be worn.
    HeadHandsAndBody,
}

impl TrackerSet {
    /// The trackers of the set, in the network's input order.
    #[must_use]
    pub const fn roles(self) -> &'static [TrackerRole] {
        match self {
            Self::HeadAndHands => &TrackerRole::HEAD_AND_HANDS,
            Self::HeadHandsAndBody => &TrackerRole::ALL,
        }
    }

    /// Those of the set that a player may wear or not.
    #[must_use]
    pub const fn on_body(self) -> &'static [TrackerRole] {
        match self {
            Self::HeadAndHands => &[],
            Self::HeadHandsAndBody => &TrackerRole::BODY,
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

    /// A perfect tracker of this role on a body with these joints.
    #[must_use]
    pub fn of(role: TrackerRole, joints: &JointTransforms) -> Self {
        let j = role.joint().index();
        Self::new(joints.positions[j], joints.rotations[j])
    }

    /// A device that is not worn.
    pub const NOT_WORN: Self =
        Self { position: DVec3::ZERO, rotation: DMat3::IDENTITY, tracked: false };

    /// Whether every number is finite.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.position.is_finite() && self.rotation.is_finite()
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

/// One moment of a player's trackers.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackerFrame {
    /// Time on the sender's clock, seconds.
    pub time: f64,
    /// What the network sees: one pose for each role of its set, in the order of
    /// [`TrackerSet::roles`].
    pub poses: Vec<TrackerPose>,
    /// What else the player wears.
    pub body: BodyTrackers,
}

impl TrackerFrame {
    /// A frame of head and hands only, in the order of [`TrackerSet::roles`].
    #[must_use]
    pub fn new(time: f64, poses: Vec<TrackerPose>) -> Self {
        Self { time, poses, body: BodyTrackers::default() }
    }

    /// Perfect trackers on these joints at `time`.
    #[must_use]
    pub fn from_joints(set: TrackerSet, time: f64, joints: &JointTransforms) -> Self {
        Self::new(time, set.roles().iter().map(|role| TrackerPose::of(*role, joints)).collect())
    }

    /// The same frame for a network that sees `set`: of the trackers worn on the body, those of the set are
    /// moved to `poses`, with [`TrackerPose::NOT_WORN`] for those that are not worn.
    #[must_use]
    pub fn seen_by(mut self, set: TrackerSet) -> Self {
        let worn = |role: &TrackerRole| self.body.get(*role).copied();
        let on_body = set.on_body().iter();
        self.poses.extend(on_body.map(|role| worn(role).unwrap_or(TrackerPose::NOT_WORN)));
        self.body.clear();
        self
    }

    /// Whether every number is finite.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        let mut poses = self.poses.iter().chain(self.body.iter().map(|(_, pose)| pose));
        self.time.is_finite() && poses.all(TrackerPose::is_finite)
    }

    /// Moves all trackers, metres.
    pub fn shift(&mut self, by: DVec3) {
        self.poses.iter_mut().for_each(|pose| pose.position += by);
        self.body.iter_mut().for_each(|(_, pose)| pose.position += by);
    }

    /// Follows a teleport.
    pub fn teleport(&mut self, by: &Teleport) {
        self.poses.iter_mut().for_each(|pose| pose.teleport(by));
        self.body.iter_mut().for_each(|(_, pose)| pose.teleport(by));
    }
}
