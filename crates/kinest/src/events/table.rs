//! The thresholds.

use super::file::{EventsFileError, parse, read};
use super::kind::CodeKind;
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::path::Path;

/// The thresholds of one kind, in its [unit](CodeKind::unit).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KindTable {
    /// Borders between states, ascending: one fewer than states.
    pub borders: Vec<f64>,
    /// Width of the hysteresis band around a border.
    pub hysteresis: f64,
    /// Minimum duration of a new state, seconds.
    pub dwell_s: f64,
    /// Minimum travel of a movement.
    pub travel: f64,
    /// Ordinary peak speed of a movement, per second.
    pub pace: f64,
    /// Minimum width of an oscillation, from turn to turn.
    pub swing: f64,
}

/// Every threshold of the codes: one table, read from RON and checked.
///
/// The [`Default`] is the shipped table, `assets/events/codes.ron`, which explains its fields. A
/// copy with other numbers can replace it; names of kinds and classes are fixed.
///
/// ```
/// use kinest::events::CodeTable;
/// let error = CodeTable::parse("(smoothing_s: 0.03)", "my.ron").unwrap_err().to_string();
/// assert!(error.starts_with("my.ron:1:"), "{error}");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CodeTable {
    /// Time constant of the low-pass filter on each signal, seconds.
    pub smoothing_s: f64,
    /// Time constant of the low-pass filter on signals that are speeds, seconds.
    pub speed_smoothing_s: f64,
    /// Maximum time between frames of one motion, seconds.
    pub gap_s: f64,
    /// Fraction of the states that must have changed for a new key frame.
    pub key_frame_part: f64,
    /// Lowest and highest frequency of an oscillation, hertz.
    pub repeat_hz: [f64; 2],
    /// Minimum number of half swings of an oscillation.
    pub repeat_swings: u32,
    /// Slowest movement: maximum time for the minimum travel, seconds.
    pub slowest_s: f64,
    kinds: [KindTable; CodeKind::COUNT],
}

impl CodeTable {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If the file cannot be read, or as [`CodeTable::parse`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, EventsFileError> {
        let path = path.as_ref();
        Self::parse(&read(path)?, path)
    }

    /// Parses the text of a file; `path` stands in errors.
    ///
    /// # Errors
    /// With line and column: if the text is not RON of this form, a kind is missing, unknown or
    /// there twice, thresholds are out of order or too many or few, or a number is out of range.
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self, EventsFileError> {
        parse(text, path.as_ref())
    }

    /// The thresholds of a kind.
    #[must_use]
    pub fn kind(&self, kind: CodeKind) -> &KindTable {
        &self.kinds[kind as usize]
    }
}

impl Default for CodeTable {
    fn default() -> Self {
        Self::parse(include_str!("../../assets/codes.ron"), "codes.ron")
            .expect("the embedded table is valid; a test checks it")
    }
}

impl<'de> Deserialize<'de> for CodeTable {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "CodeTable", deny_unknown_fields)]
        struct Written {
            smoothing_s: Positive,
            speed_smoothing_s: Positive,
            gap_s: Positive,
            key_frame_part: Positive,
            repeat_hz: (Positive, Positive),
            repeat_swings: u32,
            slowest_s: Positive,
            kinds: Kinds,
        }
        let written = Written::deserialize(from)?;
        let repeat_hz = [written.repeat_hz.0.0, written.repeat_hz.1.0];
        if repeat_hz[0] >= repeat_hz[1] {
            return Err(D::Error::custom(format!("repeat_hz {repeat_hz:?} do not rise")));
        }
        Ok(Self {
            smoothing_s: written.smoothing_s.0,
            speed_smoothing_s: written.speed_smoothing_s.0,
            gap_s: written.gap_s.0,
            key_frame_part: written.key_frame_part.0,
            repeat_hz,
            repeat_swings: written.repeat_swings.max(1),
            slowest_s: written.slowest_s.0,
            kinds: written.kinds.0,
        })
    }
}

/// A finite number above zero; anything else is an error with its position in the file.
#[derive(Clone, Copy)]
struct Positive(f64);

impl<'de> Deserialize<'de> for Positive {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(from)?;
        if value.is_finite() && value > 0.0 {
            Ok(Self(value))
        } else {
            Err(D::Error::custom(format!("{value} is not a number above zero")))
        }
    }
}

/// Ascending numbers; others are an error with their position in the file.
struct Rising(Vec<f64>);

impl<'de> Deserialize<'de> for Rising {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let values = Vec::<f64>::deserialize(from)?;
        if !values.iter().all(|value| value.is_finite()) {
            return Err(D::Error::custom(format!("borders {values:?} are not finite")));
        }
        match values.windows(2).find(|pair| pair[0] >= pair[1]) {
            Some(pair) => Err(D::Error::custom(format!(
                "borders {values:?} are out of order: {} is not below {}",
                pair[0], pair[1]
            ))),
            None => Ok(Self(values)),
        }
    }
}

