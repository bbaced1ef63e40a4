//! The motion reasoner: from a sentence to what each group does, without a language model.

use super::error::GenerateError;
use super::grammar::Grammar;
use super::plan::{Plan, Step, Unknown};
use super::repertoire::is_body;
use super::request::Request;
use super::wish::Wish;
use crate::describe::Wording;
use crate::library::{Hit, Library};
use crate::words::{Lexicon, Unit};
use kinest::skeleton::Group;
use std::sync::Arc;

/// Words that resemble an unknown one, at most.
const HINTS: usize = 3;
/// Least likeness of such a word, 0 to 1.
const ALIKE: f64 = 0.55;

/// Reads sentences with a grammar of verbs, and fills in what they leave open from the texts of a
/// library.
#[derive(Debug)]
pub struct Reasoner<'a> {
    library: &'a Library,
    grammar: Arc<Grammar>,
    wording: &'a Wording,
}

impl<'a> Reasoner<'a> {
    /// A reasoner that knows the texts of a library, in English.
    #[must_use]
    pub fn new(library: &'a Library) -> Self {
        Self { library, grammar: Grammar::english(), wording: Wording::english() }
    }

    /// A reasoner with other verbs and words.
    #[must_use]
    pub fn with(library: &'a Library, grammar: Arc<Grammar>, wording: &'a Wording) -> Self {
        Self { library, grammar, wording }
    }

    /// What is asked for, in steps.
    ///
    /// # Errors
    /// If nothing is asked, the seconds are impossible, no word is known, or the text of a group is
    /// about another one.
    pub fn plan(&self, request: &Request) -> Result<Plan, GenerateError> {
        request.check()?;
        let lexicon = self.library.lexicon();
        let mut plan = Plan::default();
        for text in self.steps(&request.text) {
            let steps = self.read(lexicon, &text, &mut plan.unknown);
            plan.steps.extend(steps);
        }
        if plan.steps.is_empty() {
            if request.text.chars().any(char::is_alphabetic) && request.groups.is_empty() {
                let words = plan.unknown.iter().flat_map(|unknown| unknown.nearest.clone());
                let mut nearest: Vec<String> = vec![];
                words.for_each(|word| {
                    if !nearest.contains(&word) {
                        nearest.push(word);
                    }
                });
                return Err(GenerateError::Unknown { text: request.text.clone(), nearest });
            }
            plan.steps.push(Step::default());
        }
        for (group, text) in &request.groups {
            self.give(lexicon, *group, text, &mut plan)?;
        }
        for step in &mut plan.steps {
            self.fill(step);
        }
        Ok(plan)
    }

    /// Parts of a text that follow each other, in order of time.
    fn steps(&self, text: &str) -> Vec<String> {
        let mut steps: Vec<String> = vec![];
        let (mut step, mut before): (Vec<String>, Option<String>) = (vec![], None);
        let mut close = |step: &mut Vec<String>, before: &mut Option<String>| {
            let text = std::mem::take(step).join(" ");
            if text.chars().any(char::is_alphabetic) {
                steps.push(text);
                // "Sits down after walking": what was said first comes last.
                steps.extend(before.take());
            }
        };
        for word in text.split_whitespace() {
            let bare = word.trim_matches(|letter: char| !letter.is_alphabetic()).to_lowercase();
            let ends = word.ends_with(['.', ';', '!', '?']);
            match bare.as_str() {
                bare if self.grammar.is_then(bare) => close(&mut step, &mut before),
                bare if self.grammar.is_after(bare) => {
                    let text = std::mem::take(&mut step).join(" ");
                    before = Some(text).filter(|text| text.chars().any(char::is_alphabetic));
                    if before.is_none() {
                        // "After walking, sits down": the comma ends what was first.
                        step.push(",".into());
                        continue;
                    }
                }
                bare if self.grammar.is_meanwhile(bare) => step.push(",".into()),
                _ => step.push(word.into()),
            }
            let leads = step.first().is_some_and(|first| first == ",") && word.ends_with(',');
            if ends || leads {
                close(&mut step, &mut before);
            }
        }
        close(&mut step, &mut before);
        steps.extend(before);
        steps
    }

