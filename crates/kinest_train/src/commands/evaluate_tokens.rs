//! `evaluate` for motion tokens.

use crate::data::clips;
use crate::report::{TokenReport, TrainedTokens, evaluate_tokens};
use crate::run::device::{self, TrainDevice};
use anyhow::ensure;
use burn_flex::Flex;
use kinest::skeleton::Skeleton;
use kinest_engine::DeviceChoice;
use std::path::Path;

/// Scores token models on clips.
pub(super) fn evaluate(
    models: &[TrainedTokens],
    data: &Path,
    split: Option<&Path>,
    device: DeviceChoice,
) -> anyhow::Result<TokenReport> {
    let rate_hz = models[0].checkpoint.manifest.spec.rate_hz;
    for TrainedTokens { name, checkpoint } in models {
        let found = checkpoint.manifest.spec.rate_hz;
        ensure!(found == rate_hz, "{name} is at {found} Hz, {} at {rate_hz}", models[0].name);
    }
    let clips = clips::load(data, split, rate_hz)?;
    let skeleton = Skeleton::default();
    match device::open(device)? {
        TrainDevice::Cpu(device) => {
            evaluate_tokens::<Flex>(models, &clips, rate_hz, &skeleton, &device)
        }
        #[cfg(feature = "wgpu")]
        TrainDevice::Wgpu(device) => {
            evaluate_tokens::<burn_wgpu::Wgpu>(models, &clips, rate_hz, &skeleton, &device)
        }
        #[cfg(feature = "cuda")]
        TrainDevice::Cuda(device) => {
            evaluate_tokens::<burn_cuda::Cuda>(models, &clips, rate_hz, &skeleton, &device)
        }
    }
}
