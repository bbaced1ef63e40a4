//! Motion clips and the files they come from.

pub mod amass;
mod clip;
pub mod headset;
mod npy;
pub mod npz;
pub mod synthetic;

pub use amass::MotionError;
pub use clip::{ClipFrame, MotionClip};
