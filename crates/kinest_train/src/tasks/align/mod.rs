//! Alignment of texts and motions: HTMA.

mod bags;
pub mod cuts;
pub mod loss;
pub mod recipe;
mod task;
mod texts;

pub use bags::Bags;
pub use task::{AlignIdentity, AlignTask, MOTION_RATE};
pub use texts::{level_texts, mirrored};
