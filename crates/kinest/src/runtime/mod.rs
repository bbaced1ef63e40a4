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
//! own, so that no frame waits for the network. [`protocol`] predicts whole clips and scores them.

mod burn_engine;
mod engine;
mod estimator;
mod guard;
mod history;
pub mod protocol;
mod root;
mod worker;

pub use burn_engine::BurnEngine;
pub use engine::{EngineError, PoseEngine, Take};
pub use estimator::{EstimateError, PoseEstimator};
pub use guard::guarded;
pub use history::{TrackerError, TrackerHistory};
pub use protocol::{Protocol, ProtocolError};
pub use root::{decode_output, place_under_head, rest_under_head};
pub use worker::{InferenceStats, PoseReply, PoseRequest, PoseWorker, WorkerEvent};

#[cfg(test)]
mod fake;
