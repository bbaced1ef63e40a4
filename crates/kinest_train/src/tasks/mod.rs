//! Training tasks, one folder each.

pub mod align;
pub mod forecast;
pub mod generate;
mod kind;
pub mod pose;
pub mod tokens;

pub use kind::{TaskKind, read_recipe};
