//! Opens a KineST network on CUDA, wgpu or the CPU, whichever works.
//!
//! This is the only crate that names Burn's back ends for inference. A missing driver or a panic of
//! a back end is an error, never the end of the program.
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
//! [`open_forecaster`] does the same for models that predict the body of the next moment.
//! [`kinest`] describes how to use an estimator. [`probe`] only finds out which device works, for
//! programs with their own networks.
//!
//! | feature | adds | requires |
//! |---|---|---|
//! | (always) | [`DeviceChoice::Cpu`] | nothing |
//! | `wgpu` | [`DeviceChoice::Wgpu`] | a GPU with Vulkan, Metal or DirectX 12, or a software adapter |
//! | `cuda` | [`DeviceChoice::Cuda`] | an NVIDIA GPU and, at run time, the CUDA libraries and headers (`CUDA_PATH`) |
//!
//! None of these is needed to build. A device that is not compiled in is an
//! [`OpenError::NotCompiled`], one that does not work an [`OpenError::Device`];
//! [`DeviceChoice::Auto`] then tries the next.
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
