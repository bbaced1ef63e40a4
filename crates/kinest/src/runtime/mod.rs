//! Running a network on live trackers.

mod engine;

pub use engine::{EngineError, PoseEngine, Take};
