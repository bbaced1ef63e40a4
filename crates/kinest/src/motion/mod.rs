//! Motion clips and the files they come from.

mod clip;
pub mod synthetic;

pub use clip::{ClipFrame, MotionClip};
