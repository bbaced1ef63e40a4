//! Short parts of clips with their texts.

use super::bags::Bags;
use super::told::{draw_words, tell};
use crate::data::captions::Span;
use crate::data::clips::NamedClip;
use crate::run::{Examples, random_stream};
use crate::tasks::statistics::statistics;
use anyhow::ensure;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use kinest::align::{FrameWriter, LevelTexts, TextBatch};
use kinest::events::CodeTable;
use kinest::model::align::{AlignConfig, AlignSpec, FRAME, Level};
use kinest::skeleton::{Pose, Skeleton};
use kinest_nn::align::Motions;
use kinest_nn::layers::statistics::DataStatistics;
use rand::Rng;
use rand::seq::index;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

pub use super::told::CutConfig;

/// A part of a clip with its texts.
#[derive(Clone, Debug)]
pub struct Cut {
    /// Name of the clip.
    pub clip: String,
    /// Where it starts, seconds.
    pub start_s: f64,
    /// The plain texts, by which cuts are compared.
    pub plain: LevelTexts,
    /// The texts in other words, at least one.
    pub wordings: Vec<LevelTexts>,
    /// What people say about it.
    pub titles: Vec<String>,
    /// `[frames, FRAME]`, shared by the cuts of a clip.
    motion: Arc<Vec<f32>>,
    first: usize,
    frames: usize,
}

/// Cuts in main memory.
#[derive(Clone, Debug)]
pub struct CutDraw {
    /// `[cuts, frames, FRAME]`
    pub frames: Vec<f32>,
    /// Frames of each cut.
    pub lengths: Vec<usize>,
    /// Texts of each cut.
    pub texts: TextBatch,
    /// How similar the plain texts of two cuts are, for each encoder, `[cuts, cuts]`.
    pub similar: Vec<Vec<f32>>,
}

impl CutDraw {
    /// Copies the motions to a device.
    pub fn motions<B: Backend>(&self, device: &B::Device) -> Motions<B> {
        let batch = self.lengths.len();
        let shape = [batch, self.frames.len() / (batch * FRAME).max(1), FRAME];
        let frames = Tensor::from_data(TensorData::new(self.frames.clone(), shape), device);
        Motions { frames, lengths: self.lengths.clone() }
    }
}

/// Cuts, from which batches of different texts are drawn.
#[derive(Debug)]
pub struct Cuts {
    cuts: Vec<Cut>,
    /// Cuts with the same sentence about the whole body.
    alike: Vec<Vec<usize>>,
    /// For each encoder.
    bags: Vec<Bags>,
    titles: f64,
    spec: AlignSpec,
    network: AlignConfig,
}

impl Cuts {
    /// Cuts of clips that carry their titles, as `config` says, for a network.
    ///
    /// # Errors
    /// If a clip cannot be told, or none is long enough.
    pub fn of_clips(
        clips: Vec<(NamedClip, Vec<String>)>,
        config: CutConfig,
        spec: AlignSpec,
        network: &AlignConfig,
    ) -> anyhow::Result<Self> {
        let seconds = network.frames as f64 / spec.rate_hz;
        let told = clips.into_iter().map(|(clip, titles)| {
            let spans = config.spans(clip.clip.duration(), seconds, &titles);
            (clip, spans)
        });
        Self::of_spans(told.collect(), config, spec, network)
    }

    /// Cuts at these spans of clips. A span that is longer than the network sees is cut off.
    ///
    /// # Errors
    /// If a clip cannot be told, or no span is long enough.
    pub fn of_spans(
        clips: Vec<(NamedClip, Vec<Span>)>,
        config: CutConfig,
        spec: AlignSpec,
        network: &AlignConfig,
    ) -> anyhow::Result<Self> {
        let count = clips.len();
        let table = Arc::new(CodeTable::default());
        let cut = |(clip, spans): (NamedClip, Vec<Span>)| {
            cuts_of(&clip, &spans, config, spec, network, &table)
        };
        let cuts: anyhow::Result<Vec<Vec<Cut>>> = clips.into_par_iter().map(cut).collect();
        let cuts: Vec<Cut> = cuts?.into_iter().flatten().collect();
        ensure!(
            !cuts.is_empty(),
            "none of {count} clips is as long as `cuts.shortest_s`, {} s",
            config.shortest_s
        );
        let mut alike: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (i, cut) in cuts.iter().enumerate() {
            alike.entry(&cut.plain.body).or_default().push(i);
        }
        let alike = alike.into_values().collect();
        let levels = network.structure.encoders().iter();
        let bags = levels.map(|levels| Bags::new(cuts.iter().map(|cut| &cut.plain), levels));
        let bags = bags.collect();
        Ok(Self { alike, bags, titles: config.titles, spec, network: network.clone(), cuts })
    }

