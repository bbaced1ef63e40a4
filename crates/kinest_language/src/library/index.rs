//! Which clips have which words.

use super::clip::Clip;
use super::texts::{TermId, Text, Texts};
use crate::words::{Lexicon, Unit};
use std::collections::HashMap;

/// Weight of a title of one word; the words of longer ones share it. A word of a moment has the
/// moment's weight.
const TITLE: f32 = 2.5;
/// The same for the name of the file.
const NAME: f32 = 1.5;
/// The same for a text about the recording session.
const CONTEXT: f32 = 0.3;
/// Weight of a moment that repeats another one, as a fraction.
const AGAIN: f32 = 0.1;
/// Saturation of repeated words (BM25's k₁).
const SATURATION: f32 = 1.2;
/// Penalty on long texts, 0 to 1 (BM25's b).
const LENGTH: f32 = 0.35;
/// How well a word with a related meaning answers another, 0 to 1.
const RELATED: f32 = 0.35;
/// Least rarity of a word: where every clip walks, the one that walks most comes first.
const LEAST_RARITY: f32 = 0.15;

/// How often words, sets of synonyms and what refines them are in each clip.
#[derive(Debug)]
pub(super) struct Index {
    texts: Texts,
    /// Clips and weights by term.
    clips: Vec<Vec<(u32, f32)>>,
    /// Clips and greatest weights by text, of moments only.
    told: Vec<Vec<(u32, f32)>>,
    /// Factor on [`SATURATION`] for the length of each clip's texts.
    lengths: Vec<f32>,
}

/// A term that answers a word of a query, and how well, 0 to 1.
pub(super) type Answer = (TermId, f32);

/// Names of terms that answer a word of a query, best first.
pub(super) fn answers(unit: &Unit) -> Vec<(String, f32)> {
    let same = unit.same.iter().map(|name| (format!("={name}"), 0.85));
    let related = unit.same.iter().map(|name| (format!("~{name}"), RELATED));
    let near = unit.near.iter().map(|name| (format!("={name}"), RELATED));
    [(unit.stem.clone(), 1.0)].into_iter().chain(same).chain(related).chain(near).collect()
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
        let texts = Texts::new(clips, lexicon);
        let mut all: Vec<Vec<(u32, f32)>> = vec![vec![]; texts.terms()];
        let mut by_text: Vec<Vec<(u32, f32)>> = vec![vec![]; texts.all().len()];
        let mut lengths = vec![];
        for (number, (clip, of)) in clips.iter().zip(texts.clips()).enumerate() {
            let mut weights: HashMap<TermId, f32> = HashMap::new();
            let mut length = 0.0;
            let titles = clip.titles.iter().map(|_| TITLE);
            let shares = titles.chain([NAME]).chain(clip.context.iter().map(|_| CONTEXT));
            for (text, share) in of.names.iter().zip(shares) {
                let text = texts.text(*text);
                let count = text.words.len() as f32;
                // "Jump" is about jumping more than a list of ten things that were done is.
                let weight = share / count.max(1.0).sqrt();
                length += weight * count;
                for term in &text.terms {
                    *weights.entry(*term).or_default() += weight;
                }
            }
            // A long clip has more moments of everything; that does not make it a better example.
            let mut told: HashMap<TermId, (f32, f32)> = HashMap::new();
            for (moment, text) in clip.moments.iter().zip(&of.moments) {
                let weight = moment.weight as f32;
                match by_text[*text as usize].last_mut().filter(|last| last.0 == number as u32) {
                    Some(last) => last.1 = last.1.max(weight),
                    None => by_text[*text as usize].push((number as u32, weight)),
                }
                let text = texts.text(*text);
                length += weight * text.words.len() as f32;
                for term in &text.terms {
                    let (most, sum) = told.entry(*term).or_default();
                    (*most, *sum) = (most.max(weight), *sum + weight);
                }
            }
            for (term, (most, sum)) in told {
                *weights.entry(term).or_default() += most + AGAIN * (sum - most);
            }
            lengths.push(length);
            for (term, weight) in weights {
                all[term as usize].push((number as u32, weight));
            }
        }
        let mean = (lengths.iter().sum::<f32>() / lengths.len().max(1) as f32).max(1e-3);
        for length in &mut lengths {
            *length = 1.0 - LENGTH + LENGTH * *length / mean;
        }
        Self { texts, clips: all, told: by_text, lengths }
    }

    /// The texts of the clips.
    pub(super) fn texts(&self) -> &Texts {
        &self.texts
    }

    /// Clips with a term, by number, each with the weight of all its places.
    pub(super) fn clips(&self, term: TermId) -> &[(u32, f32)] {
        &self.clips[term as usize]
    }

    /// Texts of moments by number, each with the clips that have it and its greatest weight there.
    pub(super) fn told(&self) -> impl Iterator<Item = (usize, &Text, &[(u32, f32)])> {
        let told = self.texts.all().iter().zip(&self.told).enumerate();
        let told = told.map(|(number, (text, clips))| (number, text, clips.as_slice()));
        told.filter(|(_, _, clips)| !clips.is_empty())
    }

    /// How rare a term is among the clips.
    pub(super) fn rarity(&self, term: TermId) -> f32 {
        self.rarity_of(self.clips(term).len() as f32)
    }

    /// How rare a term of some clips is (BM25's inverse document frequency); that of a term that no
    /// clip has is that of a term of one clip.
    pub(super) fn rarity_of(&self, clips: f32) -> f32 {
        let (all, with) = (self.lengths.len() as f32, clips.max(1.0));
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln().max(LEAST_RARITY)
    }

    /// How much a weight counts in a clip, 0 to below 1.
    pub(super) fn saturated(&self, clip: u32, weight: f32) -> f32 {
        weight / (weight + SATURATION * self.lengths[clip as usize])
    }
}