    /// The steps of a part of a text without words like "then": what cannot be done at once follows
    /// each other.
    fn read(&self, lexicon: &Lexicon, text: &str, unknown: &mut Vec<Unknown>) -> Vec<Step> {
        let units = self.units(lexicon, text, unknown);
        let found = self.grammar.read(lexicon, &units, None);
        let used: Vec<usize> = found.iter().flat_map(|found| found.units.clone()).collect();
        let open = units.iter().enumerate().any(|(i, unit)| {
            let body = unit.same.iter().any(|set| is_body(set));
            !used.contains(&i) && !body && !unit.negated && self.library.has_word(&unit.stem)
        });
        let wish = |found: &super::grammar::Found| (found.wish, units[found.units[0]].negated);
        let (denied, wished): (Vec<_>, Vec<_>) =
            found.iter().map(wish).partition(|(_, negated)| *negated);
        let denied: Vec<Wish> = denied.into_iter().map(|(wish, _)| wish).collect();
        let mut steps: Vec<Step> = vec![];
        for (wish, _) in wished {
            match steps.last_mut() {
                Some(step) if step.wishes.contains(&wish) => {}
                Some(step) if step.wishes.iter().all(|other| wish.goes_with(other)) => {
                    step.wishes.push(wish);
                }
                _ => steps.push(Step { wishes: vec![wish], ..Step::default() }),
            }
        }
        if steps.is_empty() && open {
            steps.push(Step::default());
        }
        let parts = steps.len();
        for step in &mut steps {
            step.denied.clone_from(&denied);
            step.open = open && parts == 1;
            step.text = match parts {
                1 => self.bare(lexicon, text),
                _ => self.say(&step.wishes),
            };
        }
        steps
    }

    /// A text without the conjunctions at its ends: "sits down and" of "sits down and then claps".
    fn bare(&self, lexicon: &Lexicon, text: &str) -> String {
        let mut words: Vec<&str> = text.split_whitespace().filter(|word| *word != ",").collect();
        let joins = |word: &&str| {
            let bare = word.trim_matches(|letter: char| !letter.is_alphabetic()).to_lowercase();
            lexicon.breaks.contains(&bare)
        };
        while words.last().is_some_and(joins) {
            words.pop();
        }
        let leading = words.iter().take_while(|word| joins(word)).count();
        words[leading..].join(" ").trim_end_matches([',', '.']).to_owned()
    }

    /// The words of a text; slips of the pen are mended, words that nobody knows are named and left
    /// out.
    fn units(&self, lexicon: &Lexicon, text: &str, unknown: &mut Vec<Unknown>) -> Vec<Unit> {
        let units = lexicon.read(text).into_iter();
        let units = units.filter_map(|unit| {
            let means = !unit.same.is_empty() || !unit.near.is_empty();
            let refines = lexicon.opposite(&unit.stem).is_some();
            if means || refines || self.library.has_word(&unit.stem) {
                return Some(unit);
            }
            if let Some(meant) = lexicon.meant(&unit.stem) {
                let Unit { word, refined, negated, clause, .. } = unit;
                return Some(Unit { refined, negated, clause, ..lexicon.unit(word, meant.into()) });
            }
            let word = unit.word;
            if !unknown.iter().any(|other| other.word == word) {
                let nearest = nearest(lexicon, &word);
                unknown.push(Unknown { word, nearest });
            }
            None
        });
        units.collect()
    }

    /// Adds what the author has written for a group to every step, instead of what the step would
    /// have it do.
    fn give(
        &self,
        lexicon: &Lexicon,
        group: Group,
        text: &str,
        plan: &mut Plan,
    ) -> Result<(), GenerateError> {
        let (wishes, open) = self.group_wishes(lexicon, group, text, &mut plan.unknown)?;
        for step in &mut plan.steps {
            step.wishes.retain(|wish| {
                wish.groups().is_none_or(|groups| groups.iter().any(|other| *other != group))
            });
            step.wishes.extend(&wishes);
            step.groups.insert(group, text.to_owned());
            if open {
                step.searched.insert(group, text.to_owned());
            }
            if step.text.is_empty() {
                step.text = self.say(&step.wishes);
            }
        }
        Ok(())
    }

