//! Determines which device works, for programs with their own networks.

#[cfg(any(feature = "cuda", feature = "wgpu"))]
use crate::devices;
use crate::{DeviceChoice, OpenError};

/// The device that `choice` resolves to on this machine, after a small computation on it; never
/// [`DeviceChoice::Auto`]. `Auto` chooses as [`open`](crate::open) does.
///
/// # Errors
/// If the device was not compiled in or does not work.
pub fn probe(choice: DeviceChoice) -> Result<DeviceChoice, OpenError> {
    match choice {
        DeviceChoice::Auto => {
            let gpu = cuda().or_else(|_| wgpu(false));
            Ok(gpu.unwrap_or(DeviceChoice::Cpu))
        }
        DeviceChoice::Cuda => cuda(),
        DeviceChoice::Wgpu => wgpu(true),
        DeviceChoice::Cpu => Ok(DeviceChoice::Cpu),
    }
}

#[cfg(feature = "cuda")]
fn cuda() -> Result<DeviceChoice, OpenError> {
    devices::CUDA.probe::<burn_cuda::Cuda>(devices::cuda)?;
    Ok(DeviceChoice::Cuda)
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Result<DeviceChoice, OpenError> {
    Err(OpenError::NotCompiled(DeviceChoice::Cuda))
}

#[cfg(feature = "wgpu")]
fn wgpu(software_too: bool) -> Result<DeviceChoice, OpenError> {
    devices::WGPU.probe::<burn_wgpu::Wgpu>(move || devices::wgpu(software_too))?;
    Ok(DeviceChoice::Wgpu)
}

#[cfg(not(feature = "wgpu"))]
fn wgpu(_: bool) -> Result<DeviceChoice, OpenError> {
    Err(OpenError::NotCompiled(DeviceChoice::Wgpu))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_always_works() {
        assert_eq!(probe(DeviceChoice::Cpu).unwrap(), DeviceChoice::Cpu);
    }

    /// With a GPU's feature, `tests/wgpu_engine.rs` compares the choice with that of `open`.
    #[cfg(not(any(feature = "cuda", feature = "wgpu")))]
    #[test]
    fn without_gpu_features_there_is_only_the_cpu() {
        assert_eq!(probe(DeviceChoice::Auto).unwrap(), DeviceChoice::Cpu);
        for choice in [DeviceChoice::Cuda, DeviceChoice::Wgpu] {
            let refused = probe(choice).unwrap_err();
            assert!(matches!(refused, OpenError::NotCompiled(other) if other == choice));
        }
    }
}
