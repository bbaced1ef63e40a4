//! Motion from texts: KinMo's generator.

pub mod cuts;
pub mod loss;
pub mod masks;
pub mod recipe;
mod task;

pub use task::{GenerateIdentity, GenerateTask};