    /// What the text of a group asks for, and whether it says something that only the texts of a
    /// library tell.
    pub(super) fn group_wishes(
        &self,
        lexicon: &Lexicon,
        group: Group,
        text: &str,
        unknown: &mut Vec<Unknown>,
    ) -> Result<(Vec<Wish>, bool), GenerateError> {
        if !text.chars().any(char::is_alphabetic) {
            return Err(GenerateError::Empty);
        }
        let missing = unknown.len();
        let units = self.units(lexicon, text, unknown);
        if units.is_empty() {
            let nearest = unknown[missing..].iter().flat_map(|u| u.nearest.clone()).collect();
            return Err(GenerateError::Unknown { text: text.into(), nearest });
        }
        let found = self.grammar.read(lexicon, &units, Some(group));
        let wishes: Vec<Wish> = found
            .iter()
            .filter(|found| !units[found.units[0]].negated)
            .map(|found| found.wish)
            .collect();
        if wishes.is_empty() && !self.grammar.read(lexicon, &units, None).is_empty() {
            return Err(GenerateError::Group { text: text.into(), group: group.name() });
        }
        let open = wishes.is_empty();
        Ok((wishes, open))
    }

    /// Wishes in words.
    pub(super) fn say(&self, wishes: &[Wish]) -> String {
        let texts: Vec<String> = wishes.iter().map(|wish| wish.text(self.wording)).collect();
        texts.join(", ")
    }

    /// Gives each group a text: from the grammar, else from the clip of the library that fits best,
    /// else that it does nothing.
    fn fill(&self, step: &mut Step) {
        // What a limb is told counts more than what it would do along with the body.
        let (limbs, whole): (Vec<Wish>, Vec<Wish>) =
            step.wishes.iter().partition(|wish| wish.groups().is_some());
        for wish in limbs.iter().chain(&whole) {
            for (group, clause) in self.grammar.groups(wish) {
                let name = self.wording.group(group, 0);
                let sentence = || self.wording.sentence(name, &[clause.to_owned()]);
                step.groups.entry(group).or_insert_with(sentence);
            }
        }
        let hit = self.library.search(&step.text, 1).ok().and_then(|hits| hits.into_iter().next());
        for group in Group::ALL {
            if step.groups.contains_key(&group) {
                continue;
            }
            let told = hit.as_ref().and_then(|hit| self.told(hit, group));
            let name = self.wording.group(group, 0);
            let quiet = || self.wording.sentence(name, &[self.wording.quiet(group, 0)]);
            step.groups.insert(group, told.unwrap_or_else(quiet));
        }
    }

    /// What a group does in a clip that was found, in the words of the library.
    fn told(&self, hit: &Hit, group: Group) -> Option<String> {
        let clip = self.library.clips().iter().find(|clip| clip.clip == hit.clip)?;
        let name = self.wording.group(group, 0);
        let common = |start: f64, end: f64| end.min(hit.end_s) - start.max(hit.start_s);
        let own = clip.moments.iter().filter(|moment| moment.text.starts_with(name));
        let own = own.filter(|moment| common(moment.start_s, moment.end_s) > 0.0);
        let longest =
            own.max_by(|a, b| common(a.start_s, a.end_s).total_cmp(&common(b.start_s, b.end_s)))?;
        Some(self.wording.sentence("", std::slice::from_ref(&longest.text)))
    }
}

