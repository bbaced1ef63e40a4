//! Joins takes.

use super::feet;
use super::take::Take;
use crate::easing::smoothstep;
use crate::skeleton::Skeleton;

impl Take {
    /// Continues with another motion, which is moved to where this one ends. Their last and first
    /// `overlap` frames are mixed, as far as both have as many; feet that stand do not slide there.
    ///
    /// # Panics
    /// If the rates differ, or one of them has no frame.
    pub fn append(&mut self, skeleton: &Skeleton, next: &Self, overlap: usize) {
        assert_eq!(self.rate_hz, next.rate_hz, "takes of one rate are joined");
        assert!(!self.is_empty() && !next.is_empty(), "takes without frames are not joined");
        // The first and the last frame of each stay unmixed.
        let overlap = overlap.min(self.len() - 1).min(next.len() - 1);
        let start = self.len() - overlap;
        let mut next = next.clone();
        let there = (start + overlap / 2).min(self.len() - 1);
        next.align(skeleton, overlap / 2, self, there);
        let mut soles = vec![];
        for i in 0..overlap {
            let share = smoothstep((i + 1) as f64 / (overlap + 1) as f64);
            let (before, after) = (&self.poses[start + i], &next.poses[i]);
            let sole = |pose, side| feet::footprint(skeleton, pose, side).sole;
            soles.push([0, 1].map(|side| {
                let (before, after) = (sole(before, side), sole(after, side));
                before + (after - before) * share
            }));
            self.poses[start + i] = before.interpolate(after, share);
            if share > 0.5 {
                self.stands[start + i] = next.stands[i];
            }
        }
        self.poses.extend(&next.poses[overlap..]);
        self.stands.extend(&next.stands[overlap..]);
        feet::solve(self, skeleton, start..start + overlap, &soles);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::FeetTrack;
    use crate::motion::synthetic::{self, Gesture, Kind};
    use crate::skeleton::SmplJoint as J;

    fn take(kind: Kind, seed: u64, seconds: f64) -> Take {
        let skeleton = Skeleton::default();
        Take::new(&synthetic::clip(kind, seed, seconds, 60.0, &skeleton), &skeleton)
    }

    /// Greatest distance that a joint moves between two frames, metres.
    fn fastest(take: &Take) -> f64 {
        let skeleton = Skeleton::default();
        let places: Vec<_> =
            take.poses.iter().map(|pose| skeleton.pose_joints(pose).positions).collect();
        let steps =
            places.windows(2).flat_map(|w| (0..J::COUNT).map(|j| w[0][j].distance(w[1][j])));
        steps.fold(0.0, f64::max)
    }

    #[test]
    fn feet_do_not_slide_where_people_who_stand_are_joined() {
        let skeleton = Skeleton::default();
        for seed in 0..4 {
            let mut joined = take(Kind::Idle, seed, 2.0);
            let (clip, _) = synthetic::gestures(Gesture::Clap, seed + 9, 4.0, 60.0, &skeleton);
            let next = Take::new(&clip, &skeleton);
            let pace = fastest(&joined).max(fastest(&next));
            let (mut plain, at) = (joined.clone(), joined.len());
            joined.append(&skeleton, &next, 30);
            assert_eq!(joined.len(), at + next.len() - 30);
            let track = FeetTrack::new(&joined.clip().frames, &skeleton);
            let slide = track.slide(&joined.stands, 60.0).unwrap();
            assert!(slide < 0.02, "{slide} m/s");
            assert!(track.sunk().most < 0.005, "{:?}", track.sunk());
            assert!(fastest(&joined) < 2.0 * pace + 0.02, "{} {pace}", fastest(&joined));
            // What comes before the seam is untouched.
            plain.poses.truncate(at - 30);
            assert_eq!(joined.poses[..at - 30], plain.poses[..]);
        }
    }

    #[test]
    fn who_walks_and_then_waves_stays_on_the_floor_and_does_not_jump() {
        let skeleton = Skeleton::default();
        let (walk, wave) = (take(Kind::Walk, 3, 5.0), take(Kind::Wave, 4, 4.0));
        let pace = fastest(&walk).max(fastest(&wave));
        let mut joined = walk.part(0, 200);
        joined.append(&skeleton, &wave, 24);
        assert!(fastest(&joined) < 1.5 * pace, "{} {pace}", fastest(&joined));
        let track = FeetTrack::new(&joined.clip().frames, &skeleton);
        assert!(track.sunk().most < 0.01, "{:?}", track.sunk());
        let slide = track.slide(&joined.stands, 60.0).unwrap();
        assert!(slide < 0.05, "{slide} m/s");
    }
}
