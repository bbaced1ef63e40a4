//! How similar texts are, without a network.

use kinest::align::{LevelTexts, words};
use kinest::model::align::Level;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The words of many texts, those that few texts have counting more.
///
/// TMR and KinMo compare sentences with a language model of hundreds of megabytes; texts that say the
/// same in the same wording are found by their words, too.
#[derive(Clone, Debug, Default)]
pub struct Bags(Vec<BTreeMap<u32, f32>>);

impl Bags {
    /// Of some levels of texts. The same word about another part of the body is another word.
    #[must_use]
    pub fn new<'a>(texts: impl Iterator<Item = &'a LevelTexts>, levels: &[Level]) -> Self {
        let mut known: HashMap<(usize, String), u32> = HashMap::new();
        let mut used: Vec<usize> = vec![];
        let mut number = |term: (usize, String)| {
            *known.entry(term).or_insert_with(|| {
                used.push(0);
                used.len() as u32 - 1
            })
        };
        let mut read = |text: &LevelTexts| -> BTreeSet<u32> {
            let parts = levels.iter().flat_map(|level| {
                text.of(*level).map(move |(part, text)| (level.first_part() + part, text))
            });
            let terms = parts
                .flat_map(|(part, text)| words(text).into_iter().map(move |word| (part, word)));
            terms.map(&mut number).collect()
        };
        let all: Vec<BTreeSet<u32>> = texts.map(&mut read).collect();
        for term in all.iter().flatten() {
            used[*term as usize] += 1;
        }
        let weight = |term: u32| (1.0 + all.len() as f32 / used[term as usize] as f32).ln();
        let bag = |terms: &BTreeSet<u32>| {
            let length = terms.iter().map(|term| weight(*term).powi(2)).sum::<f32>().sqrt();
            terms.iter().map(|term| (*term, weight(*term) / length)).collect()
        };
        Self(all.iter().map(bag).collect())
    }

    /// Cosine of the angle between two texts, by their numbers: 1 for the same words, 0 for none in
    /// common. Two empty texts count as equal.
    #[must_use]
    pub fn similarity(&self, one: usize, other: usize) -> f32 {
        let (one, other) = (&self.0[one], &self.0[other]);
        if one.is_empty() && other.is_empty() {
            return 1.0;
        }
        let common = one.iter().filter_map(|(term, weight)| Some(weight * other.get(term)?));
        common.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of two texts, `walks` is in both (ln 2) and the others in one (ln 3).
    #[test]
    fn rare_words_count_more() {
        let text = |body: &str| LevelTexts { body: body.into(), ..LevelTexts::default() };
        let texts = [text("walks left"), text("walks slowly")];
        let bags = Bags::new(texts.iter(), &[Level::Body]);
        let (two, three) = (2.0_f32.ln().powi(2), 3.0_f32.ln().powi(2));
        assert!((bags.similarity(0, 1) - two / (two + three)).abs() < 1e-6);
        assert!((bags.similarity(0, 0) - 1.0).abs() < 1e-6);
        assert_eq!(Bags::new(texts.iter(), &[Level::Groups]).similarity(0, 1), 1.0);
    }

    #[test]
    fn the_same_word_about_another_part_is_another_word() {
        let groups = |arm: usize| {
            let mut texts = LevelTexts::default();
            texts.groups[arm] = "rises".into();
            texts
        };
        let texts = [groups(2), groups(3), groups(2)];
        let bags = Bags::new(texts.iter(), &[Level::Groups]);
        assert_eq!((bags.similarity(0, 1), bags.similarity(0, 2)), (0.0, 1.0));
    }
}
