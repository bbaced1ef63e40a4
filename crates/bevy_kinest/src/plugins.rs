//! What [`KinestPlugins`] adds.

use crate::inference::{Workers, follow_assets, infer, on_remove, on_reset, place, receive};
use crate::model::PoseModelLoader;
use crate::skeleton::write_joints;
use crate::tracker::sample;
use crate::{
    KinestAvatar, KinestFailed, KinestReady, KinestSettings, KinestSystems, PoseModel,
    SmplSkeleton, SparseTracker, TrackerOf, Trackers,
};
use bevy::app::{AnimationSystems, PluginGroupBuilder};
use bevy::diagnostic::{Diagnostic, DiagnosticPath, RegisterDiagnostic};
use bevy::prelude::*;
use bevy::transform::TransformSystems;

/// Everything needed to drive bodies.
///
/// | plugin | what it does |
/// |---|---|
/// | [`KinestPosePlugin`] | loads models, reads trackers, runs networks, writes [`BodyPose`](crate::BodyPose) |
/// | [`KinestSkeletonPlugin`] | writes [`BodyPose`](crate::BodyPose) onto the joints of [`SmplSkeleton`](crate::SmplSkeleton) |
/// | [`KinestRigPlugin`](crate::KinestRigPlugin) | finds the bones of each [`KinestRig`](crate::KinestRig) and writes [`BodyPose`](crate::BodyPose) onto them |
///
/// Needs Bevy's `TaskPoolPlugin`, `TimePlugin`, `TransformPlugin` and `AssetPlugin`, which are in
/// `DefaultPlugins`, before it.
pub struct KinestPlugins;

impl KinestPlugins {
    /// Milliseconds that calls of the network take.
    pub const INFERENCE_MS: DiagnosticPath = DiagnosticPath::const_new("kinest/inference");
    /// Milliseconds that poses are behind the trackers.
    pub const POSE_AGE_MS: DiagnosticPath = DiagnosticPath::const_new("kinest/pose_age");
}

impl PluginGroup for KinestPlugins {
    fn build(self) -> PluginGroupBuilder {
        PluginGroupBuilder::start::<Self>()
            .add(KinestPosePlugin)
            .add(KinestSkeletonPlugin)
            .add(crate::KinestRigPlugin)
    }
}

/// From trackers to [`BodyPose`](crate::BodyPose).
pub struct KinestPosePlugin;

impl Plugin for KinestPosePlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<KinestSettings>()
            .init_resource::<Workers>()
            .register_type::<KinestSettings>()
            .register_type::<KinestAvatar>()
            .register_type::<SparseTracker>()
            .register_type::<TrackerOf>()
            .register_type::<Trackers>()
            .init_asset::<PoseModel>()
            .register_asset_loader(PoseModelLoader)
            .add_message::<KinestReady>()
            .add_message::<KinestFailed>()
            .register_diagnostic(Diagnostic::new(KinestPlugins::INFERENCE_MS).with_suffix(" ms"))
            .register_diagnostic(Diagnostic::new(KinestPlugins::POSE_AGE_MS).with_suffix(" ms"))
            .configure_sets(
                PostUpdate,
                (
                    KinestSystems::Sample,
                    KinestSystems::Infer,
                    KinestSystems::Apply,
                    KinestSystems::Refine,
                    KinestSystems::Writeback,
                )
                    .chain()
                    .after(AnimationSystems)
                    .before(TransformSystems::Propagate),
            )
            .add_systems(
                PostUpdate,
                (
                    sample.in_set(KinestSystems::Sample),
                    (follow_assets, infer).chain().in_set(KinestSystems::Infer),
                    (receive, place).chain().in_set(KinestSystems::Apply),
                ),
            )
            .add_observer(on_reset)
            .add_observer(on_remove);
    }
}

/// From [`BodyPose`](crate::BodyPose) to the `Transform`s of joints.
pub struct KinestSkeletonPlugin;

impl Plugin for KinestSkeletonPlugin {
    fn build(&self, app: &mut App) {
        app.register_type::<SmplSkeleton>()
            .add_systems(PostUpdate, write_joints.in_set(KinestSystems::Writeback));
    }
}
