//! The interface between callers that have tracker features and back ends that run a network.

use crate::model::{EngineError, Feed, ModelSpec, Take};

/// The next frames of one stream.
#[derive(Clone, Copy, Debug)]
pub struct StreamFrames<'a> {
    /// Stream number, chosen by the caller. A new number starts a new stream.
    pub stream: u64,
    /// `[frames, inputs]`, row-major, at least one frame.
    pub features: &'a [f32],
}

/// A network that is fed frame by frame ([`Feed::Frames`](crate::model::Feed)) and keeps a state
/// for each stream.
pub trait StreamEngine {
    /// Feeds the next frames of some streams, each stream at most once.
    ///
    /// The output is `[targets]` per stream, for its newest frame, with [`Take::Newest`], and
    /// `[frames, targets]` per stream with [`Take::All`], concatenated in the order of the streams.
    ///
    /// # Errors
    /// If a stream's input is not a whole number of frames, or the back end fails.
    fn advance(
        &mut self,
        streams: &[StreamFrames<'_>],
        take: Take,
    ) -> Result<Vec<f32>, EngineError>;

    /// Discards the state of a stream.
    fn end(&mut self, stream: u64);
}

/// A network on some device: windows in, outputs out. Object safe; one call runs a batch of
/// avatars.
pub trait PoseEngine: Send {
    /// Input and output format of the model.
    fn spec(&self) -> &ModelSpec;

    /// Display name of the device: `cpu`, `wgpu`, `cuda`.
    fn device(&self) -> &str;

    /// Number of newest frames of a window that the network has outputs for.
    fn output_frames(&self) -> usize;

    /// The streaming interface; `None` for a network that takes windows. Callers that need it can
    /// use [`streams_of`].
    fn streams(&mut self) -> Option<&mut dyn StreamEngine>;

    /// Runs the network on whole windows, without any memory between calls.
    ///
    /// # Shapes
    /// - `windows`: `[batch, window, inputs]`, row-major
    /// - output: `[batch, output frames, targets]` for [`Take::All`], `[batch, targets]` for [`Take::Newest`]
    ///
    /// # Errors
    /// If the input has the wrong length or the back end fails.
    fn infer(&mut self, windows: &[f32], batch: usize, take: Take)
    -> Result<Vec<f32>, EngineError>;
}

/// The streaming interface of an engine, required.
///
/// # Errors
/// If the engine takes windows only.
pub fn streams_of(engine: &mut dyn PoseEngine) -> Result<&mut dyn StreamEngine, EngineError> {
    let device = engine.device().to_owned();
    engine.streams().ok_or(EngineError::NoStreams { device })
}

/// Runs the network once on zeros, with the feed of its spec, so that compilation and allocation
/// happen before the first player.
///
/// # Errors
/// If the engine does not support the feed of its model's spec, or fails.
pub fn warm_up(engine: &mut dyn PoseEngine) -> Result<(), EngineError> {
    let ModelSpec { layout, window, feed, .. } = *engine.spec();
    match feed {
        Feed::Windows => _ = engine.infer(&vec![0.0; window * layout.inputs()], 1, Take::Newest)?,
        Feed::Frames { .. } => {
            const STREAM: u64 = 0;
            let streams = streams_of(engine)?;
            let frame = StreamFrames { stream: STREAM, features: &vec![0.0; layout.inputs()] };
            // The second call of a stream takes another code path than the first.
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
    fn output_frames(&self) -> usize {
        (**self).output_frames()
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
