//! Which clips have which words.

use super::clip::Clip;
use crate::words::{Lexicon, Unit};
use std::collections::{HashMap, HashSet};

/// Weight of a title of one word; the words of longer ones share it. A word of a moment has the
/// moment's weight.
const TITLE: f32 = 2.5;
/// The same for the name of the file.
const NAME: f32 = 1.5;
/// The same for a text about the recording session.
const CONTEXT: f32 = 0.3;
/// Share of its weight with which a moment counts that only says again what another one says.
const AGAIN: f32 = 0.1;
/// How soon more of the same word stops to count (BM25's k₁).
const SATURATION: f32 = 1.2;
/// How much long texts are held against a clip, 0 to 1 (BM25's b).
const LENGTH: f32 = 0.2;
/// Least rarity of a word: where every clip walks, the one that walks most comes first.
const LEAST_RARITY: f32 = 0.15;

/// How often words, sets of synonyms and what refines them are in each clip.
#[derive(Debug)]
pub(super) struct Index {
    /// Clips and weights by term.
    terms: HashMap<String, Vec<(u32, f32)>>,
    /// Factor on [`SATURATION`] for the length of each clip's texts.
    lengths: Vec<f32>,
}

/// A term that answers a word of a query, and how well, 0 to 1.
pub(super) type Answer = (String, f32);

/// Terms by which a clip's words are found: the word, its sets, and the sets that it is related to.
fn terms(unit: &Unit) -> impl Iterator<Item = String> {
    let same = unit.same.iter().map(|name| format!("={name}"));
    let near = unit.near.iter().map(|name| format!("~{name}"));
    [unit.stem.clone()].into_iter().chain(same).chain(near)
}

/// Terms that answer a word of a query, best first.
pub(super) fn answers(unit: &Unit) -> Vec<Answer> {
    let same = unit.same.iter().map(|name| (format!("={name}"), 0.85));
    let related = unit.same.iter().map(|name| (format!("~{name}"), 0.35));
    let near = unit.near.iter().map(|name| (format!("={name}"), 0.35));
    [(unit.stem.clone(), 1.0)].into_iter().chain(same).chain(related).chain(near).collect()
}

/// How well a word of a text answers a word of a query, 0 to 1.
pub(super) fn fit(answers: &[Answer], unit: &Unit) -> f32 {
    let terms: Vec<String> = terms(unit).collect();
    let fits = answers.iter().filter(|(term, _)| terms.contains(term)).map(|(_, weight)| *weight);
    fits.fold(0.0, f32::max)
}

/// The term of a word that is refined.
pub(super) fn refined(term: &str, refinement: &str) -> String {
    format!("{term}+{refinement}")
}

/// Name of a clip's file without folder, extension and what AMASS adds: `02_01_part2`.
fn stem(clip: &str) -> &str {
    let file = clip.rsplit('/').next().unwrap_or_default();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    stem.strip_suffix("_poses").or_else(|| stem.strip_suffix("_stageii")).unwrap_or(stem)
}

/// The recording that a clip is of, which may be one of its parts (`_part2`).
pub(super) fn recording(clip: &str) -> &str {
    let file = clip.strip_suffix(".npz").unwrap_or(clip);
    let file = file.strip_suffix("_poses").unwrap_or(file);
    match file.rsplit_once("_part") {
        Some((recording, part)) if part.bytes().all(|byte| byte.is_ascii_digit()) => recording,
        _ => file,
    }
}

impl Index {
    pub(super) fn new(clips: &[Clip], lexicon: &Lexicon) -> Self {
        // Descriptions repeat each other.
        let mut known: HashMap<&str, Vec<Unit>> = HashMap::new();
        let mut all: HashMap<String, Vec<(u32, f32)>> = HashMap::new();
        let mut lengths = vec![];
        for (number, clip) in clips.iter().enumerate() {
            let titles = clip.titles.iter().map(|text| (text.as_str(), TITLE));
            let context = clip.context.iter().map(|text| (text.as_str(), CONTEXT));
            let named = titles.chain(context).chain([(stem(&clip.clip), NAME)]);
            let moments = clip.moments.iter().map(|m| (m.text.as_str(), m.weight as f32));
            let texts = named.map(|(text, weight)| (text, weight, true));
            let texts = texts.chain(moments.map(|(text, weight)| (text, weight, false)));
            let mut weights: HashMap<String, f32> = HashMap::new();
            let mut told_by_moments: HashMap<String, (f32, f32)> = HashMap::new();
            let mut length = 0.0;
            for (text, weight, shared) in texts {
                let units = known.entry(text).or_insert_with(|| lexicon.read(text));
                let told = units.iter().filter(|unit| !unit.negated);
                let count = told.clone().count() as f32;
                // "Jump" is about jumping more than a list of ten things that were done is.
                let weight = if shared { weight / count.max(1.0).sqrt() } else { weight };
                length += weight * count;
                let mut once: HashSet<String> = HashSet::new();
                for unit in told {
                    for term in terms(unit) {
                        once.extend(unit.refined.iter().map(|r| refined(&term, r)));
                        once.insert(term);
                    }
                }
                for term in once {
                    if shared {
                        *weights.entry(term).or_default() += weight;
                    } else {
                        let (most, sum) = told_by_moments.entry(term).or_default();
                        (*most, *sum) = (most.max(weight), *sum + weight);
                    }
                }
            }
            // A long clip has more moments of everything; that does not make it a better example.
            for (term, (most, sum)) in told_by_moments {
                *weights.entry(term).or_default() += most + AGAIN * (sum - most);
            }
            lengths.push(length);
            for (term, weight) in weights {
                all.entry(term).or_default().push((number as u32, weight));
            }
        }
        let mean = (lengths.iter().sum::<f32>() / lengths.len().max(1) as f32).max(1e-3);
        for length in &mut lengths {
            *length = 1.0 - LENGTH + LENGTH * *length / mean;
        }
        Self { terms: all, lengths }
    }

    /// Clips with a term, by number, each with the weight of all its places.
    pub(super) fn clips(&self, term: &str) -> &[(u32, f32)] {
        self.terms.get(term).map_or(&[], Vec::as_slice)
    }

    /// How rare a term is among the clips (BM25's inverse document frequency); the rarity of a term
    /// that no clip has is that of a term of one clip.
    pub(super) fn rarity(&self, term: &str) -> f32 {
        let (all, with) = (self.lengths.len() as f32, self.clips(term).len().max(1) as f32);
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln().max(LEAST_RARITY)
    }

    /// How much a weight counts in a clip, 0 to below 1.
    pub(super) fn saturated(&self, clip: u32, weight: f32) -> f32 {
        weight / (weight + SATURATION * self.lengths[clip as usize])
    }
}
