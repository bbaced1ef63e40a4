//! What players wear beside head and hands.

use super::TrackerDropout;
use kinest::tracker::{TrackerPose, TrackerRole, TrackerSet};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Random trackers on the body, the same in a whole window, for networks that see them
/// ([`TrackerSet::HeadHandsAndBody`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WornTrackers {
    /// Probability that a player wears any, 0 to 1. Of those who may, each part below is worn with its own.
    pub chance: f64,
    /// Of a pelvis.
    pub pelvis: f64,
    /// Of a chest.
    pub chest: f64,
    /// Of both elbows.
    pub elbows: f64,
    /// Of both knees.
    pub knees: f64,
    /// Of both feet.
    pub feet: f64,
    /// Dropouts of each.
    pub dropout: TrackerDropout,
}

impl WornTrackers {
    /// Probabilities, by name.
    pub(super) fn chances(&self) -> [(&'static str, f64); 6] {
        [
            ("chance", self.chance),
            ("pelvis", self.pelvis),
            ("chest", self.chest),
            ("elbows", self.elbows),
            ("knees", self.knees),
            ("feet", self.feet),
        ]
    }

    /// Draws which roles are worn.
    fn draw(&self, rng: &mut impl Rng) -> Vec<TrackerRole> {
        let [(_, any), parts @ ..] = self.chances();
        let any = rng.random::<f64>() < any;
        let worn = parts.map(|(name, chance)| {
            let roles = TrackerRole::named(name).unwrap_or_default();
            if rng.random::<f64>() < chance && any { roles } else { &[] }
        });
        worn.concat()
    }

    /// Takes the trackers off that are not worn, and lets the others drop out.
    pub(super) fn apply(
        &self,
        trackers: &mut [Vec<TrackerPose>],
        set: TrackerSet,
        rate_hz: f64,
        rng: &mut impl Rng,
    ) {
        if set.on_body().is_empty() {
            return;
        }
        let worn = self.draw(rng);
        for (k, role) in set.roles().iter().enumerate().filter(|(_, r)| set.on_body().contains(r)) {
            let mut track: Vec<&mut TrackerPose> =
                trackers.iter_mut().map(|frame| &mut frame[k]).collect();
            if worn.contains(role) {
                self.dropout.apply(&mut track, rate_hz, rng);
            } else {
                track.into_iter().for_each(|pose| *pose = TrackerPose::NOT_WORN);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn window(worn: WornTrackers, set: TrackerSet, seed: u64) -> Vec<Vec<TrackerPose>> {
        let pose = TrackerPose { tracked: true, ..TrackerPose::NOT_WORN };
        let mut trackers = vec![vec![pose; set.roles().len()]; 30];
        worn.apply(&mut trackers, set, 60.0, &mut ChaCha8Rng::seed_from_u64(seed));
        trackers
    }

    #[test]
    fn subsets_are_worn_as_often_as_asked() {
        let dropout = TrackerDropout { chance: 0.5, seconds: (0.1, 0.2) };
        let worn =
            WornTrackers { chance: 0.5, pelvis: 0.8, feet: 0.4, dropout, ..Default::default() };
        let (mut pelvis, mut feet, mut lost, mut back) = (0, 0, 0, 0);
        for seed in 0..1000 {
            let trackers = window(worn, TrackerSet::HeadHandsAndBody, seed);
            assert!(trackers.iter().all(|frame| frame[..3].iter().all(|pose| pose.tracked)));
            let seen = |k: usize| trackers.iter().filter(|frame| frame[k].tracked).count();
            let [chest, left, right] = [4, 9, 10].map(|k| seen(k) > 0);
            assert!(!chest && left == right, "left and right are worn together");
            pelvis += usize::from(seen(3) > 0);
            feet += usize::from(left);
            lost += usize::from((1..30).contains(&seen(3)));
            back += usize::from((1..30).contains(&seen(3)) && trackers[29][3].tracked);
        }
        assert!((360..440).contains(&pelvis), "{pelvis}");
        assert!((160..240).contains(&feet), "{feet}");
        assert!((150..250).contains(&lost) && back > 60, "{lost} {back}");
    }

    #[test]
    fn networks_of_head_and_hands_see_no_change() {
        let worn = WornTrackers { chance: 1.0, pelvis: 1.0, ..Default::default() };
        let trackers = window(worn, TrackerSet::HeadAndHands, 1);
        assert!(trackers.iter().flatten().all(|pose| pose.tracked));
    }
}
