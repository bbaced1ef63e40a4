//! Edits a part of a motion that there is already.

use super::error::GenerateError;
use super::part::{Part, Seeker};
use super::reason::Reasoner;
use super::repertoire::Repertoire;
use super::report::Origin;
use super::wish::Wish;
use crate::describe::{Act, Wording};
use kinest::compose::{ABLE, Mark, Passed, Take, through, trunk_angle};
use kinest::motion::{ClipFrame, MotionClip};
use kinest::skeleton::{Group, Skeleton, SmplJoint};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Most time in which a limb changes from one motion to the other, seconds.
const RAMP: f64 = 0.25;
/// Donors that are tried until the result shows what is wished.
const DONORS: usize = 8;
/// How much slower and faster a limb may move to fill its span.
const PACES: (f64, f64) = (0.75, 1.3);
/// What a difference of the trunk counts against the limb of another body, per radian.
const TRUNK: f64 = 0.8;

/// A motion of which a part was edited.
#[derive(Clone, Debug)]
pub struct Edited {
    /// The motion, at the rate that it had. Only the joints of the group differ, within the span.
    pub clip: MotionClip,
    /// What was asked for, in words, and whether the rules of descriptions find it in the span.
    pub asked: Vec<(String, bool)>,
    /// Where the motion of the group comes from.
    pub source: Origin,
}

/// Edits motions with the limbs of a repertoire.
#[derive(Clone, Copy, Debug)]
pub struct Editor<'a> {
    repertoire: &'a Repertoire,
}

impl<'a> Editor<'a> {
    /// An editor with the motion of a repertoire.
    #[must_use]
    pub fn new(repertoire: &'a Repertoire) -> Self {
        Self { repertoire }
    }

    /// Lets a group do what a text says from one time to another, seconds; `seed` as that of a
    /// [`Request`](super::Request). Other groups and other frames stay to the last bit, and so does the
    /// pelvis. Legs are solved again where their feet would slide or get into the floor.
    ///
    /// # Errors
    /// If the span is not within the motion or shorter than 0.2 s, the text is empty, unknown or about
    /// another group, or the library shows nothing like it.
    pub fn edit(
        &self,
        clip: &MotionClip,
        group: Group,
        text: &str,
        (from_s, to_s): (f64, f64),
        seed: u64,
    ) -> Result<Edited, GenerateError> {
        let duration_s = clip.duration();
        // Also false for what is no number.
        if !(0.0 <= from_s && from_s + 0.2 <= to_s && to_s <= duration_s + 1e-6) {
            return Err(GenerateError::Span { from_s, to_s, duration_s });
        }
        let library = self.repertoire.library();
        let reasoner = Reasoner::new(library);
        let mut unknown = vec![];
        let (wishes, _) = reasoner.group_wishes(library.lexicon(), group, text, &mut unknown)?;
        let random = (seed != 0).then(|| ChaCha8Rng::seed_from_u64(seed));
        let mut seeker = Seeker { repertoire: self.repertoire, random };
        let mut donors = match wishes.first() {
            Some(wish) => seeker.limbs(wish)?,
            None => seeker.told(group, text)?,
        };
        let skeleton = self.repertoire.skeleton();
        let before = Take::new(clip, skeleton);
        let span = before.frame(from_s)..before.frame(to_s);
        let own = before.poses[(span.start + span.end) / 2];
        let length = span.len() as f64 / clip.rate_hz;
        for donor in &mut donors {
            let middle = (donor.core.start + donor.core.end) / 2;
            let pose = donor.known.take.part(middle, middle + 1);
            let pose = if donor.mirrored { pose.mirrored() } else { pose };
            if let Some(pose) = pose.poses.first() {
                donor.score -= TRUNK * trunk_angle(skeleton, &own, pose);
            }
            // One that takes about as long.
            let seconds = donor.core.len() as f64 / donor.known.take.rate_hz + 2.0 * RAMP;
            donor.score -= 0.3 * (seconds / length).ln().abs();
        }
        donors.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut best: Option<(usize, Edited)> = None;
        for donor in donors.iter().take(DONORS) {
            let edited = self.give(clip, &before, group, span.clone(), donor, &wishes)?;
            let found = edited.asked.iter().filter(|(_, found)| *found).count();
            if best.as_ref().is_none_or(|(most, _)| found > *most) {
                let done = found == wishes.len();
                best = Some((found, edited));
                if done {
                    break;
                }
            }
        }
        let (_, edited) = best.ok_or_else(|| GenerateError::Nothing(text.into()))?;
        Ok(edited)
    }

