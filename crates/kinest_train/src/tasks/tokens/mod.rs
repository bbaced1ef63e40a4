//! Motion tokens.

pub mod codec;
mod loss;
pub mod recipe;
mod task;
mod windows;

pub use task::{TokenIdentity, TokenTask};
