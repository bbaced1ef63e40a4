//! Opens a KineST network on CUDA, wgpu or the CPU, whichever works.
#![warn(missing_docs)]

mod choice;

pub use choice::{DeviceChoice, UnknownDevice};
