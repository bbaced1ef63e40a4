//! Messages about models, which may have any number of avatars: events of one avatar are triggered
//! on it instead.

use super::asset::PoseModel;
use bevy::prelude::*;

/// A model is running: for the first time, on another device, or after a change.
#[derive(Message, Clone, Debug, Reflect)]
#[reflect(Message)]
pub struct KinestReady {
    /// The model.
    pub model: AssetId<PoseModel>,
    /// The device it runs on: `cpu`, `wgpu`, `cuda`.
    pub device: String,
    /// Number of changes of the model so far: 0 at first.
    pub changes: u64,
}

/// The engine of a model failed, and another one is being opened. Avatars keep their last pose until
/// then.
#[derive(Message, Clone, Debug, Reflect)]
#[reflect(Message)]
pub struct KinestFellBack {
    /// The model.
    pub model: AssetId<PoseModel>,
    /// The cause.
    pub reason: String,
}

/// A model could not be loaded or opened, or was given up. Its avatars keep what they had: the model
/// before the change, the last pose, or a pose made from the trackers by inverse kinematics.
#[derive(Message, Clone, Debug, Reflect)]
#[reflect(Message)]
pub struct KinestFailed {
    /// The model.
    pub model: AssetId<PoseModel>,
    /// The cause.
    pub reason: String,
}
