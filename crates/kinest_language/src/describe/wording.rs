//! The words of a language, and how slots are filled.

use super::act::{Act, ActKind, Direction, Pace, Side};
use kinest::events::{
    Class, ClassSort, Code, CodeKind, CodeSegment, EventKind, MotionEvent, Place,
};
use kinest::skeleton::Group;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;
use thiserror::Error;

/// A table of words that cannot be used.
#[derive(Debug, Error)]
pub enum WordingError {
    /// The text is not such a table.
    #[error("words: {0}")]
    Syntax(#[from] ron::error::SpannedError),
    /// A list that needs a text has none.
    #[error("words: `{0}`: there is no text")]
    Empty(String),
    /// An act or a group has no entry.
    #[error("words: `{table}`: {name:?} is missing")]
    Missing {
        /// The table.
        table: &'static str,
        /// The entry.
        name: String,
    },
    /// An entry names something that does not exist.
    #[error("words: `{table}`: {name:?} does not exist{hint}")]
    Unknown {
        /// The table.
        table: &'static str,
        /// The entry.
        name: String,
        /// A better name, or nothing.
        hint: String,
    },
    /// A text has a slot that is not defined, or not closed.
    #[error("words: {text:?}: the slot {slot:?} is not defined")]
    Slot {
        /// The text.
        text: String,
        /// The slot.
        slot: String,
    },
    /// A slot lacks a word.
    #[error("words: slot {slot:?} has no word for {value:?}")]
    Value {
        /// The slot.
        slot: String,
        /// What it has no word for.
        value: &'static str,
    },
}

/// What a slot takes its word from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fact {
    Side,
    Direction,
    Pace,
    Times,
    When,
}

impl Fact {
    fn values(self) -> &'static [&'static str] {
        match self {
            Self::Side => &["left", "right", "both"],
            Self::Direction => &["forward", "backward", "left", "right", "up", "down"],
            Self::Pace => &["slow", "ordinary", "fast"],
            Self::Times => &["1", "2", "3", "many"],
            Self::When => &["first", "together", "next", "later"],
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Slot {
    from: Fact,
    words: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    say: Vec<String>,
    /// For both sides; without it, `say`.
    #[serde(default)]
    both: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    subjects: Vec<String>,
    slots: BTreeMap<String, Slot>,
    list: String,
    last: String,
    groups: BTreeMap<String, Vec<String>>,
    quiet: BTreeMap<String, Vec<String>>,
    acts: BTreeMap<String, Entry>,
    gestures: BTreeMap<String, Entry>,
    states: BTreeMap<String, Vec<String>>,
    pairs: BTreeMap<String, Vec<String>>,
}

/// When something is, beside what was said before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    First,
    Together,
    Next,
    Later,
}

/// What the slots of a text are filled from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filling {
    pub(super) side: Option<Side>,
    pub(super) direction: Option<Direction>,
    pub(super) pace: Pace,
    pub(super) count: usize,
    pub(super) when: When,
}

impl Filling {
    const PLAIN: Self =
        Self { side: None, direction: None, pace: Pace::Ordinary, count: 1, when: When::First };

    fn word(&self, from: Fact) -> &'static str {
        match from {
            Fact::Side => match self.side {
                Some(Side::Left) => "left",
                Some(Side::Right) => "right",
                Some(Side::Both) => "both",
                None => "",
            },
            Fact::Direction => match self.direction {
                Some(Direction::Forward) => "forward",
                Some(Direction::Backward) => "backward",
                Some(Direction::Left) => "left",
                Some(Direction::Right) => "right",
                Some(Direction::Up) => "up",
                Some(Direction::Down) => "down",
                None => "",
            },
            Fact::Pace => match self.pace {
                Pace::Slow => "slow",
                Pace::Ordinary => "ordinary",
                Pace::Fast => "fast",
            },
            Fact::Times => match self.count {
                0 | 1 => "1",
                2 => "2",
                3 => "3",
                _ => "many",
            },
            Fact::When => match self.when {
                When::First => "first",
                When::Together => "together",
                When::Next => "next",
                When::Later => "later",
            },
        }
    }
}

/// The words of a language: templates for acts, gestures, groups and pairs.
///
/// [`Wording::english`] and [`Wording::german`] are built in; `assets/english.words.ron` explains the
/// form and is what to translate.
#[derive(Debug)]
pub struct Wording {
    table: Table,
    states: HashMap<(CodeKind, Class), String>,
    pairs: HashMap<(CodeKind, Class), String>,
}

