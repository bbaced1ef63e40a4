//! What is to be made.

use super::error::GenerateError;
use kinest::skeleton::Group;
use std::collections::BTreeMap;

/// Shortest motion that can be asked for, seconds.
pub const SHORTEST: f64 = 0.5;
/// Longest motion that can be asked for, seconds.
pub const LONGEST: f64 = 120.0;

/// A motion in words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// What the body does; may be empty if a group has a text.
    pub text: String,
    /// What groups do instead of, or besides, what follows from the text.
    pub groups: BTreeMap<Group, String>,
    /// Seconds that the motion has; by default what it takes.
    pub seconds: Option<f64>,
    /// 0 takes what fits best, another number something else that fits.
    pub seed: u64,
}

impl Request {
    /// What a text asks for, as long as it takes.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Checks what does not depend on a library.
    pub(super) fn check(&self) -> Result<(), GenerateError> {
        let says = |text: &str| text.chars().any(char::is_alphabetic);
        if !says(&self.text) && !self.groups.values().any(|text| says(text)) {
            return Err(GenerateError::Empty);
        }
        match self.seconds {
            Some(seconds) if !(SHORTEST..=LONGEST).contains(&seconds) => {
                Err(GenerateError::Seconds { seconds, least: SHORTEST, most: LONGEST })
            }
            _ => Ok(()),
        }
    }
}
