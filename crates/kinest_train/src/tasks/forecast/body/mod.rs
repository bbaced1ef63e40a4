//! The body of a game: its next poses from the last ones that were shown.

pub mod loss;
pub mod motion;
pub mod pairs;
pub mod recipe;
mod start;
mod task;

pub use task::{BodyIdentity, BodyTask};
