//! The words of a query, and what answers them in a library.

use super::index::{Answer, Index, answers};
use super::texts::{Text, Word, refined};
use crate::words::{Lexicon, Unit};

/// Factor for a clip that has the word, but not what refines it.
const UNREFINED: f32 = 0.75;
/// Factors for a clip that has the word with the opposite refinement only, and with the wanted one only.
const REFINED: (f32, f32) = (0.3, 1.6);
/// Share of a word that is answered in part, such as "left" by "both".
const INCLUDED: f32 = 0.6;

/// A word of a query.
pub(super) struct Wanted {
    pub(super) unit: Unit,
    /// Terms that answer it, best first.
    pub(super) answers: Vec<Answer>,
    pub(super) refinements: Vec<Refinement>,
    /// How much it counts.
    pub(super) rarity: f32,
}

/// What refines a word of a query.
pub(super) struct Refinement {
    name: String,
    /// Names that include it: "both" includes "left".
    including: Vec<String>,
    /// The name that contradicts it, unless the query has it too.
    opposite: Option<String>,
    /// Terms of the word with it, and of the word with its opposite.
    pub(super) so: Vec<Answer>,
    pub(super) not_so: Vec<Answer>,
}

/// The words of a text, each once.
pub(super) fn read(index: &Index, lexicon: &Lexicon, text: &str) -> Vec<Wanted> {
    let mut units: Vec<Unit> = vec![];
    for unit in lexicon.read(text) {
        let same = |u: &&mut Unit| u.stem == unit.stem && u.negated == unit.negated;
        match units.iter_mut().find(same) {
            // "turns left, then turns right" wants a turn with both.
            Some(there) => there.refined.extend(unit.refined),
            None => units.push(unit),
        }
    }
    let meant = units.into_iter().map(|unit| as_meant(index, lexicon, unit));
    meant.map(|unit| Wanted::new(index, lexicon, unit)).collect()
}

/// The unit, or, if neither texts nor the lexicon know its word, that of the word it was meant to be.
fn as_meant(index: &Index, lexicon: &Lexicon, unit: Unit) -> Unit {
    let known = !unit.same.is_empty() || !unit.near.is_empty();
    if known || index.texts().term(&unit.stem).is_some() {
        return unit;
    }
    let Some(meant) = lexicon.meant(&unit.stem) else { return unit };
    let Unit { word, refined, negated, clause, .. } = unit;
    Unit { refined, negated, clause, ..lexicon.unit(word, meant.into()) }
}

impl Wanted {
    pub(super) fn new(index: &Index, lexicon: &Lexicon, unit: Unit) -> Self {
        let names = answers(&unit);
        let there = |names: &[(String, f32)]| -> Vec<Answer> {
            let term =
                |(name, quality): &(String, f32)| Some((index.texts().term(name)?, *quality));
            names.iter().filter_map(term).collect()
        };
        let answers = there(&names);
        // The first answer is the best one.
        let rarity = match answers.first() {
            Some((term, _)) => index.rarity(*term),
            None => index.rarity_of(1.0),
        };
        let with = |refinement: &str, share: f32| -> Vec<Answer> {
            let of = |(name, quality): &(String, f32)| (refined(name, refinement), quality * share);
            there(&names.iter().map(of).collect::<Vec<_>>())
        };
        let all_with = |name: &str| -> Vec<Answer> {
            let parts = lexicon.including(name).flat_map(|whole| with(whole, INCLUDED));
            with(name, 1.0).into_iter().chain(parts).collect()
        };
        let refinements = unit.refined.iter().map(|name| {
            let including = lexicon.including(name).map(String::from).collect();
            // "left, then right" holds neither against a clip.
            let opposite = lexicon.opposite(name).filter(|o| !unit.refined.iter().any(|r| r == o));
            let not_so = opposite.map(all_with).unwrap_or_default();
            let (opposite, so) = (opposite.map(String::from), all_with(name));
            Refinement { name: name.clone(), including, opposite, so, not_so }
        });
        let refinements = refinements.collect();
        Self { unit, answers, refinements, rarity }
    }

    /// The most that a clip can get for it.
    pub(super) fn most(&self) -> f32 {
        self.refinements.iter().fold(self.rarity, |most, _| most * REFINED.1)
    }

    /// How well a text answers it with all that refines it, 0 to 1.
    pub(super) fn in_text(&self, text: &Text) -> f32 {
        text.words.iter().map(|word| self.fit(word)).fold(0.0, f32::max)
    }

    fn fit(&self, word: &Word) -> f32 {
        let answers = self.answers.iter().filter(|(term, _)| word.terms.contains(term));
        let fit = answers.map(|(_, quality)| *quality).fold(0.0, f32::max);
        let has = |name: &String| word.refined.contains(name);
        self.refinements.iter().fold(fit, |fit, refinement| {
            fit * match () {
                () if has(&refinement.name) => 1.0,
                () if refinement.including.iter().any(has) => INCLUDED,
                () if refinement.opposite.iter().any(has) => REFINED.0,
                () => UNREFINED,
            }
        })
    }
}

impl Refinement {
    /// Factor for a clip with some weight of the word so refined, and refined in the opposite way.
    pub(super) fn factor(&self, so: f32, not_so: f32) -> f32 {
        match so + not_so {
            0.0 => UNREFINED,
            both => REFINED.0 + (REFINED.1 - REFINED.0) * so / both,
        }
    }
}
