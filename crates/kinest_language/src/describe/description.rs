//! Descriptions at three levels: the whole body, its six groups, pairs of groups.

use super::act::{Act, ActKind, Pace};
use super::find::{self, Codes};
use super::wording::{When, Wording};
use crate::library::Moment;
use kinest::events::{ClassSort, CodeKind as K, CodeSegment, CodeTable};
use kinest::skeleton::{Group, GroupPair};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Clauses of a group's text, of a pair's text, and most of a global sentence.
const GROUP_CLAUSES: usize = 3;
const PAIR_CLAUSES: usize = 2;
const MOST_CLAUSES: usize = 6;
/// Seconds of motion for each clause of the global sentence beyond two.
const SECONDS_PER_CLAUSE: f64 = 2.5;
/// Pause from which the next of equal acts is no repetition, seconds.
const PAUSE: f64 = 1.5;
/// Times that something goes to and fro before a text calls it so: less is there and back.
const AGAIN: f64 = 1.9;
/// Weight of acts that a sentence tells only if there is nothing else.
const SLIGHT: f64 = 0.36;
/// Difference between times that are about the same, seconds.
const ABOUT: f64 = 0.6;
/// Weight, for search, of what the text of a group or pair tells.
const DETAIL: f64 = 0.2;
/// Name of these rules, for files that hold descriptions.
const GENERATOR: &str = "rules-v1";

/// The six texts of the groups.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupTexts {
    /// Pelvis and spine.
    pub torso: String,
    /// Neck and head.
    pub neck: String,
    /// The left arm.
    pub left_arm: String,
    /// The right arm.
    pub right_arm: String,
    /// The left leg.
    pub left_leg: String,
    /// The right leg.
    pub right_leg: String,
}

/// A motion in words. Serialised, it is the form in which KinMo keeps texts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Description {
    /// A sentence about the whole body, in as many wordings as were asked for.
    pub global: Vec<String>,
    /// A text for each group.
    pub groups: GroupTexts,
    /// Texts of the pairs of groups that matter, by the names of the pairs: `left_arm-right_arm`.
    pub interactions: BTreeMap<String, String>,
    /// The codes that the texts are made from.
    pub codes: Vec<CodeSegment>,
    /// The rules that made the texts.
    pub generator: &'static str,
}

/// Puts codes into words: the same codes, words and seed give the same texts.
///
/// ```no_run
/// use kinest_language::describe::Describer;
///
/// # fn segments() -> Vec<kinest::events::CodeSegment> { vec![] }
/// let description = Describer::default().describe(&segments());
/// println!("{}", description.global[0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Describer<'a> {
    /// The language.
    pub wording: &'a Wording,
    /// 0 is the plain wording, another number a paraphrase.
    pub seed: u64,
    /// Number of global sentences, each in other words.
    pub variants: usize,
    /// The thresholds that the codes were found with.
    pub table: &'a CodeTable,
}

impl Default for Describer<'static> {
    fn default() -> Self {
        static SHIPPED: LazyLock<CodeTable> = LazyLock::new(CodeTable::default);
        Self { wording: Wording::english(), seed: 0, variants: 1, table: &SHIPPED }
    }
}

