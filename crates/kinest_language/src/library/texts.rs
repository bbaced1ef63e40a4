//! The texts of a library, each read once, however many clips have it.

use super::clip::Clip;
use crate::words::{Lexicon, Unit};
use std::collections::HashMap;

/// Number of a term.
pub(super) type TermId = u32;
/// Number of a text.
pub(super) type TextId = u32;

/// A word of a text, by the terms that find it.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) terms: Vec<TermId>,
    pub(super) refined: Vec<String>,
}

/// What a text says.
#[derive(Debug)]
pub(super) struct Text {
    /// Its words, without what it denies.
    pub(super) words: Vec<Word>,
    /// All its terms, those of refined words included, each once.
    pub(super) terms: Vec<TermId>,
}

/// The texts of a clip.
#[derive(Debug)]
pub(super) struct TextsOf {
    /// Of what it is called: see [`names`].
    pub(super) names: Vec<TextId>,
    /// Of its moments.
    pub(super) moments: Vec<TextId>,
}

/// Every distinct text, and which of them each clip has.
#[derive(Debug, Default)]
pub(super) struct Texts {
    terms: HashMap<String, TermId>,
    all: Vec<Text>,
    clips: Vec<TextsOf>,
}

/// Names of terms by which a clip's words are found: the word, its sets, and the sets that it is related to.
fn terms(unit: &Unit) -> impl Iterator<Item = String> {
    let same = unit.same.iter().map(|name| format!("={name}"));
    let near = unit.near.iter().map(|name| format!("~{name}"));
    [unit.stem.clone()].into_iter().chain(same).chain(near)
}

/// The term of a word that is refined.
pub(super) fn refined(term: &str, refinement: &str) -> String {
    format!("{term}+{refinement}")
}

/// What a clip is called: titles, the name of its file, and the session that it belongs to.
pub(super) fn names(clip: &Clip) -> impl Iterator<Item = &str> {
    let titles = clip.titles.iter().map(String::as_str);
    titles.chain([stem(&clip.clip)]).chain(clip.context.iter().map(String::as_str))
}

/// Name of a clip's file without folder, extension and what AMASS adds: `02_01_part2`.
fn stem(clip: &str) -> &str {
    let file = clip.rsplit('/').next().unwrap_or_default();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    stem.strip_suffix("_poses").or_else(|| stem.strip_suffix("_stageii")).unwrap_or(stem)
}

impl Texts {
    pub(super) fn new(clips: &[Clip], lexicon: &Lexicon) -> Self {
        let mut texts = Self::default();
        let mut known: HashMap<&str, TextId> = HashMap::new();
        for clip in clips {
            let mut id = |text| {
                *known.entry(text).or_insert_with(|| {
                    let text = texts.read(text, lexicon);
                    texts.all.push(text);
                    texts.all.len() as TextId - 1
                })
            };
            let names = names(clip).map(&mut id).collect();
            let moments = clip.moments.iter().map(|moment| id(&moment.text)).collect();
            texts.clips.push(TextsOf { names, moments });
        }
        texts
    }

    fn read(&mut self, text: &str, lexicon: &Lexicon) -> Text {
        let mut once = vec![];
        let told = lexicon.read(text).into_iter().filter(|unit| !unit.negated);
        let words = told.map(|unit| {
            let names: Vec<String> = terms(&unit).collect();
            for name in &names {
                for refinement in &unit.refined {
                    once.push(self.intern(refined(name, refinement)));
                }
            }
            let terms: Vec<TermId> = names.into_iter().map(|name| self.intern(name)).collect();
            once.extend(&terms);
            Word { terms, refined: unit.refined }
        });
        let words = words.collect();
        once.sort_unstable();
        once.dedup();
        Text { words, terms: once }
    }

    fn intern(&mut self, term: String) -> TermId {
        let next = self.terms.len() as TermId;
        *self.terms.entry(term).or_insert(next)
    }

    /// The number of a term, if any text has it.
    pub(super) fn term(&self, term: &str) -> Option<TermId> {
        self.terms.get(term).copied()
    }

    /// Number of different terms.
    pub(super) fn terms(&self) -> usize {
        self.terms.len()
    }

    /// A text by its number.
    pub(super) fn text(&self, text: TextId) -> &Text {
        &self.all[text as usize]
    }

    /// All texts, by number.
    pub(super) fn all(&self) -> &[Text] {
        &self.all
    }

    /// The texts of each clip, by its number.
    pub(super) fn clips(&self) -> &[TextsOf] {
        &self.clips
    }
}
