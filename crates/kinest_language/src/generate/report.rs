//! What was made of what.

use super::plan::Unknown;
use super::wish::Wish;
use crate::describe::{Act, Describer, Wording, implied};
use kinest::events::CodeSegment;
use kinest::skeleton::Group;
use serde::Serialize;
use std::collections::BTreeMap;

/// How motions are made.
pub const METHOD: &str = "retrieval with limb splicing";

/// Where the motion of some groups comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Origin {
    /// The groups.
    pub groups: Vec<Group>,
    /// The clip of the library.
    pub clip: String,
    /// Start in that clip, seconds.
    pub from_s: f64,
    /// End in that clip, seconds.
    pub to_s: f64,
    /// Whether left and right were exchanged.
    pub mirrored: bool,
    /// Whether parts of it were repeated to make it longer.
    pub repeated: bool,
}

/// A step of what was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepReport {
    /// The part of the text that asked for it.
    pub text: String,
    /// Start, seconds.
    pub start_s: f64,
    /// End, seconds.
    pub end_s: f64,
    /// What each group was asked to do.
    pub groups: BTreeMap<Group, String>,
    /// Where the motion comes from: first the whole body, then limbs that replace those of the body.
    pub sources: Vec<Origin>,
}

/// Something that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Asked {
    /// Number of the step, from 0.
    pub step: usize,
    /// It in words.
    pub text: String,
    /// It as an act.
    pub wish: Wish,
    /// Whether the rules of descriptions find it in the result, in its step.
    pub found: bool,
}

/// Whether a motion is what was asked for, by the rules of descriptions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// What was asked for.
    pub asked: Vec<Asked>,
    /// The number of acts that a sentence about the motion tells.
    pub acts: usize,
    /// How many of them were asked for, or go without saying during what was asked for.
    pub wanted: usize,
    /// That sentence.
    pub told: String,
}

/// What was made, of what, and whether it is what was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// How it was made.
    pub method: &'static str,
    /// The steps.
    pub steps: Vec<StepReport>,
    /// Whether it is what was asked for.
    #[serde(flatten)]
    pub judged: Judged,
    /// Words that are not known, and were left out.
    pub unknown: Vec<Unknown>,
}

impl Judged {
    /// What was asked for beside the acts that a sentence about the motion tells.
    pub(super) fn new(asked: Vec<Asked>, told: &[Act], sentence: String) -> Self {
        let wanted = told.iter().filter(|act| {
            let mut wishes = asked.iter().map(|asked| asked.wish);
            wishes.any(|wish| wish.is_met_by(act) || implied(act.kind, wish.kind))
        });
        let wanted = wanted.count();
        Self { asked, acts: told.len(), wanted, told: sentence }
    }

    /// Whether a motion shows what another one does: what a sentence about that one tells is what is
    /// asked for. The order does not matter, and neither does the pace.
    #[must_use]
    pub fn like(describer: &Describer, other: &[CodeSegment], codes: &[CodeSegment]) -> Self {
        let acts = describer.acts(codes);
        let asked = describer.told(other).into_iter().map(|act| {
            let wish =
                Wish { kind: act.kind, side: act.side, direction: act.direction, pace: None };
            let found = acts.iter().any(|act| wish.is_met_by(act));
            Asked { step: 0, text: wish.text(Wording::english()), wish, found }
        });
        let sentence = describer.describe(codes).global.swap_remove(0);
        Self::new(asked.collect(), &describer.told(codes), sentence)
    }

    /// Share of what was asked for that is found; `None` if the rules know nothing of what was asked
    /// for.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        let found = self.asked.iter().filter(|asked| asked.found).count();
        (!self.asked.is_empty()).then(|| found as f64 / self.asked.len() as f64)
    }

    /// Share of the told acts that were asked for; `None` as [`Self::recall`], or if nothing is told.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        let any = !self.asked.is_empty() && self.acts > 0;
        any.then(|| self.wanted as f64 / self.acts as f64)
    }

    /// Harmonic mean of both.
    #[must_use]
    pub fn f1(&self) -> Option<f64> {
        let (recall, precision) = (self.recall()?, self.precision()?);
        let sum = recall + precision;
        Some(if sum > 0.0 { 2.0 * recall * precision / sum } else { 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinest::events::{CodeTable, codes_of};
    use kinest::motion::synthetic::{self, Kind};
    use kinest::skeleton::Skeleton;

    #[test]
    fn a_motion_is_like_itself_and_not_like_another() {
        let skeleton = Skeleton::default();
        let codes = |kind| {
            let clip = synthetic::clip(kind, 1, 5.0, 60.0, &skeleton);
            codes_of(&clip, &skeleton, CodeTable::default()).unwrap().segments
        };
        let (walk, squat) = (codes(Kind::Walk), codes(Kind::Squat));
        let describer = Describer::default();
        let same = Judged::like(&describer, &walk, &walk);
        assert_eq!((same.recall(), same.f1()), (Some(1.0), Some(1.0)), "{same:?}");
        let other = Judged::like(&describer, &walk, &squat);
        assert!(other.recall() < Some(0.6) && other.f1() < Some(0.6), "{other:?}");
    }
}
