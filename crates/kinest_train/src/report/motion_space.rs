//! The space in which generated motion is scored: that of a model of alignment.

use super::alignment::TrainedAlignment;
use super::frechet::Place;
use anyhow::Context;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use kinest::align::{FrameWriter, LevelTexts, TextBatch};
use kinest::model::align::{AlignConfig, AlignSpec, FRAME};
use kinest::motion::MotionClip;
use kinest::skeleton::{Pose, Skeleton};
use kinest_nn::align::{Htma, Motions, Point};

/// Texts or motions that the network sees at once.
const BATCH: usize = 32;

/// Texts and motions as points: those of all levels side by side, each of length 1 and then divided by
/// the root of their number. So the square of a distance is twice what the mean of the cosines, by which
/// the model itself compares, lacks to 1.
pub(super) struct MotionSpace<B: Backend> {
    network: Htma<B>,
    pub(super) config: AlignConfig,
    pub(super) spec: AlignSpec,
    device: B::Device,
}

impl<B: Backend> MotionSpace<B> {
    pub(super) fn new(model: &TrainedAlignment, device: B::Device) -> anyhow::Result<Self> {
        let TrainedAlignment { name, checkpoint } = model;
        let network = Htma::from_checkpoint(checkpoint, &device)
            .with_context(|| format!("evaluator {name}"))?;
        let (config, spec) = (checkpoint.manifest.network.clone(), checkpoint.manifest.spec);
        Ok(Self { network, config, spec, device })
    }

    /// The points of motions at any rate; what is longer than the model sees is cut off.
    pub(super) fn motions(&self, clips: &[MotionClip]) -> anyhow::Result<Vec<Place>> {
        let places =
            clips.chunks(BATCH).map(|clips| places(&self.network.motions(&self.batch(clips))));
        Ok(places.collect::<anyhow::Result<Vec<_>>>()?.concat())
    }

    /// The points of texts.
    pub(super) fn texts(&self, texts: &[&LevelTexts]) -> anyhow::Result<Vec<Place>> {
        let places = texts.chunks(BATCH).map(|texts| {
            let batch = TextBatch::new(texts, &self.spec, self.config.rows);
            places(&self.network.texts(&batch, &self.device))
        });
        Ok(places.collect::<anyhow::Result<Vec<_>>>()?.concat())
    }

    fn batch(&self, clips: &[MotionClip]) -> Motions<B> {
        let (most, skeleton) = (self.config.frames, Skeleton::default());
        let (mut numbers, mut lengths) = (vec![], vec![]);
        for clip in clips {
            let clip = clip.resampled(self.spec.rate_hz);
            let frames = &clip.frames[..clip.frames.len().min(most)];
            let end = numbers.len() + most * FRAME;
            let mut writer = FrameWriter::new(&skeleton, self.spec.rate_hz);
            frames.iter().for_each(|frame| writer.write(&Pose::from(frame), &mut numbers));
            numbers.resize(end, 0.0);
            lengths.push(frames.len().max(1));
        }
        let numbers = TensorData::new(numbers, [clips.len(), most, FRAME]);
        Motions { frames: Tensor::from_data(numbers, &self.device), lengths }
    }
}

/// Each item's points side by side.
fn places<B: Backend>(points: &[Point<B>]) -> anyhow::Result<Vec<Place>> {
    let share = (points.len() as f64).sqrt();
    let mut places: Vec<Place> = vec![];
    for Point { mean, .. } in points {
        let [batch, width] = mean.dims();
        places.resize(batch, vec![]);
        let data = mean.clone().try_into_data()?.convert::<f64>();
        let values: Vec<f64> = data.iter::<f64>().collect();
        for (place, point) in places.iter_mut().zip(values.chunks(width)) {
            let length = point.iter().map(|v| v * v).sum::<f64>().sqrt().max(1e-12);
            place.extend(point.iter().map(|v| v / (length * share)));
        }
    }
    Ok(places)
}
