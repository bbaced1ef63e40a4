//! Ranks the clips of a library by a text.

use super::hit::Hit;
use super::index::{Answer, recording};
use super::reasons::Reasons;
use super::store::Library;
use super::wanted::{self, Wanted};
use std::collections::HashMap;
use thiserror::Error;

/// Share of a word's value that what it looks like is worth; less than a title is.
const LOOKS: f32 = 0.35;
/// Weight at which something denied rules a clip out.
const RULED_OUT: f32 = 0.6;
/// Share of the score that does not depend on how many of the words a clip has.
const UNCOVERED: f32 = 0.4;
/// Factor for each further part of one recording, so that the first hits differ.
const FURTHER_PART: f32 = 0.85;

/// A text that cannot be searched for.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum SearchError {
    /// The text has no word that says something about a motion.
    #[error("{0:?} has no word to search for")]
    NoWords(String),
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
            wanted::read(self.index(), self.lexicon(), text)
                .into_iter()
                .partition(|wanted| wanted.unit.negated);
        if wanted.is_empty() && denied.is_empty() {
            return Err(SearchError::NoWords(text.into()));
        }
        let mut scores = self.scores(&wanted);
        if wanted.is_empty() {
            // Any clip without what is denied will do.
            scores = vec![1.0; self.clips().len()];
        }
        for wanted in &denied {
            for (score, presence) in scores.iter_mut().zip(self.presence(wanted)) {
                *score *= (1.0 - presence / RULED_OUT).max(0.0);
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
        let reasons = Reasons::new(self, &wanted);
        Ok(order.into_iter().map(|i| reasons.hit(i, scores[i])).collect())
    }

    /// Sorts clips by score; of equals, the shorter name is first, so that a recording comes before its
    /// parts.
    fn sort(&self, order: &mut [usize], scores: &[f32]) {
        let name = |i: usize| (self.clips()[i].clip.len(), &self.clips()[i].clip);
        order.sort_by(|a, b| {
            scores[*b].total_cmp(&scores[*a]).then_with(|| name(*a).cmp(&name(*b)))
        });
    }

    /// How well each clip fits, 0 to 1.
    fn scores(&self, wanted: &[Wanted]) -> Vec<f32> {
        let mut scores = vec![0.0; self.clips().len()];
        let mut covered = vec![0.0; self.clips().len()];
        let (mut most, mut all) = (0.0, 0.0);
        for word in wanted {
            (most, all) = (most + word.most(), all + word.rarity);
            let mut fits = self.fits(word);
            for look in word.unit.same.iter().filter_map(|set| self.looks().of(set)) {
                for (fit, look) in fits.iter_mut().zip(&look.clips) {
                    *fit = fit.max(LOOKS * word.rarity * look);
                }
            }
            for (clip, fit) in fits.into_iter().enumerate().filter(|(_, fit)| *fit > 0.0) {
                scores[clip] += fit;
                covered[clip] += word.rarity;
            }
        }
        let whole = scores.iter().zip(covered).map(|(score, covered)| {
            let share = UNCOVERED + (1.0 - UNCOVERED) * covered / all;
            (score / most * share).min(1.0)
        });
        whole.collect()
    }

    /// What each clip's answers to a word are worth.
    fn fits(&self, word: &Wanted) -> Vec<f32> {
        let mut fits = vec![0.0_f32; self.clips().len()];
        for (term, quality) in &word.answers {
            let value = quality * self.index().rarity(*term).min(word.rarity * 1.5);
            for (clip, weight) in self.index().clips(*term) {
                let best = &mut fits[*clip as usize];
                *best = best.max(value * self.index().saturated(*clip, *weight));
            }
        }
        for refinement in &word.refinements {
            let (so, not_so) = (self.weights(&refinement.so), self.weights(&refinement.not_so));
            for ((fit, so), not_so) in fits.iter_mut().zip(so).zip(not_so) {
                *fit *= refinement.factor(so, not_so);
            }
        }
        fits
    }

    /// Greatest weight of some terms in each clip.
    fn weights(&self, terms: &[Answer]) -> Vec<f32> {
        let mut weights = vec![0.0_f32; self.clips().len()];
        for (term, quality) in terms {
            for (clip, weight) in self.index().clips(*term) {
                let best = &mut weights[*clip as usize];
                *best = best.max(weight * quality);
            }
        }
        weights
    }

    /// Weight of something denied in each clip.
    fn presence(&self, word: &Wanted) -> Vec<f32> {
        let refined = word.refinements.iter().map(|refinement| self.weights(&refinement.so));
        let all = refined.reduce(|all, other| {
            // What is denied is a turn that is fast and to the left.
            all.iter().zip(other).map(|(a, b)| if b > 0.0 { *a } else { 0.0 }).collect()
        });
        // A clip that has only something related is not meant.
        let close = |(_, quality): &&Answer| *quality > 0.5;
        all.unwrap_or_else(|| {
            let exactly = word.answers.iter().filter(close).map(|(term, _)| (*term, 1.0));
            self.weights(&exactly.collect::<Vec<_>>())
        })
    }
}
