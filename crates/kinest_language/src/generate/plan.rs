//! What a text asks for, in order.

use super::wish::Wish;
use kinest::skeleton::Group;
use serde::Serialize;
use std::collections::BTreeMap;

/// A word that says nothing that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// The word.
    pub word: String,
    /// Known words that resemble it, nearest first.
    pub nearest: Vec<String>,
}

/// What is done at one time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Step {
    /// The part of the text that asks for it.
    pub text: String,
    /// What the body should do.
    pub wishes: Vec<Wish>,
    /// What it should not do.
    pub denied: Vec<Wish>,
    /// Whether the text says more than the wishes do, which only titles of clips tell: a salsa.
    pub open: bool,
    /// Texts of groups that only texts of clips can answer, as their authors wrote them.
    pub searched: BTreeMap<Group, String>,
    /// What each group does, a sentence each. Those that the author has written stand as they are.
    pub groups: BTreeMap<Group, String>,
}

/// Steps that follow each other.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    /// At least one.
    pub steps: Vec<Step>,
    /// Words that are not known, and were left out.
    pub unknown: Vec<Unknown>,
}