impl Describer<'_> {
    /// What the body does, in order of time.
    #[must_use]
    pub fn acts(&self, codes: &[CodeSegment]) -> Vec<Act> {
        find::acts(&Codes::new(codes, self.table))
    }

    /// The acts that the sentence about the whole body tells, in order of time: those that stand out.
    #[must_use]
    pub fn told(&self, codes: &[CodeSegment]) -> Vec<Act> {
        selected(&repeated(self.acts(codes)), end(codes))
    }

    /// What a search should find: each act, and what the texts of groups and pairs tell, with the times.
    #[must_use]
    pub fn moments(&self, codes: &[CodeSegment]) -> Vec<Moment> {
        let end = end(codes);
        let acts = self.acts(codes).into_iter().map(|act| {
            // What a body does all the time characterises a clip more than what it does in passing.
            let share = if end > 0.0 { act.duration_s() / end } else { 0.0 };
            let weight = (act.salience() * (0.6 + 0.4 * share)).min(1.0);
            let text = self.wording.act(&act, self.seed);
            Moment { text, start_s: act.start_s, end_s: act.end_s, weight }
        });
        let groups = Group::ALL.iter().flat_map(|group| {
            let told = self.told_of(codes, *group);
            told.into_iter().filter_map(|segment| {
                let clause = self.wording.state(segment, When::First, self.seed)?;
                let text = format!("{} {clause}", self.wording.group(*group, self.seed));
                Some((segment, text))
            })
        });
        let pairs = GroupPair::ALL.iter().flat_map(|pair| {
            let told = self.told_between(codes, *pair);
            told.into_iter().filter_map(|segment| {
                Some((segment, self.wording.pair(segment, When::First, self.seed)?))
            })
        });
        let details = groups.chain(pairs).map(|(segment, text)| {
            let (start_s, end_s) = (segment.start_s, segment.end_s);
            Moment { text, start_s, end_s, weight: DETAIL }
        });
        acts.chain(details).collect()
    }

    /// Describes codes, which may be in any order.
    #[must_use]
    pub fn describe(&self, codes: &[CodeSegment]) -> Description {
        let acts = self.told(codes);
        let sentence = |i: usize| self.sentence(&acts, self.seed.wrapping_add(i as u64));
        let mut global: Vec<String> = vec![];
        // Some seeds choose the same words.
        for i in 0..(8 * self.variants.max(1)) {
            let sentence = sentence(i);
            if global.len() < self.variants.max(1) && !global.contains(&sentence) {
                global.push(sentence);
            }
        }
        let of = |group| self.group(codes, group);
        let groups = GroupTexts {
            torso: of(Group::Torso),
            neck: of(Group::Neck),
            left_arm: of(Group::LeftArm),
            right_arm: of(Group::RightArm),
            left_leg: of(Group::LeftLeg),
            right_leg: of(Group::RightLeg),
        };
        let pairs = GroupPair::ALL.iter();
        let pairs = pairs.filter_map(|pair| Some((pair.to_string(), self.pair(codes, *pair)?)));
        let interactions = pairs.collect();
        Description { global, groups, interactions, codes: codes.to_vec(), generator: GENERATOR }
    }

    fn sentence(&self, acts: &[Act], seed: u64) -> String {
        let spans: Vec<(f64, f64)> = acts.iter().map(|act| (act.start_s, act.end_s)).collect();
        let told = acts.iter().zip(whens(&spans));
        let mut clauses: Vec<String> =
            told.map(|(act, when)| self.wording.act_clause(act, when, seed)).collect();
        if clauses.is_empty() {
            clauses.push(self.wording.act_clause(&STILL, When::First, seed));
        }
        self.wording.sentence(self.wording.subject(seed), &clauses)
    }

    fn told_of<'a>(&self, codes: &'a [CodeSegment], group: Group) -> Vec<&'a CodeSegment> {
        let walks = find::walks(&Codes::new(codes, self.table));
        let own = codes.iter().filter(|segment| segment.code.signal.groups() == (group, None));
        // Walking makes trunk and head twist, bob and shake.
        let trunk = matches!(group, Group::Torso | Group::Neck);
        let own = own.filter(|segment| {
            let repeats = segment.code.class.sort() == ClassSort::Repeat;
            !(trunk && repeats && walks.share((segment.start_s, segment.end_s)) > 0.4)
        });
        told(own.filter(|segment| self.wording.has_state(segment.code)), GROUP_CLAUSES)
    }

    fn told_between<'a>(&self, codes: &'a [CodeSegment], pair: GroupPair) -> Vec<&'a CodeSegment> {
        let between = codes.iter().filter(|segment| {
            let (one, other) = segment.code.signal.groups();
            let (first, second) = (pair.first, Some(pair.second));
            (one, other) == (first, second) || (Some(one), other) == (second, Some(first))
        });
        told(between.filter(|segment| self.wording.has_pair(segment.code)), PAIR_CLAUSES)
    }

    fn group(&self, codes: &[CodeSegment], group: Group) -> String {
        let clause = |segment: &CodeSegment, when| self.wording.state(segment, when, self.seed);
        let mut clauses = clauses(&self.told_of(codes, group), clause);
        if clauses.is_empty() {
            clauses.push(self.wording.quiet(group, self.seed));
        }
        self.wording.sentence(self.wording.group(group, self.seed), &clauses)
    }

    fn pair(&self, codes: &[CodeSegment], pair: GroupPair) -> Option<String> {
        let clause = |segment: &CodeSegment, when| self.wording.pair(segment, when, self.seed);
        let clauses = clauses(&self.told_between(codes, pair), clause);
        (!clauses.is_empty()).then(|| self.wording.sentence("", &clauses))
    }
}

