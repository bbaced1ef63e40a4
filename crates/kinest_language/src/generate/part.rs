//! Parts of clips that show what is wished.

use super::error::GenerateError;
use super::plan::Step;
use super::repertoire::{Known, RATE_HZ, Repertoire, is_body};
use super::wish::Wish;
use crate::describe::{Act, ActKind, Direction, Pace, Side, Wording, implied};
use kinest::skeleton::Group;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// Hits of a search that are looked into.
const HITS: usize = 20;
/// Parts that are kept.
const KEPT: usize = 40;
/// Least time that something which lasts must last, seconds.
const LEAST: f64 = 0.8;
/// Most time between things that are done at once, seconds.
const APART: f64 = 0.5;
/// Longest part that is taken for a text whose words only titles have, seconds.
const OPEN: f64 = 8.0;
/// Most of something that is repeated, such as a wave, seconds.
const ENOUGH: f64 = 5.0;
/// Step of the search for the best part of something that lasts, frames.
const STRIDE: usize = 20;
/// Frames of a clip before and after an act that should be there.
const MARGIN: usize = 30;
/// Least weight of an act that disturbs when nobody asked for it.
const DISTURBS: f64 = 0.45;
/// Points for what a part has beside what its step is about.
const LIMBS: f64 = 0.7;
const SEARCHED: f64 = 0.5;
const DENIED: f64 = 1.5;
const UNASKED: f64 = 0.5;
const ABOUT: f64 = 0.4;
const FOREIGN: f64 = 0.2;
const BROKEN: f64 = 0.3;
const QUIET: f64 = 0.6;
const PACE: f64 = 0.3;
const FORWARD: f64 = 0.15;
const SHORT: f64 = 0.3;
const AFLOAT: f64 = 2.0;
/// Most points that chance adds for a seed other than 0.
const CHANCE: f64 = 0.5;

/// A part of a clip.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) known: Arc<Known>,
    pub(super) mirrored: bool,
    /// The frames of what is wished.
    pub(super) core: Range<usize>,
    /// The frames to which these may grow.
    pub(super) room: Range<usize>,
    /// Whether it may be cut and repeated.
    pub(super) lasts: bool,
    /// Pace of what is wished, as the clip has it.
    pub(super) pace: Pace,
    /// How well it fits.
    pub(super) score: f64,
}

/// A clip that a search found.
struct Found {
    known: Arc<Known>,
    /// How well it fits, 0 to 1.
    fits: f64,
    /// Where, seconds.
    span: (f64, f64),
}

/// Clips that fit texts, each text with its weight.
fn found(repertoire: &Repertoire, texts: &[(String, f64)]) -> Result<Vec<Found>, GenerateError> {
    let mut all: Vec<Found> = vec![];
    let mut fault = None;
    for (text, weight) in texts {
        // A text without a word to search for finds nothing.
        let Ok(hits) = repertoire.library().search(text, HITS) else { continue };
        let best = hits.first().map_or(1.0, |hit| hit.score);
        for hit in hits {
            let fits = weight * hit.score / best;
            match all.iter_mut().find(|found| found.known.name == hit.clip) {
                Some(found) => found.fits = found.fits.max(fits),
                None => match repertoire.known(&hit.clip) {
                    Ok(known) => {
                        all.push(Found { known, fits, span: (hit.start_s, hit.end_s) });
                    }
                    Err(error) => fault = fault.or(Some(error)),
                },
            }
        }
    }
    match fault {
        // One damaged file is no reason to fail; a wrong folder is.
        Some(fault) if all.is_empty() => Err(fault),
        _ => Ok(all),
    }
}

fn frames((start, end): (f64, f64), most: usize) -> Range<usize> {
    let frame = |time: f64| ((time * RATE_HZ).round().max(0.0) as usize).min(most);
    frame(start)..frame(end)
}

/// The first seconds of what is repeated for long.
fn enough(mut core: Range<usize>) -> Range<usize> {
    core.end = core.end.min(core.start + (ENOUGH * RATE_HZ) as usize);
    core
}

fn common(a: &Range<usize>, b: &Range<usize>) -> usize {
    a.end.min(b.end).saturating_sub(a.start.max(b.start))
}

/// What disturbs in a span: the weight of acts that nobody asked for.
pub(super) fn unasked(acts: &[Act], wishes: &[Wish], span: &Range<usize>) -> f64 {
    let asked =
        |act: &Act| wishes.iter().any(|wish| wish.is_met_by(act) || implied(act.kind, wish.kind));
    let disturbing = acts.iter().filter(|act| act.kind.weight() >= DISTURBS && !asked(act));
    let weights = disturbing.map(|act| {
        let own = frames((act.start_s, act.end_s), usize::MAX);
        let shorter = own.len().min(span.len()).max(1);
        act.kind.weight() * common(&own, span) as f64 / shorter as f64
    });
    weights.sum::<f64>().min(2.5)
}

