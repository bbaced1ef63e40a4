//! Pose estimation: the body from trackers.

pub mod cut;
pub mod dataset;
pub mod fused;
pub mod loss;
pub mod recipe;
mod task;
pub mod teacher;
mod widen;

pub use task::{PoseIdentity, PoseTask};