/// The tables of all kinds, each exactly once.
struct Kinds([KindTable; CodeKind::COUNT]);

impl<'de> Deserialize<'de> for Kinds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Kinds;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("the thresholds of every kind of code")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Kinds, M::Error> {
                let mut kinds = [const { None }; CodeKind::COUNT];
                while let Some(kind) = map.next_key::<CodeKind>()? {
                    let table = map.next_value_seed(Of(kind))?;
                    if kinds[kind as usize].replace(table).is_some() {
                        return Err(M::Error::custom(format!("`{kind}` is there twice")));
                    }
                }
                let missing = CodeKind::ALL.into_iter().find(|k| kinds[*k as usize].is_none());
                match missing {
                    Some(kind) => Err(M::Error::custom(format!("`{kind}` is missing"))),
                    None => Ok(Kinds(kinds.map(Option::unwrap_or_default))),
                }
            }
        }
        from.deserialize_map(All)
    }
}

/// Reads the table of one kind and checks it against the kind's classes.
struct Of(CodeKind);

impl<'de> DeserializeSeed<'de> for Of {
    type Value = KindTable;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<KindTable, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "KindTable", deny_unknown_fields)]
        struct Written {
            borders: Option<Rising>,
            hysteresis: Option<Positive>,
            dwell_s: Option<Positive>,
            travel: Option<Positive>,
            pace: Option<Positive>,
            swing: Option<Positive>,
        }
        let written = Written::deserialize(from)?;
        let kind = self.0;
        let states = kind.states().len();
        let borders = written.borders.map(|rising| rising.0).unwrap_or_default();
        if borders.len() != states.saturating_sub(1) {
            let wanted = states.saturating_sub(1);
            let found = borders.len();
            return Err(D::Error::custom(format!(
                "`{kind}` has {states} states, so {wanted} borders, not {found}"
            )));
        }
        let narrowest = borders.windows(2).map(|pair| pair[1] - pair[0]);
        let narrowest = narrowest.fold(f64::INFINITY, f64::min);
        if let Some(Positive(hysteresis)) = written.hysteresis
            && hysteresis >= narrowest
        {
            return Err(D::Error::custom(format!(
                "`{kind}`: the hysteresis {hysteresis} is wider than a state ({narrowest})"
            )));
        }
        let number = |field, value: Option<Positive>, needed: bool| match value {
            Some(Positive(value)) if needed => Ok(value),
            None if !needed => Ok(0.0),
            Some(_) => Err(D::Error::custom(format!("`{kind}` has no use for `{field}`"))),
            None => Err(D::Error::custom(format!("`{kind}` needs `{field}`"))),
        };
        let moves = !kind.moves().is_empty();
        Ok(KindTable {
            hysteresis: number("hysteresis", written.hysteresis, states > 0)?,
            dwell_s: number("dwell_s", written.dwell_s, states > 0)?,
            travel: number("travel", written.travel, moves)?,
            pace: number("pace", written.pace, moves)?,
            swing: number("swing", written.swing, kind.repeat().is_some())?,
            borders,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../assets/codes.ron");

    #[test]
    fn the_shipped_table_is_valid() {
        let table = CodeTable::default();
        assert_eq!(table.kind(CodeKind::HeadYaw).borders.len(), 2);
    }

    /// Each error, and its reported line.
    #[test]
    fn mistakes_are_named_with_their_line() {
        let line_of = |what: &str| {
            SHIPPED.lines().position(|line| line.contains(what)).expect("it is there") + 1
        };
        let elbow = line_of("\"elbow_bend\"");
        let check = |from: &str, to: &str, line: usize, says: &str| {
            let text = SHIPPED.replacen(from, to, 1);
            assert_ne!(text, SHIPPED, "{from} is not there");
            let error = CodeTable::parse(&text, "my.ron").unwrap_err();
            let message = error.to_string();
            let EventsFileError::Content { line: found, .. } = error else { panic!("{error}") };
            assert!(message.contains(says), "{message}");
            assert_eq!(found, line, "{message}");
        };
        check("\"elbow_bend\"", "\"elbow_bent\"", elbow, "did you mean `elbow_bend`");
        let numbers = SHIPPED.lines().nth(elbow - 1).unwrap();
        let start = numbers.find('[').unwrap();
        let end = numbers.find(']').unwrap();
        let borders = &numbers[start..=end];
        check(borders, "[20, 80, 55, 110]", elbow, "out of order: 80 is not below 55");
        check(borders, "[20, 80]", elbow, "5 states, so 4 borders, not 2");
        check(borders, "[20, NaN, 80, 110]", elbow, "not finite");
        let smoothing = line_of("    smoothing_s:");
        check("    smoothing_s: ", "    smoothing_s: -", smoothing, "not a number above zero");
        check("    smoothing_s", "    smoothness_s", smoothing, "smoothness_s");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = CodeTable::load("no/such/codes.ron").unwrap_err().to_string();
        assert!(error.contains("no/such/codes.ron"), "{error}");
    }
}
