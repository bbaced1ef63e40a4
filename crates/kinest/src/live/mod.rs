//! Running a network on live trackers.
//!
//! ```text
//! TrackerFrame ─push→ TrackerHistory ─window()→ FeatureLayout::write_features ─→ PoseEngine
//!                                                                                    │
//! Pose ←─ place_under_head (newest head) ←─ decode_output ←──────────────────────────┘
//! ```
//!
//! [`PoseEstimator`] does all of it on the caller's thread. A game keeps a [`TrackerHistory`] for
//! each avatar and hands the windows to a [`PoseWorker`], which owns the engine on a thread of its
//! own, so that no frame waits for the network. What comes back goes into a [`PoseTimeline`], which has a
//! pose for every frame that is drawn; [`TrackerPlacer`](crate::refine::TrackerPlacer) puts head and hands
//! where the trackers are, also when those come and go. [`protocol`] predicts whole clips and scores them.

mod engine;
mod estimator;
mod frame_feed;
mod guard;
mod history;
pub mod protocol;
mod recording;
mod root;
mod stand_in;
mod timeline;
mod worker;

pub use crate::model::Take;
pub use engine::{EngineError, PoseEngine, StreamEngine, StreamFrames, streams_of, warm_up};
pub use estimator::{EstimateError, PoseEstimator};
pub use frame_feed::{FrameFeed, NewFrames};
pub use guard::guarded;
pub use history::{TrackerError, TrackerHistory};
pub use protocol::{Protocol, ProtocolError};
pub use recording::{RecordedFrame, Recording, RecordingError, RecordingWriter};
pub use root::{decode_output, place_under_head, rest_under_head};
pub use stand_in::{HandStandIn, lowered_hand};
pub use timeline::PoseTimeline;
pub use worker::{InferenceStats, PoseInput, PoseReply, PoseRequest, PoseWorker, WorkerEvent};

#[cfg(test)]
mod fake;
