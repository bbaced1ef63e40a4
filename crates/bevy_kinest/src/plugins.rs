//! What [`KinestPlugins`] adds.

use crate::body::{BodyPlugin, KinestSkeletonPlugin};
use crate::events::{EVENTS_MS, KinestEventsPlugin};
use crate::files::KinestFilesPlugin;
use crate::forecast::{FORECAST_MS, KinestForecastPlugin};
use crate::frame::FramePlugin;
use crate::language::KinestLanguagePlugin;
use crate::models::{ModelsPlugin, diagnostics};
use crate::player::{POSE_AGE_MS, PlayerPlugin};
use crate::remote::KinestRemotePlugin;
use crate::replay::KinestReplayPlugin;
use crate::rig::KinestRigPlugin;
use crate::trackers::TrackersPlugin;
use bevy::app::PluginGroupBuilder;
use bevy::diagnostic::DiagnosticPath;
use bevy::prelude::*;

/// Everything needed to drive bodies.
///
/// | plugin | what it does |
/// |---|---|
/// | [`KinestPosePlugin`] | loads models, reads trackers, runs networks, writes [`BodyPose`](crate::BodyPose) |
/// | [`KinestSkeletonPlugin`] | writes [`BodyPose`](crate::BodyPose) to the joint entities of [`SmplSkeleton`](crate::SmplSkeleton) |
/// | [`KinestRigPlugin`] | finds the bones of each [`KinestRig`](crate::KinestRig) and writes [`BodyPose`](crate::BodyPose) to them |
/// | [`KinestFilesPlugin`] | loads [`MotionFile`](crate::MotionFile)s and `.vrm` characters as assets |
/// | [`KinestForecastPlugin`] | forecasts the bodies of avatars with a [`Forecast`](crate::Forecast), shows [`ForecastGhost`](crate::ForecastGhost)s |
/// | [`KinestRemotePlugin`] | shows the bodies of players on other machines: [`RemoteAvatar`](crate::RemoteAvatar) |
/// | [`KinestEventsPlugin`] | emits gestures and postures, measures body parts: [`MotionEvent`](crate::MotionEvent)s, [`KinematicGroups`](crate::KinematicGroups), [`Interactions`](crate::Interactions) |
/// | [`KinestLanguagePlugin`] | writes subtitles and descriptions: [`Subtitles`](crate::Subtitles), [`LiveDescription`](crate::LiveDescription); loads [`MotionLibrary`](crate::MotionLibrary)s |
/// | [`KinestReplayPlugin`] | moves trackers along each [`MotionReplay`](crate::MotionReplay), and runs [`TrackerRecorder`](crate::TrackerRecorder)s |
///
/// To be added by hand:
///
/// | plugin | what it does |
/// |---|---|
/// | `KinestGizmoPlugin` (feature `gizmos`) | draws bones, trackers, dropouts, standing feet, errors |
/// | `KinestPanelPlugin` (feature `panel`) | a window that shows the state of avatars and lets users change it |
/// | `KinestOpenXrPlugin` (feature `openxr`) | moves trackers with a headset and its controllers |
/// | `KinestVmcPlugin` (feature `vmc`) | sends bodies by the VMC protocol, and receives bodies and trackers by it |
/// | `KinestOscPlugin` (feature `osc`) | sends trackers of bodies to VRChat |
///
/// Add it after Bevy's `TaskPoolPlugin`, `TimePlugin`, `TransformPlugin` and `AssetPlugin`, which
/// are in `DefaultPlugins`, and before the first [`KinestAvatar`](crate::KinestAvatar) is spawned.
pub struct KinestPlugins;

impl KinestPlugins {
    /// Duration of the newest call of the network (ms).
    pub const INFERENCE_MS: DiagnosticPath = diagnostics::INFERENCE_MS;
    /// 50 % of the recent calls take at most this (ms).
    pub const INFERENCE_P50_MS: DiagnosticPath = diagnostics::INFERENCE_P50_MS;
    /// 95 % of the recent calls take at most this (ms).
    pub const INFERENCE_P95_MS: DiagnosticPath = diagnostics::INFERENCE_P95_MS;
    /// 99 % of the recent calls take at most this (ms).
    pub const INFERENCE_P99_MS: DiagnosticPath = diagnostics::INFERENCE_P99_MS;
    /// Longest time that a request waited in the queue (ms).
    pub const QUEUE_MS: DiagnosticPath = diagnostics::QUEUE_MS;
    /// Age of the shown poses: their delay behind the trackers (ms).
    pub const POSE_AGE_MS: DiagnosticPath = POSE_AGE_MS;
    /// Time of a frame's forecasts on the main thread, for all avatars together (ms).
    pub const FORECAST_MS: DiagnosticPath = FORECAST_MS;
    /// Time of a frame's detection of codes and gestures, for all bodies together (ms).
    pub const EVENTS_MS: DiagnosticPath = EVENTS_MS;
    /// Requests replaced by newer ones while waiting.
    pub const DROPPED: DiagnosticPath = diagnostics::DROPPED;
    /// Outputs that arrived too late: after a teleport, a reset or a change of model.
    pub const STALE: DiagnosticPath = diagnostics::STALE;
}

impl PluginGroup for KinestPlugins {
    fn build(self) -> PluginGroupBuilder {
        PluginGroupBuilder::start::<Self>()
            .add(KinestPosePlugin)
            .add(KinestSkeletonPlugin)
            .add(KinestRigPlugin)
            .add(KinestFilesPlugin)
            .add(KinestReplayPlugin)
            .add(KinestForecastPlugin)
            .add(KinestRemotePlugin)
            .add(KinestEventsPlugin)
            .add(KinestLanguagePlugin)
    }
}

/// From trackers to [`BodyPose`](crate::BodyPose): models, trackers, estimates, corrections.
pub struct KinestPosePlugin;

impl Plugin for KinestPosePlugin {
    fn build(&self, app: &mut App) {
        app.add_plugins((FramePlugin, ModelsPlugin, BodyPlugin, TrackersPlugin, PlayerPlugin));
    }
}
