//! Places of signals on the body, and errors for unknown names.

use crate::skeleton::{Group, GroupPair};
use serde::{Deserialize, Deserializer, de};
use std::str::FromStr;

/// Where on the body a signal is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// The whole body, or both sides of it.
    Body,
    /// The left arm or leg.
    Left,
    /// The right arm or leg.
    Right,
    /// A group as a whole.
    Group(Group),
    /// Two groups.
    Pair(GroupPair),
}

impl Place {
    /// The same place of the mirrored body.
    #[must_use]
    pub fn mirrored(self) -> Self {
        match self {
            Self::Body => Self::Body,
            Self::Left => Self::Right,
            Self::Right => Self::Left,
            Self::Group(group) => Self::Group(group.mirrored()),
            Self::Pair(pair) => Self::Pair(pair.mirrored()),
        }
    }
}

/// A name that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no {what} is called `{name}`{}", hint(.nearest.as_deref()))]
pub struct Misnamed {
    /// Kind of the name: `class`, `signal`.
    pub what: &'static str,
    /// The name that was given.
    pub name: String,
    /// The most similar existing name, if any is similar.
    pub nearest: Option<String>,
}

impl Misnamed {
    pub(super) fn new(what: &'static str, name: &str, known: impl Iterator<Item = String>) -> Self {
        let near = known.map(|known| (distance(name, &known), known)).min();
        let limit = name.chars().count().div_ceil(3);
        let nearest = near.filter(|(far, _)| *far <= limit).map(|(_, known)| known);
        Self { what, name: name.to_owned(), nearest }
    }
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// Number of letters to insert, delete or replace to turn one word into the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = corner + usize::from(from != *to);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// Reads a name; an unknown name is an error with its position in the file.
pub(super) fn parsed<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: FromStr<Err = Misnamed>,
    D: Deserializer<'de>,
{
    let name = String::deserialize(from)?;
    name.parse().map_err(de::Error::custom)
}
