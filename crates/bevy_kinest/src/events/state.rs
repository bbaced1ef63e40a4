//! Current gestures and codes of a body.

use bevy::prelude::*;
use kinest::events::{CodeTracker, EventDetector, EventKind, Phase};
use kinest::skeleton::{Group, Skeleton};
use std::sync::Arc;

/// A gesture in progress.
#[derive(Clone, Debug, PartialEq)]
pub struct GestureNow {
    /// Its name.
    pub name: Arc<str>,
    /// The group that makes it.
    pub group: Group,
    /// Time of its [`Phase::Begin`], seconds of the [`TrackerClock`](crate::TrackerClock).
    pub since: f64,
}

/// Gestures and codes in this frame of the body of an entity with
/// [`MotionEvents`](crate::MotionEvents).
#[derive(Component, Debug, Default, Reflect)]
#[reflect(Component, Default, from_reflect = false)]
pub struct MotionState {
    #[reflect(ignore)]
    gestures: Vec<GestureNow>,
    #[reflect(ignore)]
    pub(super) detector: Option<EventDetector>,
    /// The skeleton that the detector was made for.
    #[reflect(ignore)]
    pub(super) skeleton: Skeleton,
    /// Time of the detector's newest frame.
    pub(super) newest: f64,
    /// Whether that is the current frame.
    pub(super) fresh: bool,
    /// The failure has been logged.
    pub(super) warned: bool,
}

impl MotionState {
    /// The gestures in progress, in the order in which they began.
    #[must_use]
    pub fn gestures(&self) -> &[GestureNow] {
        &self.gestures
    }

    /// Whether the gesture of this name is in progress, on either side.
    #[must_use]
    pub fn makes(&self, gesture: &str) -> bool {
        self.gestures.iter().any(|now| &*now.name == gesture)
    }

    /// The codes; `None` until there is a body.
    #[must_use]
    pub fn codes(&self) -> Option<&CodeTracker> {
        self.detector.as_ref().map(EventDetector::codes)
    }

    /// Like [`codes`](Self::codes), if they are of this frame.
    pub(crate) fn new_codes(&self) -> Option<&CodeTracker> {
        self.codes().filter(|_| self.fresh)
    }

    /// Follows an event.
    pub(super) fn follow(&mut self, event: &kinest::events::MotionEvent) {
        let EventKind::Gesture(name) = &event.kind else { return };
        match event.phase {
            Phase::Begin => {
                let (name, since) = (Arc::clone(name), event.at);
                self.gestures.push(GestureNow { name, group: event.group, since });
            }
            Phase::Hold => {}
            Phase::End => {
                self.gestures.retain(|now| (&now.name, now.group) != (name, event.group));
            }
        }
    }
}