    /// All cuts.
    #[must_use]
    pub fn all(&self) -> &[Cut] {
        &self.cuts
    }

    /// Number of different sentences about the whole body: the largest batch.
    #[must_use]
    pub fn different(&self) -> usize {
        self.alike.len()
    }

    /// Their total duration, minutes.
    #[must_use]
    pub fn minutes(&self) -> f64 {
        let frames: usize = self.cuts.iter().map(|cut| cut.frames).sum();
        frames as f64 / self.spec.rate_hz / 60.0
    }

    /// Mean and deviation of the numbers of a frame.
    #[must_use]
    pub fn statistics(&self) -> DataStatistics {
        statistics(self.cuts.iter().flat_map(|cut| cut.numbers().as_chunks::<FRAME>().0), 0.0)
    }

    /// A draw of these cuts, each with these texts.
    #[must_use]
    pub fn batch(&self, cuts: &[usize], texts: &[LevelTexts]) -> CutDraw {
        let size = self.network.frames * FRAME;
        let padded = |i: &usize| {
            let mut numbers = self.cuts[*i].numbers().to_vec();
            numbers.resize(size, 0.0);
            numbers
        };
        let similar = |bags: &Bags| {
            let row =
                |one: &usize| cuts.iter().map(|other| bags.similarity(*one, *other)).collect();
            cuts.iter().flat_map(|one| -> Vec<f32> { row(one) }).collect()
        };
        let texts: Vec<&LevelTexts> = texts.iter().collect();
        CutDraw {
            frames: cuts.iter().flat_map(padded).collect(),
            lengths: cuts.iter().map(|i| self.cuts[*i].frames).collect(),
            texts: TextBatch::new(&texts, &self.spec, self.network.rows),
            similar: self.bags.iter().map(similar).collect(),
        }
    }
}

impl Cut {
    fn numbers(&self) -> &[f32] {
        &self.motion[self.first * FRAME..(self.first + self.frames) * FRAME]
    }
}

impl Examples for Cuts {
    type Draw = CutDraw;

    /// Cuts of different sentences about the whole body, each sentence as often as any other.
    fn draw(&self, seed: u64, first: u64, count: usize) -> CutDraw {
        let mut rng = random_stream(seed, first);
        let chosen = index::sample(&mut rng, self.alike.len(), count.min(self.alike.len()));
        let cuts: Vec<usize> = chosen
            .into_iter()
            .map(|text| self.alike[text][rng.random_range(0..self.alike[text].len())])
            .collect();
        let mut told = |cut: &Cut| draw_words(&cut.wordings, &cut.titles, self.titles, &mut rng);
        let texts: Vec<LevelTexts> = cuts.iter().map(|cut| told(&self.cuts[*cut])).collect();
        let mut draw = self.batch(&cuts, &texts);
        // Two cuts with the same title are no negatives of each other, if it is what is read.
        let same_title = |i: usize, j: usize| {
            let titled = |i: usize| self.cuts[cuts[i]].titles.contains(&texts[i].body);
            (titled(i) || titled(j))
                && self.cuts[cuts[i]].titles.iter().any(|t| self.cuts[cuts[j]].titles.contains(t))
        };
        let encoders = self.network.structure.encoders();
        for (similar, levels) in draw.similar.iter_mut().zip(encoders) {
            for (at, value) in similar.iter_mut().enumerate() {
                if levels.contains(&Level::Body) && same_title(at / cuts.len(), at % cuts.len()) {
                    *value = 1.0;
                }
            }
        }
        draw
    }

    fn tensors(draw: &CutDraw) -> Vec<(&'static str, Vec<usize>, &[f32])> {
        let batch = draw.lengths.len();
        let shape = vec![batch, draw.frames.len() / (batch * FRAME).max(1), FRAME];
        vec![("frames", shape, &draw.frames)]
    }
}

