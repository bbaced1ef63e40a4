//! Opens a KineST network on CUDA, wgpu or the CPU, whichever works.
//!
//! The only crate that names Burn's back ends for inference. The CPU is always there; `cuda` and
//! `wgpu` are features. A back end that is missing its driver, or that panics, never takes the
//! program with it.
//!
//! ```no_run
//! use kinest::{model::Checkpoint, runtime::PoseEstimator};
//! use kinest_engine::DeviceChoice;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let checkpoint = Checkpoint::load("kinest.model.ron".as_ref())?;
//! let mut estimator = PoseEstimator::new(kinest_engine::open(&checkpoint, DeviceChoice::Auto)?);
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

mod choice;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod devices;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod gpu;
mod open;
mod probe;

pub use choice::{DeviceChoice, UnknownDevice};
pub use open::{OpenError, open};
pub use probe::probe;
