//! Running a network on live trackers.

mod burn_engine;
mod engine;
pub mod protocol;

pub use burn_engine::BurnEngine;
pub use engine::{EngineError, PoseEngine, Take};
pub use protocol::{Protocol, ProtocolError};