/// Looks for parts of clips.
pub(super) struct Seeker<'a> {
    pub(super) repertoire: &'a Repertoire,
    pub(super) random: Option<ChaCha8Rng>,
}

impl Seeker<'_> {
    fn chance(&mut self) -> f64 {
        self.random.as_mut().map_or(0.0, |random| random.random_range(0.0..CHANCE))
    }

    /// Parts that show what a step is about, best first; `frames` is how long they should be if they
    /// can be of any length. `posture` is how the body is held before and stays if nothing else is said.
    pub(super) fn bodies(
        &mut self,
        step: &Step,
        posture: Option<Wish>,
        length: usize,
    ) -> Result<Vec<Part>, GenerateError> {
        let whole: Vec<Wish> =
            step.wishes.iter().filter(|w| w.groups().is_none()).copied().collect();
        let limbs: Vec<Wish> =
            step.wishes.iter().filter(|w| w.groups().is_some()).copied().collect();
        let main: Vec<Wish> = match (whole.is_empty(), posture, limbs.first()) {
            (false, ..) => whole,
            (true, Some(posture), _) => vec![posture],
            (true, None, Some(first)) => vec![*first],
            (true, None, None) => vec![],
        };
        let mut main = main;
        let mut parts = self.showing(step, &main, &limbs, length)?;
        while parts.is_empty()
            && let Some(weaker) = main.iter().map(Wish::weaker).collect::<Option<Vec<_>>>()
            && !weaker.is_empty()
        {
            main = weaker;
            parts = self.showing(step, &main, &limbs, length)?;
        }
        let limbs_only =
            posture.is_none() && step.wishes.iter().all(|wish| wish.groups().is_some());
        if limbs_only && !main.is_empty() {
            // A body that stands and is given all of it.
            let kind = ActKind::Stand;
            let stand = [Wish { kind, side: None, direction: None, pace: None }];
            let quiet = self.showing(step, &stand, &limbs, length)?;
            parts.extend(quiet.into_iter().map(|part| Part { score: part.score - QUIET, ..part }));
        }
        Ok(sorted(parts))
    }

    /// Parts that show all of some wishes of a step.
    fn showing(
        &mut self,
        step: &Step,
        main: &[Wish],
        limbs: &[Wish],
        length: usize,
    ) -> Result<Vec<Part>, GenerateError> {
        let wording = Wording::english();
        let asked = self
            .sets(std::iter::once(step.text.clone()).chain(main.iter().map(|w| w.text(wording))));
        let mut texts = vec![(step.text.clone(), 1.0)];
        for wish in main {
            texts.push((wish.text(wording), 0.8));
            texts.push((wish.mirrored().text(wording), 0.6));
        }
        for (group, text) in &step.searched {
            texts.push((format!("{} {text}", wording.group(*group, 0)), 0.5));
        }
        let mut parts = vec![];
        for Found { known, fits, span } in found(self.repertoire, &texts)? {
            let all = known.take.len();
            let grounded = |span: &Range<usize>| {
                let stands = known.take.stands[span.clone()].iter();
                let standing = stands.filter(|feet| feet[0] || feet[1]).count();
                standing as f64 >= 0.3 * span.len() as f64
            };
            if main.is_empty() {
                // The middle of what is long: recordings begin and end with standing. What a clip is
                // called is what happens in all of it.
                let called = self.repertoire.about(&known.name, &asked).0;
                let mut core = if called { 0..all } else { frames(span, all) };
                let spare = core.len().saturating_sub((OPEN * RATE_HZ) as usize);
                core = core.start + spare / 2..core.end - spare.div_ceil(2);
                let score = fits + self.chance();
                let (room, known) = (core.clone(), Arc::clone(&known));
                let (mirrored, lasts, pace) = (false, true, Pace::Ordinary);
                parts.push(Part { known, mirrored, core, room, lasts, pace, score });
                continue;
            }
            for mirrored in [false, true] {
                let acts: Vec<Act> = match mirrored {
                    true => known.acts.iter().map(|act| act.mirrored()).collect(),
                    false => known.acts.clone(),
                };
                for spot in spots(&acts, main, all) {
                    let wished = |span: &Range<usize>| {
                        let shown = limbs.iter().filter(|wish| {
                            acts.iter().any(|act| {
                                let own = frames((act.start_s, act.end_s), all);
                                wish.is_met_by(act) && common(&own, span) > (0.3 * RATE_HZ) as usize
                            })
                        });
                        shown.count() as f64 / limbs.len().max(1) as f64
                    };
                    let rate = |span: &Range<usize>| {
                        LIMBS * wished(span) - UNASKED * unasked(&acts, &step.wishes, span)
                    };
                    let core = if spot.lasts {
                        best_span(&spot, length, rate)
                    } else {
                        enough(spot.core.clone())
                    };
                    let mut score = 1.0 + rate(&core) + self.chance();
                    score += if step.open { 2.0 * SEARCHED } else { SEARCHED } * fits;
                    score += self.about(&known.name, &asked);
                    let before = core.start.min(MARGIN) + (all - core.end).min(MARGIN);
                    if !spot.lasts && before < 2 * MARGIN {
                        // The clip begins or ends in the middle of it.
                        score -= BROKEN;
                    }
                    let shown = |wish: &&Wish| {
                        let mut acts = acts.iter().filter(|act| wish.is_met_by(act));
                        acts.any(|act| common(&frames((act.start_s, act.end_s), all), &core) > 10)
                    };
                    score -= DENIED * step.denied.iter().filter(shown).count() as f64;
                    let pace = main[0].pace;
                    if let Some(pace) = pace {
                        score += if pace == spot.pace { PACE } else { -PACE };
                    }
                    if main[0].direction.is_none() && spot.direction == Some(Direction::Forward) {
                        score += FORWARD;
                    }
                    let short = length.saturating_sub(spot.room.len()) as f64 / RATE_HZ;
                    if spot.lasts {
                        score -= (SHORT * short).min(3.0 * SHORT);
                    }
                    if stands(main[0].kind) && !grounded(&core) {
                        score -= AFLOAT;
                    }
                    let (known, room) = (Arc::clone(&known), spot.room);
                    let (lasts, pace) = (spot.lasts, spot.pace);
                    parts.push(Part { known, mirrored, core, room, lasts, pace, score });
                }
            }
        }
        Ok(parts)
    }

    /// The sets of the words of texts, without those of the body.
    fn sets(&self, texts: impl Iterator<Item = String>) -> BTreeSet<String> {
        let lexicon = self.repertoire.library().lexicon();
        let units = texts.flat_map(|text| lexicon.read(&text));
        units.flat_map(|unit| unit.same).filter(|set| !is_body(set)).collect()
    }

    /// Points for a clip whose names say what is asked for and nothing else.
    fn about(&self, clip: &str, asked: &BTreeSet<String>) -> f64 {
        let (shared, foreign) = self.repertoire.about(clip, asked);
        f64::from(u8::from(shared)) * ABOUT - FOREIGN * foreign.min(4) as f64
    }

    /// Parts in which limbs do what is wished, best first.
    pub(super) fn limbs(&mut self, wish: &Wish) -> Result<Vec<Part>, GenerateError> {
        let wording = Wording::english();
        let texts = [(wish.text(wording), 1.0), (wish.mirrored().text(wording), 0.9)];
        let asked = self.sets(texts.iter().map(|(text, _)| text.clone()));
        let mut parts = vec![];
        for Found { known, fits, .. } in found(self.repertoire, &texts)? {
            let all = known.take.len();
            for mirrored in [false, true] {
                let acts: Vec<Act> = match mirrored {
                    true => known.acts.iter().map(|act| act.mirrored()).collect(),
                    false => known.acts.clone(),
                };
                for act in acts.iter().filter(|act| wish.is_met_by(act)) {
                    let core = enough(frames((act.start_s, act.end_s), all));
                    let clear = unasked(&acts, std::slice::from_ref(wish), &core);
                    let mut score = SEARCHED * fits - 0.5 * UNASKED * clear + self.chance();
                    if let Some(pace) = wish.pace {
                        score += if pace == act.pace { PACE } else { -PACE };
                    }
                    score += 0.5 * self.about(&known.name, &asked);
                    if act.side == Some(Side::Both) && wish.side != act.side {
                        score -= PACE;
                    }
                    // A longer example is a clearer one.
                    score += 0.1 * act.duration_s().min(3.0);
                    let (known, room) = (Arc::clone(&known), core.clone());
                    let pace = act.pace;
                    parts.push(Part { known, mirrored, core, room, lasts: false, pace, score });
                }
            }
        }
        Ok(sorted(parts))
    }

    /// Parts whose texts say that a group does something, best first.
    pub(super) fn told(&mut self, group: Group, text: &str) -> Result<Vec<Part>, GenerateError> {
        let text = format!("{} {text}", Wording::english().group(group, 0));
        let mut parts = vec![];
        for Found { known, fits, span } in found(self.repertoire, &[(text, 1.0)])? {
            let core = frames(span, known.take.len());
            if core.len() < (0.3 * RATE_HZ) as usize {
                continue;
            }
            let (room, score) = (core.clone(), fits + self.chance());
            let (mirrored, lasts, pace) = (false, false, Pace::Ordinary);
            parts.push(Part { known, mirrored, core, room, lasts, pace, score });
        }
        Ok(sorted(parts))
    }
}

