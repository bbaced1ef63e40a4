//! Words that nobody listed: two words written as one, and words with a wrong letter.

use super::lexicon::Lexicon;

/// Least letters of a part of a word that is two or more written as one.
const SHORTEST_PART: usize = 3;
/// Least letters of a word that may be misspelled; shorter ones resemble too many others.
const SHORTEST_MISSPELLED: usize = 4;

impl Lexicon {
    /// The words that a word is made of: `zombiewalk` is `zombie walk`. `None` unless all of them are
    /// known and the whole is not.
    pub(super) fn parts<'a>(&self, word: &'a str) -> Option<Vec<&'a str>> {
        if word.len() < 2 * SHORTEST_PART || !self.is_strange(word) {
            return None;
        }
        self.split(word).filter(|parts| parts.len() > 1)
    }

    fn split<'a>(&self, word: &'a str) -> Option<Vec<&'a str>> {
        if self.knows(word) {
            return Some(vec![word]);
        }
        let cuts = word.char_indices().map(|(at, _)| at);
        // The longest first part first: `stretches` before `stretch`.
        let cuts = cuts.filter(|at| *at >= SHORTEST_PART && at + SHORTEST_PART <= word.len());
        let cuts: Vec<usize> = cuts.collect();
        cuts.into_iter().rev().find_map(|at| {
            let (first, rest) = word.split_at(at);
            let rest = self.knows(first).then(|| self.split(rest)).flatten()?;
            Some([first].into_iter().chain(rest).collect())
        })
    }

    /// The stem that a misspelled one was meant to be: one with a meaning that differs by one letter
    /// too many, too few, wrong or swapped, but not the first, which people rarely mistake.
    pub(crate) fn meant(&self, stem: &str) -> Option<&str> {
        if stem.len() < SHORTEST_MISSPELLED {
            return None;
        }
        // Stems keep the last "e" of words that look short, which a slip may change.
        let bare = |stem: &str| stem.trim_end_matches('e').to_owned();
        let stems = self.stems().filter(|other| other.len() >= SHORTEST_MISSPELLED);
        // The table is not ordered; the answer is.
        stems.filter(|other| is_slip(bare(stem).as_bytes(), bare(other).as_bytes())).min()
    }
}

/// Whether two words differ by one letter too many, too few, wrong, or swapped with the next.
fn is_slip(a: &[u8], b: &[u8]) -> bool {
    let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[start..], &b[start..]);
    let same = |a: &[u8], from: usize, b: &[u8], to: usize| a.get(from..) == b.get(to..);
    let swapped = || a.len() > 1 && b.len() > 1 && (a[0], a[1]) == (b[1], b[0]);
    let differ = !(a.is_empty() && b.is_empty());
    let one = !a.is_empty() && same(a, 1, b, 0) || !b.is_empty() && same(a, 0, b, 1);
    let wrong = !a.is_empty() && !b.is_empty() && same(a, 1, b, 1);
    start > 0 && differ && (one || wrong || swapped() && same(a, 2, b, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_written_as_one_are_split_if_all_parts_are_known() {
        let english = Lexicon::english();
        let parts = |word| english.parts(word).map(|parts| parts.join(" "));
        for (word, expected) in [
            ("zombiewalk", Some("zombie walk")),
            ("hurtlegwalk", Some("hurt leg walk")),
            ("quickwalk", Some("quick walk")),
            ("walking", None),
            ("sidestep", None),
            ("walkxyz", None),
            ("yodelling", None),
            ("äöüäöü", None),
        ] {
            assert_eq!(parts(word).as_deref(), expected, "{word}");
        }
    }

    #[test]
    fn a_slip_of_one_letter_is_understood() {
        let english = Lexicon::english();
        let meant = |word: &str| english.meant(&english.stem(word));
        for (word, expected) in [
            ("jummps", Some("jump")),
            ("dribbels", Some("dribbl")),
            ("wlaking", Some("walk")),
            ("crouhc", Some("crouch")),
            ("stretcc", Some("stretch")),
            // Nothing resembles it, or its first letter differs.
            ("yodel", None),
            ("fump", None),
        ] {
            assert_eq!(meant(word), expected, "{word}");
        }
        assert_eq!(meant("hpo"), None);
    }
}