impl Wording {
    /// The built-in English words.
    #[must_use]
    pub fn english() -> &'static Self {
        static ENGLISH: LazyLock<Wording> = LazyLock::new(|| {
            let table = include_str!("../../assets/english.words.ron");
            Wording::from_ron(table).expect("a test reads the built-in words")
        });
        &ENGLISH
    }

    /// The built-in German words.
    #[must_use]
    pub fn german() -> &'static Self {
        static GERMAN: LazyLock<Wording> = LazyLock::new(|| {
            let table = include_str!("../../assets/german.words.ron");
            Wording::from_ron(table).expect("a test reads the built-in words")
        });
        &GERMAN
    }

    /// Reads a table of words.
    ///
    /// # Errors
    /// If it is not a table; if an act, a group or a slot's word is missing; if a text has a slot
    /// that is not defined; or if a code does not exist.
    pub fn from_ron(text: &str) -> Result<Self, WordingError> {
        let table: Table = ron::from_str(text)?;
        for (name, slot) in &table.slots {
            for value in slot.from.values() {
                if slot.words.get(*value).is_none_or(Vec::is_empty) {
                    return Err(WordingError::Value { slot: name.clone(), value });
                }
            }
        }
        for kind in ActKind::ALL {
            let name = kind.name().to_owned();
            if !table.acts.contains_key(&name) {
                return Err(WordingError::Missing { table: "acts", name });
            }
        }
        if let Some(name) = table.acts.keys().find(|n| !ActKind::ALL.iter().any(|a| a.name() == *n))
        {
            let (name, hint) = (name.clone(), String::new());
            return Err(WordingError::Unknown { table: "acts", name, hint });
        }
        for group in Group::ALL {
            for (name, texts) in [("groups", &table.groups), ("quiet", &table.quiet)] {
                if texts.get(group.name()).is_none_or(Vec::is_empty) {
                    return Err(WordingError::Missing { table: name, name: group.name().into() });
                }
            }
        }
        if table.subjects.is_empty() {
            return Err(WordingError::Empty("subjects".into()));
        }
        let acts = table.acts.iter().chain(&table.gestures).flat_map(|(name, entry)| {
            let both = (!entry.both.is_empty()).then_some((name, &entry.both));
            [(name, &entry.say)].into_iter().chain(both)
        });
        for (name, texts) in acts.chain(&table.quiet).chain(&table.states).chain(&table.pairs) {
            if texts.is_empty() {
                return Err(WordingError::Empty(name.clone()));
            }
            for text in texts {
                check_slots(text, &table.slots)?;
            }
        }
        let states = codes("states", &table.states)?;
        let pairs = codes("pairs", &table.pairs)?;
        Ok(Self { table, states, pairs })
    }

    /// What an act is called, as a clause without subject: "waves with the right hand".
    #[must_use]
    pub fn act(&self, act: &Act, seed: u64) -> String {
        self.act_clause(act, When::First, seed)
    }

    /// A subtitle for an event: a sentence about a gesture, or about a code that is worth words. `None`
    /// for usual states, codes without words, and gestures that the table does not know.
    #[must_use]
    pub fn caption(&self, event: &MotionEvent, seed: u64) -> Option<String> {
        match &event.kind {
            EventKind::Gesture(name) => {
                let side = match event.group {
                    Group::LeftArm | Group::LeftLeg => Some(Side::Left),
                    Group::RightArm | Group::RightLeg => Some(Side::Right),
                    Group::Torso | Group::Neck => None,
                };
                let entry = self.table.gestures.get(&**name)?;
                let filling = Filling { side, ..Filling::PLAIN };
                let clause = self.fill(&entry.say, name, seed, filling);
                Some(self.sentence(self.subject(seed), &[clause]))
            }
            EventKind::Code(code) if code.is_usual() => None,
            EventKind::Code(code) => {
                let MotionEvent { intensity, speed, at, .. } = *event;
                let segment = CodeSegment { code: *code, start_s: at, end_s: at, intensity, speed };
                let state = self.state(&segment, When::First, seed);
                let of_group = state.map(|s| self.sentence(self.group(event.group, seed), &[s]));
                let pair =
                    || self.pair(&segment, When::First, seed).map(|p| self.sentence("", &[p]));
                of_group.or_else(pair)
            }
        }
    }

    pub(super) fn act_clause(&self, act: &Act, when: When, seed: u64) -> String {
        let Act { kind, side, direction, pace, count, .. } = *act;
        let entry = &self.table.acts[kind.name()];
        let both = side == Some(Side::Both) && !entry.both.is_empty();
        let texts = if both { &entry.both } else { &entry.say };
        self.fill(texts, kind.name(), seed, Filling { side, direction, pace, count, when })
    }

    /// What a code of one group is called, as a clause after the group's name; `None` if it is not
    /// worth words.
    pub(super) fn state(&self, segment: &CodeSegment, when: When, seed: u64) -> Option<String> {
        self.code(&self.table.states, &self.states, segment, when, seed)
    }

    /// What a code between two groups is called, as a clause; `None` if it is not worth words.
    pub(super) fn pair(&self, segment: &CodeSegment, when: When, seed: u64) -> Option<String> {
        self.code(&self.table.pairs, &self.pairs, segment, when, seed)
    }

    /// Whether there are words for a code of one group.
    pub(super) fn has_state(&self, code: Code) -> bool {
        self.states.contains_key(&(code.signal.kind, code.class))
    }

    /// Whether there are words for a code between two groups.
    pub(super) fn has_pair(&self, code: Code) -> bool {
        self.pairs.contains_key(&(code.signal.kind, code.class))
    }

    fn code(
        &self,
        texts: &BTreeMap<String, Vec<String>>,
        names: &HashMap<(CodeKind, Class), String>,
        segment: &CodeSegment,
        when: When,
        seed: u64,
    ) -> Option<String> {
        let Code { signal, class } = segment.code;
        let name = names.get(&(signal.kind, class))?;
        let side = match signal.place {
            Place::Left => Some(Side::Left),
            Place::Right => Some(Side::Right),
            Place::Body | Place::Group(_) | Place::Pair(_) => None,
        };
        let moves = class.sort() == ClassSort::Move;
        let pace = if moves { pace(segment.speed) } else { Pace::Ordinary };
        let filling = Filling { side, pace, when, ..Filling::PLAIN };
        Some(self.fill(&texts[name], name, seed, filling))
    }

    pub(super) fn subject(&self, seed: u64) -> &str {
        choose(&self.table.subjects, "subject", seed)
    }

    pub(crate) fn group(&self, group: Group, seed: u64) -> &str {
        choose(&self.table.groups[group.name()], group.name(), seed)
    }

    pub(crate) fn quiet(&self, group: Group, seed: u64) -> String {
        let (direction, count) = (None, 1);
        let filling =
            Filling { side: None, direction, pace: Pace::Ordinary, count, when: When::First };
        self.fill(&self.table.quiet[group.name()], group.name(), seed, filling)
    }

    /// A sentence of a subject, if it has one, and clauses.
    pub(crate) fn sentence(&self, subject: &str, clauses: &[String]) -> String {
        let (last, before) = clauses.split_last().map_or(("", &[][..]), |(l, b)| (l.as_str(), b));
        let list = before.join(&self.table.list);
        let all = if list.is_empty() { last.to_owned() } else { list + &self.table.last + last };
        let text = format!("{subject} {all}");
        let mut letters = text.trim().chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        first.chain(letters).chain(['.']).collect()
    }

    fn fill(&self, texts: &[String], name: &str, seed: u64, filling: Filling) -> String {
        let text = choose(texts, name, seed);
        let mut filled = String::new();
        for (i, part) in text.split(['{', '}']).enumerate() {
            // Every second part is a slot; `check_slots` made sure that they are closed and defined.
            match self.table.slots.get(part).filter(|_| i % 2 == 1) {
                Some(slot) => {
                    let words = slot.words.get(filling.word(slot.from));
                    filled.push_str(words.map_or("", |words| choose(words, part, seed)));
                }
                None => filled.push_str(part),
            }
        }
        // Slots may be empty.
        let words: Vec<&str> = filled.split_whitespace().collect();
        words.join(" ").replace(" ,", ",")
    }
}

