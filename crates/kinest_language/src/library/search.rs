//! Ranks the clips of a library by a text.

use super::clip::{Clip, Moment};
use super::index::{Answer, answers, fit, recording, refined};
use super::store::Library;
use crate::words::{Lexicon, Unit};
use std::collections::HashMap;
use thiserror::Error;

/// Factor for a clip that has the word, but not what refines it.
const UNREFINED: f32 = 0.75;
/// Factors for a clip that has the word with the opposite refinement only, and with the wanted one only.
const REFINED: (f32, f32) = (0.3, 1.6);
/// Share of a word that is answered in part, such as "left" by "both".
const INCLUDED: f32 = 0.6;
/// Weight at which something denied rules a clip out.
const RULED_OUT: f32 = 0.6;
/// Share of the score that does not depend on how many of the words a clip has.
const UNCOVERED: f32 = 0.4;
/// Factor for each further part of one recording, so that the first hits differ.
const FURTHER_PART: f32 = 0.85;
/// Least fit of a moment to a word that counts for the span of a hit.
const LEAST_FIT: f32 = 0.3;

/// A text that cannot be searched for.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum SearchError {
    /// The text has no word that says something about a motion.
    #[error("{0:?} has no word to search for")]
    NoWords(String),
}

/// Why a clip was found: a word of the query, and a text that answers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The word.
    pub word: String,
    /// The moment's text, the title, or the clip's name.
    pub text: String,
    /// When, if it is a moment: start and end, seconds.
    pub span_s: Option<(f64, f64)>,
}

/// A clip that fits a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The clip's name in the library.
    pub clip: String,
    /// Start of what fits, seconds from the start of the clip.
    pub start_s: f64,
    /// End of what fits, seconds.
    pub end_s: f64,
    /// How well it fits, above 0, at most 1.
    pub score: f64,
    /// Why, by the words of the text.
    pub why: Vec<Evidence>,
}

/// A word of a query.
struct Wanted {
    unit: Unit,
    answers: Vec<Answer>,
    /// How much it counts.
    rarity: f32,
}

impl Library {
    /// The clips that fit `text` best, best first, at most `top`. The same text gives the same hits.
    ///
    /// All words count, rare ones more. "left" and "fast" join the words beside them, so "waves with
    /// the left hand" prefers clips in which the *left* hand waves; what follows "without" or "not"
    /// should be absent. The span of a hit is that of the moments that fit, or the whole clip if only
    /// its title does.
    ///
    /// # Errors
    /// If the text has no word that says something about a motion.
    pub fn search(&self, text: &str, top: usize) -> Result<Vec<Hit>, SearchError> {
        let (denied, wanted): (Vec<Wanted>, Vec<Wanted>) =
            self.wanted(text).into_iter().partition(|wanted| wanted.unit.negated);
        if wanted.is_empty() && denied.is_empty() {
            return Err(SearchError::NoWords(text.into()));
        }
        let mut scores = self.scores(&wanted);
        if wanted.is_empty() {
            // Any clip without what is denied will do.
            scores = vec![1.0; self.clips().len()];
        }
        for wanted in &denied {
            for (clip, presence) in self.presence(wanted) {
                scores[clip as usize] *= (1.0 - presence / RULED_OUT).max(0.0);
            }
        }
        let mut order: Vec<usize> = (0..scores.len()).filter(|i| scores[*i] > 0.0).collect();
        self.sort(&mut order, &scores);
        let mut parts: HashMap<&str, i32> = HashMap::new();
        for i in &order {
            let before = parts.entry(recording(&self.clips()[*i].clip)).or_default();
            scores[*i] *= FURTHER_PART.powi(*before);
            *before += 1;
        }
        self.sort(&mut order, &scores);
        order.truncate(top);
        Ok(order.into_iter().map(|i| self.hit(i, scores[i], &wanted)).collect())
    }

    /// Sorts clips by score; of equals, the shorter name is first, so that a recording comes before its
    /// parts.
    fn sort(&self, order: &mut [usize], scores: &[f32]) {
        let name = |i: usize| (self.clips()[i].clip.len(), &self.clips()[i].clip);
        order.sort_by(|a, b| {
            scores[*b].total_cmp(&scores[*a]).then_with(|| name(*a).cmp(&name(*b)))
        });
    }