/// The cuts of a clip at `spans` that are long enough.
fn cuts_of(
    clip: &NamedClip,
    spans: &[Span],
    config: CutConfig,
    spec: AlignSpec,
    network: &AlignConfig,
    table: &Arc<CodeTable>,
) -> anyhow::Result<Vec<Cut>> {
    let skeleton = Skeleton::default();
    let sides = tell(clip, spans, config, spec.rate_hz, network.frames, table)?;
    let cuts = sides.into_iter().flat_map(|side| {
        let (mut writer, mut motion) = (FrameWriter::new(&skeleton, spec.rate_hz), vec![]);
        side.motion.frames.iter().for_each(|frame| writer.write(&Pose::from(frame), &mut motion));
        let motion = Arc::new(motion);
        side.spans.into_iter().map(move |span| Cut {
            clip: clip.name.clone(),
            start_s: span.start_s,
            plain: span.plain,
            wordings: span.wordings,
            titles: span.titles,
            motion: Arc::clone(&motion),
            first: span.frames.start,
            frames: span.frames.len(),
        })
    });
    Ok(cuts.collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use kinest::model::align::Structure;
    use kinest::motion::synthetic::walk_and_wave;

    pub(crate) fn network(structure: Structure) -> AlignConfig {
        AlignConfig {
            structure,
            width: 8,
            heads: 2,
            hidden: 8,
            dropout: 0.0,
            rows: 64,
            frames: 48,
            patches: [8, 16, 24],
            ..AlignConfig::default()
        }
    }

    /// Parts of a walk, which differ in what is done.
    pub(crate) fn cuts(config: CutConfig) -> Cuts {
        let clip = walk_and_wave(&Skeleton::default());
        let clip = NamedClip { name: "CMU/1/1_1_poses.npz".into(), clip };
        let titles = vec!["walk, wave left".to_owned()];
        let network = network(Structure::default());
        Cuts::of_clips(vec![(clip, titles)], config, AlignSpec::default(), &network).unwrap()
    }

    #[test]
    fn cuts_have_the_motion_and_the_texts_of_their_time() {
        let cuts = cuts(CutConfig { stride_s: 1.2, ..CutConfig::default() });
        let (plain, other) = cuts.all().split_at(cuts.all().len() / 2);
        assert!(plain.len() >= 3, "{}", plain.len());
        for (cut, mirrored) in plain.iter().zip(other) {
            assert_eq!(cut.wordings.len(), 6);
            assert_eq!(cut.plain, cut.wordings[0]);
            assert_ne!(cut.plain, cut.wordings[3]);
            assert_eq!(mirrored.titles, ["walk, wave right"]);
            let rows = |cut: &Cut| cut.numbers().as_chunks::<FRAME>().0.to_vec();
            let (rows, mirrored) = (rows(cut), rows(mirrored));
            assert_eq!((rows.len(), mirrored.len()), (48, 48));
            // Heights of left and right arm have changed places.
            let (left, right) = (4 + 2 * 30 + 2, 4 + 3 * 30 + 2);
            let same = rows.iter().zip(&mirrored);
            assert!(same.clone().all(|(a, b)| (a[left] - b[right]).abs() < 1e-4));
            assert!(same.clone().any(|(a, b)| (a[left] - b[left]).abs() > 0.02));
        }
        // The second starts 24 frames after the first.
        assert_eq!(plain[0].numbers()[24 * FRAME..], plain[1].numbers()[..24 * FRAME]);
    }

    #[test]
    fn batches_hold_different_texts_and_depend_on_seed_and_number_only() {
        let cuts = cuts(CutConfig { stride_s: 0.4, titles: 0.5, ..CutConfig::default() });
        assert!(cuts.different() >= 4, "{}", cuts.different());
        let draw = |seed, first| cuts.draw(seed, first, 4);
        let one = draw(3, 8);
        assert_eq!(one.lengths, [48; 4]);
        assert_eq!(one.frames, draw(3, 8).frames);
        assert_eq!(one.texts, draw(3, 8).texts);
        assert_ne!(one.texts, draw(3, 12).texts);
        assert_ne!(one.texts, draw(4, 8).texts);
        for similar in &one.similar {
            for i in 0..4 {
                assert!((similar[i * 5] - 1.0).abs() < 1e-5);
                assert!((0..4).all(|j| (similar[i * 4 + j] - similar[j * 4 + i]).abs() < 1e-6));
            }
        }
        let untitled = Cuts { titles: 0.0, ..cuts };
        let similar = untitled.draw(3, 8, 4).similar;
        assert!((0..16).filter(|i| i % 5 > 0).all(|i| similar[0][i] < 0.9999), "{similar:?}");
    }

    #[test]
    fn statistics_are_those_of_the_frames() {
        let cuts = cuts(CutConfig::default());
        let statistics = cuts.statistics();
        let all: Vec<f32> = cuts.all().iter().flat_map(|cut| cut.numbers().to_vec()).collect();
        let height: Vec<f32> = all.as_chunks::<FRAME>().0.iter().map(|frame| frame[0]).collect();
        let mean = height.iter().sum::<f32>() / height.len() as f32;
        let square = height.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / height.len() as f32;
        assert!((statistics.input_mean[0] - mean).abs() < 1e-4);
        assert!((statistics.input_std[0] - square.sqrt()).abs() < 1e-4);
    }

    #[test]
    fn clips_that_are_too_short_are_refused() {
        let mut clip = walk_and_wave(&Skeleton::default());
        clip.frames.truncate(20);
        let clip = NamedClip { name: "a".into(), clip };
        let (config, spec) = (CutConfig::default(), AlignSpec::default());
        let network = network(Structure::Global);
        let error = Cuts::of_clips(vec![(clip, vec![])], config, spec, &network).unwrap_err();
        assert!(error.to_string().contains("`cuts.shortest_s`"), "{error}");
    }
}
