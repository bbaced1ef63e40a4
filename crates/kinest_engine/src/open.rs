//! From a checkpoint and a choice to an engine that runs.

use crate::DeviceChoice;
use burn_flex::{Flex, FlexDevice};
use kinest::model::{Checkpoint, CheckpointError};
use kinest::runtime::{BurnEngine, PoseEngine};
use std::sync::{Mutex, PoisonError};

/// Why a network could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The device was left out when this program was built.
    #[error("this program was built without {0}; build it with the feature `{0}`")]
    NotCompiled(DeviceChoice),
    /// The device does not work here.
    #[error("{device} cannot be used: {reason}")]
    Device {
        /// The device.
        device: DeviceChoice,
        /// What is wrong with it.
        reason: String,
    },
    /// The checkpoint is at fault.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// Opens the network of `checkpoint` on the chosen device.
///
/// `Auto` tries CUDA, wgpu and the CPU in this order and takes the first that runs the network; a
/// software adapter is no GPU to it, since the CPU is many times faster. What it took, and why not
/// the others, is logged. A GPU back end that has panicked is not tried again by this process.
///
/// The start of a GPU takes seconds, so call this on a thread that can wait, as
/// [`PoseWorker`](kinest::runtime::PoseWorker) does.
///
/// # Errors
/// If the device was not compiled in or does not work, or the checkpoint's weights do not fit its
/// network.
pub fn open(
    checkpoint: &Checkpoint,
    choice: DeviceChoice,
) -> Result<Box<dyn PoseEngine>, OpenError> {
    match choice {
        DeviceChoice::Auto => auto(checkpoint),
        DeviceChoice::Cuda => cuda(checkpoint),
        DeviceChoice::Wgpu => wgpu(checkpoint, true),
        DeviceChoice::Cpu => cpu(checkpoint),
    }
}

fn auto(checkpoint: &Checkpoint) -> Result<Box<dyn PoseEngine>, OpenError> {
    let mut others = String::new();
    for attempt in [cuda, |c: &_| wgpu(c, false), cpu] {
        match attempt(checkpoint) {
            Ok(engine) => {
                log_once(format!("poses are estimated on {}{others}", engine.device()));
                return Ok(engine);
            }
            Err(OpenError::Checkpoint(error)) => return Err(error.into()),
            Err(error) => {
                others.push_str("; ");
                others.push_str(&error.to_string());
            }
        }
    }
    unreachable!("the CPU takes every checkpoint that is sound")
}

fn log_once(text: String) {
    static LOGGED: Mutex<String> = Mutex::new(String::new());
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    if *logged != text {
        tracing::info!("{text}");
        *logged = text;
    }
}

fn cpu(checkpoint: &Checkpoint) -> Result<Box<dyn PoseEngine>, OpenError> {
    Ok(Box::new(BurnEngine::<Flex>::new(checkpoint, FlexDevice, "cpu")?))
}

#[cfg(feature = "cuda")]
fn cuda(checkpoint: &Checkpoint) -> Result<Box<dyn PoseEngine>, OpenError> {
    use burn_cuda::{Cuda, CudaDevice};
    static CUDA: crate::gpu::Gpu = crate::gpu::Gpu::new(DeviceChoice::Cuda);
    CUDA.open::<Cuda>(checkpoint, || Ok(CudaDevice::default()))
}

#[cfg(not(feature = "cuda"))]
fn cuda(_: &Checkpoint) -> Result<Box<dyn PoseEngine>, OpenError> {
    Err(OpenError::NotCompiled(DeviceChoice::Cuda))
}

#[cfg(feature = "wgpu")]
fn wgpu(checkpoint: &Checkpoint, software_too: bool) -> Result<Box<dyn PoseEngine>, OpenError> {
    use ::wgpu::{AdapterInfo, DeviceType};
    use burn_wgpu::graphics::AutoGraphicsApi;
    use burn_wgpu::{RuntimeOptions, Wgpu, WgpuDevice, init_setup};
    use std::sync::OnceLock;

    static WGPU: crate::gpu::Gpu = crate::gpu::Gpu::new(DeviceChoice::Wgpu);
    // Burn allows one set-up of a device, and only that tells which adapter it took.
    static ADAPTER: OnceLock<AdapterInfo> = OnceLock::new();
    WGPU.open::<Wgpu>(checkpoint, || {
        let device = WgpuDevice::default();
        let adapter = ADAPTER.get_or_init(|| {
            init_setup::<AutoGraphicsApi>(&device, RuntimeOptions::default()).adapter.get_info()
        });
        if adapter.device_type == DeviceType::Cpu && !software_too {
            return Err(format!("{} is a software adapter", adapter.name));
        }
        Ok(device)
    })
}

#[cfg(not(feature = "wgpu"))]
fn wgpu(_: &Checkpoint, _: bool) -> Result<Box<dyn PoseEngine>, OpenError> {
    Err(OpenError::NotCompiled(DeviceChoice::Wgpu))
}
