//! Makes motion from words.

use super::error::GenerateError;
use super::part::{Part, Seeker, unasked};
use super::plan::{Plan, Step};
use super::reason::Reasoner;
use super::repertoire::{RATE_HZ, Repertoire};
use super::report::{Asked, Judged, METHOD, Origin, Report, StepReport};
use super::request::{LONGEST, Request};
use super::wish::Wish;
use crate::describe::{Act, Pace, Wording};
use kinest::compose::{Likeness, Take, trunk_angle};
use kinest::motion::MotionClip;
use kinest::skeleton::Group;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::ops::Range;

/// Length of what lasts if nobody says how long, seconds.
const LASTS: f64 = 3.5;
/// Least length of it, seconds.
const LEAST: f64 = 1.0;
/// What is taken along before and after a part, for the joint, seconds.
const MARGIN: f64 = 0.5;
/// How far a part that lasts may be cut for a better joint, seconds.
const CUT: f64 = 0.5;
/// Frames that are mixed where parts are joined, seconds: at least, and more for each metre that they differ.
const MIXED: (f64, f64) = (0.3, 0.8);
/// Most of that, seconds.
const MOST_MIXED: f64 = 0.6;
/// Time in which a limb changes from one motion to the other, seconds.
const RAMP: f64 = 0.3;
/// Maximum numbers of bodies and limbs that are tried until the result shows the requested acts.
const BODIES: usize = 6;
const DONORS: usize = 8;
/// Score of a body: penalty per unrequested act, weight of the search score.
const DISTURBED: f64 = 0.4;
const FIT: f64 = 0.5;
/// Maximum penalty of a motion that is good enough.
const CLEAN: f64 = 0.3;
/// Penalty of a limb of another body per radian of difference of the trunk.
const TRUNK: f64 = 0.8;
/// What a joint at which bodies differ counts against a part, per metre.
const SEAM: f64 = 1.0;
/// How much slower or faster motion is shown for its length, and for "slowly" and "quickly".
const PACES: (f64, f64) = (0.77, 1.3);
const PACED: f64 = 1.25;

/// What was made.
#[derive(Clone, Debug)]
pub struct Generated {
    /// The motion, at 60 Hz.
    pub clip: MotionClip,
    /// What it was made of, and whether it is what was asked for.
    pub report: Report,
}

/// Makes motion from words: see the [module](super).
#[derive(Debug)]
pub struct Generator {
    repertoire: Repertoire,
}

/// Motion of a step, not yet joined to its neighbours.
struct Piece {
    take: Take,
    /// The frames of the step itself, without what was taken along.
    core: Range<usize>,
    lasts: bool,
    sources: Vec<Origin>,
    /// Number of wishes that it shows.
    shown: usize,
    /// What disturbs in it: the weight of acts that nobody asked for.
    unasked: f64,
}

impl Generator {
    /// A generator of the motion of a repertoire.
    #[must_use]
    pub fn new(repertoire: Repertoire) -> Self {
        Self { repertoire }
    }

    /// Its motion.
    #[must_use]
    pub fn repertoire(&self) -> &Repertoire {
        &self.repertoire
    }

    /// Makes a motion. The same request and repertoire give the same motion.
    ///
    /// # Errors
    /// If nothing is asked, no word is known, the library shows nothing like it or cannot be read, or
    /// it cannot be as long as it should.
    pub fn generate(&self, request: &Request) -> Result<Generated, GenerateError> {
        self.generate_while(request, &|_| true)
    }

