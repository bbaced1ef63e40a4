//! Scores of text-to-motion networks on cuts that they were not trained on: generated motion beside the
//! real motion, beside that motion written as tokens and read back, and beside retrieval.

use super::alignment::TrainedAlignment;
use super::frechet::{Place, distance, frechet, spread};
use super::generated::MadeFigures;
use super::motion_space::MotionSpace;
use super::network_motion::{MotionNetwork, TextToMotion};
use super::retrieval::{Among, protocols};
use super::table::Table;
use super::trained::TrainedModel;
use crate::data::clips::NamedClip;
use crate::data::titles::Titles;
use crate::progress;
use crate::tasks::align::cuts::{CutConfig, Cuts};
use anyhow::{Context, ensure};
use burn::tensor::backend::Backend;
use kinest::align::LevelTexts;
use kinest::compose::grounded;
use kinest::events::{CodeError, CodeSegment, CodeTable, codes_of};
use kinest::model::generate::Generating;
use kinest::motion::MotionClip;
use kinest::skeleton::Skeleton;
use kinest_language::Describer;
use kinest_language::generate::{Generator, Judged, Request};
use kinest_nn::generate::Sampling;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::HashMap;
use std::fmt::{self, Display};
use std::sync::Arc;

/// Motions that a network makes at once.
const BATCH: usize = 32;
/// Seed of the motions that are scored.
const SEED: u64 = 1;
/// Texts of which several motions are made, and how many of each.
const VARIED: (usize, u64) = (8, 4);
/// Rate at which the codes of all motions are found, as those of recordings are.
const CODES_HZ: f64 = 60.0;
/// First so many texts among which that of a motion should be.
const FIRST: [usize; 3] = [1, 2, 3];
/// Scale of guidance at which the network follows its text as it learned to.
const UNGUIDED: f64 = 1.0;

/// A trained generator.
pub type TrainedGenerator = TrainedModel<Generating>;

/// What generators are scored on and with.
#[derive(Debug)]
pub struct GenerationTest<'a> {
    /// Clips that nothing was trained on.
    pub clips: &'a [NamedClip],
    /// What people call them: if given, motion is also made from titles alone.
    pub titles: Option<&'a Titles>,
    /// The model of alignment in whose space motions and texts are compared.
    pub evaluator: &'a TrainedAlignment,
    /// Retrieval from a library: if given, it makes motion from the same texts.
    pub retrieval: Option<&'a Generator>,
}

/// Scores of several generators.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GenerationReport {
    /// Cuts of the first model.
    pub cuts: usize,
    /// Their duration, minutes.
    pub minutes: f64,
    /// Name of the model in whose space motions are compared.
    pub evaluator: String,
    /// For each model what its motions are compared with, and its motions.
    pub rows: Vec<GenerationRow>,
}

/// Scores of motions of one origin.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GenerationRow {
    /// The generator.
    pub name: String,
    /// Where the motions come from.
    pub motion: String,
    /// Number of motions; fewer than cuts where none could be made or there is no title.
    pub motions: usize,
    /// How they look, and how much of what the real motion shows they show.
    pub figures: MadeFigures,
    /// Where they are in the evaluator's space.
    pub space: SpaceFigures,
}

/// Where motions are in the space of the evaluator.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SpaceFigures {
    /// Share of motions whose text is the nearest, among the two and the three nearest of a group.
    pub r_precision: [f64; 3],
    /// Texts of a group: 32, or all if there are fewer.
    pub group: usize,
    /// Fréchet distance to the real motions.
    pub fid: Option<f64>,
    /// Mean distance of a motion to its text.
    pub to_text: f64,
    /// Mean distance of two motions.
    pub diversity: Option<f64>,
    /// The same of motions of one text.
    pub multimodality: Option<f64>,
}

