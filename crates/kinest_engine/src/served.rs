//! Checks that an engine supports its model's feed.

use crate::OpenError;
use kinest::live::{PoseEngine, streams_of};
use kinest::model::Feed;

/// Returns the engine, or an error if its model is fed frame by frame but the engine takes windows
/// only.
pub(crate) fn served(mut engine: Box<dyn PoseEngine>) -> Result<Box<dyn PoseEngine>, OpenError> {
    if let Feed::Frames { .. } = engine.spec().feed {
        streams_of(engine.as_mut())?;
    }
    Ok(engine)
}
