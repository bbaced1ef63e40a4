//! The pose of a body.

use bevy::prelude::*;
use bevy::reflect::reflect_remote;
use glam::{DQuat, DVec3};
use kinest::coordinates::{engine_from_amass_point, engine_from_amass_rotation};
use kinest::live::PoseSource;
use kinest::skeleton::{JointTransforms, PerJoint, Pose, Skeleton, SmplJoint};

/// The pose of an avatar in this frame, its head joint at the newest head tracker.
///
/// Systems after [`KinestSystems::Refine`](crate::KinestSystems::Refine) change it with
/// [`BodyPose::set_pose`].
#[derive(Component, Clone, Debug, Reflect)]
#[reflect(Component, Default)]
pub struct BodyPose {
    #[reflect(remote = SkeletonReflect)]
    pub(crate) skeleton: Skeleton,
    #[reflect(remote = PoseSourceReflect)]
    pub(crate) source: PoseSource,
    /// `None` as long as there has been no head tracker.
    pub(crate) time: Option<f64>,
    pub(crate) age: f64,
    pub(crate) world_from_space: GlobalTransform,
    pub(crate) confidence: PerJoint<f32>,
    pub(crate) contacts: [bool; 2],
    #[reflect(remote = PoseReflect)]
    pose: Pose,
    /// They follow from pose and skeleton.
    #[reflect(ignore)]
    joints: JointTransforms,
}

impl Default for BodyPose {
    fn default() -> Self {
        let (pose, skeleton) = (Pose::rest(), Skeleton::default());
        let joints = skeleton.pose_joints(&pose);
        Self {
            pose,
            joints,
            skeleton,
            source: PoseSource::Rest,
            time: None,
            age: 0.0,
            world_from_space: GlobalTransform::IDENTITY,
            confidence: [0.0; SmplJoint::COUNT],
            contacts: [false; 2],
        }
    }
}

impl BodyPose {
    /// The pose in its [`TrackingSpace`](crate::TrackingSpace): AMASS space (z up), metres.
    #[must_use]
    pub fn pose(&self) -> &Pose {
        &self.pose
    }

    /// Transforms of every joint in the [`TrackingSpace`](crate::TrackingSpace): AMASS space (z up), metres.
    #[must_use]
    pub fn joints(&self) -> &JointTransforms {
        &self.joints
    }

    /// World transform of one joint in Bevy's space.
    #[must_use]
    pub fn joint(&self, joint: SmplJoint) -> Transform {
        self.joint_global(joint).compute_transform()
    }

    /// As [`joint`](Self::joint), with whatever the tracking space is scaled by.
    pub(crate) fn joint_global(&self, joint: SmplJoint) -> GlobalTransform {
        let j = joint.index();
        let rotation = DQuat::from_mat3(&self.joints.rotations[j]);
        self.world_from_space
            * Transform::from_translation(engine_from_amass_point(self.joints.positions[j]))
                .with_rotation(engine_from_amass_rotation(rotation))
    }

    /// The body it is a pose of: the model's in the player's size, or the default one while there is
    /// no model.
    #[must_use]
    pub fn skeleton(&self) -> &Skeleton {
        &self.skeleton
    }

    /// Where it comes from.
    #[must_use]
    pub fn source(&self) -> PoseSource {
        self.source
    }

    /// When the trackers were as the network saw them, in seconds of the
    /// [`TrackerClock`](crate::TrackerClock); `None` as long as there has been no head tracker to
    /// place the body under.
    #[must_use]
    pub fn time(&self) -> Option<f64> {
        self.time
    }

    /// Seconds since [`time`](Self::time): how far the pose is behind the trackers.
    #[must_use]
    pub fn age(&self) -> f64 {
        self.age
    }

    /// How much a joint's place is known rather than guessed, from 0 (rest pose) to 1 (a tracker is
    /// right there).
    ///
    /// It is `1 / (1 + e / 10 cm)` for the error `e` to be expected at this joint: none at a joint
    /// with a tracker, the shipped model's online figures elsewhere, growing while a tracker is lost
    /// and while the network is silent. A guide for games, no probability.
    #[must_use]
    pub fn confidence(&self, joint: SmplJoint) -> f32 {
        self.confidence[joint.index()]
    }

    /// Whether the left and the right foot are held to the floor.
    #[must_use]
    pub fn contacts(&self) -> [bool; 2] {
        self.contacts
    }

    /// Replaces the pose: AMASS space, metres.
    pub fn set_pose(&mut self, pose: Pose) {
        self.pose = pose;
        self.settle();
    }

    /// The pose on its way through corrections, with joints of before them until it is
    /// [settled](Self::settle).
    pub(crate) fn unsettled(&mut self) -> (&Skeleton, &mut Pose) {
        (&self.skeleton, &mut self.pose)
    }

    /// Joints follow from the pose.
    pub(crate) fn settle(&mut self) {
        self.joints = self.skeleton.pose_joints(&self.pose);
    }
}

/// Reflects [`Pose`], which does not depend on Bevy.
#[reflect_remote(Pose)]
#[derive(Clone, Copy, Debug)]
pub struct PoseReflect {
    /// See [`Pose::translation`].
    pub translation: DVec3,
    /// See [`Pose::rotations`].
    pub rotations: PerJoint<DQuat>,
}

/// Reflects [`PoseSource`].
#[reflect_remote(PoseSource)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PoseSourceReflect {
    /// See [`PoseSource::Rest`].
    #[default]
    Rest,
    /// See [`PoseSource::Estimated`].
    Estimated,
    /// See [`PoseSource::Frozen`].
    Frozen,
}

/// Reflects [`Skeleton`].
#[reflect_remote(Skeleton)]
#[derive(Clone, Debug)]
pub struct SkeletonReflect {
    /// See [`Skeleton::offsets`].
    pub offsets: PerJoint<DVec3>,
    /// See [`Skeleton::ankle_height`].
    pub ankle_height: f64,
}

/// Triggered on an avatar in every frame whose [`BodyPose`] was written, before it goes to joints.
#[derive(EntityEvent, Clone, Copy, Debug, Reflect)]
#[reflect(Event)]
pub struct PoseUpdated {
    /// The avatar.
    pub entity: Entity,
    /// Where the pose comes from.
    #[reflect(remote = PoseSourceReflect)]
    pub source: PoseSource,
}

/// Triggers [`PoseUpdated`] for every body that has been placed.
pub(super) fn announce(mut commands: Commands, bodies: Query<(Entity, &BodyPose)>) {
    for (entity, body) in bodies.iter().filter(|(_, body)| body.time.is_some()) {
        commands.trigger(PoseUpdated { entity, source: body.source });
    }
}
