//! Opens a KineST network on the first of CUDA, wgpu and the CPU that works.
//!
//! This is the only crate that names Burn's back ends for inference. A missing driver or a
//! panicking back end is an error and does not end the program.
//!
//! ```no_run
//! use kinest::{model::Checkpoint, live::PoseEstimator};
//! use kinest_engine::DeviceChoice;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let checkpoint = Checkpoint::load("assets/models/kinest_small.model.ron")?;
//! let estimator = PoseEstimator::new(kinest_engine::open(&checkpoint, DeviceChoice::Auto)?);
//! println!("poses are estimated on {}", estimator.device());
//! # Ok(())
//! # }
//! ```
//!
//! [`open_forecaster`] opens models that forecast bodies or benchmark motions. [`kinest`] describes
//! how to use an estimator. [`probe`] only determines which device works, for programs with their
//! own networks.
//!
//! | feature | adds | requires |
//! |---|---|---|
//! | (always) | [`DeviceChoice::Cpu`] | nothing |
//! | `wgpu` | [`DeviceChoice::Wgpu`] | a GPU with Vulkan, Metal or DirectX 12, or a software adapter |
//! | `cuda` | [`DeviceChoice::Cuda`] | an NVIDIA GPU and, at run time, the CUDA libraries and headers (`CUDA_PATH`) |
//!
//! None of these is needed to build. A device that is not compiled in gives
//! [`OpenError::NotCompiled`], a device that does not work [`OpenError::Device`];
//! [`DeviceChoice::Auto`] then tries the next one.
#![warn(missing_docs)]

mod choice;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod devices;
mod error;
mod forecaster;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod gpu;
mod open;
mod probe;
mod served;

pub use choice::{DeviceChoice, UnknownDevice};
pub use error::OpenError;
pub use forecaster::open_forecaster;
pub use open::open;
pub use probe::probe;