    /// [`Self::generate`], cancellable: `goes_on` receives the progress, 0 to 1, and returns false
    /// to cancel.
    ///
    /// # Errors
    /// As [`Self::generate`], or if `goes_on` returns false.
    pub fn generate_while(
        &self,
        request: &Request,
        goes_on: &dyn Fn(f64) -> bool,
    ) -> Result<Generated, GenerateError> {
        let plan = Reasoner::new(self.repertoire.library()).plan(request)?;
        let most = plan.steps.len();
        let mut lengths = vec![(LASTS * RATE_HZ) as usize; most];
        let mut pieces = self.pieces(&plan, request, &lengths, goes_on)?;
        if let Some(seconds) = request.seconds {
            // What the joints take away is known only afterwards; the pace makes up for it.
            let wanted = seconds * RATE_HZ + (most - 1) as f64 * MIXED.0 * RATE_HZ;
            let own = |piece: &Piece| piece.core.len() as f64;
            let total: f64 = pieces.iter().map(own).sum();
            let lasting: f64 = pieces.iter().filter(|piece| piece.lasts).map(own).sum();
            let least = LEAST * RATE_HZ;
            for (length, piece) in lengths.iter_mut().zip(&pieces) {
                let share = match (piece.lasts, lasting > 0.0) {
                    (true, _) => own(piece) * (wanted - total + lasting) / lasting,
                    (false, true) => own(piece),
                    (false, false) => own(piece) * (wanted / total).max(1.0),
                };
                *length = share.max(least).round() as usize;
            }
            pieces = self.pieces(&plan, request, &lengths, goes_on)?;
        }
        let (take, spans) = self.join(&pieces);
        let (take, factor) = match request.seconds {
            Some(seconds) => timed(&take, seconds)?,
            None => (take, 1.0),
        };
        if take.duration() > LONGEST + 1.0 {
            let seconds = take.duration();
            return Err(GenerateError::Seconds { seconds, least: LEAST, most: LONGEST });
        }
        let clip = take.clip();
        let spans: Vec<(f64, f64)> = spans.iter().map(|(a, b)| (a * factor, b * factor)).collect();
        let report = self.report(&plan, &clip, &spans, pieces)?;
        goes_on(1.0);
        Ok(Generated { clip, report })
    }

    fn pieces(
        &self,
        plan: &Plan,
        request: &Request,
        lengths: &[usize],
        goes_on: &dyn Fn(f64) -> bool,
    ) -> Result<Vec<Piece>, GenerateError> {
        let random = (request.seed != 0).then(|| ChaCha8Rng::seed_from_u64(request.seed));
        let mut seeker = Seeker { repertoire: &self.repertoire, random };
        let mut pieces: Vec<Piece> = vec![];
        let mut posture = None;
        for (i, (step, length)) in plan.steps.iter().zip(lengths).enumerate() {
            if !goes_on(i as f64 / plan.steps.len() as f64) {
                return Err(GenerateError::Cancelled);
            }
            let piece = self.piece(&mut seeker, step, posture, *length, pieces.last(), request)?;
            let whole = step.wishes.iter().rev().find(|wish| wish.groups().is_none());
            if let Some(whole) = whole {
                let stays = |kind| Wish { kind, side: None, direction: None, pace: None };
                posture = whole.leaves().map(stays);
            }
            pieces.push(piece);
        }
        Ok(pieces)
    }

    /// The motion of a step that follows another.
    fn piece(
        &self,
        seeker: &mut Seeker,
        step: &Step,
        posture: Option<Wish>,
        length: usize,
        before: Option<&Piece>,
        request: &Request,
    ) -> Result<Piece, GenerateError> {
        let mut bodies = seeker.bodies(step, posture, length)?;
        if bodies.is_empty() && posture.is_some() {
            bodies = seeker.bodies(step, None, length)?;
        }
        if let Some(before) = before {
            for body in &mut bodies {
                body.score -= SEAM * self.seam(before, body);
            }
            bodies.sort_by(|a, b| b.score.total_cmp(&a.score));
        }
        let wanted = step.wishes.len();
        let mut best: Option<(Piece, f64)> = None;
        for body in bodies.iter().take(BODIES) {
            let stretches = request.seconds.is_some();
            let piece = self.body(body, step, length, stretches);
            let piece = self.with_limbs(seeker, piece, step, stretches)?;
            // What fits less well must be better by as much.
            let value = |piece: &Piece, score: f64| {
                piece.shown as f64 + FIT * score - DISTURBED * piece.unasked
            };
            let done = piece.shown == wanted && piece.unasked < CLEAN;
            let own = value(&piece, body.score);
            if best.as_ref().is_none_or(|(_, most)| own > *most) {
                best = Some((piece, own));
            }
            if done {
                break;
            }
        }
        let piece = best.map(|(piece, _)| piece);
        piece.ok_or_else(|| GenerateError::Nothing(step.text.clone()))
    }

    /// How much a part differs from the end of the motion before it, metres.
    fn seam(&self, before: &Piece, part: &Part) -> f64 {
        let skeleton = self.repertoire.skeleton();
        let margin = (MARGIN * RATE_HZ) as usize;
        let end = before.core.end.min(before.take.len());
        let from = end.saturating_sub(margin / 2);
        let own = before.take.part(from, (end + margin / 2).min(before.take.len()));
        let start = part.core.start.saturating_sub(margin);
        let mut next = part.known.take.part(start, part.core.start + margin / 2);
        if part.mirrored {
            next = next.mirrored();
        }
        if own.is_empty() || next.is_empty() {
            return 0.0;
        }
        let (own, next) = (Likeness::new(&own, skeleton), Likeness::new(&next, skeleton));
        own.best(0..own.len(), &next, 0..next.len()).2
    }

