//! Conditions on codes.

use super::super::{Class, ClassSort, Code, CodeSegment, CodeTracker, Signal};
use serde::Deserialize;

/// A condition on the codes that hold at one moment.
///
/// In a file: `Is("left_elbow_bend", "straight")`, `All([…, …])`, `Not(…)`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub enum Condition {
    /// Each of them holds.
    All(Vec<Condition>),
    /// At least one of them holds.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// The code holds: the state is this one, or the movement or oscillation is in progress.
    Is(Code),
    /// The state is this one or one with higher values of the signal, in the order of
    /// [`CodeKind::states`](crate::events::CodeKind::states).
    AtLeast(Code),
    /// The state is this one or one with lower values of the signal.
    AtMost(Code),
    /// The movement or oscillation is in progress with at least this [`speed`](CodeSegment::speed).
    Faster(Code, f64),
    /// The movement or oscillation is in progress with at least this
    /// [`intensity`](CodeSegment::intensity).
    Further(Code, f64),
}

/// The serialised form. Checking each condition while parsing gives errors their position.
#[derive(Deserialize)]
#[serde(rename = "Condition")]
enum Written {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Is(Signal, Class),
    AtLeast(Signal, Class),
    AtMost(Signal, Class),
    Faster(Signal, Class, f64),
    Further(Signal, Class, f64),
}

impl TryFrom<Written> for Condition {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let code = |signal: Signal, class: Class, sorts: &[ClassSort]| {
            if !signal.knows(class) {
                let known: Vec<&str> = signal.kind.classes().map(Class::name).collect();
                let known = known.join(", ");
                return Err(format!("`{signal}` is never `{class}`, only one of: {known}"));
            }
            if !sorts.contains(&class.sort()) {
                let named = match class.sort() {
                    ClassSort::State => "a state",
                    ClassSort::Move => "a movement",
                    ClassSort::Repeat => "an oscillation",
                };
                return Err(format!("`{class}` is {named}, which cannot be compared like this"));
            }
            Ok(Code { signal, class })
        };
        use ClassSort::{Move, Repeat, State};
        let factor = |by: f64| match by.is_finite() && by > 0.0 {
            true => Ok(by),
            false => Err(format!("{by} is not a number above zero")),
        };
        Ok(match written {
            Written::All(all) => Self::All(some(all)?),
            Written::Any(any) => Self::Any(some(any)?),
            Written::Not(not) => Self::Not(not),
            Written::Is(signal, class) => Self::Is(code(signal, class, &[State, Move, Repeat])?),
            Written::AtLeast(signal, class) => Self::AtLeast(code(signal, class, &[State])?),
            Written::AtMost(signal, class) => Self::AtMost(code(signal, class, &[State])?),
            Written::Faster(signal, class, by) => {
                Self::Faster(code(signal, class, &[Move, Repeat])?, factor(by)?)
            }
            Written::Further(signal, class, by) => {
                Self::Further(code(signal, class, &[Move, Repeat])?, factor(by)?)
            }
        })
    }
}

fn some(list: Vec<Condition>) -> Result<Vec<Condition>, String> {
    if list.is_empty() { Err("an empty list of conditions".into()) } else { Ok(list) }
}

impl Condition {
    /// Whether it holds at the newest frame.
    #[must_use]
    pub fn holds(&self, codes: &CodeTracker) -> bool {
        let order = |code: &Code, right: fn(&usize, &usize) -> bool| {
            let states = code.signal.kind.states();
            let number = |class| states.iter().position(|state| *state == class);
            codes
                .state(code.signal)
                .and_then(number)
                .is_some_and(|now| number(code.class).is_some_and(|wanted| right(&now, &wanted)))
        };
        match self {
            Self::All(all) => all.iter().all(|condition| condition.holds(codes)),
            Self::Any(any) => any.iter().any(|condition| condition.holds(codes)),
            Self::Not(not) => !not.holds(codes),
            Self::Is(code) => match code.class.sort() {
                ClassSort::State => codes.state(code.signal) == Some(code.class),
                _ => codes.now(*code).is_some(),
            },
            Self::AtLeast(code) => order(code, usize::ge),
            Self::AtMost(code) => order(code, usize::le),
            Self::Faster(code, by) => codes.now(*code).is_some_and(|now| now.speed >= *by),
            Self::Further(code, by) => codes.now(*code).is_some_and(|now| now.intensity >= *by),
        }
    }

    /// The same condition on the mirrored body.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        let each = |list: &[Self]| list.iter().map(Self::mirrored).collect();
        // Mirroring reverses the order of states that have a side.
        let turns = |code: &Code| {
            let states = code.signal.kind.states();
            states.first().is_some_and(|first| first.mirrored() != *first)
        };
        match self {
            Self::All(all) => Self::All(each(all)),
            Self::Any(any) => Self::Any(each(any)),
            Self::Not(not) => Self::Not(Box::new(not.mirrored())),
            Self::Is(code) => Self::Is(code.mirrored()),
            Self::AtLeast(code) if turns(code) => Self::AtMost(code.mirrored()),
            Self::AtLeast(code) => Self::AtLeast(code.mirrored()),
            Self::AtMost(code) if turns(code) => Self::AtLeast(code.mirrored()),
            Self::AtMost(code) => Self::AtMost(code.mirrored()),
            Self::Faster(code, by) => Self::Faster(code.mirrored(), *by),
            Self::Further(code, by) => Self::Further(code.mirrored(), *by),
        }
    }

    /// The code that supplies intensity and speed: the first movement or oscillation in progress
    /// that is named without negation; else the most pronounced state.
    pub(super) fn shown(&self, codes: &CodeTracker) -> Option<CodeSegment> {
        let (mut run, mut state) = (None, None);
        self.search(codes, &mut run, &mut state);
        run.or(state)
    }

    fn search(
        &self,
        codes: &CodeTracker,
        run: &mut Option<CodeSegment>,
        state: &mut Option<CodeSegment>,
    ) {
        match self {
            Self::All(list) | Self::Any(list) => {
                list.iter().for_each(|condition| condition.search(codes, run, state));
            }
            Self::Not(_) => {}
            Self::Is(code)
            | Self::AtLeast(code)
            | Self::AtMost(code)
            | Self::Faster(code, _)
            | Self::Further(code, _) => {
                let class = codes.state(code.signal);
                let code = match (code.class.sort(), class) {
                    (ClassSort::State, Some(class)) => Code { class, ..*code },
                    _ => *code,
                };
                let Some(now) = codes.now(code) else { return };
                if code.class.sort() != ClassSort::State {
                    run.get_or_insert(now);
                } else if state.is_none_or(|most| most.intensity < now.intensity) {
                    *state = Some(now);
                }
            }
        }
    }
}
