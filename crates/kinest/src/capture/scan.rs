//! Words of a text with their lines.

use super::LineError;

/// The words of a text, one after the other.
pub(super) struct Words<'a> {
    words: Box<dyn Iterator<Item = (usize, &'a str)> + 'a>,
    next: Option<(usize, &'a str)>,
    /// Line of the word taken last.
    pub line: usize,
}

impl<'a> Words<'a> {
    /// Of lines with their numbers.
    pub fn new(lines: impl Iterator<Item = (usize, &'a str)> + 'a) -> Self {
        let each = |(number, line): (usize, &'a str)| {
            line.split_whitespace().map(move |word| (number, word))
        };
        let mut words: Box<dyn Iterator<Item = _> + 'a> = Box::new(lines.flat_map(each));
        let next = words.next();
        Self { words, next, line: 1 }
    }

    pub fn peek(&self) -> Option<&'a str> {
        self.next.map(|(_, word)| word)
    }

    /// The next word, if it is on this line.
    pub fn peek_on(&self, line: usize) -> Option<&'a str> {
        self.next.filter(|(number, _)| *number == line).map(|(_, word)| word)
    }

    /// The next word.
    pub fn word(&mut self, wanted: &str) -> Result<&'a str, LineError> {
        match std::mem::replace(&mut self.next, self.words.next()) {
            Some((line, word)) => {
                self.line = line;
                Ok(word)
            }
            None => Err(self.fail(format!("the file ends where {wanted} is expected"))),
        }
    }

    /// The next word, which must be a finite number.
    pub fn number(&mut self, wanted: &str) -> Result<f64, LineError> {
        let word = self.word(wanted)?;
        finite(word).ok_or_else(|| self.fail(format!("`{word}` is no number ({wanted})")))
    }

    /// The next word, which must be this one in any case.
    pub fn expect(&mut self, wanted: &str) -> Result<(), LineError> {
        let word = self.word(&format!("`{wanted}`"))?;
        if word.eq_ignore_ascii_case(wanted) {
            return Ok(());
        }
        Err(self.fail(format!("`{wanted}` expected, found `{word}`")))
    }

    pub fn fail(&self, problem: impl Into<String>) -> LineError {
        LineError::new(self.line, problem)
    }
}

/// A finite number. Some programs write a decimal comma.
pub(super) fn finite(word: &str) -> Option<f64> {
    let number: f64 = match word.parse() {
        Ok(number) => number,
        Err(_) => word.replacen(',', ".", 1).parse().ok()?,
    };
    number.is_finite().then_some(number)
}

/// Lines from 1, without a byte order mark. They end as Unix, Windows or old Macs end them.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let end = if text.contains('\n') { '\n' } else { '\r' };
    let lines = text.split_terminator(end).map(|line| line.strip_suffix('\r').unwrap_or(line));
    lines.enumerate().map(|(i, line)| (i + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_every_system() {
        let expected = [(1, "a b"), (2, ""), (3, "c")];
        for end in ["\n", "\r\n", "\r"] {
            for text in [format!("a b{end}{end}c{end}"), format!("\u{feff}a b{end}{end}c")] {
                assert_eq!(lines(&text).collect::<Vec<_>>(), expected, "{text:?}");
            }
        }
        assert_eq!(lines("").count(), 0);
    }

    #[test]
    fn numbers_are_those_of_every_program() {
        for (word, number) in [
            ("1", 1.0),
            ("-.5", -0.5),
            ("+2.", 2.0),
            ("1e-3", 1e-3),
            ("-1.5E+02", -150.0),
            ("0,0333", 0.0333),
            ("-1,5e1", -15.0),
        ] {
            assert_eq!(finite(word), Some(number), "{word}");
        }
        for word in ["", "x", "1.2.3", "1,2,3", "nan", "-inf", "infinity", "1e999", "0x10"] {
            assert_eq!(finite(word), None, "{word}");
        }
    }
}
