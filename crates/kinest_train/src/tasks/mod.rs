//! Training tasks, one folder each.

pub mod align;
mod checkpoint;
mod checks;
pub mod forecast;
pub mod generate;
mod kind;
pub mod pose;
mod statistics;
pub mod tokens;

pub use kind::{TaskKind, read_recipe};
