//! Estimating the body from trackers.

pub mod config;
pub mod cut;
pub mod dataset;
pub mod loss;
pub mod teacher;
