//! Why a network could not be opened.

use crate::DeviceChoice;
use kinest::live::EngineError;
use kinest::model::CheckpointError;
use kinest_native::PackError;

/// Why a network could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The device was left out when this program was built.
    #[error("this program was built without {0}; build it with the feature `{0}`")]
    NotCompiled(DeviceChoice),
    /// The device does not work here.
    #[error("{device} cannot be used: {reason}")]
    Device {
        /// The device.
        device: DeviceChoice,
        /// What is wrong with it.
        reason: String,
    },
    /// The checkpoint is at fault.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The network has no native form.
    #[error(transparent)]
    Native(#[from] PackError),
    /// The device's engine cannot be fed as the model is.
    #[error(transparent)]
    Engine(#[from] EngineError),
}