/// Scores models on cuts of clips: what `describe` says of them, in words that were not trained on.
///
/// # Errors
/// If weights do not fit, no clip is long enough, a motion cannot be told, or there is no model.
pub fn evaluate_generation<B: Backend>(
    models: &[TrainedGenerator],
    test: &GenerationTest,
    device: &B::Device,
) -> anyhow::Result<GenerationReport> {
    let space = MotionSpace::<B>::new(test.evaluator, device.clone())?;
    let mut report = GenerationReport {
        cuts: 0,
        minutes: 0.0,
        evaluator: test.evaluator.name.clone(),
        rows: vec![],
    };
    for TrainedGenerator { name, checkpoint } in models {
        let in_model = || format!("model {name}");
        let network = MotionNetwork::<B>::new(checkpoint, device.clone()).with_context(in_model)?;
        let cuts = TrueCuts::new(test, &space, &network).with_context(in_model)?;
        if report.rows.is_empty() {
            let seconds: f64 = cuts.real.iter().map(MotionClip::duration).sum();
            (report.cuts, report.minutes) = (cuts.real.len(), seconds / 60.0);
        }
        let real = space.motions(&cuts.real)?;
        for made in cuts.all(test, &network).with_context(in_model)? {
            let Made { origin, of, clips, varied } = made;
            let placed = match of.len() == real.len() && origin == Origin::Real {
                true => real.clone(),
                false => space.motions(&clips)?,
            };
            let varied: anyhow::Result<Vec<Vec<Place>>> =
                varied.iter().map(|clips| space.motions(clips)).collect();
            let texts: Vec<&LevelTexts> = of.iter().map(|i| &cuts.texts[*i]).collect();
            report.rows.push(GenerationRow {
                name: name.clone(),
                motion: origin.title(),
                motions: clips.len(),
                figures: cuts.figures(&of, &clips)?,
                space: SpaceFigures::new(&space.texts(&texts)?, &placed, &real, &varied?),
            });
        }
    }
    ensure!(!report.rows.is_empty(), "there is no model to evaluate");
    Ok(report)
}

/// Where motions come from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Origin {
    Real,
    Tokens,
    Passes(usize),
    Unguided,
    Grounded,
    Titles,
    Retrieval,
}

impl Origin {
    fn title(self) -> String {
        match self {
            Self::Real => "real".into(),
            Self::Tokens => "real, through the tokens".into(),
            Self::Passes(1) => "1 pass".into(),
            Self::Passes(count) => format!("{count} passes"),
            Self::Unguided => "3 passes, no guidance".into(),
            Self::Grounded => "3 passes, feet solved".into(),
            Self::Titles => "3 passes, titles alone".into(),
            Self::Retrieval => "retrieval".into(),
        }
    }
}

/// Motions of one origin.
struct Made {
    origin: Origin,
    /// Numbers of the cuts that they are made for.
    of: Vec<usize>,
    clips: Vec<MotionClip>,
    /// Motions of some texts, several of each.
    varied: Vec<Vec<MotionClip>>,
}

/// Held-out cuts: what a network is asked for, and what would be right.
struct TrueCuts {
    texts: Vec<LevelTexts>,
    titles: Vec<Option<String>>,
    /// At the model's rate, none longer than the model can write.
    real: Vec<MotionClip>,
    /// The codes of the recordings.
    codes: Vec<Vec<CodeSegment>>,
    skeleton: Skeleton,
    table: Arc<CodeTable>,
}

impl TrueCuts {
    /// Cuts as the evaluator was tested on, as far as the network can write such long motions.
    fn new<B: Backend>(
        test: &GenerationTest,
        space: &MotionSpace<B>,
        network: &MotionNetwork<B>,
    ) -> anyhow::Result<Self> {
        let (rate_hz, spec) = (network.rate_hz(), space.spec);
        let most = (network.longest() * network.frames()) as f64 / rate_hz;
        let most = (most * spec.rate_hz + 1e-9) as usize;
        let mut config = space.config.clone();
        config.frames = config.frames.min(most.max(1));
        let seconds = config.frames as f64 / spec.rate_hz;
        let untitled = test.clips.iter().map(|clip| (clip.clone(), vec![])).collect();
        let cuts = Cuts::of_clips(untitled, CutConfig::default().held_out(seconds), spec, &config)?;
        let clips: HashMap<&str, &MotionClip> =
            test.clips.iter().map(|clip| (clip.name.as_str(), &clip.clip)).collect();
        let mut all = Self {
            texts: vec![],
            titles: vec![],
            real: vec![],
            codes: vec![],
            skeleton: Skeleton::default(),
            table: Arc::new(CodeTable::default()),
        };
        for cut in cuts.all() {
            // From the frame of the evaluator's rate at which the cut starts.
            let start_s = (cut.start_s * spec.rate_hz).round() / spec.rate_hz;
            let part = part(clips[cut.clip.as_str()], start_s, seconds);
            let mut real = part.resampled(rate_hz);
            real.frames.truncate(network.longest() * network.frames());
            let title = test.titles.and_then(|titles| titles.of(&cut.clip));
            all.titles.push(title.and_then(|title| title.titles.first().cloned()));
            all.texts.push(cut.wordings[0].clone());
            all.codes.push(all.codes_of(&part).with_context(|| format!("clip {}", cut.clip))?);
            all.real.push(real);
        }
        Ok(all)
    }