    /// Words of a query, each once.
    fn wanted(&self, text: &str) -> Vec<Wanted> {
        let mut units: Vec<Unit> = vec![];
        for unit in self.lexicon().read(text) {
            let same = |u: &&mut Unit| u.stem == unit.stem && u.negated == unit.negated;
            match units.iter_mut().find(same) {
                // "turns left, then turns right" wants a turn with both.
                Some(there) => there.refined.extend(unit.refined),
                None => units.push(unit),
            }
        }
        let wanted = units.into_iter().map(|unit| {
            let answers = answers(&unit);
            let there = answers.iter().filter(|(term, _)| !self.index().clips(term).is_empty());
            // The first answer is the best one.
            let best = there.map(|(term, _)| term).next().unwrap_or(&unit.stem);
            let rarity = self.index().rarity(best);
            Wanted { unit, answers, rarity }
        });
        wanted.collect()
    }

    /// How well each clip fits, 0 to 1.
    fn scores(&self, wanted: &[Wanted]) -> Vec<f32> {
        let mut scores = vec![0.0; self.clips().len()];
        let mut covered = vec![0.0; self.clips().len()];
        let (mut most, mut all) = (0.0, 0.0);
        for word in wanted {
            let best = word.unit.refined.iter().fold(word.rarity, |most, _| most * REFINED.1);
            (most, all) = (most + best, all + word.rarity);
            for (clip, score) in self.fits(word) {
                scores[clip as usize] += score;
                covered[clip as usize] += word.rarity;
            }
        }
        let whole = scores.iter().zip(covered).map(|(score, covered)| {
            let share = UNCOVERED + (1.0 - UNCOVERED) * covered / all;
            (score / most * share).min(1.0)
        });
        whole.collect()
    }

    /// Clips that have a word or something like it, with what that is worth.
    fn fits(&self, word: &Wanted) -> HashMap<u32, f32> {
        let mut fits: HashMap<u32, f32> = HashMap::new();
        for (term, quality) in &word.answers {
            let value = quality * self.index().rarity(term).min(word.rarity * 1.5);
            for (clip, weight) in self.index().clips(term) {
                let best = fits.entry(*clip).or_default();
                *best = best.max(value * self.index().saturated(*clip, *weight));
            }
        }
        for refinement in &word.unit.refined {
            let opposite = self.lexicon().opposite(refinement);
            // "left, then right" holds neither against a clip.
            let opposite = opposite.filter(|o| !word.unit.refined.iter().any(|r| r == o));
            let so = self.refined(word, refinement);
            let not_so = opposite.map(|opposite| self.refined(word, opposite)).unwrap_or_default();
            for (clip, fit) in &mut fits {
                let so = so.get(clip).copied().unwrap_or_default();
                let not_so = not_so.get(clip).copied().unwrap_or_default();
                *fit *= match so + not_so {
                    0.0 => UNREFINED,
                    both => REFINED.0 + (REFINED.1 - REFINED.0) * so / both,
                };
            }
        }
        fits
    }

    /// Weight of a word with a refinement in each clip.
    fn refined(&self, word: &Wanted, refinement: &str) -> HashMap<u32, f32> {
        let mut weights: HashMap<u32, f32> = HashMap::new();
        let including = self.lexicon().including(refinement).map(|whole| (whole, INCLUDED));
        for (refinement, share) in [(refinement, 1.0)].into_iter().chain(including) {
            for (term, quality) in &word.answers {
                for (clip, weight) in self.index().clips(&refined(term, refinement)) {
                    let best = weights.entry(*clip).or_default();
                    *best = best.max(weight * quality * share);
                }
            }
        }
        weights
    }

    /// Weight of something denied in each clip.
    fn presence(&self, word: &Wanted) -> HashMap<u32, f32> {
        let mut refined = word.unit.refined.iter().map(|refinement| self.refined(word, refinement));
        if let Some(first) = refined.next() {
            return refined.fold(first, |mut all, other| {
                all.retain(|clip, _| other.contains_key(clip));
                all
            });
        }
        let mut weights: HashMap<u32, f32> = HashMap::new();
        // A clip that has only something related is not meant.
        for (term, _) in word.answers.iter().filter(|(_, quality)| *quality > 0.5) {
            for (clip, weight) in self.index().clips(term) {
                let most = weights.entry(*clip).or_default();
                *most = most.max(*weight);
            }
        }
        weights
    }

