//! Motion clips and the files they come from.

pub mod amass;
mod clip;
pub(crate) mod foreign;
pub mod headset;
mod layouts;
mod npy;
pub mod npz;
mod plausible;
pub mod synthetic;

pub use amass::MotionError;
pub use clip::{ClipFrame, MotionClip};
pub use plausible::{Implausible, ImplausibleKind};
