//! The texts of a motion, and many of them as numbers.

use super::words::{PIECES, pieces, words};
use crate::model::align::{AlignSpec, Level};
use crate::skeleton::GroupPair;
use std::collections::HashMap;

/// A motion in words, at three levels. Texts may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LevelTexts {
    /// About the whole body.
    pub body: String,
    /// About each group, in the order of [`Group::ALL`](crate::skeleton::Group::ALL).
    pub groups: [String; 6],
    /// About the relevant pairs of groups.
    pub pairs: Vec<(GroupPair, String)>,
}

impl LevelTexts {
    /// The texts of a level, each with the number of its part.
    pub fn of(&self, level: Level) -> impl Iterator<Item = (usize, &str)> {
        let body = [(0, self.body.as_str())].into_iter();
        let groups = self.groups.iter().map(String::as_str).enumerate();
        let pairs = self.pairs.iter().map(|(pair, text)| (pair.index(), text.as_str()));
        let body = body.filter(move |_| level == Level::Body);
        let groups = groups.filter(move |_| level == Level::Groups);
        body.chain(groups).chain(pairs.filter(move |_| level == Level::Pairs))
    }
}

/// The words of a level of many texts, `[batch, length]` each. Shorter texts are padded with word
/// 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Words, as numbers in [`TextBatch::pieces`].
    pub words: Vec<u32>,
    /// The part of the body that a word is about, counted through all levels.
    pub parts: Vec<u32>,
    /// Place of a word in the text of its part, from 0.
    pub places: Vec<u32>,
    /// Words of the longest text, at least 1.
    pub length: usize,
}

/// Many texts as numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextBatch {
    /// Rows of the [pieces] of each different word; word 0 has none.
    pub pieces: Vec<[u32; PIECES]>,
    /// The words of the texts at each level.
    pub levels: [Tokens; 3],
    /// Number of texts.
    pub batch: usize,
}

impl TextBatch {
    /// The numbers of `texts` for a table of `rows` rows. A level has at most the words that `spec`
    /// allows; each of its texts keeps an equal share, from its start.
    #[must_use]
    pub fn new(texts: &[&LevelTexts], spec: &AlignSpec, rows: usize) -> Self {
        let mut known: HashMap<String, u32> = HashMap::new();
        let mut all = vec![[0; PIECES]];
        let levels = Level::ALL.map(|level| {
            let mut read: Vec<Vec<[u32; 3]>> = vec![];
            for text in texts {
                let written: Vec<(usize, Vec<String>)> =
                    text.of(level).map(|(part, text)| (part, words(text))).collect();
                let share = spec.words[level.index()] / written.len().max(1);
                let mut tokens = vec![];
                for (part, words) in written {
                    for (place, word) in words.into_iter().take(share.max(1)).enumerate() {
                        let number = *known.entry(word).or_insert_with_key(|word| {
                            all.push(pieces(word, rows));
                            all.len() as u32 - 1
                        });
                        tokens.push([number, (level.first_part() + part) as u32, place as u32]);
                    }
                }
                tokens.truncate(spec.words[level.index()]);
                read.push(tokens);
            }
            let length = read.iter().map(Vec::len).max().unwrap_or(0).max(1);
            read.iter_mut().for_each(|tokens| tokens.resize(length, [0; 3]));
            let number = |i: usize| read.iter().flatten().map(|token| token[i]).collect();
            Tokens { words: number(0), parts: number(1), places: number(2), length }
        });
        Self { pieces: all, levels, batch: texts.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::Group;

    #[test]
    fn texts_become_rows_of_words_with_their_parts_and_places() {
        let one = LevelTexts {
            body: "he waves".into(),
            groups: ["", "", "", "the arm waves", "", ""].map(String::from),
            pairs: vec![(GroupPair::of(Group::LeftArm, Group::RightArm).unwrap(), "far".into())],
        };
        let other = LevelTexts { body: "he waves, waves, waves".into(), ..LevelTexts::default() };
        let spec = AlignSpec { words: [3, 12, 12], ..AlignSpec::default() };
        let batch = TextBatch::new(&[&one, &other], &spec, 64);
        let [body, groups, pairs] = &batch.levels;
        assert_eq!((batch.batch, body.length, groups.length, pairs.length), (2, 3, 2, 1));
        assert_eq!(body.words, [1, 2, 0, 1, 2, 2]);
        assert_eq!(body.places, [0, 1, 0, 0, 1, 2]);
        // Two of the group's three words: six texts share twelve.
        assert_eq!((&groups.words[..], &groups.parts[..]), (&[3, 4, 0, 0][..], &[4, 4, 0, 0][..]));
        assert_eq!((&pairs.words[..], &pairs.parts[..]), (&[5, 0][..], &[16, 0][..]));
        assert_eq!(batch.pieces.len(), 6);
        assert_eq!(batch.pieces[0], [0; PIECES]);
        assert_eq!(batch.pieces[2], pieces("waves", 64));
    }
}
