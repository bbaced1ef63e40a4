//! Splits text into words and clauses.

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A word in lower case, of letters only.
    Word(String),
    /// The end of a clause: punctuation.
    Break,
}

/// The tokens of a text. Besides sentences it splits what names of files and trials are written in:
/// `WalkTurnLeft90`, `wave-right-hand_001`. Digits only separate, apostrophes vanish (`doesn't` is
/// `doesnt`).
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = vec![];
    let mut word = String::new();
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if matches!(letter, '\'' | '’') && before.is_alphabetic() {
            continue;
        }
        if !letter.is_alphabetic() {
            end(&mut word, &mut tokens);
            if matches!(letter, ',' | ';' | '.' | ':' | '!' | '?' | '/' | '(' | ')' | '+' | '&') {
                tokens.push(Token::Break);
            }
        } else {
            // `walkTurn`, and `BVHFile`, where the new word starts at the last capital.
            let inner = before.is_uppercase()
                && letter.is_uppercase()
                && letters.peek().is_some_and(|next| next.is_lowercase());
            if letter.is_uppercase() && (before.is_lowercase() || inner) {
                end(&mut word, &mut tokens);
            }
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    end(&mut word, &mut tokens);
    tokens
}

fn end(word: &mut String, tokens: &mut Vec<Token>) {
    let word = std::mem::take(word);
    if !word.is_empty() {
        tokens.push(Token::Word(word));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let word = |token| match token {
            Token::Word(word) => word,
            Token::Break => "|".into(),
        };
        tokens(text).into_iter().map(word).collect()
    }

    #[test]
    fn sentences_names_of_files_and_trials_are_split_into_words() {
        for (text, expected) in [
            ("Walks, then doesn't stop.", "walks | then doesnt stop |"),
            ("WalkTurnLeft90", "walk turn left"),
            ("bnr2_wave-right-hand_elderly_001", "bnr wave right hand elderly"),
            ("Male2_B27_SkipToWalk", "male b skip to walk"),
            ("BVHFile", "bvh file"),
            ("run/jog", "run | jog"),
            ("ÜBER Öffnung", "über öffnung"),
            ("  ", ""),
        ] {
            assert_eq!(words(text).join(" "), expected, "{text}");
        }
    }
}
