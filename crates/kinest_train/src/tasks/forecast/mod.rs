//! Motion prediction.

pub mod body;
