//! The pose of a body.

use bevy::prelude::*;
use bevy::reflect::reflect_remote;
use glam::{DQuat, DVec3};
use kinest::coordinates::{engine_from_amass_point, engine_from_amass_rotation};
use kinest::live::PoseSource;
use kinest::skeleton::{JointTransforms, PerJoint, Pose, Skeleton, SmplJoint};

/// The pose of an avatar in this frame, its head joint at the newest head tracker.
///
/// Games read [`joint_transform`](Self::joint_transform): Bevy's space (y up), `f32`. Methods with
/// `z_up` in their names use the space of motion files (AMASS: z up), `f64`. Systems after
/// [`KinestSystems::Refine`](crate::KinestSystems::Refine) change the pose with
/// [`BodyPose::set_pose_z_up`].
#[derive(Component, Clone, Debug, Reflect)]
#[reflect(Component, Default)]
pub struct BodyPose {
    #[reflect(remote = SkeletonReflect)]
    pub(crate) skeleton: Skeleton,
    #[reflect(remote = PoseSourceReflect)]
    pub(crate) source: PoseSource,
    /// `None` until there is a head tracker.
    pub(crate) time: Option<f64>,
    pub(crate) age: f64,
    pub(crate) world_from_space: GlobalTransform,
    pub(crate) confidence: PerJoint<f32>,
    pub(crate) contacts: [bool; 2],
    #[reflect(remote = PoseReflect)]
    pose: Pose,
    /// Computed from pose and skeleton.
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
            source: PoseSource::default(),
            time: None,
            age: 0.0,
            world_from_space: GlobalTransform::IDENTITY,
            confidence: [0.0; SmplJoint::COUNT],
            contacts: [false; 2],
        }
    }
}

impl BodyPose {
    /// The pose in its [`TrackingSpace`](crate::TrackingSpace): AMASS space (z up), metres. Except
    /// for the pelvis, rotations are relative to the parent joint and the same in Bevy's space.
    #[must_use]
    pub fn pose_z_up(&self) -> &Pose {
        &self.pose
    }

    /// Transforms of every joint in the [`TrackingSpace`](crate::TrackingSpace): AMASS space (z up),
    /// metres.
    #[must_use]
    pub fn joints_z_up(&self) -> &JointTransforms {
        &self.joints
    }

    /// Transform of one joint in the world: Bevy's space (y up), metres.
    #[must_use]
    pub fn joint_transform(&self, joint: SmplJoint) -> Transform {
        self.joint_global(joint).compute_transform()
    }

    /// Like [`joint_transform`](Self::joint_transform), as a [`GlobalTransform`].
    pub(crate) fn joint_global(&self, joint: SmplJoint) -> GlobalTransform {
        let j = joint.index();
        let rotation = DQuat::from_mat3(&self.joints.rotations[j]);
        self.world_from_space
            * Transform::from_translation(engine_from_amass_point(self.joints.positions[j]))
                .with_rotation(engine_from_amass_rotation(rotation))
    }

    /// The skeleton of the body: the model's, scaled to the player's size; the default one without
    /// a model.
    #[must_use]
    pub fn skeleton(&self) -> &Skeleton {
        &self.skeleton
    }

    /// The source of the pose.
    #[must_use]
    pub fn source(&self) -> PoseSource {
        self.source
    }

    /// Time of the trackers that the pose was estimated from, in seconds of the
    /// [`TrackerClock`](crate::TrackerClock); `None` until there is a head tracker.
    #[must_use]
    pub fn time(&self) -> Option<f64> {
        self.time
    }

    /// Seconds since [`time`](Self::time): the delay of the pose behind the trackers.
    #[must_use]
    pub fn age(&self) -> f64 {
        self.age
    }

    /// Confidence in a joint's position, from 0 (not estimated) to 1 (at a tracker).
    ///
    /// It is `1 / (1 + e / 10 cm)` for the expected error `e` of this joint: 0 for a joint with a
    /// tracker; otherwise from the network's deviations, or the online error of `kinest_stream` for
    /// networks without them. The error grows during dropouts and while no estimates arrive. A
    /// guide for games, not a probability.
    #[must_use]
    pub fn confidence(&self, joint: SmplJoint) -> f32 {
        self.confidence[joint.index()]
    }

    /// Whether the left and the right foot are locked to the floor.
    #[must_use]
    pub fn contacts(&self) -> [bool; 2] {
        self.contacts
    }

    /// Replaces the pose in its [`TrackingSpace`](crate::TrackingSpace): AMASS space (z up), metres.
    pub fn set_pose_z_up(&mut self, pose: Pose) {
        self.pose = pose;
        self.settle();
    }

    /// The pose, for corrections. Call [`settle`](Self::settle) afterwards to update the joints.
    pub(crate) fn unsettled(&mut self) -> (&Skeleton, &mut Pose) {
        (&self.skeleton, &mut self.pose)
    }

    /// Updates the joints from the pose.
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
    /// See [`PoseSource::InverseKinematics`].
    #[default]
    InverseKinematics,
    /// See [`PoseSource::Estimated`].
    Estimated,
    /// See [`PoseSource::Forecast`].
    Forecast,
    /// See [`PoseSource::Frozen`].
    Frozen,
    /// See [`PoseSource::RestPose`].
    RestPose,
    /// See [`PoseSource::Received`].
    Received,
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

/// Triggered on an avatar in every frame in which its [`BodyPose`] was written, before joint
/// entities and bones are written.
#[derive(EntityEvent, Clone, Copy, Debug, Reflect)]
#[reflect(Event)]
pub struct PoseUpdated {
    /// The avatar.
    pub entity: Entity,
    /// The source of the pose.
    #[reflect(remote = PoseSourceReflect)]
    pub source: PoseSource,
}

/// Triggers [`PoseUpdated`] for every body that has been placed.
pub(super) fn announce(mut commands: Commands, bodies: Query<(Entity, &BodyPose)>) {
    for (entity, body) in bodies.iter().filter(|(_, body)| body.time.is_some()) {
        commands.trigger(PoseUpdated { entity, source: body.source });
    }
}
