//! Motion prediction: the coming joint positions from the last ones, on the field's benchmarks, and
//! in [`body`] the coming poses of a game's body.

pub mod body;
mod learner;
pub mod loss;
pub mod recipe;
mod task;
pub mod unit;
pub mod windows;

pub use learner::Learner;
pub use task::{ForecastIdentity, ForecastTask};