    fn give(
        &self,
        clip: &MotionClip,
        before: &Take,
        group: Group,
        span: std::ops::Range<usize>,
        donor: &Part,
        wishes: &[Wish],
    ) -> Result<Edited, GenerateError> {
        let skeleton = self.repertoire.skeleton();
        let (all, rate) = (&donor.known.take, clip.rate_hz);
        let margin = (RAMP * all.rate_hz) as usize;
        let (from, to) =
            (donor.core.start.saturating_sub(margin), (donor.core.end + margin).min(all.len()));
        let limb = all.part(from, to);
        let limb = if donor.mirrored { limb.mirrored() } else { limb };
        // As fast as fills the span, within reason; then repeated, or its middle.
        let seconds = span.len() as f64 / rate;
        let pace = (limb.duration() / seconds).clamp(PACES.0, PACES.1);
        let mut limb = limb.paced(pace);
        let needed = (seconds * limb.rate_hz).ceil() as usize + 1;
        let mut repeated = false;
        if limb.len() < needed
            && let Some(longer) = limb.lengthened(skeleton, needed)
        {
            (limb, repeated) = (longer, true);
        }
        let mut limb = Take::new(&limb.clip().resampled(rate), skeleton);
        let skipped = limb.len().saturating_sub(span.len()) / 2;
        limb = limb.part(skipped, limb.len());
        let length = limb.len().min(span.len());
        let start = span.start + (span.len() - length) / 2;
        let mut after = before.clone();
        let ramp = ((RAMP * rate) as usize).min(length / 3);
        after.give(skeleton, &[group], start..start + length, &limb, 0, ramp);
        let edited = changed(clip, before, &after);
        let acts = self.repertoire.acts(&edited)?;
        let (from_s, to_s) = (span.start as f64 / rate, span.end as f64 / rate);
        let within = |act: &&Act| act.end_s.min(to_s) > act.start_s.max(from_s);
        let asked = wishes.iter().map(|wish| {
            let found = acts.iter().filter(within).any(|act| wish.is_met_by(act));
            (wish.text(Wording::english()), found)
        });
        let source = Origin {
            groups: vec![group],
            clip: donor.known.name.clone(),
            from_s: from as f64 / all.rate_hz,
            to_s: to as f64 / all.rate_hz,
            mirrored: donor.mirrored,
            repeated,
        };
        Ok(Edited { asked: asked.collect(), source, clip: edited })
    }
}

/// Sends joints of a motion of a body with this skeleton through places: see [`through`]. Joints and
/// frames that do not take part keep every bit.
///
/// # Errors
/// If a mark is not within the motion, is no place, or is for a joint that cannot be sent.
pub fn send(
    clip: &MotionClip,
    skeleton: &Skeleton,
    marks: &[Mark],
    ramp: f64,
) -> Result<(MotionClip, Vec<Passed>), GenerateError> {
    let duration_s = clip.duration();
    for Mark { joint, time_s, place } in marks {
        if !(0.0..=duration_s).contains(time_s) {
            let (from_s, to_s) = (*time_s, *time_s);
            return Err(GenerateError::Span { from_s, to_s, duration_s });
        }
        if !(ABLE.contains(joint) && place.is_finite()) {
            return Err(GenerateError::Place { joint: joint.name(), place: *place });
        }
    }
    let before = Take::new(clip, skeleton);
    let mut after = before.clone();
    let passed = through(&mut after, skeleton, marks, ramp);
    let passed =
        passed.ok_or(GenerateError::Seconds { seconds: ramp, least: 0.0, most: duration_s })?;
    Ok((changed(clip, &before, &after), passed))
}

/// The clip with what differs between two takes of it. What does not keeps every bit: a rotation may
/// change in its last place when it becomes a quaternion and back.
fn changed(clip: &MotionClip, before: &Take, after: &Take) -> MotionClip {
    let mut clip = clip.clone();
    let poses = before.poses.iter().zip(&after.poses);
    for (frame, (was, is)) in clip.frames.iter_mut().zip(poses) {
        let new = ClipFrame::from(is);
        if was.translation != is.translation {
            frame.translation = new.translation;
        }
        for j in 0..SmplJoint::COUNT {
            if was.rotations[j] != is.rotations[j] {
                frame.rotations[j] = new.rotations[j];
            }
        }
    }
    clip
}
