//! Codes and gestures of one body, as events.

use super::event::{EventKind, MotionEvent, Phase};
use super::gesture::{GestureBook, Watcher};
use super::signal::Signal;
use super::tracker::{CodeError, CodeTracker};
use crate::skeleton::JointTransforms;

/// Detects the codes and gestures of one body while it moves.
///
/// An event comes with the frame that confirms it. The latency of a gesture is that of its slowest
/// code (see [`CodeTracker`]) plus its own `hold_s`; the [module](super) has the measured latency
/// of each shipped gesture.
///
/// ```
/// use kinest::events::{CodeTable, CodeTracker, EventDetector, GestureBook, Phase};
/// use kinest::motion::synthetic::{self, Kind};
/// use kinest::skeleton::{Pose, Skeleton};
///
/// let skeleton = Skeleton::default();
/// let clip = synthetic::clip(Kind::Squat, 1, 6.0, 60.0, &skeleton);
/// let tracker = CodeTracker::new(CodeTable::default(), &skeleton)?;
/// let mut detector = EventDetector::new(tracker, &GestureBook::default());
/// let mut crouches = 0;
/// for (i, frame) in clip.frames.iter().enumerate() {
///     let joints = skeleton.pose_joints(&Pose::from(frame));
///     for event in detector.push(i as f64 / clip.rate_hz, &joints)? {
///         if event.gesture() == Some("crouch") && event.phase == Phase::Begin {
///             crouches += 1;
///         }
///     }
/// }
/// assert!(crouches >= 1);
/// # Ok::<(), kinest::events::CodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct EventDetector {
    codes: CodeTracker,
    watchers: Vec<Watcher>,
    events: Vec<MotionEvent>,
    time: f64,
}

impl EventDetector {
    /// A detector without any frame yet.
    #[must_use]
    pub fn new(codes: CodeTracker, gestures: &GestureBook) -> Self {
        let watchers = watchers(gestures);
        let events = Vec::with_capacity(6 * Signal::COUNT + 2 * watchers.len());
        Self { codes, watchers, events, time: 0.0 }
    }

    /// The codes of the newest frame.
    #[must_use]
    pub fn codes(&self) -> &CodeTracker {
        &self.codes
    }

    /// Replaces the gestures. Codes continue; gestures in progress end, and their end events are
    /// returned.
    pub fn set_gestures(&mut self, gestures: &GestureBook) -> &[MotionEvent] {
        self.events.clear();
        let time = self.time;
        self.events.extend(self.watchers.iter_mut().filter_map(|watcher| watcher.stop(time)));
        self.watchers = watchers(gestures);
        &self.events
    }

    /// Takes a frame, like [`CodeTracker::push`], and returns its events: codes first, then
    /// gestures. Usual states are not events.
    ///
    /// # Errors
    /// As [`CodeTracker::push`]; the frame is then ignored.
    pub fn push(
        &mut self,
        time: f64,
        joints: &JointTransforms,
    ) -> Result<&[MotionEvent], CodeError> {
        self.codes.push(time, joints)?;
        self.time = time;
        self.tell_codes();
        let codes = &self.codes;
        let made = self.watchers.iter_mut().filter_map(|watcher| watcher.push(time, codes));
        self.events.extend(made);
        Ok(&self.events)
    }

    /// Ends all codes, then all gestures, at the newest frame, and returns their end events. The
    /// next frame starts afresh.
    pub fn finish(&mut self) -> &[MotionEvent] {
        self.codes.finish();
        self.tell_codes();
        let time = self.time;
        self.events.extend(self.watchers.iter_mut().filter_map(|watcher| watcher.stop(time)));
        &self.events
    }

    /// Replaces the events by those of the changed codes.
    fn tell_codes(&mut self) {
        self.events.clear();
        let changes = self.codes.changes();
        let unusual = changes.iter().filter(|change| !change.segment.code.is_usual());
        self.events.extend(unusual.map(|change| {
            let segment = &change.segment;
            MotionEvent {
                kind: EventKind::Code(segment.code),
                group: segment.code.signal.groups().0,
                phase: if change.ends { Phase::End } else { Phase::Begin },
                intensity: segment.intensity,
                speed: segment.speed,
                at: self.time,
            }
        }));
    }
}

fn watchers(gestures: &GestureBook) -> Vec<Watcher> {
    gestures.gestures().iter().flat_map(Watcher::of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::CodeTable;
    use crate::motion::synthetic::{self, Kind};
    use crate::skeleton::{Pose, Skeleton};
    use std::collections::BTreeSet;

    /// In the middle of a crouch, all codes and gestures in progress end.
    #[test]
    fn what_is_under_way_ends_at_the_finish() {
        let skeleton = Skeleton::default();
        let clip = synthetic::clip(Kind::Squat, 1, 6.0, 60.0, &skeleton);
        let tracker = CodeTracker::new(CodeTable::default(), &skeleton).unwrap();
        let mut detector = EventDetector::new(tracker, &GestureBook::default());
        let mut open: BTreeSet<String> = BTreeSet::new();
        let mut follow = |events: &[MotionEvent]| {
            for event in events {
                let what = format!("{:?} {:?}", event.kind, event.group);
                match event.phase {
                    Phase::Begin => assert!(open.insert(what.clone()), "{what} begins twice"),
                    Phase::Hold => assert!(open.contains(&what), "{what} does not go on"),
                    Phase::End => assert!(open.remove(&what), "{what} ends, but has not begun"),
                }
            }
            open.clone()
        };
        for (i, frame) in clip.frames.iter().enumerate() {
            let joints = skeleton.pose_joints(&Pose::from(frame));
            let open = follow(detector.push(i as f64 / clip.rate_hz, &joints).unwrap());
            if open.iter().any(|what| what.contains("crouch")) {
                break;
            }
        }
        let now: Vec<_> = detector.codes().running().collect();
        assert!(now.iter().all(|segment| detector.codes().now(segment.code) == Some(*segment)));
        assert!(now.iter().any(|segment| !segment.code.is_usual()));
        assert!(follow(detector.finish()).is_empty());
        assert_eq!(detector.codes().running().count(), 0);
        assert!(detector.finish().is_empty());
    }
}