    /// The motion of a body, as long as it should be if it lasts; longer by repetition where
    /// `stretches` says that the length matters.
    fn body(&self, part: &Part, step: &Step, length: usize, stretches: bool) -> Piece {
        let skeleton = self.repertoire.skeleton();
        let all = &part.known.take;
        let margin = (MARGIN * RATE_HZ) as usize;
        let mut core = part.core.clone();
        if part.lasts {
            // Grows within what lasts, to both sides.
            let missing = length.saturating_sub(core.len());
            let before = (missing / 2).min(core.start.saturating_sub(part.room.start));
            core.start -= before;
            core.end += (missing - before).min(part.room.end.saturating_sub(core.end));
            let missing = length.saturating_sub(core.len());
            core.start -= missing.min(core.start.saturating_sub(part.room.start));
            if core.len() > length {
                let (inner, spare) = (&part.core, core.len() - length);
                let after = spare.min(
                    core.end.saturating_sub(inner.end.max(inner.start + length.min(inner.len()))),
                );
                core.end -= after;
                core.end = core.end.min(core.start + length);
            }
        } else {
            // What an act begins and ends with is part of it.
            core.start = core.start.saturating_sub(margin);
            core.end = (core.end + margin * 3 / 2).min(all.len());
        }
        let (lead, end) = (core.start.min(margin), (core.end + margin).min(all.len()));
        let mut take = all.part(core.start - lead, end);
        if part.mirrored {
            take = take.mirrored();
        }
        let tail = end - core.end;
        if core.len() < length && (part.lasts || stretches) {
            // Without the margins, which show something else.
            let inner = take.part(lead, lead + core.len());
            if let Some(longer) = inner.lengthened(skeleton, length) {
                let core = 0..longer.len();
                return self.paced(part, step, longer, core, true);
            }
        }
        let core = lead..take.len() - tail;
        self.paced(part, step, take, core, false)
    }

    /// A piece at the pace that was asked for.
    fn paced(
        &self,
        part: &Part,
        step: &Step,
        take: Take,
        core: Range<usize>,
        repeated: bool,
    ) -> Piece {
        let wanted = step.wishes.iter().find_map(|wish| wish.pace);
        let pace = match (wanted, part.pace) {
            (Some(Pace::Fast), Pace::Ordinary | Pace::Slow) => PACED,
            (Some(Pace::Slow), Pace::Ordinary | Pace::Fast) => 1.0 / PACED,
            _ => 1.0,
        };
        let scaled = |frame: usize| (frame as f64 / pace).round() as usize;
        let paced = take.paced(pace);
        let core = scaled(core.start)..scaled(core.end).min(paced.len());
        let source = Origin {
            groups: Group::ALL.to_vec(),
            clip: part.known.name.clone(),
            from_s: part.core.start as f64 / RATE_HZ,
            to_s: part.core.end as f64 / RATE_HZ,
            mirrored: part.mirrored,
            repeated,
        };
        Piece {
            take: paced,
            core,
            lasts: part.lasts,
            sources: vec![source],
            shown: 0,
            unasked: 0.0,
        }
    }

    /// Gives a piece the limbs that do what its body does not.
    fn with_limbs(
        &self,
        seeker: &mut Seeker,
        mut piece: Piece,
        step: &Step,
        fixed: bool,
    ) -> Result<Piece, GenerateError> {
        let missing = |piece: &Piece| -> Result<Vec<Wish>, GenerateError> {
            let acts = self.repertoire.acts(&piece.take.clip()).unwrap_or_default();
            let missing = step.wishes.iter().filter(|wish| !shows(&acts, wish, &piece.core));
            Ok(missing.copied().collect())
        };
        for wish in missing(&piece)? {
            let Some(groups) = wish.groups() else { continue };
            // Which side does it is open; the groups have decided.
            let exact = Wish { side: wish.side.or(side_of(&groups)), ..wish };
            let exact = Wish {
                side: exact.side.filter(|_| groups.len() == 1 || wish.side.is_some()),
                ..exact
            };
            let mut donors = seeker.limbs(&exact)?;
            self.rank(&mut donors, &piece);
            let mut best: Option<(Piece, usize)> = None;
            for donor in donors.iter().take(DONORS) {
                let given = self.give(&piece, donor, &groups, fixed);
                let left = missing(&given)?;
                let better = best.as_ref().is_none_or(|(_, least)| left.len() < *least);
                let done = !left.contains(&wish);
                if better {
                    best = Some((given, left.len()));
                }
                if done {
                    break;
                }
            }
            if let Some((given, _)) = best {
                piece = given;
            }
        }
        for (group, text) in &step.searched {
            if matches!(group, Group::Neck | Group::LeftArm | Group::RightArm) {
                let mut donors = seeker.told(*group, text)?;
                self.rank(&mut donors, &piece);
                if let Some(donor) = donors.first() {
                    piece = self.give(&piece, donor, &[*group], fixed);
                }
            }
        }
        let acts = self.repertoire.acts(&piece.take.clip()).unwrap_or_default();
        let shown = step.wishes.iter().filter(|wish| shows(&acts, wish, &piece.core));
        piece.shown = shown.count();
        piece.unasked = unasked(&acts, &step.wishes, &piece.core);
        Ok(piece)
    }

