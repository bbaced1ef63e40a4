//! Predicted contacts and deviations at the shown time.

use super::Estimate;
use crate::skeleton::{CONTACTS, PerJoint};
use std::collections::VecDeque;

/// Number of entries kept: as many as a [`PoseTimeline`](super::PoseTimeline) keeps estimates.
const KEPT: usize = 24;

/// Contacts and deviations of one estimate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Certainty {
    /// See [`Estimate::contacts`].
    pub contacts: Option<[f64; CONTACTS]>,
    /// See [`Estimate::deviations`].
    pub deviations: Option<PerJoint<f64>>,
}

/// Recent contacts and deviations of one body; empty for networks that predict neither.
#[derive(Clone, Debug, Default)]
pub(super) struct Certainties(VecDeque<(f64, Certainty)>);

impl Certainties {
    /// Adds those of the estimate at `time` (s). A time that is not newer than the newest clears
    /// the history first: the clock was reset or the order is broken.
    pub(super) fn push(&mut self, time: f64, estimate: &Estimate) {
        let Estimate { contacts, deviations, .. } = *estimate;
        if contacts.is_none() && deviations.is_none() {
            self.clear();
            return;
        }
        if self.0.back().is_some_and(|(newest, _)| time <= *newest) {
            self.clear();
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back((time, Certainty { contacts, deviations }));
    }

    /// Contacts and deviations of the newest estimate up to `time` (s), or of the oldest if all are
    /// later; the default if there are none.
    pub(super) fn at(&self, time: f64) -> Certainty {
        let after = self.0.partition_point(|(t, _)| *t <= time);
        let found = self.0.get(after.saturating_sub(1));
        found.map_or_else(Certainty::default, |(_, certainty)| *certainty)
    }

    /// Clears the history.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::Pose;

    fn estimate(contact: f64) -> Estimate {
        let rotations = Pose::rest().rotations;
        Estimate { rotations, contacts: Some([contact; CONTACTS]), deviations: None }
    }

    #[test]
    fn statements_belong_to_the_moment_that_is_shown() {
        let mut all = Certainties::default();
        assert_eq!(all.at(1.0), Certainty::default());
        for i in 0..100 {
            all.push(f64::from(i), &estimate(f64::from(i) / 100.0));
        }
        let contact = |time: f64, all: &Certainties| all.at(time).contacts.unwrap()[0];
        assert_eq!(contact(98.5, &all), 0.98);
        assert_eq!(contact(1e9, &all), 0.99);
        assert_eq!((contact(0.0, &all), all.0.len()), (0.76, KEPT));
        all.push(3.0, &estimate(0.5));
        assert_eq!((contact(99.0, &all), all.0.len()), (0.5, 1), "another clock");
        all.push(4.0, &Estimate::from(Pose::rest().rotations));
        assert_eq!(all.at(4.0), Certainty::default());
    }
}
