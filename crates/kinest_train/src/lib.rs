//! The headless side of KineST: prepare, train, evaluate, predict, render, import, inspect,
//! synth, bench. `kinest-train` is its command line.
#![warn(missing_docs)]

pub mod augment;
pub mod bench;
pub mod clips;
pub mod config;
pub mod dataset;
pub mod device;
pub mod engine;
pub mod evaluate;
pub mod export;
pub mod fused;
pub mod import;
pub mod inspect;
pub mod loss;
pub mod motion_store;
pub mod predict;
pub mod prepare;
pub mod progress;
pub mod render;
pub mod skeleton;
pub mod splits;
pub mod subsets;
pub mod synth;
pub mod teacher;
pub mod train;
