//! Training tasks, one folder each.

pub mod pose;
