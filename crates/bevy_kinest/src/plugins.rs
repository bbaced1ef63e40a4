//! What [`KinestPlugins`] adds.

use crate::calibration::calibrate;
use crate::inference::{
    Workers, announce, follow_assets, infer, on_remove, on_reset, on_teleport, place, receive,
    refine,
};
use crate::joints::write_joints;
use crate::model::PoseModelLoader;
use crate::replay::{on_stop_recording, record, replay};
use crate::status::KinestModels;
use crate::tracker::sample;
use crate::{
    AvatarStatus, BodyPose, CalibrationFailed, KinestAvatar, KinestCalibrated, KinestFailed,
    KinestFellBack, KinestReady, KinestRefine, KinestSettings, KinestSystems, MotionReplay,
    PlayerCalibration, PoseModel, PoseUpdated, Recalibrate, ResetAvatar, SmplSkeleton,
    SparseTracker, Teleport, TrackerOf, TrackerRecorder, TrackerValidity, Trackers, TrackingLost,
    TrackingRegained, TrackingSpace,
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
/// | [`KinestReplayPlugin`] | moves trackers as a [`MotionReplay`](crate::MotionReplay) says, and runs [`TrackerRecorder`](crate::TrackerRecorder)s |
///
/// To be added by hand:
///
/// | plugin | what it does |
/// |---|---|
/// | `KinestGizmoPlugin` (feature `gizmos`) | draws bones, trackers, dropouts, contacts, errors |
/// | `KinestPanelPlugin` (feature `panel`) | a window that shows how avatars are doing, and changes it |
/// | `KinestOpenXrPlugin` (feature `openxr`) | moves trackers as a headset and its controllers move |
///
/// Needs Bevy's `TaskPoolPlugin`, `TimePlugin`, `TransformPlugin` and `AssetPlugin`, which are in
/// `DefaultPlugins`, before it.
pub struct KinestPlugins;

impl KinestPlugins {
    /// Milliseconds that calls of the network take.
    pub const INFERENCE_MS: DiagnosticPath = DiagnosticPath::const_new("kinest/inference");
    /// Milliseconds that half of the recent calls take at most.
    pub const INFERENCE_P50_MS: DiagnosticPath = DiagnosticPath::const_new("kinest/inference_p50");
    /// Milliseconds that 95 % of the recent calls take at most.
    pub const INFERENCE_P95_MS: DiagnosticPath = DiagnosticPath::const_new("kinest/inference_p95");
    /// Milliseconds that 99 % of the recent calls take at most.
    pub const INFERENCE_P99_MS: DiagnosticPath = DiagnosticPath::const_new("kinest/inference_p99");
    /// Milliseconds that windows wait for their turn.
    pub const QUEUE_MS: DiagnosticPath = DiagnosticPath::const_new("kinest/queue");
    /// Milliseconds that poses are behind the trackers when they are shown.
    pub const POSE_AGE_MS: DiagnosticPath = DiagnosticPath::const_new("kinest/pose_age");
    /// Windows so far that a newer one replaced before their turn came.
    pub const DROPPED: DiagnosticPath = DiagnosticPath::const_new("kinest/dropped");
    /// Answers so far that came too late: after a teleport, a reset, another model.
    pub const STALE: DiagnosticPath = DiagnosticPath::const_new("kinest/stale");

    const DIAGNOSTICS: [(DiagnosticPath, &str); 8] = [
        (Self::INFERENCE_MS, " ms"),
        (Self::INFERENCE_P50_MS, " ms"),
        (Self::INFERENCE_P95_MS, " ms"),
        (Self::INFERENCE_P99_MS, " ms"),
        (Self::QUEUE_MS, " ms"),
        (Self::POSE_AGE_MS, " ms"),
        (Self::DROPPED, ""),
        (Self::STALE, ""),
    ];
}

impl PluginGroup for KinestPlugins {
    fn build(self) -> PluginGroupBuilder {
        PluginGroupBuilder::start::<Self>()
            .add(KinestPosePlugin)
            .add(KinestSkeletonPlugin)
            .add(crate::KinestRigPlugin)
            .add(KinestReplayPlugin)
    }
}

/// From trackers to [`BodyPose`](crate::BodyPose).
pub struct KinestPosePlugin;

impl Plugin for KinestPosePlugin {
    fn build(&self, app: &mut App) {
        for (path, suffix) in KinestPlugins::DIAGNOSTICS {
            app.register_diagnostic(Diagnostic::new(path).with_suffix(suffix));
        }
        app.init_resource::<KinestSettings>()
            .init_resource::<Workers>()
            .init_resource::<KinestModels>()
            .register_type::<AvatarStatus>()
            .register_type::<BodyPose>()
            .register_type::<CalibrationFailed>()
            .register_type::<KinestAvatar>()
            .register_type::<KinestCalibrated>()
            .register_type::<KinestFailed>()
            .register_type::<KinestFellBack>()
            .register_type::<KinestModels>()
            .register_type::<KinestReady>()
            .register_type::<KinestRefine>()
            .register_type::<KinestSettings>()
            .register_type::<PlayerCalibration>()
            .register_type::<PoseUpdated>()
            .register_type::<Recalibrate>()
            .register_type::<ResetAvatar>()
            .register_type::<SparseTracker>()
            .register_type::<Teleport>()
            .register_type::<TrackerOf>()
            .register_type::<TrackerValidity>()
            .register_type::<Trackers>()
            .register_type::<TrackingLost>()
            .register_type::<TrackingRegained>()
            .register_type::<TrackingSpace>()
            .init_asset::<PoseModel>()
            .register_asset_loader(PoseModelLoader)
            .add_message::<KinestReady>()
            .add_message::<KinestFellBack>()
            .add_message::<KinestFailed>()
            .add_message::<TrackingLost>()
            .add_message::<TrackingRegained>()
            .add_message::<Recalibrate>()
            .add_message::<KinestCalibrated>()
            .add_message::<CalibrationFailed>()
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
                    (sample, calibrate).chain().in_set(KinestSystems::Sample),
                    (follow_assets, infer).chain().in_set(KinestSystems::Infer),
                    (receive, place).chain().in_set(KinestSystems::Apply),
                    refine.in_set(KinestSystems::Refine),
                    announce.after(KinestSystems::Refine).before(KinestSystems::Writeback),
                ),
            )
            .add_observer(on_teleport)
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

/// From motions to trackers, and from trackers to files.
pub struct KinestReplayPlugin;

impl Plugin for KinestReplayPlugin {
    fn build(&self, app: &mut App) {
        app.register_type::<MotionReplay>()
            .register_type::<TrackerRecorder>()
            .add_systems(PreUpdate, replay)
            .add_systems(PostUpdate, record.after(KinestSystems::Writeback))
            .add_observer(on_stop_recording);
    }
}
