//! What words look like. Where descriptions lack a word ("basketball"), the acts of those who do it
//! are searched for ("moves the right hand up and down"): the lexicon says which.

use super::index::Index;
use super::texts::Text;
use super::wanted::Wanted;
use crate::words::{Lexicon, Unit};
use std::collections::HashMap;

/// How much more a moment counts that shows the whole of an act than one that shows some of it, as a
/// power: many clips have a right hand, and something that goes up and down.
const WHOLE: i32 = 4;
/// How much less each further act tells: the lexicon has the most telling one first.
const LESS: f32 = 0.5;
/// Likeness from which a moment counts at all.
const LEAST: f32 = 0.05;

/// How much clips and their moments look like what a set of words means.
#[derive(Debug)]
pub(super) struct Look {
    /// How much each clip does, by its number, 0 to 1.
    pub(super) clips: Vec<f32>,
    /// How well each text tells one of the acts, by its number, 0 to 1.
    pub(super) texts: Vec<f32>,
}

/// The looks of all sets that have one. Found once, as they are the same for every query.
#[derive(Debug)]
pub(super) struct Looks(HashMap<String, Look>);

impl Looks {
    pub(super) fn new(index: &Index, lexicon: &Lexicon) -> Self {
        let look = |(set, text): (&str, &str)| {
            (set.to_owned(), Look::new(index, &acts(index, lexicon, text)))
        };
        Self(lexicon.seen().map(look).collect())
    }

    /// The look of a set of words, if the lexicon says what it is.
    pub(super) fn of(&self, set: &str) -> Option<&Look> {
        self.0.get(set)
    }
}

/// Acts, each by its words, of a text with a clause for each.
fn acts(index: &Index, lexicon: &Lexicon, text: &str) -> Vec<Vec<Wanted>> {
    let units = lexicon.read(text);
    let clauses = units.chunk_by(|a, b| a.clause == b.clause);
    let wanted = |unit: &Unit| Wanted::new(index, lexicon, unit.clone());
    clauses.map(|clause| clause.iter().map(wanted).collect()).collect()
}

/// How well a text tells an act, 0 to 1.
fn likeness(text: &Text, act: &[Wanted]) -> f32 {
    let parts = act.iter().map(|part| part.in_text(text));
    (parts.sum::<f32>() / act.len() as f32).powi(WHOLE)
}

impl Look {
    fn new(index: &Index, acts: &[Vec<Wanted>]) -> Self {
        let mut texts = vec![0.0_f32; index.texts().all().len()];
        let mut clips = vec![0.0; index.texts().clips().len()];
        let mut all = 0.0;
        for (order, act) in acts.iter().enumerate() {
            let mut told = vec![0.0_f32; clips.len()];
            for (number, text, clips) in index.told() {
                let likeness = likeness(text, act);
                if likeness < LEAST {
                    continue;
                }
                texts[number] = texts[number].max(likeness);
                for (clip, weight) in clips {
                    let most = &mut told[*clip as usize];
                    *most = most.max(likeness * weight);
                }
            }
            let most = told.iter().copied().fold(0.0, f32::max);
            if most > 0.0 {
                let rarity = index.rarity_of(told.iter().sum::<f32>() / most);
                let rarity = rarity / (1.0 + LESS * order as f32);
                all += rarity;
                for (clip, told) in clips.iter_mut().zip(told) {
                    *clip += rarity * told / most;
                }
            }
        }
        if all > 0.0 {
            clips.iter_mut().for_each(|clip| *clip /= all);
        }
        Self { clips, texts }
    }
}
