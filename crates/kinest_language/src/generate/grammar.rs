//! The table of verbs: which act a clause asks for.

use super::wish::{Wish, can_be_of_one_arm};
use crate::describe::{ActKind, Direction, Pace, Side};
use crate::words::{Lexicon, Unit};
use kinest::skeleton::Group;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use thiserror::Error;

/// Names of groups in a rule.
const PARTS: [&str; 7] = ["torso", "neck", "arm", "arms", "leg", "legs", "other_leg"];

/// A table of verbs that cannot be used.
#[derive(Debug, Error)]
pub enum GrammarError {
    /// The text is not such a table.
    #[error("verbs: {0}")]
    Syntax(#[from] ron::error::SpannedError),
    /// A rule has no verb.
    #[error("verbs: rule {number} ({act}): `words` is empty")]
    Words {
        /// Number of the rule, from 1.
        number: usize,
        /// Its act.
        act: &'static str,
    },
    /// A rule has a text for a group that does not exist.
    #[error("verbs: rule {number} ({act}): {part:?} is no group; there are {}", PARTS.join(", "))]
    Part {
        /// Number of the rule, from 1.
        number: usize,
        /// Its act.
        act: &'static str,
        /// The name.
        part: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    then: BTreeSet<String>,
    after: BTreeSet<String>,
    meanwhile: BTreeSet<String>,
    rules: Vec<Rule>,
}

/// A rule as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) act: ActKind,
    words: Vec<String>,
    #[serde(default)]
    with: Vec<String>,
    #[serde(default)]
    refined: Vec<String>,
    groups: BTreeMap<String, String>,
}

/// Which verbs ask for which acts, and what groups of joints do in them.
///
/// [`Grammar::english`] is built in; its source, `assets/english.verbs.ron`, explains the form.
#[derive(Debug)]
pub struct Grammar {
    table: Table,
}

/// What a rule has found in a clause.
pub(super) struct Found {
    pub(super) wish: Wish,
    /// Numbers of the units that it accounts for.
    pub(super) units: Vec<usize>,
}

impl Grammar {
    /// The built-in table of English verbs.
    #[must_use]
    pub fn english() -> Arc<Self> {
        static ENGLISH: LazyLock<Arc<Grammar>> = LazyLock::new(|| {
            let table = include_str!("../../assets/english.verbs.ron");
            Arc::new(Grammar::from_ron(table).expect("a test reads the built-in table"))
        });
        Arc::clone(&ENGLISH)
    }

    /// Reads a table.
    ///
    /// # Errors
    /// If it is not a table, a rule has no verb, or a text is for a group that does not exist.
    pub fn from_ron(text: &str) -> Result<Self, GrammarError> {
        let table: Table = ron::from_str(text)?;
        for (i, rule) in table.rules.iter().enumerate() {
            let (number, act) = (i + 1, rule.act.name());
            if rule.words.is_empty() {
                return Err(GrammarError::Words { number, act });
            }
            if let Some(part) = rule.groups.keys().find(|part| !PARTS.contains(&part.as_str())) {
                return Err(GrammarError::Part { number, act, part: part.clone() });
            }
        }
        Ok(Self { table })
    }

    /// Whether this word starts the next step ("then").
    pub(super) fn is_then(&self, word: &str) -> bool {
        self.table.then.contains(word)
    }

    /// Whether this word introduces an earlier step ("after").
    pub(super) fn is_after(&self, word: &str) -> bool {
        self.table.after.contains(word)
    }

    /// Whether this word introduces a simultaneous act ("while").
    pub(super) fn is_meanwhile(&self, word: &str) -> bool {
        self.table.meanwhile.contains(word)
    }

    /// What the units of a clause ask for. `group` is the one that the clause is about, if it does not
    /// name it.
    pub(super) fn read(
        &self,
        lexicon: &Lexicon,
        units: &[Unit],
        group: Option<Group>,
    ) -> Vec<Found> {
        let (mut found, mut verbs): (Vec<Found>, BTreeSet<usize>) = (vec![], BTreeSet::new());
        for i in 0..units.len() {
            let fits = self.table.rules.iter().find_map(|rule| {
                let used = rule.fits(lexicon, units, i, group)?;
                let wish = rule.wish(units, &used, group);
                group.is_none_or(|group| is_of(&wish, group)).then_some(Found { wish, units: used })
            });
            let Some(fits) = fits else { continue };
            // "Walks in a circle" is not also a circle; the verb comes first.
            let again = found.iter().any(|other| other.wish == fits.wish);
            if again || fits.units.iter().any(|unit| verbs.contains(unit)) {
                continue;
            }
            verbs.insert(i);
            if fits.wish.kind == ActKind::WalkInCircle {
                verbs.extend(&fits.units);
            }
            found.push(fits);
        }
        found
    }