/// Known words that resemble an unknown one.
fn nearest(lexicon: &Lexicon, word: &str) -> Vec<String> {
    let likeness = |known: &str| {
        let whole = strsim::normalized_damerau_levenshtein(word, known);
        // Endings differ: "yodelling", "walking".
        let stems = (lexicon.stem(word), lexicon.stem(known));
        whole.max(strsim::normalized_damerau_levenshtein(&stems.0, &stems.1))
    };
    let mut rated: Vec<(f64, &str)> =
        lexicon.written().map(|known| (likeness(known), known)).collect();
    rated.retain(|(alike, _)| *alike >= ALIKE);
    rated.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    rated.into_iter().take(HINTS).map(|(_, known)| known.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::{Clip, Moment};

    fn library() -> Library {
        let moment =
            |text: &str| Moment { text: text.into(), start_s: 0.0, end_s: 4.0, weight: 1.0 };
        let clip = |name: &str, title: &str, texts: &[&str]| Clip {
            clip: name.into(),
            duration_s: 4.0,
            titles: vec![title.into()],
            context: vec![],
            moments: texts.iter().map(|text| moment(text)).collect(),
        };
        Library::new(vec![
            clip("a.npz", "walk", &["walks forward", "The head looks down"]),
            clip("b.npz", "salsa dance", &["turns around", "The left arm rises quickly"]),
        ])
        .unwrap()
    }

    fn plan(text: &str) -> Plan {
        Reasoner::new(&library()).plan(&Request::new(text)).unwrap()
    }

    fn steps(text: &str) -> String {
        let library = library();
        let reasoner = Reasoner::new(&library);
        let plan = reasoner.plan(&Request::new(text)).unwrap();
        plan.steps.iter().map(|step| reasoner.say(&step.wishes)).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn what_is_done_at_once_is_one_step_and_what_follows_is_another() {
        for (text, expected) in [
            (
                "a person walks forward and waves with the right hand",
                "walks forward, waves with the right hand",
            ),
            ("walks while raising the left hand", "walks, raises the left hand"),
            ("walks forward, then sits down", "walks forward | sits down"),
            ("sits down and stands up", "sits down | stands up"),
            ("He sits down. Then he claps.", "sits down | claps the hands"),
            ("sits down after walking", "walks | sits down"),
            ("after walking, she sits down", "walks | sits down"),
            ("waves before sitting down", "waves with the hand | sits down"),
            ("claps and waves with both hands", "claps the hands | waves with both hands"),
            ("walks forward and turns left", "walks forward, turns to the left"),
            ("dances salsa", ""),
        ] {
            assert_eq!(steps(text), expected, "{text}");
        }
    }

    #[test]
    fn every_group_has_a_text_from_verbs_or_from_the_library() {
        let walk = &plan("walks forward and waves with the right hand").steps[0];
        assert_eq!(walk.groups.len(), 6);
        assert!(walk.groups[&Group::RightArm].contains("moves from side to side"));
        assert!(walk.groups[&Group::LeftLeg].contains("steps"));
        assert_eq!(walk.groups[&Group::Neck], "The head looks down.");
        let salsa = &plan("dances salsa").steps[0];
        assert!(salsa.open && salsa.wishes.is_empty());
        assert_eq!(salsa.groups[&Group::LeftArm], "The left arm rises quickly.");
    }

    #[test]
    fn authors_write_groups_themselves() {
        let library = library();
        let mut request = Request::new("walks and waves with the right hand");
        request.groups.insert(Group::RightArm, "is raised".into());
        request.groups.insert(Group::Neck, "nods".into());
        let plan = Reasoner::new(&library).plan(&request).unwrap();
        let texts = Reasoner::new(&library).say(&plan.steps[0].wishes);
        assert_eq!(texts, "walks, nods, raises the right hand");
        assert_eq!(plan.steps[0].groups[&Group::RightArm], "is raised");
        request.groups.insert(Group::Neck, "sits down".into());
        let error = Reasoner::new(&library).plan(&request).unwrap_err();
        assert!(error.to_string().contains("neck"), "{error}");
    }

    #[test]
    fn words_that_nobody_knows_are_said_with_their_neighbours() {
        let plan = plan("walks and blorps");
        assert_eq!(plan.unknown.len(), 1);
        assert_eq!(plan.unknown[0].word, "blorps");
        let library = library();
        let refused =
            |request: &Request| Reasoner::new(&library).plan(request).unwrap_err().to_string();
        let error = refused(&Request::new("yogging wildebeest"));
        assert!(error.contains("nearest") && error.contains("jog"), "{error}");
        assert!(refused(&Request::new(" ... ")).contains("empty"));
        let long = Request { seconds: Some(1e4), ..Request::new("walks") };
        assert!(refused(&long).contains("10000"));
        let nan = Request { seconds: Some(f64::NAN), ..Request::new("walks") };
        assert!(refused(&nan).contains("NaN"));
    }
}
