//! Reads text as units: words that mean something, each with what refines it.

use super::lexicon::Lexicon;
use super::split::{Token, tokens};

/// Most words between a refinement and the word it refines: "with the *right* hand *waves*".
const REACH: usize = 3;

/// A word that says something about a motion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    /// As written, in lower case.
    pub(crate) word: String,
    /// Its stem.
    pub(crate) stem: String,
    /// Names of the sets of synonyms it belongs to.
    pub(crate) same: Vec<String>,
    /// Names of the sets it is related to.
    pub(crate) near: Vec<String>,
    /// What refines it: left, fast, forward.
    pub(crate) refined: Vec<String>,
    /// Whether it is denied.
    pub(crate) negated: bool,
    /// Number of the clause that it is in, of those of its text.
    pub(crate) clause: usize,
}

/// A word of a clause.
enum Part {
    Head(Unit),
    Refinement(String),
}

impl Lexicon {
    /// The units of a text. A refinement joins the nearest word before it and the nearest one after
    /// it, within its clause; one that has neither is a unit itself.
    pub(crate) fn read(&self, text: &str) -> Vec<Unit> {
        let (mut units, mut clause) = (vec![], vec![]);
        let mut negated = false;
        let words = self.words(text);
        let mut at = 0;
        while at < words.len() {
            let word = match &words[at] {
                Some(word) if !self.breaks.contains(word) => word,
                _ => {
                    self.close(&mut clause, negated, &mut units);
                    // "without turning or jumping" denies both.
                    negated &= words[at].as_deref() == Some("or");
                    at += 1;
                    continue;
                }
            };
            if self.negations.contains(word) {
                self.close(&mut clause, negated, &mut units);
                negated = true;
                at += 1;
                continue;
            }
            let (stem, used) = self.phrase(&words[at..]);
            if used == 1
                && let Some(refinement) = self.refinements.get(word)
            {
                clause.push(Part::Refinement(refinement.clone()));
            } else if used > 1 || !(self.ignored.contains(word) || word.chars().nth(1).is_none()) {
                let written: Vec<&str> =
                    words[at..at + used].iter().flatten().map(String::as_str).collect();
                clause.push(Part::Head(self.unit(written.join(" "), stem)));
            }
            at += used;
        }
        self.close(&mut clause, negated, &mut units);
        units
    }

    /// The words of a text, with `None` at the end of each clause.
    fn words(&self, text: &str) -> Vec<Option<String>> {
        let mut words = vec![];
        for token in tokens(text) {
            let Token::Word(word) = token else {
                words.push(None);
                continue;
            };
            match self.parts(&word) {
                Some(parts) => words.extend(parts.into_iter().map(|part| Some(part.into()))),
                None => words.push(Some(word)),
            }
        }
        words
    }

    /// The stem of the longest phrase that starts here, or of the first word, and its number of
    /// words.
    fn phrase(&self, words: &[Option<String>]) -> (String, usize) {
        let first = words[0].as_deref().unwrap_or_default();
        let stem = self.stem(first);
        let matches = |phrase: &[String]| {
            phrase.len() <= words.len()
                && phrase.iter().zip(words).all(|(stem, word)| {
                    word.as_deref().is_some_and(|word| *stem == self.stem(word))
                })
        };
        let found = self.phrases.get(&stem).into_iter().flatten();
        let longest = found.filter(|(phrase, _)| matches(phrase)).max_by_key(|(p, _)| p.len());
        longest.map_or((stem, 1), |(phrase, meaning)| (meaning.clone(), phrase.len()))
    }

    /// The unit of a word.
    pub(crate) fn unit(&self, word: String, stem: String) -> Unit {
        let (same, near) = self.meanings(&stem);
        let (same, near) = (same.to_vec(), near.to_vec());
        Unit { word, stem, same, near, refined: vec![], negated: false, clause: 0 }
    }

    /// Ends a clause: joins its refinements to its words, and adds these to the units.
    fn close(&self, clause: &mut Vec<Part>, negated: bool, units: &mut Vec<Unit>) {
        let mut parts = std::mem::take(clause);
        for i in 0..parts.len() {
            let Part::Refinement(refinement) = &parts[i] else { continue };
            let refinement = refinement.clone();
            let is_head = |j: &usize| matches!(parts[*j], Part::Head(_));
            let before = (i.saturating_sub(REACH)..i).rev().find(is_head);
            let after = (i + 1..parts.len().min(i + 1 + REACH)).find(is_head);
            if before.or(after).is_none() {
                parts[i] = Part::Head(self.unit(refinement.clone(), refinement));
                continue;
            }
            for j in before.into_iter().chain(after) {
                if let Part::Head(unit) = &mut parts[j]
                    && !unit.refined.contains(&refinement)
                {
                    unit.refined.push(refinement.clone());
                }
            }
        }
        let clause = units.last().map_or(0, |unit| unit.clause + 1);
        units.extend(parts.into_iter().filter_map(|part| match part {
            Part::Head(unit) => Some(Unit { negated, clause, ..unit }),
            Part::Refinement(_) => None,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `stem+refinement`, with `!` before what is denied.
    fn read(text: &str) -> String {
        let written = |unit: &Unit| {
            let refined: String = unit.refined.iter().map(|r| format!("+{r}")).collect();
            format!("{}{}{refined}", if unit.negated { "!" } else { "" }, unit.stem)
        };
        Lexicon::english().read(text).iter().map(written).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn refinements_join_the_words_around_them_within_a_clause() {
        for (text, expected) in [
            ("someone waves with the right hand", "wave+right hand+right"),
            ("walk forward and turn left", "walk+forward turn+left"),
            ("90-degree left turn", "turn+left"),
            ("WalkTurnLeft90", "walk turn+left"),
            ("quickly raises both hands", "rais+fast+both hand+both"),
            ("left", "left"),
            ("sits down on a chair", "sitdown chair"),
            ("standing in a T pose", "stand tpose"),
            ("the", ""),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_follows_a_negation_is_denied_until_the_clause_ends() {
        for (text, expected) in [
            ("walks without turning", "walk !turn"),
            ("walks without turning left, then jumps", "walk !turn+left jump"),
            ("doesn't walk or run", "!walk !run"),
            ("no jump but a kick", "!jump kick"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