    fn codes_of(&self, clip: &MotionClip) -> Result<Vec<CodeSegment>, CodeError> {
        let clip = clip.resampled(CODES_HZ);
        Ok(codes_of(&clip, &self.skeleton, Arc::clone(&self.table))?.segments)
    }

    /// Motions of all origins.
    fn all<B: Backend>(
        &self,
        test: &GenerationTest,
        network: &MotionNetwork<B>,
    ) -> anyhow::Result<Vec<Made>> {
        let whole: Vec<usize> = (0..self.real.len()).collect();
        let plain = |origin, clips| Made { origin, of: whole.clone(), clips, varied: vec![] };
        let read = self.real.iter().map(|clip| network.through_tokens(clip));
        let read: Vec<MotionClip> = read.collect::<anyhow::Result<_>>()?;
        let mut all = vec![plain(Origin::Real, self.real.clone()), plain(Origin::Tokens, read)];
        let passes = |passes: usize| Sampling { passes, ..Sampling::default() };
        for count in 1..=3 {
            let (texts, sampling) = (self.texts_of(&whole), passes(count));
            let clips = self.make(network, &whole, &texts, &sampling)?;
            let varied = self.varied(network, &sampling)?;
            all.push(Made { varied, ..plain(Origin::Passes(count), clips) });
        }
        let solved = all[all.len() - 1].clips.par_iter();
        let solved = solved.map(|clip| grounded(clip, &self.skeleton)).collect();
        all.push(plain(Origin::Grounded, solved));
        let sampling = Sampling { scale: UNGUIDED, ..passes(3) };
        let clips = self.make(network, &whole, &self.texts_of(&whole), &sampling)?;
        let varied = self.varied(network, &sampling)?;
        all.push(Made { varied, ..plain(Origin::Unguided, clips) });
        all.extend(self.by_titles(network, &passes(3))?);
        all.extend(test.retrieval.map(|generator| self.retrieved(generator, network.rate_hz())));
        Ok(all.into_iter().filter(|made| !made.clips.is_empty()).collect())
    }

    fn texts_of(&self, cuts: &[usize]) -> Vec<&LevelTexts> {
        cuts.iter().map(|i| &self.texts[*i]).collect()
    }

    /// A motion for each text, as long as the cut that it is for.
    fn make<B: Backend>(
        &self,
        network: &MotionNetwork<B>,
        cuts: &[usize],
        texts: &[&LevelTexts],
        sampling: &Sampling,
    ) -> anyhow::Result<Vec<MotionClip>> {
        let bar = progress::rows(cuts.len(), "making motion");
        let mut clips = vec![];
        for (cuts, texts) in cuts.chunks(BATCH).zip(texts.chunks(BATCH)) {
            // Batches differ in their chances, too.
            let seed = SEED + (clips.len() / BATCH) as u64;
            clips.extend(self.as_long(network, cuts, texts, sampling, seed)?);
            bar.inc(cuts.len() as u64);
        }
        bar.finish_and_clear();
        Ok(clips)
    }

    fn as_long<B: Backend>(
        &self,
        network: &MotionNetwork<B>,
        cuts: &[usize],
        texts: &[&LevelTexts],
        sampling: &Sampling,
        seed: u64,
    ) -> anyhow::Result<Vec<MotionClip>> {
        let frames: Vec<usize> = cuts.iter().map(|i| self.real[*i].frames.len()).collect();
        let tokens: Vec<usize> = frames.iter().map(|frames| network.tokens(*frames)).collect();
        let mut clips = network.make(texts, &tokens, sampling, seed)?;
        clips.iter_mut().zip(frames).for_each(|(clip, frames)| clip.frames.truncate(frames));
        Ok(clips)
    }

    /// Several motions of some texts.
    fn varied<B: Backend>(
        &self,
        network: &MotionNetwork<B>,
        sampling: &Sampling,
    ) -> anyhow::Result<Vec<Vec<MotionClip>>> {
        let (texts, times) = VARIED;
        let count = self.real.len();
        let cuts: Vec<usize> =
            (0..texts.min(count)).map(|i| i * count / texts.min(count)).collect();
        let mut all = vec![vec![]; cuts.len()];
        for seed in 0..times {
            let texts = self.texts_of(&cuts);
            let clips = self.as_long(network, &cuts, &texts, sampling, 1000 + seed)?;
            all.iter_mut().zip(clips).for_each(|(all, clip)| all.push(clip));
        }
        Ok(all)
    }

