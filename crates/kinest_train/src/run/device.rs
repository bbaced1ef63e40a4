//! The device a run computes on.

use super::folder::RunFolder;
use super::task::Task;
use super::trainer;
use burn::backend::Autodiff;
use burn_flex::{Flex, FlexDevice};
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

impl TrainDevice {
    /// Trains in a folder, from the start or from where the run in it stopped, to the run's end or to Ctrl-C.
    ///
    /// # Errors
    /// If there is a run in the folder that is not to be resumed, or one that cannot be, if a file cannot be read or
    /// written, or the loss becomes NaN.
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