    /// Puts donors whose trunk is held as that of the piece first.
    fn rank(&self, donors: &mut [Part], piece: &Piece) {
        let skeleton = self.repertoire.skeleton();
        let middle = |range: &Range<usize>| (range.start + range.end) / 2;
        let own = piece.take.poses[middle(&piece.core).min(piece.take.len() - 1)];
        for donor in donors.iter_mut() {
            let take = &donor.known.take;
            let mut pose =
                take.part(middle(&donor.core).min(take.len() - 1), take.len()).part(0, 1);
            if donor.mirrored {
                pose = pose.mirrored();
            }
            donor.score -= TRUNK * trunk_angle(skeleton, &own, &pose.poses[0]);
        }
        donors.sort_by(|a, b| b.score.total_cmp(&a.score));
    }

    /// A piece with the limbs of a donor. A piece that lasts gets long enough for what they do, unless
    /// its length is fixed.
    fn give(&self, piece: &Piece, donor: &Part, groups: &[Group], fixed: bool) -> Piece {
        let skeleton = self.repertoire.skeleton();
        let (ramp, all) = ((RAMP * RATE_HZ) as usize, &donor.known.take);
        let margin = ramp + (0.2 * RATE_HZ) as usize;
        let (from, to) =
            (donor.core.start.saturating_sub(margin), (donor.core.end + margin).min(all.len()));
        let mut limb = all.part(from, to);
        if donor.mirrored {
            limb = limb.mirrored();
        }
        let mut given = Piece {
            take: piece.take.clone(),
            core: piece.core.clone(),
            sources: piece.sources.clone(),
            ..*piece
        };
        let room = given.core.len();
        let mut repeated = false;
        if limb.len() > room && piece.lasts && !fixed {
            let longer = given.take.lengthened(skeleton, given.take.len() + limb.len() - room);
            if let Some(longer) = longer {
                given.core.end += longer.len() - given.take.len();
                given.take = longer;
            }
        } else if 2 * limb.len() < room
            && let Some(longer) = limb.lengthened(skeleton, 3 * room / 5)
        {
            repeated = true;
            limb = longer;
        }
        let room = given.core.len();
        let length = limb.len().min(room);
        // The middle of what is too long.
        let skipped = (limb.len() - length) / 2;
        let start = given.core.start + (room - length) / 2;
        given.take.give(skeleton, groups, start..start + length, &limb, skipped, ramp);
        given.sources.push(Origin {
            groups: groups.to_vec(),
            clip: donor.known.name.clone(),
            from_s: from as f64 / RATE_HZ,
            to_s: to as f64 / RATE_HZ,
            mirrored: donor.mirrored,
            repeated,
        });
        given
    }