    /// Motions from what people call the clips, and nothing else; none without titles.
    fn by_titles<B: Backend>(
        &self,
        network: &MotionNetwork<B>,
        sampling: &Sampling,
    ) -> anyhow::Result<Option<Made>> {
        let titled = self.titles.iter().enumerate();
        let titled = titled.filter_map(|(i, title)| {
            let body = title.clone()?;
            Some((i, LevelTexts { body, ..LevelTexts::default() }))
        });
        let (of, texts): (Vec<usize>, Vec<LevelTexts>) = titled.unzip();
        if of.is_empty() {
            return Ok(None);
        }
        let texts: Vec<&LevelTexts> = texts.iter().collect();
        let clips = self.make(network, &of, &texts, sampling)?;
        Ok(Some(Made { origin: Origin::Titles, of, clips, varied: vec![] }))
    }

    /// Motions of a library for the sentences about the whole body, as long as they take.
    fn retrieved(&self, generator: &Generator, rate_hz: f64) -> Made {
        let bar = progress::rows(self.texts.len(), "retrieving motion");
        let (mut of, mut clips) = (vec![], vec![]);
        for (i, texts) in self.texts.iter().enumerate() {
            if let Ok(made) = generator.generate(&Request::new(&texts.body)) {
                of.push(i);
                clips.push(made.clip.resampled(rate_hz));
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Made { origin: Origin::Retrieval, of, clips, varied: vec![] }
    }

    /// How the motions for `cuts` look, and how much they show of what the real ones do.
    fn figures(&self, cuts: &[usize], clips: &[MotionClip]) -> anyhow::Result<MadeFigures> {
        let figures = cuts.par_iter().zip(clips).map(|(i, clip)| {
            let describer = Describer { table: &self.table, ..Describer::default() };
            let judged = Judged::like(&describer, &self.codes[*i], &self.codes_of(clip)?);
            anyhow::Ok(MadeFigures::new(clip, &self.skeleton, &judged))
        });
        let figures: Vec<MadeFigures> = figures.collect::<anyhow::Result<_>>()?;
        MadeFigures::mean(&figures).context("there is no motion")
    }
}

/// A part of a clip.
fn part(clip: &MotionClip, start_s: f64, seconds: f64) -> MotionClip {
    let at = |seconds: f64| ((seconds * clip.rate_hz).round() as usize).min(clip.frames.len());
    let frames = clip.frames[at(start_s)..at(start_s + seconds)].to_vec();
    MotionClip { rate_hz: clip.rate_hz, frames }
}

impl SpaceFigures {
    /// Of the points of texts and of their motions, of all real motions, and of several motions of some
    /// texts.
    fn new(texts: &[Place], motions: &[Place], real: &[Place], varied: &[Vec<Place>]) -> Self {
        let (r_precision, group) = r_precision(texts, motions);
        let to_text = texts.iter().zip(motions).map(|(text, motion)| distance(text, motion));
        let of_one: Vec<f64> = varied.iter().filter_map(|places| spread(places)).collect();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        Self {
            r_precision,
            group,
            fid: frechet(motions, real),
            to_text: to_text.sum::<f64>() / motions.len() as f64,
            diversity: spread(motions),
            multimodality: (!of_one.is_empty()).then(|| mean(&of_one)),
        }
    }
}

/// How often the text of a motion is among the first of a group of 32, and the size of the group.
fn r_precision(texts: &[Place], motions: &[Place]) -> ([f64; 3], usize) {
    let near = |text: &Place, motion: &Place| -distance(text, motion) as f32;
    let row = |text| motions.iter().map(move |motion| near(text, motion));
    let found: Vec<f32> = texts.iter().flat_map(row).collect();
    let all = protocols(&found, texts.len(), |i, j| f32::from(u8::from(i == j)));
    let batches = all.iter().find(|one| one.among == Among::Batches);
    let searched = batches.unwrap_or(&all[0]);
    let share = |first: usize| searched.motion_to_text.first[&first] / 100.0;
    (FIRST.map(share), searched.pairs)
}

impl GenerationRow {
    /// Names of the figures and their values.
    fn numbers(&self) -> Vec<(&'static str, Option<f64>)> {
        let (figures, space) = (&self.figures, &self.space);
        let [first, second, third] = space.r_precision.map(Some);
        vec![
            ("f1", figures.f1),
            ("recall", figures.recall),
            ("precision", figures.precision),
            ("r_precision_1", first),
            ("r_precision_2", second),
            ("r_precision_3", third),
            ("fid", space.fid),
            ("to_text", Some(space.to_text)),
            ("diversity", space.diversity),
            ("multimodality", space.multimodality),
            ("slide_cm_s", figures.slide_cm_s),
            ("below_floor_cm", Some(figures.below_floor_cm)),
            ("deepest_cm", Some(figures.deepest_cm)),
            ("jitter_1e2_m_s3", figures.jitter_1e2_m_s3),
            ("seconds", Some(figures.seconds)),
        ]
    }
}

impl GenerationReport {
    /// One row per model and origin.
    ///
    /// # Errors
    /// Never in practice, since it is written to memory.
    pub fn csv(&self) -> anyhow::Result<Vec<u8>> {
        let mut csv = csv::Writer::from_writer(vec![]);
        for (i, row) in self.rows.iter().enumerate() {
            let numbers = row.numbers();
            if i == 0 {
                let names = numbers.iter().map(|(name, _)| *name);
                csv.write_record(["model", "motion", "motions"].into_iter().chain(names))?;
            }
            let shown = |value: &Option<f64>| value.map_or_else(String::new, |v| v.to_string());
            let values = numbers.iter().map(|(_, value)| shown(value));
            let what = [row.name.clone(), row.motion.clone(), row.motions.to_string()];
            csv.write_record(what.into_iter().chain(values))?;
        }
        csv.into_inner().context("cannot write CSV")
    }
}

impl Display for GenerationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = self.rows.first().map_or(0, |row| row.space.group);
        writeln!(
            f,
            "{} cuts, {:.1} minutes. F1, recall and precision: codes of the real cut. R-precision top 1 / 2 / 3 \
             in groups of {group}, FID, distances: in the space of {}, where no two points are further apart \
             than 2.\n",
            self.cuts, self.minutes, self.evaluator
        )?;
        let mut table = Table::new(&[
            "model",
            "motion",
            "motions",
            "F1",
            "recall",
            "precision",
            "R-precision",
            "FID",
            "to text",
            "diversity",
            "multimodality",
            "slide cm/s",
            "below floor cm, mean / max",
            "jitter 100 m/s3",
            "s",
        ]);
        let shown = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "–".into(), |value| format!("{value:.digits$}"))
        };
        for row in &self.rows {
            let (figures, space) = (&row.figures, &row.space);
            let precision = space.r_precision.map(|share| format!("{share:.2}")).join(" / ");
            table.rows.push(vec![
                row.name.clone(),
                row.motion.clone(),
                row.motions.to_string(),
                shown(figures.f1, 2),
                shown(figures.recall, 2),
                shown(figures.precision, 2),
                precision,
                shown(space.fid, 3),
                shown(Some(space.to_text), 2),
                shown(space.diversity, 2),
                shown(space.multimodality, 2),
                shown(figures.slide_cm_s, 1),
                format!("{:.2} / {:.1}", figures.below_floor_cm, figures.deepest_cm),
                shown(figures.jitter_1e2_m_s3, 1),
                shown(Some(figures.seconds), 1),
            ]);
        }
        write!(f, "{table}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinest::motion::synthetic::walk_and_wave;

    /// Points on a circle.
    fn circle(count: usize) -> Vec<Place> {
        let angle = |i: usize| i as f64 / count as f64 * std::f64::consts::TAU;
        (0..count).map(|i| vec![angle(i).cos(), angle(i).sin()]).collect()
    }

    #[test]
    fn every_motion_that_is_its_text_is_found_first() {
        for (count, group) in [(70, 32), (20, 20)] {
            let points = circle(count);
            assert_eq!(r_precision(&points, &points), ([1.0; 3], group));
            let figures = SpaceFigures::new(&points, &points, &points, &[]);
            assert!(figures.fid.unwrap() < 1e-6 && figures.to_text == 0.0, "{figures:?}");
            assert_eq!(figures.multimodality, None);
            // Each motion is where the text on the other side is.
            let mut others = points.clone();
            others.rotate_left(count / 2);
            assert_eq!(r_precision(&points, &others).0, [0.0; 3]);
        }
    }

    #[test]
    fn motions_of_one_text_have_a_spread_of_their_own() {
        let points = circle(8);
        let same = vec![points[0].clone(); 4];
        let two = vec![vec![0.0, 0.0], vec![0.0, 1.0]];
        let figures = SpaceFigures::new(&points, &points, &points, &[same, two]);
        assert_eq!(figures.multimodality, Some(0.5));
        assert!(figures.diversity.unwrap() > 1.0);
    }

    #[test]
    fn a_part_ends_with_its_clip() {
        let clip = walk_and_wave(&Skeleton::default());
        let whole = clip.duration();
        let frames = part(&clip, 0.5, 1.0).frames;
        assert_eq!((frames.len(), frames[0]), (60, clip.frames[30]));
        assert!(part(&clip, whole - 1.0, 5.0).duration() <= 1.0);
    }
}
