//! GPU devices of this process.

use crate::DeviceChoice;
use crate::gpu::Gpu;

#[cfg(feature = "cuda")]
pub(crate) static CUDA: Gpu = Gpu::new(DeviceChoice::Cuda);

#[cfg(feature = "cuda")]
pub(crate) fn cuda() -> Result<burn_cuda::CudaDevice, String> {
    Ok(burn_cuda::CudaDevice::default())
}

#[cfg(feature = "wgpu")]
pub(crate) static WGPU: Gpu = Gpu::new(DeviceChoice::Wgpu);

#[cfg(feature = "wgpu")]
pub(crate) fn wgpu(software_too: bool) -> Result<burn_wgpu::WgpuDevice, String> {
    use ::wgpu::{AdapterInfo, DeviceType};
    use burn_wgpu::graphics::AutoGraphicsApi;
    use burn_wgpu::{RuntimeOptions, WgpuDevice, init_setup};
    use std::sync::OnceLock;

    // Burn sets up a device once per process, and only the set-up returns the adapter.
    static ADAPTER: OnceLock<AdapterInfo> = OnceLock::new();
    let device = WgpuDevice::default();
    let adapter = ADAPTER.get_or_init(|| {
        init_setup::<AutoGraphicsApi>(&device, RuntimeOptions::default()).adapter.get_info()
    });
    if adapter.device_type == DeviceType::Cpu && !software_too {
        return Err(format!("{} is a software adapter", adapter.name));
    }
    Ok(device)
}
