//! Why a network could not be opened.

use crate::DeviceChoice;
use kinest::live::EngineError;
use kinest::model::CheckpointError;
use kinest_native::{NativeError, PackError};

/// Why a network could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The program was built without support for the device.
    #[error("this program was built without {0}; build it with the feature `{0}`")]
    NotCompiled(DeviceChoice),
    /// The device does not work on this machine.
    #[error("{device} cannot be used: {reason}")]
    Device {
        /// The device.
        device: DeviceChoice,
        /// The error message.
        reason: String,
    },
    /// The checkpoint is invalid.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The network has no native implementation.
    #[error(transparent)]
    Native(#[from] PackError),
    /// The device's engine does not support the model's feed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<NativeError> for OpenError {
    fn from(error: NativeError) -> Self {
        match error {
            NativeError::Checkpoint(error) => Self::Checkpoint(error),
            NativeError::Pack(error) => Self::Native(error),
        }
    }
}
