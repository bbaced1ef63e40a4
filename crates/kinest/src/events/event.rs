//! Events for games.

use super::segment::Code;
use crate::skeleton::Group;
use std::sync::Arc;

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A code.
    Code(Code),
    /// A gesture, by name.
    Gesture(Arc<str>),
}

/// Where in its life an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It begins.
    Begin,
    /// It goes on; gestures say so four times a second, codes do not.
    Hold,
    /// It ends.
    End,
}

/// Something that a body does.
#[derive(Clone, Debug, PartialEq)]
pub struct MotionEvent {
    /// What it is.
    pub kind: EventKind,
    /// The group that does it.
    pub group: Group,
    /// Whether it begins, goes on or ends.
    pub phase: Phase,
    /// How pronounced it is, as [`CodeSegment::intensity`](super::CodeSegment::intensity): for a
    /// gesture that of the first movement or oscillation that it names, else of its state that is
    /// farthest from the usual.
    pub intensity: f64,
    /// How fast it is, as [`CodeSegment::speed`](super::CodeSegment::speed).
    pub speed: f64,
    /// Time of the frame that showed it, seconds.
    pub at: f64,
}

impl MotionEvent {
    /// The gesture's name, if it is one.
    #[must_use]
    pub fn gesture(&self) -> Option<&str> {
        match &self.kind {
            EventKind::Gesture(name) => Some(name),
            EventKind::Code(_) => None,
        }
    }
}
