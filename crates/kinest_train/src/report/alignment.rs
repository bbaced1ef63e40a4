//! Scores of models of alignment on cuts that they were not trained on.

use super::recall::Recall;
use super::retrieval::{FIRST, Retrieval, protocols};
use super::search::{SearchReport, measure};
use super::table::Table;
use super::trained::TrainedModel;
use crate::data::clips::NamedClip;
use crate::tasks::align::Bags;
use crate::tasks::align::cuts::{Cut, CutConfig, Cuts};
use anyhow::Context;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use kinest::align::{LevelTexts, TextBatch};
use kinest::events::{CodeTable, codes_of};
use kinest::model::CheckpointOf;
use kinest::model::align::{Alignment, Level};
use kinest::skeleton::Skeleton;
use kinest_language::{Clip, Describer, Library};
use kinest_nn::align::{Htma, Point};
use kinest_nn::loss::cosines;
use serde::Serialize;
use std::collections::HashMap;
use std::fmt::{self, Display};
use std::path::Path;
use std::sync::Arc;

/// Cuts that a network sees at once.
const BATCH: usize = 32;

/// A trained model of alignment.
pub type TrainedAlignment = TrainedModel<Alignment>;

/// How well texts and motions find each other, by one measure of how they fit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlignScores {
    /// The model, or what needs none.
    pub name: String,
    /// What is compared: the mean over all levels, or one of them.
    pub by: String,
    /// Scores under each protocol.
    pub protocols: Vec<Retrieval>,
}

/// Search for clips by their titles.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TitleScores {
    /// The model.
    pub name: String,
    /// Its ranks beside those of the library's own search, which knows no titles either.
    #[serde(flatten)]
    pub search: SearchReport,
}

/// The scores of all models.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlignReport {
    /// Number of cuts.
    pub cuts: usize,
    /// Their duration, minutes.
    pub minutes: f64,
    /// For each model its mean over the levels and each level, and the overlap of words.
    pub scores: Vec<AlignScores>,
    /// Search by titles, if there are some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub titles: Vec<TitleScores>,
}

/// Scores models on clips: on what `describe` says of their cuts in words that were not trained on, and
/// on the titles of a table.
///
/// # Errors
/// If weights do not fit, a clip cannot be told, none is long enough, or no title is about a clip.
pub fn evaluate<B: Backend>(
    models: &[TrainedAlignment],
    clips: &[NamedClip],
    titles: Option<&Path>,
    device: &B::Device,
) -> anyhow::Result<AlignReport> {
    let (mut scores, mut by_title, mut size) = (vec![], vec![], (0, 0.0));
    let library = titles.map(|_| library(clips)).transpose()?;
    for TrainedAlignment { name, checkpoint } in models {
        let in_model = || format!("model {name}");
        let network = Htma::<B>::from_checkpoint(checkpoint, device).with_context(in_model)?;
        let (config, spec) = (&checkpoint.manifest.network, checkpoint.manifest.spec);
        let cutting = CutConfig::default().held_out(config.frames as f64 / spec.rate_hz);
        let untitled = clips.iter().map(|clip| (clip.clone(), vec![])).collect();
        let cuts = Cuts::of_clips(untitled, cutting, spec, config).with_context(in_model)?;
        let told: Vec<LevelTexts> = cuts.all().iter().map(|cut| cut.wordings[0].clone()).collect();
        let read = |texts: &[LevelTexts]| {
            let texts: Vec<&LevelTexts> = texts.iter().collect();
            network.texts(&TextBatch::new(&texts, &spec, config.rows), device)
        };
        let numbers: Vec<usize> = (0..told.len()).collect();
        let texts = all(numbers.chunks(BATCH).map(|part| read(&told[part[0]..][..part.len()])));
        let motions = all(numbers.chunks(BATCH).map(|part| {
            let draw = cuts.batch(part, &told[part[0]..][..part.len()]);
            network.motions(&draw.motions::<B>(device))
        }));

        let bodies = Bags::new(cuts.all().iter().map(|cut| &cut.plain), &[Level::Body]);
        let by = levels(checkpoint);
        let each = texts.iter().zip(&motions).map(|(text, motion)| fits(text, motion));
        let each: Vec<Vec<f32>> = each.collect::<anyhow::Result<_>>()?;
        let mean = (0..told.len().pow(2)).map(|i| each.iter().map(|fit| fit[i]).sum());
        let mean = (each.len() > 1).then(|| ("mean".to_owned(), mean.collect()));
        for (by, fits) in mean.into_iter().chain(by.into_iter().zip(each)) {
            let protocols = protocols(&fits, told.len(), |i, j| bodies.similarity(i, j));
            scores.push(AlignScores { name: name.clone(), by, protocols });
        }
        if size.0 == 0 {
            scores.push(overlap(&cuts, &told, &bodies));
        }
        size = (cuts.all().len(), cuts.minutes());
        if let (Some(titles), Some(library)) = (titles, &library) {
            let rank = |text: &str| {
                let text = LevelTexts { body: text.into(), ..LevelTexts::default() };
                let fits = fits(&read(&[text])[0].mean, &motions[0]).unwrap_or_default();
                best_of_clips(library, cuts.all(), &fits)
            };
            let search = measure(library, titles, Some(&rank))?;
            by_title.push(TitleScores { name: name.clone(), search });
        }
    }
    let (cuts, minutes) = size;
    Ok(AlignReport { cuts, minutes, scores, titles: by_title })
}

