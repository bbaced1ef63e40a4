//! Accuracy of predicted contacts, and calibration of predicted deviations against errors.

use kinest::live::Certainty;
use kinest::metrics::{BodyTrack, ContactCounts, FeetTrack};
use kinest::skeleton::CONTACTS;
use serde::Serialize;

/// Upper bounds of the expected errors of a row, cm; the last row has no bound.
const BOUNDS_CM: [f64; 6] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];

/// A point touches the floor from this probability on.
const TOUCHES: f64 = 0.5;

/// Mean distance from its mean of a normal variable in three dimensions, in standard deviations along an axis:
/// `√(8/π)`.
pub const MEAN_DISTANCE: f64 = 1.595_769_121_605_731;

/// Sums over the frames of a clip.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CertaintySums {
    contacts: Option<ContactCounts>,
    bins: [Bin; BOUNDS_CM.len() + 1],
}

/// Sums over the joints whose expected error is in a range, metres.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Bin {
    joints: u64,
    said: f64,
    found: f64,
}

impl CertaintySums {
    /// Sums for an `estimate` whose heads are at those of the `truth`, whose feet are `feet`.
    /// `None` if the network predicts neither contacts nor deviations.
    #[must_use]
    pub fn new(
        certainties: &[Certainty],
        estimate: &BodyTrack,
        truth: &BodyTrack,
        feet: &FeetTrack,
        rate_hz: f64,
    ) -> Option<Self> {
        let mut sums = Self::default();
        let contacts: Option<Vec<[f64; CONTACTS]>> =
            certainties.iter().map(|c| c.contacts).collect();
        if let Some(contacts) = contacts.filter(|contacts| !contacts.is_empty()) {
            // A foot stands on its heel or its ball.
            let sides = |points: [bool; CONTACTS]| [points[0] || points[1], points[2] || points[3]];
            let said: Vec<_> = contacts.iter().map(|c| sides(c.map(|p| p > TOUCHES))).collect();
            let touching: Vec<_> = feet.touching(rate_hz).into_iter().map(sides).collect();
            sums.contacts = Some(ContactCounts::compare(&said, &touching));
        }
        let frames = certainties.iter().zip(estimate.positions.iter().zip(&truth.positions));
        for (certainty, (estimate, truth)) in frames {
            for (joint, deviation) in certainty.deviations.iter().flatten().enumerate() {
                let said = MEAN_DISTANCE * deviation;
                let bin = &mut sums.bins[BOUNDS_CM.partition_point(|bound| *bound <= 100.0 * said)];
                bin.joints += 1;
                bin.said += said;
                bin.found += estimate[joint].distance(truth[joint]);
            }
        }
        (sums != Self::default()).then_some(sums)
    }
}

/// What networks say about themselves, over all clips.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CertaintyReport {
    /// Fraction of the feet said to touch the floor that do.
    pub contact_precision: Option<f64>,
    /// Fraction of the feet that touch the floor of which it is said.
    pub contact_recall: Option<f64>,
    /// Errors of joints by what was expected, in rising order; rows without joints are left out.
    pub errors: Vec<ErrorRow>,
}

/// Joints whose expected error is in a range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ErrorRow {
    /// Lower bound of the expected error, cm.
    pub from_cm: f64,
    /// Part of all joints and frames.
    pub part: f64,
    /// Mean expected error, cm.
    pub expected_cm: f64,
    /// Mean error, cm.
    pub found_cm: f64,
}

impl CertaintyReport {
    /// Adds clips up. `None` without any.
    #[must_use]
    pub fn new<'a>(clips: impl Iterator<Item = &'a CertaintySums> + Clone) -> Option<Self> {
        clips.clone().next()?;
        let counts = clips.clone().filter_map(|clip| clip.contacts).reduce(ContactCounts::plus);
        let sum = |k: usize, of: fn(&Bin) -> f64| {
            clips.clone().map(|clip| of(&clip.bins[k])).sum::<f64>()
        };
        let joints = |k: usize| sum(k, |bin| bin.joints as f64);
        let all: f64 = (0..=BOUNDS_CM.len()).map(joints).sum();
        let row = |k: usize| ErrorRow {
            from_cm: k.checked_sub(1).map_or(0.0, |k| BOUNDS_CM[k]),
            part: joints(k) / all,
            expected_cm: 100.0 * sum(k, |bin| bin.said) / joints(k),
            found_cm: 100.0 * sum(k, |bin| bin.found) / joints(k),
        };
        Some(Self {
            contact_precision: counts.and_then(|counts| counts.precision()),
            contact_recall: counts.and_then(|counts| counts.recall()),
            errors: (0..=BOUNDS_CM.len()).filter(|k| joints(*k) > 0.0).map(row).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;
    use kinest::motion::synthetic::walk_and_wave;
    use kinest::skeleton::{Skeleton, SmplJoint};

    /// Errors of 3 cm of which 3 cm are expected, in the legs 12 of which 12.
    #[test]
    fn errors_are_sorted_by_what_was_expected() {
        let skeleton = Skeleton::default();
        let clip = walk_and_wave(&skeleton);
        let truth = BodyTrack::new(&clip.frames, &skeleton);
        let feet = FeetTrack::new(&clip.frames, &skeleton);
        let error = |joint: usize| match SmplJoint::ALL[joint] {
            SmplJoint::LeftFoot | SmplJoint::RightFoot => 0.12,
            _ => 0.03,
        };
        let mut off = truth.clone();
        for positions in &mut off.positions {
            positions.iter_mut().enumerate().for_each(|(j, p)| *p += DVec3::X * error(j));
        }
        let touching = feet.touching(clip.rate_hz);
        let say = |touching: &[bool; 4]| Certainty {
            // The right foot is never said to stand.
            contacts: Some([0, 1, 2, 3].map(|k| if touching[k] && k < 2 { 0.9 } else { 0.1 })),
            deviations: Some(std::array::from_fn(|joint| error(joint) / MEAN_DISTANCE)),
        };
        let certainties: Vec<_> = touching.iter().map(say).collect();
        let sums = CertaintySums::new(&certainties, &off, &truth, &feet, clip.rate_hz).unwrap();
        let report = CertaintyReport::new([&sums, &sums].into_iter()).unwrap();
        assert_eq!(report.contact_precision, Some(1.0));
        let recall = report.contact_recall.unwrap();
        assert!((0.4..0.6).contains(&recall), "{recall}");
        let rows: Vec<_> = report.errors.iter().map(|row| (row.from_cm, row.part)).collect();
        assert_eq!(rows, [(2.0, 20.0 / 22.0), (8.0, 2.0 / 22.0)]);
        for (row, error) in report.errors.iter().zip([3.0, 12.0]) {
            assert!((row.expected_cm - error).abs() < 1e-9 && (row.found_cm - error).abs() < 1e-9);
        }
        let silent = vec![Certainty::default(); touching.len()];
        assert_eq!(CertaintySums::new(&silent, &off, &truth, &feet, clip.rate_hz), None);
    }
}
