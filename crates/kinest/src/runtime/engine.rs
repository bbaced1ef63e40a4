//! The one interface between whoever has windows and whatever runs the network.

use crate::model::{ModelSpec, Take};

/// Why an engine gave no output.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The input has another length than the model needs.
    #[error("expected {expected} input numbers for {batch} windows, found {found}")]
    InputLength {
        /// Windows in the batch.
        batch: usize,
        /// Numbers needed.
        expected: usize,
        /// Numbers given.
        found: usize,
    },
    /// The back end failed (a lost GPU, no memory); it cannot be used again.
    #[error("the {device} back end failed: {reason}")]
    Backend {
        /// Name of the device.
        device: String,
        /// What it said.
        reason: String,
    },
}

/// A network on some device: windows in, outputs out. Object safe, one call for many avatars.
pub trait PoseEngine: Send {
    /// How to feed it and how to read what comes out.
    fn spec(&self) -> &ModelSpec;

    /// Name of the device it runs on, for people: `cpu`, `wgpu`, `cuda`.
    fn device(&self) -> &str;

    /// How many of a window's newest frames the network answers: all of them, unless it is one that
    /// can say less.
    fn answers(&self) -> usize {
        self.spec().window
    }

    /// Runs the network.
    ///
    /// # Shapes
    /// - `windows`: `[batch, window, inputs]`, row-major
    /// - output: `[batch, answers, targets]` for [`Take::All`], `[batch, targets]` for [`Take::Newest`]
    ///
    /// # Errors
    /// If the input has the wrong length or the back end fails.
    fn infer(&mut self, windows: &[f32], batch: usize, take: Take)
    -> Result<Vec<f32>, EngineError>;
}

impl<T: PoseEngine + ?Sized> PoseEngine for Box<T> {
    fn spec(&self) -> &ModelSpec {
        (**self).spec()
    }
    fn device(&self) -> &str {
        (**self).device()
    }
    fn answers(&self) -> usize {
        (**self).answers()
    }
    fn infer(
        &mut self,
        windows: &[f32],
        batch: usize,
        take: Take,
    ) -> Result<Vec<f32>, EngineError> {
        (**self).infer(windows, batch, take)
    }
}
