//! Why an engine, which runs a network on some device, returned no output.

/// Why an engine returned no output.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The input length does not match the model.
    #[error("expected {expected} input numbers for {batch} windows, found {found}")]
    InputLength {
        /// Number of windows in the batch.
        batch: usize,
        /// Expected input length.
        expected: usize,
        /// Actual input length.
        found: usize,
    },
    /// A stream's input is not a whole number of frames.
    #[error("a stream was fed {found} numbers, which are no frames of {inputs}")]
    StreamLength {
        /// Input numbers per frame.
        inputs: usize,
        /// Actual input length.
        found: usize,
    },
    /// The model is fed frame by frame ([`Feed::Frames`](super::Feed::Frames)), but the engine
    /// takes windows only.
    #[error("the model is fed frame by frame, but its {device} engine takes windows only")]
    NoStreams {
        /// Name of the device.
        device: String,
    },
    /// The back end failed (GPU lost, out of memory) and cannot be used again.
    #[error("the {device} back end failed: {reason}")]
    Backend {
        /// Name of the device.
        device: String,
        /// The back end's error message.
        reason: String,
    },
}
