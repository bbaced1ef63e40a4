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

/// The engine of a model failed, and another one is opened: at once after the first failure, and after 1, 2, 4 and so
/// on up to 60 seconds if it is not the first in a row. Avatars keep their last pose if that takes no more than half a
/// second; otherwise they are made from their trackers alone meanwhile.
#[derive(Message, Clone, Debug, Reflect)]
#[reflect(Message)]
pub struct KinestFellBack {
    /// The model.
    pub model: AssetId<PoseModel>,
    /// The cause.
    pub reason: String,
}

/// A model could not be loaded, or its engines have failed three times in a row or more. Its avatars have the model
/// before the change, or are made from their trackers alone. It is tried again, after growing pauses of up to a minute,
/// and each try that fails is another message.
#[derive(Message, Clone, Debug, Reflect)]
#[reflect(Message)]
pub struct KinestFailed {
    /// The model.
    pub model: AssetId<PoseModel>,
    /// The cause.
    pub reason: String,
}
