//! Messages about models. They are not entity events, because a model may have any number of
//! avatars.

use super::asset::PoseModel;
use bevy::prelude::*;

/// A model started to run: for the first time, on another device, or after a change.
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

/// The engine of a model failed, and another one is opened: at once after a first failure, with a
/// back-off of 1, 2, 4 and so on up to 60 seconds after consecutive failures. Avatars keep their
/// last pose for half a second; then inverse kinematics makes their bodies until the next engine is
/// ready.
#[derive(Message, Clone, Debug, Reflect)]
#[reflect(Message)]
pub struct KinestFellBack {
    /// The model.
    pub model: AssetId<PoseModel>,
    /// The cause.
    pub reason: String,
}

/// A model could not be loaded, or its engines have failed at least three times in a row. Its
/// avatars use the previous model, or inverse kinematics if there is none. Loading is retried with
/// exponential back-off of up to a minute; each failed attempt sends another message.
#[derive(Message, Clone, Debug, Reflect)]
#[reflect(Message)]
pub struct KinestFailed {
    /// The model.
    pub model: AssetId<PoseModel>,
    /// The cause.
    pub reason: String,
}
