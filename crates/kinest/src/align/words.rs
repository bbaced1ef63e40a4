//! Words and their letter trigrams, which also represent words unseen in training.

use std::iter;

/// Maximum number of pieces of a word.
pub const PIECES: usize = 12;

/// Letters of a piece.
const LETTERS: usize = 3;

/// The words of a text in lower case: letters and digits, split also where `walkTurn` has a capital.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in text.chars().filter(|letter| !matches!(letter, '\'' | '’')) {
        let starts = letter.is_uppercase() && before.is_lowercase();
        if starts || letter.is_numeric() != before.is_numeric() || !letter.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphanumeric()) {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Embedding rows of a word: the word and its letter trigrams, with `<` and `>` at its ends
/// (`walk`: `<walk>`, `<wa`, `wal`, `alk`, `lk>`), hashed into a table of `rows` rows. Unused
/// places hold row 0.
///
/// # Panics
/// If the table has no second row.
#[must_use]
pub fn pieces(word: &str, rows: usize) -> [u32; PIECES] {
    let letters: Vec<char> = iter::once('<').chain(word.chars()).chain(['>']).collect();
    let whole = iter::once(letters.as_slice()).filter(|_| letters.len() != LETTERS);
    let all = whole.chain(letters.windows(LETTERS));
    let mut found = [0; PIECES];
    for (row, piece) in found.iter_mut().zip(all) {
        *row = 1 + (hash(piece) % (rows as u64 - 1)) as u32;
    }
    found
}

/// FNV-1a, with its bits mixed.
fn hash(piece: &[char]) -> u64 {
    let step = |hash: u64, letter: &char| {
        (hash ^ u64::from(u32::from(*letter))).wrapping_mul(0x0100_0000_01B3)
    };
    let hash = piece.iter().fold(0xCBF2_9CE4_8422_2325, step);
    (hash ^ (hash >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 24
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_split_into_words() {
        for (text, expected) in [
            ("A person walks, then doesn't.", &["a", "person", "walks", "then", "doesnt"][..]),
            ("WalkTurnLeft90", &["walk", "turn", "left", "90"]),
            ("  wave-right_hand ", &["wave", "right", "hand"]),
            ("", &[]),
        ] {
            assert_eq!(words(text), expected);
        }
    }

    /// `walks` has three of the five pieces of `walk`, `hop` none.
    #[test]
    fn forms_of_a_word_share_pieces() {
        let of = |word: &str| -> Vec<u32> {
            pieces(word, 1 << 20).into_iter().filter(|row| *row > 0).collect()
        };
        let shared = |a: &str, b: &str| of(a).iter().filter(|row| of(b).contains(row)).count();
        assert_eq!((of("walk").len(), of("a").len(), of("hop").len()), (5, 1, 4));
        assert_eq!((shared("walk", "walks"), shared("walk", "hop")), (3, 0));
        assert_eq!(of("unpronounceability").len(), PIECES);
        assert!(pieces("walk", 2).iter().all(|row| *row <= 1));
    }
}