fn end(codes: &[CodeSegment]) -> f64 {
    codes.iter().map(|segment| segment.end_s).fold(0.0, f64::max)
}

/// What a body does that does nothing else.
const STILL: Act = Act {
    kind: ActKind::Stand,
    side: None,
    direction: None,
    pace: Pace::Ordinary,
    count: 1,
    start_s: 0.0,
    end_s: 0.0,
};

/// When something that starts at `start` is, after something else.
fn when(before: (f64, f64), start: f64) -> When {
    let overlap = before.1 - start;
    match () {
        () if overlap > 0.3 || start - before.0 < 0.2 => When::Together,
        () if start - before.1 > PAUSE => When::Later,
        () => When::Next,
    }
}

/// When each of several things is. "At the same time" is said once for all that happens together.
fn whens(spans: &[(f64, f64)]) -> Vec<When> {
    let mut whens: Vec<When> = vec![];
    let mut together = false;
    for (i, span) in spans.iter().enumerate() {
        let when = if i == 0 { When::First } else { when(spans[i - 1], span.0) };
        let again = together && when == When::Together;
        together = when == When::Together;
        whens.push(if again { When::First } else { when });
    }
    whens
}

fn clauses(
    told: &[&CodeSegment],
    clause: impl Fn(&CodeSegment, When) -> Option<String>,
) -> Vec<String> {
    let spans: Vec<(f64, f64)> = told.iter().map(|code| (code.start_s, code.end_s)).collect();
    let told = told.iter().zip(whens(&spans));
    told.filter_map(|(segment, when)| clause(segment, when)).collect()
}

/// Acts that follow each other and differ only in time become one that is repeated.
fn repeated(acts: Vec<Act>) -> Vec<Act> {
    let mut joined: Vec<Act> = vec![];
    for act in acts {
        let same = |other: &&mut Act| {
            let alike =
                (other.kind, other.side, other.direction) == (act.kind, act.side, act.direction);
            alike && act.start_s - other.end_s < PAUSE
        };
        match joined.iter_mut().rev().find(same) {
            Some(other) => {
                other.end_s = other.end_s.max(act.end_s);
                other.count += act.count;
            }
            None => joined.push(act),
        }
    }
    joined
}

/// The acts that a sentence about `duration_s` seconds tells: those that travel, and the most salient
/// others. In order of time.
fn selected(acts: &[Act], duration_s: f64) -> Vec<Act> {
    let room = 2 + (duration_s / SECONDS_PER_CLAUSE) as usize;
    let mut order: Vec<&Act> = acts.iter().collect();
    let value =
        |act: &Act| act.salience() + if act.kind.travels() { act.duration_s() } else { 0.0 };
    order.sort_by(|a, b| value(b).total_cmp(&value(a)).then(a.start_s.total_cmp(&b.start_s)));
    let mut told: Vec<Act> = vec![];
    for act in order {
        let slight = !told.is_empty() && act.kind.weight() < SLIGHT;
        if told.len() >= room.min(MOST_CLAUSES) || slight {
            break;
        }
        // What stands out says it already; a sentence does not repeat itself.
        let covered = told.iter().any(|other| {
            let common = other.end_s.min(act.end_s) - other.start_s.max(act.start_s);
            let pair = (other.kind, act.kind);
            // Who sits down then sits.
            let follows =
                matches!(pair, (ActKind::SitDown, ActKind::Sit) | (ActKind::Sit, ActKind::SitDown))
                    && common > -0.5;
            let covered = common > 0.5 * act.duration_s() && implied(act.kind, other.kind);
            let again =
                (other.kind, other.side, other.direction) == (act.kind, act.side, act.direction);
            covered || follows || again
        });
        if !covered {
            told.push(*act);
        }
    }
    // What travels carries a sentence: it comes before what begins at about the same time.
    let start = |act: &Act| act.start_s - if act.kind.travels() { ABOUT } else { 0.0 };
    told.sort_by(|a, b| start(a).total_cmp(&start(b)).then(a.kind.cmp(&b.kind)));
    told
}

