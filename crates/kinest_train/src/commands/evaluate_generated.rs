//! `evaluate` for text-to-motion networks.

use super::motions::MotionsArgs;
use crate::data::clips;
use crate::data::titles::Titles;
use crate::report::alignment::TrainedAlignment;
use crate::report::generation::{
    GenerationReport, GenerationTest, TrainedGenerator, evaluate_generation,
};
use crate::run::device::{self, TrainDevice};
use crate::tasks::align::MOTION_RATE;
use anyhow::Context;
use burn_flex::Flex;
use kinest::model::CheckpointOf;
use kinest_engine::DeviceChoice;
use kinest_language::generate::Generator;
use std::path::Path;

/// What networks are scored on.
pub(super) struct Evaluation<'a> {
    pub(super) data: &'a Path,
    pub(super) split: Option<&'a Path>,
    pub(super) titles: Option<&'a Path>,
    /// A model of alignment, and its name.
    pub(super) evaluator: (&'a Path, String),
    /// Retrieval to compare with.
    pub(super) library: Option<MotionsArgs>,
    pub(super) device: DeviceChoice,
}

/// Scores text-to-motion networks on cuts of clips.
pub(super) fn evaluate(
    evaluation: Evaluation,
    models: &[TrainedGenerator],
) -> anyhow::Result<GenerationReport> {
    let Evaluation { data, split, titles, evaluator: (path, name), library, device } = evaluation;
    let checkpoint = CheckpointOf::load(path)
        .with_context(|| format!("evaluator {} (--evaluator)", path.display()))?;
    let evaluator = TrainedAlignment { name, checkpoint };
    let titles = titles.map(Titles::load).transpose()?;
    let library = library.map(|library| library.open()).transpose()?.map(Generator::new);
    let rate_hz = clips::prepared_rate(data)?.unwrap_or(MOTION_RATE);
    let clips = clips::load(data, split, rate_hz)?;
    let test = GenerationTest {
        clips: &clips,
        titles: titles.as_ref(),
        evaluator: &evaluator,
        retrieval: library.as_ref(),
    };
    match device::open(device)? {
        TrainDevice::Cpu(device) => evaluate_generation::<Flex>(models, &test, &device),
        #[cfg(feature = "wgpu")]
        TrainDevice::Wgpu(device) => evaluate_generation::<burn_wgpu::Wgpu>(models, &test, &device),
        #[cfg(feature = "cuda")]
        TrainDevice::Cuda(device) => evaluate_generation::<burn_cuda::Cuda>(models, &test, &device),
    }
}
