//! Training tasks, one folder each.

pub mod forecast;
pub mod pose;
