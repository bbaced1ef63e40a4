//! Opens a KineST network on CUDA, wgpu or the CPU, whichever works.
//!
//! The only crate that names Burn's back ends for inference. A back end that is missing its driver, or that
//! panics, never takes the program with it.
//!
//! ```no_run
//! use kinest::{model::Checkpoint, live::PoseEstimator};
//! use kinest_engine::DeviceChoice;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let checkpoint = Checkpoint::load("assets/models/kinest_small.model.ron".as_ref())?;
//! let estimator = PoseEstimator::new(kinest_engine::open(&checkpoint, DeviceChoice::Auto)?);
//! println!("poses are estimated on {}", estimator.device());
//! # Ok(())
//! # }
//! ```
//!
//! How an estimator is fed is told by [`kinest`]. [`probe`] only finds out which device works, for those who
//! bring their own network.
//!
//! | feature | adds | which needs |
//! |---|---|---|
//! | (always) | [`DeviceChoice::Cpu`] | nothing |
//! | `wgpu` | [`DeviceChoice::Wgpu`] | a GPU with Vulkan, Metal or DirectX 12, or a software adapter |
//! | `cuda` | [`DeviceChoice::Cuda`] | an NVIDIA GPU, the CUDA run-time libraries and headers (`CUDA_PATH`) on the machine it runs on |
//!
//! Programs are built without any of these installed. A device that was left out is
//! [`OpenError::NotCompiled`], one that does not work [`OpenError::Device`], and [`DeviceChoice::Auto`] goes on
//! to the next.
#![warn(missing_docs)]

mod choice;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod devices;
mod error;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod gpu;
mod open;
mod probe;
mod served;

pub use choice::{DeviceChoice, UnknownDevice};
pub use error::OpenError;
pub use open::open;
pub use probe::probe;
