//! The device a run computes on.

use burn_flex::FlexDevice;
use kinest_engine::{DeviceChoice, OpenError, probe};

/// A device that works, and with it the back end.
#[derive(Clone, Debug)]
pub enum TrainDevice {
    /// The CPU.
    Cpu(FlexDevice),
    /// A GPU by wgpu.
    #[cfg(feature = "wgpu")]
    Wgpu(burn_wgpu::WgpuDevice),
    /// An NVIDIA GPU.
    #[cfg(feature = "cuda")]
    Cuda(burn_cuda::CudaDevice),
}

/// The device of that choice, after it has computed something.
///
/// # Errors
/// If it was not compiled in or does not work.
pub fn open(choice: DeviceChoice) -> Result<TrainDevice, OpenError> {
    Ok(match probe(choice)? {
        #[cfg(feature = "wgpu")]
        DeviceChoice::Wgpu => TrainDevice::Wgpu(Default::default()),
        #[cfg(feature = "cuda")]
        DeviceChoice::Cuda => TrainDevice::Cuda(Default::default()),
        _ => TrainDevice::Cpu(FlexDevice),
    })
}
