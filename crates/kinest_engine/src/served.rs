//! Engines that can be fed as their model is.

use crate::OpenError;
use kinest::live::{PoseEngine, streams_of};
use kinest::model::Feed;

/// The engine, unless its model is fed frame by frame and it takes windows only.
pub(crate) fn served(mut engine: Box<dyn PoseEngine>) -> Result<Box<dyn PoseEngine>, OpenError> {
    if let Feed::Frames { .. } = engine.spec().feed {
        streams_of(engine.as_mut())?;
    }
    Ok(engine)
}
