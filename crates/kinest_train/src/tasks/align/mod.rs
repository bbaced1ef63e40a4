//! Alignment of texts and motions: HTMA.

mod bags;
pub mod cuts;
pub mod data;
pub mod loss;
pub mod recipe;
mod task;
mod texts;
pub mod told;

pub use bags::Bags;
pub use data::MOTION_RATE;
pub use task::{AlignIdentity, AlignTask};
pub use texts::{level_texts, mirrored};
