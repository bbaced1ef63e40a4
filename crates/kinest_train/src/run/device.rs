//! The device that a run uses.

use super::folder::RunFolder;
use super::task::Task;
use super::trainer;
use burn::backend::Autodiff;
use burn_flex::{Flex, FlexDevice};
use kinest_engine::{DeviceChoice, OpenError, probe};

/// A working device, with its back end.
#[derive(Clone, Debug)]
pub enum TrainDevice {
    /// The CPU.
    Cpu(FlexDevice),
    /// A GPU through wgpu.
    #[cfg(feature = "wgpu")]
    Wgpu(burn_wgpu::WgpuDevice),
    /// An NVIDIA GPU.
    #[cfg(feature = "cuda")]
    Cuda(burn_cuda::CudaDevice),
}

/// Opens the device of `choice` and runs a small computation on it.
///
/// # Errors
/// If it is not compiled in or does not work.
pub fn open(choice: DeviceChoice) -> Result<TrainDevice, OpenError> {
    Ok(match probe(choice)? {
        #[cfg(feature = "wgpu")]
        DeviceChoice::Wgpu => TrainDevice::Wgpu(Default::default()),
        #[cfg(feature = "cuda")]
        DeviceChoice::Cuda => TrainDevice::Cuda(Default::default()),
        _ => TrainDevice::Cpu(FlexDevice),
    })
}

impl TrainDevice {
    /// Trains in a folder, from the start or, with `resume`, from where the run in it stopped,
    /// until the run's end or Ctrl-C.
    ///
    /// # Errors
    /// If `resume` is not set and the folder holds a run, or that run cannot be resumed, if a file
    /// cannot be read or written, or the loss is not finite.
    pub fn train<T: Task>(self, task: &T, folder: RunFolder, resume: bool) -> anyhow::Result<()> {
        match self {
            Self::Cpu(device) => trainer::train::<T, Autodiff<Flex>>(task, folder, resume, device),
            #[cfg(feature = "wgpu")]
            Self::Wgpu(device) => {
                trainer::train::<T, Autodiff<burn_wgpu::Wgpu>>(task, folder, resume, device)
            }
            #[cfg(feature = "cuda")]
            Self::Cuda(device) => {
                trainer::train::<T, Autodiff<burn_cuda::Cuda>>(task, folder, resume, device)
            }
        }
    }
}