/// Names of what a model's encoders see.
fn levels(checkpoint: &CheckpointOf<Alignment>) -> Vec<String> {
    let name = |levels: &&[Level]| match levels {
        [one] => one.name().to_owned(),
        _ => "one sequence".to_owned(),
    };
    checkpoint.manifest.network.structure.encoders().iter().map(name).collect()
}

/// The middles of points, for each encoder those of all batches.
fn all<B: Backend>(batches: impl Iterator<Item = Vec<Point<B>>>) -> Vec<Tensor<B, 2>> {
    let mut encoders: Vec<Vec<Tensor<B, 2>>> = vec![];
    for points in batches {
        encoders.resize(points.len(), vec![]);
        encoders.iter_mut().zip(points).for_each(|(all, point)| all.push(point.mean));
    }
    encoders.into_iter().map(|points| Tensor::cat(points, 0)).collect()
}

/// How well each text fits each motion.
fn fits<B: Backend>(texts: &Tensor<B, 2>, motions: &Tensor<B, 2>) -> anyhow::Result<Vec<f32>> {
    let data = cosines(texts.clone(), motions.clone()).try_into_data()?;
    Ok(data.convert::<f32>().iter::<f32>().collect())
}

/// The texts beside the plain descriptions of the motions, by common words: what needs no network, since
/// the texts are made from the motions.
fn overlap(cuts: &Cuts, told: &[LevelTexts], bodies: &Bags) -> AlignScores {
    let count = told.len();
    let plain = cuts.all().iter().map(|cut| &cut.plain);
    let bags = Bags::new(told.iter().chain(plain), &Level::ALL);
    let fits: Vec<f32> =
        (0..count * count).map(|at| bags.similarity(at / count, count + at % count)).collect();
    let protocols = protocols(&fits, count, |i, j| bodies.similarity(i, j));
    AlignScores { name: "word overlap".into(), by: "descriptions".into(), protocols }
}

/// The clips as a library that knows what `describe` finds, and no titles.
fn library(clips: &[NamedClip]) -> anyhow::Result<Library> {
    let table = Arc::new(CodeTable::default());
    let clip = |NamedClip { name, clip }: &NamedClip| {
        let codes = codes_of(clip, &Skeleton::default(), Arc::clone(&table)).ok()?;
        let moments = Describer { table: &table, ..Describer::default() }.moments(&codes.segments);
        let (clip, duration_s) = (name.clone(), clip.duration());
        Some(Clip { clip, duration_s, moments, ..Clip::default() })
    };
    Ok(Library::new(clips.iter().filter_map(clip).collect())?)
}

/// How well the best cut of each clip fits; the least that there is for clips without cuts.
fn best_of_clips(library: &Library, cuts: &[Cut], fits: &[f32]) -> Vec<f32> {
    let mut best: HashMap<&str, f32> = HashMap::new();
    for (cut, fit) in cuts.iter().zip(fits) {
        let best = best.entry(&cut.clip).or_insert(f32::MIN);
        *best = best.max(*fit);
    }
    let of = |clip: &Clip| best.get(clip.clip.as_str()).copied().unwrap_or(f32::MIN);
    library.clips().iter().map(of).collect()
}

impl AlignReport {
    /// A row for each model, measure, protocol and direction.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn csv(&self) -> anyhow::Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(vec![]);
        let header = ["model", "by", "among", "pairs", "direction"].map(String::from);
        let first = FIRST.map(|first| format!("r_at_{first}"));
        writer.write_record(header.into_iter().chain(first).chain(["median_rank".into()]))?;
        for AlignScores { name, by, protocols } in &self.scores {
            for one in protocols {
                for (direction, recall) in [
                    ("text_to_motion", &one.text_to_motion),
                    ("motion_to_text", &one.motion_to_text),
                ] {
                    let among = one.among.title().to_owned();
                    let row = [name.clone(), by.clone(), among, one.pairs.to_string()];
                    let numbers = recall.first.values().chain([&recall.median_rank]);
                    let numbers = numbers.map(f64::to_string);
                    writer
                        .write_record(row.into_iter().chain([direction.into()]).chain(numbers))?;
                }
            }
        }
        Ok(writer.into_inner()?)
    }
}

/// The protocols as a table, then the search by titles.
impl Display for AlignReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cuts, minutes) = (self.cuts, self.minutes);
        writeln!(
            f,
            "{cuts} cuts, {minutes:.1} minutes. R@1 / 2 / 3 / 5 / 10 in percent, median rank.\n"
        )?;
        let mut table = Table::new(&[
            "model",
            "by",
            "among",
            "pairs",
            "text to motion",
            "MedR",
            "motion to text",
            "MedR",
        ]);
        let shares = |recall: &Recall| {
            let shares = recall.first.values().map(|share| format!("{share:.1}"));
            [shares.collect::<Vec<_>>().join(" / "), format!("{:.1}", recall.median_rank)]
        };
        for AlignScores { name, by, protocols } in &self.scores {
            for one in protocols {
                let among = one.among.title().to_owned();
                let what = vec![name.clone(), by.clone(), among, one.pairs.to_string()];
                let numbers = [shares(&one.text_to_motion), shares(&one.motion_to_text)];
                table.rows.push([what, numbers.concat()].concat());
            }
        }
        write!(f, "{table}")?;
        for TitleScores { name, search } in &self.titles {
            write!(f, "\nTitles, `network` being {name}: {}", search.table())?;
        }
        Ok(())
    }
}