/// Whether who does this has a foot on the floor now and then.
fn stands(kind: ActKind) -> bool {
    use ActKind as A;
    !matches!(
        kind,
        A::Jump
            | A::Climb
            | A::Hang
            | A::Tumble
            | A::Sit
            | A::SitDown
            | A::Lie
            | A::Crawl
            | A::Kneel
    )
}

fn sorted(mut parts: Vec<Part>) -> Vec<Part> {
    parts.retain(|part| part.core.len() > 5);
    parts.sort_by(|a, b| {
        let name = |part: &Part| (part.known.name.clone(), part.mirrored, part.core.start);
        b.score.total_cmp(&a.score).then_with(|| name(a).cmp(&name(b)))
    });
    parts.truncate(KEPT);
    parts
}

/// Where a clip shows all of some wishes at once.
struct Spot {
    core: Range<usize>,
    room: Range<usize>,
    lasts: bool,
    pace: Pace,
    direction: Option<Direction>,
}

fn spots(acts: &[Act], wishes: &[Wish], all: usize) -> Vec<Spot> {
    let gap = |a: &Act, b: &Act| a.start_s.max(b.start_s) - a.end_s.min(b.end_s);
    let mut spots = vec![];
    for first in acts.iter().filter(|act| wishes[0].is_met_by(act)) {
        let others = wishes[1..].iter().map(|wish| {
            let near = acts.iter().filter(|act| wish.is_met_by(act) && gap(first, act) < APART);
            near.min_by(|a, b| gap(first, a).total_cmp(&gap(first, b))).map(|act| (wish, act))
        });
        let Some(others) = others.collect::<Option<Vec<_>>>() else { continue };
        let shown: Vec<(&Wish, &Act)> = [(&wishes[0], first)].into_iter().chain(others).collect();
        let hull = |shown: &[&(&Wish, &Act)]| {
            let start = shown.iter().map(|(_, act)| act.start_s).fold(f64::INFINITY, f64::min);
            let end = shown.iter().map(|(_, act)| act.end_s).fold(0.0, f64::max);
            (start, end)
        };
        let (lasting, passing): (Vec<_>, Vec<_>) = shown.iter().partition(|(wish, _)| wish.lasts());
        let (core, room) = if passing.is_empty() {
            let start = shown.iter().map(|(_, act)| act.start_s).fold(0.0, f64::max);
            let end = shown.iter().map(|(_, act)| act.end_s).fold(f64::INFINITY, f64::min);
            if end - start < LEAST {
                continue;
            }
            ((start, end), (start, end))
        } else {
            let all: Vec<_> = lasting.iter().chain(&passing).copied().collect();
            (hull(&passing), if lasting.is_empty() { hull(&passing) } else { hull(&all) })
        };
        let (lasts, pace, direction) = (!lasting.is_empty(), first.pace, first.direction);
        spots.push(Spot {
            core: frames(core, all),
            room: frames(room, all),
            lasts,
            pace,
            direction,
        });
    }
    spots
}

/// The span of about `length` frames in the room of a spot that rates best; it has its core, if that
/// is not the whole room.
fn best_span(spot: &Spot, length: usize, rate: impl Fn(&Range<usize>) -> f64) -> Range<usize> {
    let Spot { core, room, .. } = spot;
    if room.len() <= length {
        return room.clone();
    }
    let starts = (room.start..=room.end - length).step_by(STRIDE);
    let spans = starts.map(|start| start..start + length);
    let inside = |span: &Range<usize>| core == room || common(core, span) == core.len().min(length);
    let rated = spans.filter(|span| inside(span)).map(|span| (rate(&span), span));
    // The first of equals.
    let best = rated.reduce(|best, other| if other.0 > best.0 + 1e-9 { other } else { best });
    best.map_or_else(|| core.clone(), |(_, span)| span)
}