    fn hit(&self, number: usize, score: f32, wanted: &[Wanted]) -> Hit {
        let clip = &self.clips()[number];
        let texts = Texts::new(clip, self.lexicon());
        let mut why = vec![];
        let mut spans: Vec<(f32, (f64, f64))> = vec![];
        let mut heaviest: (f32, bool) = (0.0, false);
        for word in wanted {
            let (moment, title) = (texts.moment(word), texts.title(word));
            let best = moment.map_or(0.0, |(fit, _)| fit).max(title.map_or(0.0, |(fit, _)| fit));
            if best * word.rarity > heaviest.0 {
                heaviest = (best * word.rarity, moment.is_some());
            }
            let as_written = word.unit.word.clone();
            if let Some((fit, moment)) = moment {
                let span = (moment.start_s, moment.end_s);
                spans.push((fit * word.rarity, span));
                let text = moment.text.clone();
                why.push(Evidence { word: as_written, text, span_s: Some(span) });
            } else if let Some((_, title)) = title {
                why.push(Evidence { word: as_written, text: title.into(), span_s: None });
            }
        }
        // The title alone tells what matters most: where that happens is not known.
        let whole = (0.0, clip.duration_s);
        let relevant = spans.iter().filter(|(value, _)| *value >= 0.3 * heaviest.0);
        let together = relevant.map(|(_, span)| *span).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let (start_s, end_s) = together.filter(|_| heaviest.1).unwrap_or(whole);
        Hit { clip: clip.clip.clone(), start_s, end_s, score: f64::from(score), why }
    }
}

/// The texts of a clip, read.
struct Texts<'a> {
    lexicon: &'a Lexicon,
    titles: Vec<(&'a str, Vec<Unit>)>,
    moments: Vec<(&'a Moment, Vec<Unit>)>,
}

impl<'a> Texts<'a> {
    fn new(clip: &'a Clip, lexicon: &'a Lexicon) -> Self {
        let read = |text| lexicon.read(text);
        let names = [&clip.clip].into_iter();
        let titles = clip.titles.iter().chain(names).chain(&clip.context);
        Self {
            lexicon,
            titles: titles.map(|text| (text.as_str(), read(text))).collect(),
            moments: clip.moments.iter().map(|moment| (moment, read(&moment.text))).collect(),
        }
    }

    /// The moment that answers a word best, and how well.
    fn moment(&self, word: &Wanted) -> Option<(f32, &'a Moment)> {
        let fits = self.moments.iter().map(|(moment, units)| {
            let fit = units.iter().map(|unit| word.fit(unit, self.lexicon)).fold(0.0, f32::max);
            (fit, fit * moment.weight as f32, *moment)
        });
        let fits = fits.filter(|(fit, ..)| *fit > LEAST_FIT);
        // The first one of equals.
        let best = fits.reduce(|a, b| if b.1 > a.1 { b } else { a });
        best.map(|(fit, _, moment)| (fit, moment))
    }

    /// The first title that answers a word, and how well.
    fn title(&self, word: &Wanted) -> Option<(f32, &'a str)> {
        let fits = self.titles.iter().map(|(title, units)| {
            (units.iter().map(|unit| word.fit(unit, self.lexicon)).fold(0.0, f32::max), *title)
        });
        fits.filter(|(fit, _)| *fit > 0.0).reduce(|a, b| if b.0 > a.0 { b } else { a })
    }
}

impl Wanted {
    /// How well a word of a text answers this one with all that refines it.
    fn fit(&self, unit: &Unit, lexicon: &Lexicon) -> f32 {
        let refined = self.unit.refined.iter().map(|refinement| {
            let so = unit.refined.contains(refinement);
            let partly =
                || lexicon.including(refinement).any(|w| unit.refined.iter().any(|r| r == w));
            let opposite = || lexicon.opposite(refinement).map(String::from);
            let not_so = || opposite().is_some_and(|opposite| unit.refined.contains(&opposite));
            match () {
                () if so => 1.0,
                () if partly() => INCLUDED,
                () if not_so() => REFINED.0,
                () => UNREFINED,
            }
        });
        refined.fold(fit(&self.answers, unit), |fit, factor| fit * factor)
    }
}