/// Whether an act goes without saying during another.
pub(crate) fn implied(act: ActKind, other: ActKind) -> bool {
    use ActKind as A;
    match other {
        A::Wave => matches!(
            act,
            A::RaiseHand
                | A::MoveHandAside
                | A::ShakeHand
                | A::SwingArm
                | A::ReachOut
                | A::ArmOut
                | A::Punch
        ),
        A::TPose => matches!(act, A::ArmOut | A::Stand | A::RaiseHand),
        A::Clap => {
            matches!(act, A::HandsTogether | A::MoveHandAside | A::Push | A::Punch | A::ReachOut)
        }
        A::Punch | A::Push => matches!(act, A::ReachOut | A::SwingArm | A::HandsTogether),
        A::SitDown | A::Sit => {
            matches!(act, A::Crouch | A::BendOver | A::Stand | A::TouchKnee | A::LiftLeg)
        }
        A::ReachDown => matches!(act, A::BendOver | A::TouchFoot | A::TouchKnee | A::Bow),
        A::Crawl | A::Lie => matches!(
            act,
            A::BendOver | A::ReachDown | A::LeanBack | A::LeanAside | A::Look | A::TouchHead
        ),
        A::Kick => matches!(act, A::LiftLeg | A::LiftKnee | A::LeanBack),
        A::March => matches!(act, A::LiftKnee | A::LiftLeg),
        A::Jump | A::Hop => matches!(act, A::Crouch | A::Bounce | A::LiftLeg),
        A::JumpingJack => matches!(
            act,
            A::Jump | A::RaiseHand | A::ArmOut | A::Bounce | A::Wave | A::TPose | A::Clap
        ),
        A::LookAround => act == A::Look,
        A::Hang => matches!(act, A::RaiseHand | A::LiftLeg | A::LiftKnee | A::Bounce | A::Sway),
        A::Tumble => {
            matches!(act, A::RaiseHand | A::ReachDown | A::BendOver | A::Kick | A::LiftLeg)
        }
        A::WalkCrouched => matches!(act, A::Crouch | A::Walk),
        A::TurnAround | A::Spin | A::WalkInCircle => matches!(act, A::Turn | A::Shuffle),
        A::Walk | A::Run => matches!(act, A::SwingArm | A::Shuffle | A::Stand),
        A::Turn => matches!(act, A::Shuffle | A::Stand),
        A::ArmsCrossed => matches!(act, A::HandsTogether),
        A::TouchHead => act == A::RaiseHand,
        _ => act == A::Stand,
    }
}

/// The codes that a text tells, at most `most`: unusual ones, the most salient of each family, in
/// order of time.
fn told<'a>(codes: impl Iterator<Item = &'a CodeSegment>, most: usize) -> Vec<&'a CodeSegment> {
    let once = |segment: &CodeSegment| {
        let repeats = segment.code.class.sort() == ClassSort::Repeat;
        repeats && segment.duration_s() * segment.speed < AGAIN
    };
    let codes = codes.filter(|segment| !segment.code.is_usual() && !once(segment));
    let mut all: Vec<&CodeSegment> = codes.collect();
    all.sort_by(|a, b| salience(b).total_cmp(&salience(a)).then(a.start_s.total_cmp(&b.start_s)));
    let mut told: Vec<&CodeSegment> = vec![];
    for segment in all {
        let said = told.iter().any(|other| {
            let (kind, others) = (segment.code.signal.kind, other.code.signal.kind);
            let together = segment.start_s < other.end_s && other.start_s < segment.end_s;
            let repeats = |s: &CodeSegment| s.code.class.sort() == ClassSort::Repeat;
            let same = family(kind) == family(others) || repeats(segment) && repeats(other);
            segment.code == other.code || same && together
        });
        if !said && told.len() < most {
            told.push(segment);
        }
    }
    told.sort_by(|a, b| a.start_s.total_cmp(&b.start_s).then(a.code.cmp(&b.code)));
    told
}

/// How much a code stands out.
fn salience(segment: &CodeSegment) -> f64 {
    let long = segment.duration_s();
    match segment.code.class.sort() {
        ClassSort::State => segment.intensity.min(3.0) * (long / 1.5).min(1.0) * 0.8,
        ClassSort::Move => segment.intensity.min(4.0) * 0.6,
        ClassSort::Repeat => 1.0 + segment.intensity.min(4.0) * 0.8,
    }
}

/// Kinds that tell of the same thing have the same family.
fn family(kind: K) -> K {
    match kind {
        K::UpperArmRaise | K::ForearmRaise | K::HandOverHead => K::HandUp,
        K::HandReach => K::ElbowBend,
        K::FootUp | K::FootOverFloor | K::ShankRaise | K::KneeOverFloor => K::ThighRaise,
        K::TorsoIncline => K::TorsoPitch,
        other => other,
    }
}
