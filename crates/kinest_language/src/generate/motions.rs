//! Where the motion of clips comes from.

use super::error::GenerateError;
use kinest::motion::synthetic::{self, Gesture, Kind};
use kinest::motion::{MotionClip, amass};
use kinest::skeleton::Skeleton;
use std::fmt::Debug;
use std::path::{Component, Path, PathBuf};

/// Seconds and rate of synthetic clips.
const SECONDS: f64 = 8.0;
const RATE_HZ: f64 = 60.0;

/// The motion of the clips of a library.
pub trait Motions: Debug + Send + Sync {
    /// The motion of a clip.
    ///
    /// # Errors
    /// If there is no such clip, or it cannot be read.
    fn motion(&self, clip: &str) -> Result<MotionClip, GenerateError>;
}

/// Clips in a folder of `.npz` files: that which a library was made of.
#[derive(Clone, Debug)]
pub struct MotionFolder(pub PathBuf);

impl Motions for MotionFolder {
    fn motion(&self, clip: &str) -> Result<MotionClip, GenerateError> {
        let error = |problem: String| GenerateError::Clip { clip: clip.into(), problem };
        // A library from elsewhere does not decide what is read.
        if !Path::new(clip).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(error("its name leaves the folder of the motions".into()));
        }
        amass::load(self.0.join(clip)).map_err(|fault| {
            let causes = std::iter::successors(std::error::Error::source(&fault), |e| e.source());
            let causes: String = causes.map(|cause| format!(": {cause}")).collect();
            error(format!("{fault}{causes}"))
        })
    }
}

/// Synthetic clips: walks, turns, seats and gestures of different people.
#[derive(Clone, Debug)]
pub struct SyntheticMotions {
    skeleton: Skeleton,
    people: u8,
}

impl SyntheticMotions {
    /// Those of so many people, each with a body of this skeleton.
    #[must_use]
    pub fn new(people: u8, skeleton: Skeleton) -> Self {
        Self { skeleton, people }
    }

    /// The names of all clips.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let kinds = Kind::ALL.iter().map(|kind| kind.name().to_owned());
        let gestures = Gesture::ALL.iter().map(|gesture| format!("{gesture:?}"));
        let all: Vec<String> = kinds.chain(gestures).collect();
        let people = (0..self.people)
            .flat_map(|person| all.iter().map(move |name| format!("synthetic/{name}_{person:02}")));
        people.collect()
    }
}

impl Motions for SyntheticMotions {
    fn motion(&self, clip: &str) -> Result<MotionClip, GenerateError> {
        let parts = clip.strip_prefix("synthetic/").and_then(|name| name.rsplit_once('_'));
        let parts = parts.and_then(|(name, person)| Some((name, person.parse::<u64>().ok()?)));
        let none = || GenerateError::Clip {
            clip: clip.into(),
            problem: "no synthetic clip has this name".into(),
        };
        let (name, seed) = parts.ok_or_else(none)?;
        if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == name) {
            return Ok(synthetic::clip(kind, seed, SECONDS, RATE_HZ, &self.skeleton));
        }
        let gesture = Gesture::ALL.into_iter().find(|gesture| format!("{gesture:?}") == name);
        let gesture = gesture.ok_or_else(none)?;
        Ok(synthetic::gestures(gesture, seed, SECONDS, RATE_HZ, &self.skeleton).0)
    }
}
