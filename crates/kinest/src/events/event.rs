//! Events for games.

use super::segment::Code;
use crate::skeleton::Group;
use std::sync::Arc;

/// Subject of an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A code.
    Code(Code),
    /// A gesture, by name.
    Gesture(Arc<str>),
}

/// Phase of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It begins.
    Begin,
    /// It continues; emitted four times a second for gestures, never for codes.
    Hold,
    /// It ends.
    End,
}

/// A code or gesture of a body.
#[derive(Clone, Debug, PartialEq)]
pub struct MotionEvent {
    /// The code or gesture.
    pub kind: EventKind,
    /// The group that does it.
    pub group: Group,
    /// Whether it begins, continues or ends.
    pub phase: Phase,
    /// Intensity, as [`CodeSegment::intensity`](super::CodeSegment::intensity). For a gesture: that
    /// of the first movement or oscillation that it names, else that of its state farthest from the
    /// usual one.
    pub intensity: f64,
    /// Speed, as [`CodeSegment::speed`](super::CodeSegment::speed).
    pub speed: f64,
    /// Time of the frame that confirmed it, seconds.
    pub at: f64,
}

impl MotionEvent {
    /// The name of the gesture; `None` for a code.
    #[must_use]
    pub fn gesture(&self) -> Option<&str> {
        match &self.kind {
            EventKind::Gesture(name) => Some(name),
            EventKind::Code(_) => None,
        }
    }
}
