//! What a text asks for, in order.

use super::wish::Wish;
use kinest::align::LevelTexts;
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

impl Plan {
    /// What a network of texts and motions reads: about the whole body `text`, or the texts of the steps
    /// if it says nothing; about each group what it does in each step, every sentence once; nothing
    /// about pairs.
    #[must_use]
    pub fn texts(&self, text: &str) -> LevelTexts {
        let body = match text.chars().any(char::is_alphabetic) {
            true => text.trim().to_owned(),
            false => once(self.steps.iter().map(|step| step.text.as_str()), ", then "),
        };
        let group = |group: Group| {
            let told = self.steps.iter().filter_map(|step| step.groups.get(&group));
            once(told.map(String::as_str), " ")
        };
        LevelTexts { body, groups: Group::ALL.map(group), pairs: vec![] }
    }
}

/// Texts that say something, each once.
fn once<'a>(texts: impl Iterator<Item = &'a str>, between: &str) -> String {
    let mut said: Vec<&str> = vec![];
    for text in texts.filter(|text| !text.is_empty()) {
        if !said.contains(&text) {
            said.push(text);
        }
    }
    said.join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_say_what_they_do_in_each_step_once() {
        let step = |text: &str, arm: &str| Step {
            text: text.into(),
            groups: BTreeMap::from([
                (Group::RightArm, arm.to_owned()),
                (Group::Neck, "The head is still.".to_owned()),
            ]),
            ..Step::default()
        };
        let steps = vec![step("walks", "The right arm swings."), step("waves", "It waves.")];
        let plan = Plan { steps, unknown: vec![] };
        let texts = plan.texts(" a person walks, then waves ");
        assert_eq!(texts.body, "a person walks, then waves");
        assert_eq!(texts.groups[Group::RightArm.index()], "The right arm swings. It waves.");
        assert_eq!(texts.groups[Group::Neck.index()], "The head is still.");
        assert_eq!(texts.groups[Group::LeftLeg.index()], "");
        assert!(texts.pairs.is_empty());
        assert_eq!(plan.texts(" . ").body, "walks, then waves");
    }
}
