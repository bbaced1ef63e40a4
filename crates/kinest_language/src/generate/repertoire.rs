//! A library with the motion of its clips.

use super::error::GenerateError;
use super::motions::{Motions, SyntheticMotions};
use crate::describe::{Act, Describer};
use crate::library::{Clip, Hit, Library};
use kinest::compose::Take;
use kinest::events::{CodeTable, codes_of};
use kinest::motion::MotionClip;
use kinest::skeleton::Skeleton;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Frames per second of all motion that is made.
pub(super) const RATE_HZ: f64 = 60.0;
/// Clips that are kept in memory.
const KEPT: usize = 256;

/// A clip that was read: its motion at [`RATE_HZ`] and what the body does in it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) take: Take,
    pub(super) acts: Vec<Act>,
}

/// Clips that were read, oldest first.
#[derive(Debug, Default)]
struct Cache {
    clips: HashMap<String, Arc<Known>>,
    order: VecDeque<String>,
}

/// Whether a set of words is about a part of the body, which tells nothing of what it does.
pub(super) fn is_body(set: &str) -> bool {
    matches!(set, "hand" | "arm" | "leg" | "foot" | "head" | "torso" | "floor")
}

/// A library of clips, their motion, and the body that has it.
#[derive(Debug)]
pub struct Repertoire {
    library: Library,
    motions: Box<dyn Motions>,
    skeleton: Skeleton,
    table: Arc<CodeTable>,
    cache: Mutex<Cache>,
    /// What clips are about: the sets of each word of their names, by clip.
    about: HashMap<String, Vec<Vec<String>>>,
}

impl Repertoire {
    /// A library and where the motion of its clips is, of bodies with this skeleton.
    #[must_use]
    pub fn new(library: Library, motions: impl Motions + 'static, skeleton: Skeleton) -> Self {
        let (table, cache) = (Arc::new(CodeTable::default()), Mutex::default());
        let about = library.clips().iter().map(|clip| {
            let units = library.about(clip).into_iter().map(|unit| unit.same);
            let telling = units.filter(|sets| !sets.is_empty() && !sets.iter().any(|s| is_body(s)));
            (clip.clip.clone(), telling.collect())
        });
        let about = about.collect();
        Self { library, motions: Box::new(motions), skeleton, table, cache, about }
    }

    /// Synthetic motion of so many people, for where no other is at hand: walking, running, turning,
    /// sitting, squatting and the gestures of [`Gesture`](kinest::motion::synthetic::Gesture).
    ///
    /// # Errors
    /// If `people` is 0.
    pub fn synthetic(people: u8) -> Result<Self, GenerateError> {
        let skeleton = Skeleton::default();
        let motions = SyntheticMotions::new(people, skeleton.clone());
        let table = Arc::new(CodeTable::default());
        let describe = |name: String| {
            let clip = motions.motion(&name)?;
            let codes = codes_of(&clip, &skeleton, Arc::clone(&table))?;
            let moments = Describer::default().moments(&codes.segments);
            let duration_s = clip.duration();
            Ok(Clip { clip: name, duration_s, moments, ..Clip::default() })
        };
        let clips: Result<Vec<Clip>, GenerateError> =
            motions.names().into_iter().map(describe).collect();
        Ok(Self::new(Library::new(clips?)?, motions, skeleton))
    }

    /// The library.
    #[must_use]
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// The body of its motions.
    #[must_use]
    pub fn skeleton(&self) -> &Skeleton {
        &self.skeleton
    }

    /// How much a clip is about some sets of words: whether its names have one of them, and the number of
    /// its other words that tell something.
    pub(super) fn about(&self, clip: &str, sets: &BTreeSet<String>) -> (bool, usize) {
        let words = self.about.get(clip).map(Vec::as_slice).unwrap_or_default();
        let shared = |word: &&Vec<String>| word.iter().any(|set| sets.contains(set));
        let foreign: BTreeSet<&Vec<String>> = words.iter().filter(|word| !shared(word)).collect();
        (words.iter().any(|word| shared(&word)), foreign.len())
    }

    /// The motion of a hit of a search, at 60 Hz.
    ///
    /// # Errors
    /// If the clip cannot be read.
    pub fn motion(&self, hit: &Hit) -> Result<MotionClip, GenerateError> {
        let take = &self.known(&hit.clip)?.take;
        Ok(take.part(take.frame(hit.start_s), take.frame(hit.end_s) + 1).clip())
    }

    /// What a body does in a clip.
    pub(super) fn acts(&self, clip: &MotionClip) -> Result<Vec<Act>, GenerateError> {
        let codes = codes_of(clip, &self.skeleton, Arc::clone(&self.table))?;
        Ok(Describer { table: &self.table, ..Describer::default() }.acts(&codes.segments))
    }

    /// The acts that a sentence about a clip tells, and that sentence.
    pub(super) fn told(&self, clip: &MotionClip) -> Result<(Vec<Act>, String), GenerateError> {
        let codes = codes_of(clip, &self.skeleton, Arc::clone(&self.table))?;
        let describer = Describer { table: &self.table, ..Describer::default() };
        let sentence = describer.describe(&codes.segments).global.swap_remove(0);
        Ok((describer.told(&codes.segments), sentence))
    }

    /// A clip of the library.
    pub(super) fn known(&self, name: &str) -> Result<Arc<Known>, GenerateError> {
        let lock = || self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().clips.get(name) {
            return Ok(Arc::clone(known));
        }
        let clip = self.motions.motion(name)?.resampled(RATE_HZ);
        let acts = self.acts(&clip).map_err(|error| GenerateError::Clip {
            clip: name.into(),
            problem: error.to_string(),
        })?;
        let mut take = Take::new(&clip, &self.skeleton);
        take.put_on_floor(&self.skeleton);
        let known = Arc::new(Known { name: name.into(), take, acts });
        let mut cache = lock();
        if cache.clips.insert(name.into(), Arc::clone(&known)).is_none() {
            cache.order.push_back(name.into());
        }
        if cache.order.len() > KEPT
            && let Some(oldest) = cache.order.pop_front()
        {
            cache.clips.remove(&oldest);
        }
        Ok(known)
    }
}
