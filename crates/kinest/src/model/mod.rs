//! Networks and their checkpoints.

mod spec;

pub use spec::ModelSpec;
