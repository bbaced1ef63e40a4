//! KineST in Rust: the whole body from head and hands.
#![warn(missing_docs)]

pub mod coordinates;
pub mod features;
pub mod files;
pub mod metrics;
pub mod model;
pub mod motion;
pub mod rotation;
pub mod runtime;
pub mod skeleton;
pub mod tracker;
