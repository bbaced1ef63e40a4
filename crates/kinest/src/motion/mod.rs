//! Motion clips and the files they come from.

mod clip;

pub use clip::{ClipFrame, MotionClip};