    /// Joins pieces; tells when each begins and ends, seconds.
    fn join(&self, pieces: &[Piece]) -> (Take, Vec<(f64, f64)>) {
        let skeleton = self.repertoire.skeleton();
        let margin = (MARGIN * RATE_HZ) as usize;
        let cut = |piece: &Piece| if piece.lasts { (CUT * RATE_HZ) as usize } else { margin / 4 };
        let first = &pieces[0];
        let mut start = if first.lasts {
            first.core.start
        } else {
            first.core.start.saturating_sub(margin / 3)
        };
        let mut whole = first.take.part(start, first.take.len());
        let mut end = first.core.end - start;
        let mut last = first;
        let mut starts = vec![0];
        for piece in &pieces[1..] {
            let own = end.saturating_sub(cut(last).min(last.core.len() / 3))..whole.len();
            let length = piece.core.len();
            let theirs = 0..(piece.core.start + cut(piece).min(length / 3)).max(1);
            let own_look = Likeness::new(&whole.part(own.start, own.end), skeleton);
            let next_look = Likeness::new(&piece.take.part(theirs.start, theirs.end), skeleton);
            let best = own_look.best(0..own_look.len(), &next_look, 0..next_look.len());
            let (i, j, distance) = (own.start + best.0, best.1, best.2);
            let mixed = (MIXED.0 + MIXED.1 * distance).min(MOST_MIXED) * RATE_HZ;
            let half = mixed as usize / 2;
            let (until, from) = ((i + half).min(whole.len()), j.saturating_sub(half));
            whole = whole.part(0, until);
            let before = whole.len();
            whole.append(skeleton, &piece.take.part(from, piece.take.len()), 2 * half);
            starts.push(before.saturating_sub(half));
            start = whole.len() - (piece.take.len() - from);
            end = (start + piece.core.end).saturating_sub(from);
            last = piece;
        }
        // What was taken along for a joint that there is not.
        let keep = if last.lasts { 0 } else { margin / 3 };
        let end = (end + keep).min(whole.len());
        let whole = whole.part(0, end);
        let ends = starts.iter().skip(1).copied().chain([whole.len()]);
        let seconds = |frame: usize| frame as f64 / RATE_HZ;
        let spans = starts.iter().zip(ends).map(|(a, b)| (seconds(*a), seconds(b))).collect();
        (whole, spans)
    }

    /// Whether a motion, of any origin, is what a request asks for. The order of steps does not matter.
    ///
    /// # Errors
    /// If the request cannot be read, or the codes of the motion cannot be found.
    pub fn judge(&self, request: &Request, clip: &MotionClip) -> Result<Judged, GenerateError> {
        let plan = Reasoner::new(self.repertoire.library()).plan(request)?;
        let spans = vec![(0.0, clip.duration()); plan.steps.len()];
        self.judged(&plan, clip, &spans)
    }

    fn judged(
        &self,
        plan: &Plan,
        clip: &MotionClip,
        spans: &[(f64, f64)],
    ) -> Result<Judged, GenerateError> {
        let acts = self.repertoire.acts(clip)?;
        let (told, sentence) = self.repertoire.told(clip)?;
        let mut asked = vec![];
        for (number, (step, span)) in plan.steps.iter().zip(spans).enumerate() {
            for wish in &step.wishes {
                let within =
                    |act: &&Act| act.end_s.min(span.1 + 0.3) > act.start_s.max(span.0 - 0.3);
                let found = acts.iter().filter(within).any(|act| wish.is_met_by(act));
                let text = wish.text(Wording::english());
                asked.push(Asked { step: number, text, wish: *wish, found });
            }
        }
        Ok(Judged::new(asked, &told, sentence))
    }

    fn report(
        &self,
        plan: &Plan,
        clip: &MotionClip,
        spans: &[(f64, f64)],
        pieces: Vec<Piece>,
    ) -> Result<Report, GenerateError> {
        let judged = self.judged(plan, clip, spans)?;
        let steps = plan.steps.iter().zip(spans).zip(pieces);
        let steps = steps.map(|((step, span), piece)| StepReport {
            text: step.text.clone(),
            start_s: span.0,
            end_s: span.1,
            groups: step.groups.clone(),
            sources: piece.sources,
        });
        let (steps, unknown) = (steps.collect(), plan.unknown.clone());
        Ok(Report { method: METHOD, steps, judged, unknown })
    }
}

/// Whether acts show a wish in the frames of a step.
fn shows(acts: &[Act], wish: &Wish, core: &Range<usize>) -> bool {
    let (start, end) = (core.start as f64 / RATE_HZ, core.end as f64 / RATE_HZ);
    acts.iter().any(|act| wish.is_met_by(act) && act.end_s.min(end) > act.start_s.max(start))
}

/// The side of one arm.
fn side_of(groups: &[Group]) -> Option<crate::describe::Side> {
    match groups {
        [Group::LeftArm | Group::LeftLeg] => Some(crate::describe::Side::Left),
        [Group::RightArm | Group::RightLeg] => Some(crate::describe::Side::Right),
        _ => None,
    }
}

/// A motion that takes as long as it should, and by which factor its times have changed.
fn timed(take: &Take, seconds: f64) -> Result<(Take, f64), GenerateError> {
    let pace = take.duration() / seconds;
    if !(PACES.0..=PACES.1).contains(&pace) {
        let (least, most) = (take.duration() / PACES.1, take.duration() / PACES.0);
        return Err(GenerateError::Length { seconds, least, most });
    }
    Ok((take.paced(pace), 1.0 / pace))
}
