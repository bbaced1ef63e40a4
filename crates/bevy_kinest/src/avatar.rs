//! The avatar and its pose.

use crate::PoseModel;
use crate::tracker::Sampled;
use bevy::prelude::*;
use glam::DQuat;
use kinest::coordinates::{engine_from_amass_point, engine_from_amass_rotation};
use kinest::runtime::{PoseReply, TrackerHistory};
use kinest::skeleton::{JointTransforms, Pose, Skeleton, SmplJoint};

/// A body driven by [`SparseTracker`](crate::SparseTracker)s. Its pose appears in [`BodyPose`].
///
/// Trackers are in the world, so the body is too: the avatar's own [`Transform`] does not move it.
#[derive(Component, Clone, Debug, Reflect)]
#[reflect(Component)]
#[require(Transform, BodyPose, Sampled, Estimate)]
pub struct KinestAvatar {
    /// The network that estimates the body.
    pub model: Handle<PoseModel>,
}

impl KinestAvatar {
    /// An avatar estimated by `model`.
    #[must_use]
    pub fn new(model: Handle<PoseModel>) -> Self {
        Self { model }
    }
}

/// Where a [`BodyPose`] comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Reflect)]
pub enum PoseSource {
    /// The rest pose: the network has not spoken yet.
    #[default]
    Rest,
    /// The network.
    Estimated,
}

/// The newest pose of an avatar, its head joint at the newest head tracker.
///
/// Systems in [`KinestSystems::Refine`](crate::KinestSystems::Refine) change it with
/// [`BodyPose::set_pose`].
#[derive(Component, Clone, Debug)]
pub struct BodyPose {
    pub(crate) skeleton: Skeleton,
    pub(crate) source: PoseSource,
    /// `None` as long as there has been no head tracker.
    pub(crate) time: Option<f64>,
    pub(crate) age: f64,
    pose: Pose,
    joints: JointTransforms,
}

impl Default for BodyPose {
    fn default() -> Self {
        let (pose, skeleton) = (Pose::rest(), Skeleton::default());
        let joints = skeleton.pose_joints(&pose);
        Self { pose, joints, skeleton, source: PoseSource::Rest, time: None, age: 0.0 }
    }
}

impl BodyPose {
    /// The pose: AMASS space (z up), metres.
    #[must_use]
    pub fn pose(&self) -> &Pose {
        &self.pose
    }

    /// World transforms of every joint: AMASS space (z up), metres.
    #[must_use]
    pub fn joints(&self) -> &JointTransforms {
        &self.joints
    }

    /// World transform of one joint in Bevy's space.
    #[must_use]
    pub fn joint(&self, joint: SmplJoint) -> Transform {
        let j = joint.index();
        let rotation = DQuat::from_mat3(&self.joints.rotations[j]);
        Transform::from_translation(engine_from_amass_point(self.joints.positions[j]))
            .with_rotation(engine_from_amass_rotation(rotation))
    }

    /// The body it is a pose of: the model's, or the default one while there is no model.
    #[must_use]
    pub fn skeleton(&self) -> &Skeleton {
        &self.skeleton
    }

    /// Where it comes from.
    #[must_use]
    pub fn source(&self) -> PoseSource {
        self.source
    }

    /// [`Time`]'s elapsed seconds when the trackers were as the network saw them; `None` as long as
    /// there has been no head tracker to place the body under.
    #[must_use]
    pub fn time(&self) -> Option<f64> {
        self.time
    }

    /// Seconds since [`time`](Self::time): how far the pose is behind the trackers.
    #[must_use]
    pub fn age(&self) -> f64 {
        self.age
    }

    /// Replaces the pose: AMASS space, metres.
    pub fn set_pose(&mut self, pose: Pose) {
        self.pose = pose;
        self.joints = self.skeleton.pose_joints(&pose);
    }
}

/// What the network last said about an avatar, and what it is told.
#[derive(Component, Default)]
pub(crate) struct Estimate {
    /// The model the rest belongs to.
    pub model: Option<AssetId<PoseModel>>,
    pub history: Option<TrackerHistory>,
    pub newest: Option<PoseReply>,
}

/// Trigger this on an avatar that was teleported or changed hands: its history is forgotten, and it
/// stands in its rest pose until the window is full again.
#[derive(EntityEvent, Clone, Copy, Debug)]
pub struct ResetAvatar {
    /// The avatar.
    pub entity: Entity,
}