    /// What the groups do in an act, as clauses after their names.
    pub(super) fn groups(&self, wish: &Wish) -> BTreeMap<Group, &str> {
        let mut texts = BTreeMap::new();
        let Some(rule) = self.table.rules.iter().find(|rule| rule.act == wish.kind) else {
            return texts;
        };
        let (left, right) = match wish.side {
            Some(Side::Left) => (true, false),
            Some(Side::Both) => (true, true),
            Some(Side::Right) | None => (false, true),
        };
        for (part, text) in &rule.groups {
            let groups: &[(Group, bool)] = match part.as_str() {
                "torso" => &[(Group::Torso, true)],
                "neck" => &[(Group::Neck, true)],
                "arm" => &[(Group::LeftArm, left), (Group::RightArm, right)],
                "leg" => &[(Group::LeftLeg, left), (Group::RightLeg, right)],
                "other_leg" => &[(Group::LeftLeg, !left), (Group::RightLeg, !right)],
                "arms" => &[(Group::LeftArm, true), (Group::RightArm, true)],
                _ => &[(Group::LeftLeg, true), (Group::RightLeg, true)],
            };
            let groups = groups.iter().filter(|(_, does)| *does);
            texts.extend(groups.map(|(group, _)| (*group, text.as_str())));
        }
        texts
    }
}

/// Whether a group can do this alone, or is what it is about.
fn is_of(wish: &Wish, group: Group) -> bool {
    match (group, wish.groups()) {
        (Group::Torso, groups) => groups.is_none(),
        (Group::LeftLeg | Group::RightLeg, groups) => groups.is_none(),
        (group, Some(groups)) => groups.contains(&group),
        (_, None) => false,
    }
}

/// What goes without saying in the text of a group.
fn implied(group: Group) -> &'static [&'static str] {
    match group {
        Group::Torso => &[],
        Group::Neck => &["head"],
        Group::LeftArm | Group::RightArm => &["arm", "hand"],
        Group::LeftLeg | Group::RightLeg => &["leg", "foot"],
    }
}

impl Rule {
    /// The units that the rule accounts for if the one of number `verb` is its verb.
    fn fits(
        &self,
        lexicon: &Lexicon,
        units: &[Unit],
        verb: usize,
        group: Option<Group>,
    ) -> Option<Vec<usize>> {
        let is = |unit: &Unit, names: &[String]| {
            names.iter().any(|name| unit.same.contains(name) || unit.stem == lexicon.stem(name))
        };
        if !is(&units[verb], &self.words) {
            return None;
        }
        let clause = units[verb].clause;
        let mut used = vec![verb];
        if !self.with.is_empty() {
            let others = units.iter().enumerate();
            let mut others = others.filter(|(i, unit)| *i != verb && unit.clause == clause);
            match others.find(|(_, unit)| is(unit, &self.with)) {
                Some((noun, _)) => used.push(noun),
                None => {
                    let implied = group.map(implied).unwrap_or_default();
                    implied.iter().find(|name| self.with.iter().any(|with| with == *name))?;
                }
            }
        }
        let refined = |unit: usize| units[unit].refined.iter().any(|r| self.refined.contains(r));
        if !self.refined.is_empty() && !used.iter().any(|unit| refined(*unit)) {
            return None;
        }
        // Nouns that say which side: "waves with the right hand".
        let limbs = ["hand", "arm", "leg", "foot", "knee", "elbow"].map(String::from);
        let nouns = units
            .iter()
            .enumerate()
            .filter(|(i, unit)| unit.clause == clause && !used.contains(i) && is(unit, &limbs));
        let nouns: Vec<usize> = nouns.map(|(i, _)| i).collect();
        used.extend(nouns);
        Some(used)
    }