/// Pace of a movement from its speed relative to the ordinary.
pub(super) fn pace(speed: f64) -> Pace {
    match speed {
        slow if slow < 0.5 => Pace::Slow,
        fast if fast > 1.8 => Pace::Fast,
        _ => Pace::Ordinary,
    }
}

/// The text for a seed: the first one for 0, else any, by `name`, so that the words of a description
/// vary independently.
fn choose<'a>(texts: &'a [String], name: &str, seed: u64) -> &'a str {
    if seed == 0 {
        return &texts[0];
    }
    // FNV-1a over the name, started from the seed, then mixed.
    let start = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xCBF2_9CE4_8422_2325;
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
    let hash = name.bytes().fold(start, step);
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    &texts[((mixed >> 32) % texts.len() as u64) as usize]
}

fn check_slots(text: &str, slots: &BTreeMap<String, Slot>) -> Result<(), WordingError> {
    let undefined = |slot: &str| WordingError::Slot { text: text.into(), slot: slot.into() };
    let mut rest = text;
    while let Some(open) = rest.find(['{', '}']) {
        let inside = rest[open..].strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let (slot, after) = inside.ok_or_else(|| undefined(&rest[open..]))?;
        if !slots.contains_key(slot) {
            return Err(undefined(slot));
        }
        rest = after;
    }
    Ok(())
}

fn codes(
    table: &'static str,
    texts: &BTreeMap<String, Vec<String>>,
) -> Result<HashMap<(CodeKind, Class), String>, WordingError> {
    let mut names = HashMap::new();
    for name in texts.keys() {
        let unknown = |hint: String| WordingError::Unknown { table, name: name.clone(), hint };
        let (kind, class) = name.split_once(' ').ok_or_else(|| unknown(String::new()))?;
        let kind: CodeKind = kind.parse().map_err(|error| unknown(format!(": {error}")))?;
        let class: Class = class.parse().map_err(|error| unknown(format!(": {error}")))?;
        if !kind.classes().any(|known| known == class) {
            return Err(unknown(format!(": `{kind}` has no class `{class}`")));
        }
        names.insert((kind, class), name.clone());
    }
    Ok(names)
}
