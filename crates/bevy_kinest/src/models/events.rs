//! What models tell when it happens.

use super::asset::PoseModel;
use bevy::prelude::*;

/// A model is open and runs: for the first time, on another device, or after it was changed.
#[derive(Message, Clone, Debug, Reflect)]
#[reflect(Message)]
pub struct KinestReady {
    /// The model.
    pub model: AssetId<PoseModel>,
    /// The device it runs on: `cpu`, `wgpu`, `cuda`.
    pub device: String,
    /// How often the model has been changed before: 0 for the first one.
    pub changes: u64,
}

/// What runs a model failed, and another engine is being opened. Its avatars keep their last pose
/// meanwhile.
#[derive(Message, Clone, Debug, Reflect)]
#[reflect(Message)]
pub struct KinestFellBack {
    /// The model.
    pub model: AssetId<PoseModel>,
    /// What happened.
    pub reason: String,
}

/// A model could not be loaded or opened, or has stopped working for good. Its avatars keep what they
/// had: the model before a change that failed, the last pose, or what inverse
/// kinematics makes of their trackers.
#[derive(Message, Clone, Debug, Reflect)]
#[reflect(Message)]
pub struct KinestFailed {
    /// The model.
    pub model: AssetId<PoseModel>,
    /// What happened.
    pub reason: String,
}
