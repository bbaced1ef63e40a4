//! Detection of one gesture.

use super::super::CodeTracker;
use super::super::event::{EventKind, MotionEvent, Phase};
use super::book::{Gesture, Step};
use super::condition::Condition;
use crate::skeleton::Group;
use std::sync::Arc;

/// Time between two [`Phase::Hold`]s of a gesture, seconds.
const HOLD_EVERY: f64 = 0.25;

/// Detects one gesture, made with one side.
#[derive(Clone, Debug)]
pub(in super::super) struct Watcher {
    name: Arc<str>,
    group: Group,
    steps: Vec<Step>,
    release_s: f64,
    at: At,
    /// The last event's intensity and speed.
    shown: [f64; 2],
}

#[derive(Clone, Copy, Debug)]
enum At {
    /// Waiting for this step. `before` is the last time at which the previous step held, `since`
    /// the time at which this one began to hold.
    Step { number: usize, before: f64, since: Option<f64> },
    /// The gesture is in progress: the time since which its condition fails, and the time of its
    /// last event.
    Made { fails: Option<f64>, told: f64 },
}

const START: At = At::Step { number: 0, before: f64::NEG_INFINITY, since: None };

impl Watcher {
    /// One watcher or, for gestures of either side, two.
    pub(in super::super) fn of(gesture: &Gesture) -> impl Iterator<Item = Self> {
        let own = Self {
            name: gesture.name.clone(),
            group: gesture.group,
            steps: gesture.steps.clone(),
            release_s: gesture.release_s,
            at: START,
            shown: [0.0; 2],
        };
        let other = gesture.either_side.then(|| {
            let mirrored = |step: &Step| Step { when: step.when.mirrored(), ..*step };
            let steps = gesture.steps.iter().map(mirrored).collect();
            Self { group: gesture.group.mirrored(), steps, ..own.clone() }
        });
        std::iter::once(own).chain(other)
    }

    fn event(&self, phase: Phase, at: f64) -> MotionEvent {
        let [intensity, speed] = self.shown;
        let kind = EventKind::Gesture(self.name.clone());
        MotionEvent { kind, group: self.group, phase, intensity, speed, at }
    }

    fn show(&mut self, when: usize, codes: &CodeTracker) {
        if let Some(segment) = self.steps[when].when.shown(codes) {
            self.shown = [segment.intensity, segment.speed];
        }
    }

    /// Whether the gesture is in progress.
    pub(in super::super) fn is_made(&self) -> bool {
        matches!(self.at, At::Made { .. })
    }

    /// Takes the codes of a frame.
    pub(in super::super) fn push(&mut self, time: f64, codes: &CodeTracker) -> Option<MotionEvent> {
        let last = self.steps.len() - 1;
        match self.at {
            At::Made { fails, told } => {
                if self.steps[last].when.holds(codes) {
                    if time - told < HOLD_EVERY {
                        self.at = At::Made { fails: None, told };
                        return None;
                    }
                    self.at = At::Made { fails: None, told: time };
                    self.show(last, codes);
                    return Some(self.event(Phase::Hold, time));
                }
                let since = fails.unwrap_or(time);
                self.at = At::Made { fails: Some(since), told };
                (time - since >= self.release_s).then(|| {
                    self.at = START;
                    self.event(Phase::End, time)
                })
            }
            At::Step { mut number, mut before, mut since } => {
                if number > 0 {
                    if self.holds(number - 1, codes) {
                        before = time;
                    }
                    if time - before > self.steps[number].within_s {
                        (number, since) = (0, None);
                    }
                }
                since = self.holds(number, codes).then(|| since.unwrap_or(time));
                // A tolerance of half a nanosecond for rounding of the times.
                let done =
                    since.is_some_and(|since| time - since + 5e-10 >= self.steps[number].hold_s);
                self.at = match done {
                    false => At::Step { number, before, since },
                    true if number < last => {
                        At::Step { number: number + 1, before: time, since: None }
                    }
                    true => At::Made { fails: None, told: time },
                };
                self.is_made().then(|| {
                    self.show(last, codes);
                    self.event(Phase::Begin, time)
                })
            }
        }
    }

    fn holds(&self, step: usize, codes: &CodeTracker) -> bool {
        let when: &Condition = &self.steps[step].when;
        when.holds(codes)
    }

    /// Stops detection; a gesture in progress ends.
    pub(in super::super) fn stop(&mut self, time: f64) -> Option<MotionEvent> {
        let ends = self.is_made().then(|| self.event(Phase::End, time));
        self.at = START;
        ends
    }
}
