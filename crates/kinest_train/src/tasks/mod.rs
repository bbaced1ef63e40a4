//! What can be trained: a folder for each task.

pub mod pose;