    fn wish(&self, units: &[Unit], used: &[usize], group: Option<Group>) -> Wish {
        use ActKind as A;
        let said = |name: &str| {
            used.iter().any(|unit| {
                let unit = &units[*unit];
                // A phrase keeps its words: "steps to the left".
                let inside =
                    unit.word.contains(' ') && unit.word.split(' ').any(|word| word == name);
                unit.refined.iter().any(|refinement| refinement == name) || inside
            })
        };
        let plural = || {
            let limbs = ["hands", "arms", "legs", "feet", "knees", "elbows", "fists"];
            let words = used.iter().flat_map(|unit| units[*unit].word.split(' '));
            words.into_iter().any(|word| limbs.contains(&word))
        };
        let (left, right) = (said("left"), said("right"));
        let side = match group {
            Some(Group::LeftArm | Group::LeftLeg) => Some(Side::Left),
            Some(Group::RightArm | Group::RightLeg) => Some(Side::Right),
            _ if said("both") || left && right || !left && !right && plural() => Some(Side::Both),
            _ if left => Some(Side::Left),
            _ if right => Some(Side::Right),
            _ => None,
        };
        let of_one_leg = matches!(
            self.act,
            A::TouchKnee | A::TouchFoot | A::Kick | A::LiftKnee | A::LiftLeg | A::Hop
        );
        let sided = of_one_leg || can_be_of_one_arm(self.act);
        let ways: &[(&str, Direction)] = match self.act {
            A::Walk | A::Run | A::Step => &[
                ("backward", Direction::Backward),
                ("left", Direction::Left),
                ("right", Direction::Right),
                ("forward", Direction::Forward),
            ],
            A::Turn | A::TurnAround | A::Spin | A::WalkInCircle | A::LeanAside => {
                &[("left", Direction::Left), ("right", Direction::Right)]
            }
            A::Look => &[
                ("left", Direction::Left),
                ("right", Direction::Right),
                ("up", Direction::Up),
                ("down", Direction::Down),
            ],
            A::Jump => &[("forward", Direction::Forward), ("backward", Direction::Backward)],
            _ => &[],
        };
        let direction = ways.iter().find(|(name, _)| said(name)).map(|(_, way)| *way);
        let pace = match () {
            () if said("fast") => Some(Pace::Fast),
            () if said("slow") => Some(Pace::Slow),
            () => None,
        };
        let side = side.filter(|_| sided);
        Wish { kind: self.act, side, direction, pace }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::Wording;

    fn asked(text: &str) -> String {
        let lexicon = Lexicon::english();
        let units = lexicon.read(text);
        let found = Grammar::english().read(&lexicon, &units, None);
        let texts = found.iter().map(|found| found.wish.text(Wording::english()));
        texts.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn clauses_ask_for_acts() {
        for (text, expected) in [
            ("waves with the right hand", "waves with the right hand"),
            ("is waving both arms", "waves with both hands"),
            ("raises the left hand", "raises the left hand"),
            ("raises his arms", "raises both hands"),
            ("lifts the left knee", "lifts the left knee"),
            ("walks slowly backwards", "walks backward slowly"),
            ("walks in a circle to the left", "walks in a circle, turning to the left"),
            ("side steps to the left", "walks sideways to the left"),
            ("turns around", "turns around"),
            ("turns right", "turns to the right"),
            ("sits down on a chair", "sits down"),
            ("stands up", "stands up"),
            ("kicks with the right foot", "kicks with the right leg"),
            ("puts the hands on the hips", "puts both hands on the hips"),
            ("crosses the arms", "crosses the arms"),
            ("shakes his head", "shakes the head"),
            ("looks around", "looks around"),
            ("picks something up", "reaches down to the floor, as if to pick something up"),
            ("stretches both arms out forward", "stretches both arms out forward"),
            ("points with the left arm", "stretches the left arm out forward"),
            ("runs and jumps", "runs; jumps"),
            ("yodels", ""),
        ] {
            assert_eq!(asked(text), expected, "{text}");
        }
    }

    /// What the rules of descriptions call an act is what asks for it, side and direction included.
    #[test]
    fn descriptions_ask_for_what_they_describe() {
        let wording = Wording::english();
        let mut missed = vec![];
        for kind in ActKind::ALL {
            for (side, direction) in [
                (None, None),
                (Some(Side::Left), Some(Direction::Left)),
                (Some(Side::Right), Some(Direction::Right)),
            ] {
                let wish = Wish { kind: *kind, side, direction, pace: None };
                let text = wish.text(wording);
                let lexicon = Lexicon::english();
                let found = Grammar::english().read(&lexicon, &lexicon.read(&text), None);
                let act = |wish: &Wish| crate::describe::Act {
                    kind: wish.kind,
                    side: wish.side,
                    direction: wish.direction,
                    pace: Pace::Ordinary,
                    count: 1,
                    start_s: 0.0,
                    end_s: 1.0,
                };
                if !found.iter().any(|found| found.wish.is_met_by(&act(&wish))) {
                    missed.push(text);
                }
            }
        }
        // Small steps in place are no wish anyone has.
        missed.retain(|text| !text.contains("small steps"));
        assert!(missed.is_empty(), "{missed:#?}");
    }

    #[test]
    fn tables_with_mistakes_name_them() {
        let table = |rules: &str| {
            let text = format!("(then: [], after: [], meanwhile: [], rules: [{rules}])");
            Grammar::from_ron(&text).unwrap_err().to_string()
        };
        for (rules, expected) in [
            (r#"(act: yodel, words: ["yodel"], groups: {})"#, "yodel"),
            (r#"(act: wave, words: [], groups: {})"#, "rule 1 (wave)"),
            (r#"(act: wave, words: ["wave"], groups: {"tail": "wags"})"#, "tail"),
        ] {
            let error = table(rules);
            assert!(error.contains(expected), "{error}");
        }
    }
}
