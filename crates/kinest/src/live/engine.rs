//! The one interface between whoever has windows and whatever runs the network.

use crate::model::{Feed, ModelSpec, Take};

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
    /// What a stream was fed is no whole number of frames.
    #[error("a stream was fed {found} numbers, which are no frames of {inputs}")]
    StreamLength {
        /// Numbers of a frame.
        inputs: usize,
        /// Numbers given.
        found: usize,
    },
    /// The model is fed frame by frame ([`Feed::Frames`]), its engine is not.
    #[error("the model is fed frame by frame, but its {device} engine takes windows only")]
    NoStreams {
        /// Name of the device.
        device: String,
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

/// The next frames of one stream.
#[derive(Clone, Copy, Debug)]
pub struct StreamFrames<'a> {
    /// Which stream; any number the caller likes. One that was not seen before starts.
    pub stream: u64,
    /// `[frames, inputs]`, row-major, one frame at least.
    pub features: &'a [f32],
}

/// A network that is fed frame by frame ([`Feed::Frames`](crate::model::Feed)) and remembers its
/// streams.
pub trait StreamEngine {
    /// Feeds some streams, each at most once, their next frames.
    ///
    /// The output is `[targets]` of each stream's newest frame for [`Take::Newest`], and of every
    /// frame, stream after stream, for [`Take::All`].
    ///
    /// # Errors
    /// If a stream's input is no whole number of frames, or the back end fails.
    fn advance(
        &mut self,
        streams: &[StreamFrames<'_>],
        take: Take,
    ) -> Result<Vec<f32>, EngineError>;

    /// Forgets a stream.
    fn end(&mut self, stream: u64);
}

/// A network on some device: windows in, outputs out. Object safe, one call for many avatars.
pub trait PoseEngine: Send {
    /// How to feed it and how to read what comes out.
    fn spec(&self) -> &ModelSpec;

    /// Name of the device it runs on, for people: `cpu`, `wgpu`, `cuda`.
    fn device(&self) -> &str;

    /// How many of a window's newest frames the network describes: all of them, or fewer.
    fn answers(&self) -> usize;

    /// How to feed it frame by frame; `None` for a network that sees windows. [`streams_of`] for
    /// callers that need it.
    fn streams(&mut self) -> Option<&mut dyn StreamEngine>;

    /// Runs the network on whole windows, which it does not remember.
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

/// The streams of an engine whose model is fed frame by frame.
///
/// # Errors
/// If the engine takes windows only.
pub fn streams_of(engine: &mut dyn PoseEngine) -> Result<&mut dyn StreamEngine, EngineError> {
    let device = engine.device().to_owned();
    engine.streams().ok_or(EngineError::NoStreams { device })
}

/// Runs the network for the first time, fed as its model is, with numbers that are nobody's motion: what is
/// compiled and allocated on the way is there for the first player.
///
/// # Errors
/// If the engine cannot be fed as its model's spec says, or fails.
pub fn warm_up(engine: &mut dyn PoseEngine) -> Result<(), EngineError> {
    let ModelSpec { layout, window, feed, .. } = *engine.spec();
    match feed {
        Feed::Windows => _ = engine.infer(&vec![0.0; window * layout.inputs()], 1, Take::Newest)?,
        Feed::Frames { .. } => {
            const STREAM: u64 = 0;
            let streams = streams_of(engine)?;
            let frame = StreamFrames { stream: STREAM, features: &vec![0.0; layout.inputs()] };
            // A stream that goes on runs other code than one that starts.
            for _ in 0..2 {
                streams.advance(&[frame], Take::Newest)?;
            }
            streams.end(STREAM);
        }
    }
    Ok(())
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
    fn streams(&mut self) -> Option<&mut dyn StreamEngine> {
        (**self).streams()
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
