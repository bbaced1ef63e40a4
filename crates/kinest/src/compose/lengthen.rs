//! Lengthens a motion by looping back to similar moments.

use super::likeness::Likeness;
use super::take::Take;
use crate::skeleton::Skeleton;

/// Least time between a moment and the one that it goes back to, seconds.
const LOOP: f64 = 0.6;
/// Frames that are mixed at a repetition, seconds.
const MIXED: f64 = 0.3;
/// Step of the search for alike moments, frames.
const STRIDE: usize = 2;

impl Take {
    /// The motion with at least `frames` frames: it loops back to the most similar earlier moment
    /// as often as needed. `None` if there is none, as in a motion shorter than about a second.
    #[must_use]
    pub fn lengthened(&self, skeleton: &Skeleton, frames: usize) -> Option<Self> {
        if self.len() >= frames {
            return Some(self.clone());
        }
        let mixed = (MIXED * self.rate_hz) as usize;
        let least = (LOOP * self.rate_hz) as usize;
        let (from, to) = (mixed / 2, self.len().checked_sub(mixed / 2)?);
        let look = Likeness::new(self, skeleton);
        let mut best: Option<(usize, usize, f64)> = None;
        for back in (from..to).step_by(STRIDE) {
            for reached in (back + least..to).step_by(STRIDE) {
                // Longer repetitions look less mechanical.
                let long = (reached - back) as f64 / self.rate_hz;
                let rated = look.distance(reached, &look, back) + 0.02 / long;
                if best.is_none_or(|(_, _, least)| rated < least) {
                    best = Some((back, reached, rated));
                }
            }
        }
        let (back, reached, _) = best?;
        let (early, late) = (back - mixed / 2, reached + mixed.div_ceil(2));
        let mut longer = self.part(0, late);
        let gained = reached - back;
        let again = (frames - self.len()).div_ceil(gained);
        for i in 0..again {
            let end = if i + 1 == again { self.len() } else { late };
            longer.append(skeleton, &self.part(early, end), late - reached + back - early);
        }
        Some(longer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::FeetTrack;
    use crate::motion::synthetic::{self, Kind};

    #[test]
    fn a_walk_goes_on_as_long_as_asked_for() {
        let skeleton = Skeleton::default();
        let walk = Take::new(&synthetic::clip(Kind::Walk, 1, 6.0, 60.0, &skeleton), &skeleton);
        let walk = walk.part(90, 270);
        let longer = walk.lengthened(&skeleton, 600).unwrap();
        assert!((600..800).contains(&longer.len()), "{}", longer.len());
        let way = |take: &Take| {
            let at = |i: usize| take.poses[i].translation;
            (1..take.len()).map(|i| at(i).distance(at(i - 1))).sum::<f64>() / take.duration()
        };
        assert!((way(&longer) / way(&walk) - 1.0).abs() < 0.25, "{} {}", way(&longer), way(&walk));
        let track = FeetTrack::new(&longer.clip().frames, &skeleton);
        assert!(track.slide(&longer.stands, 60.0).unwrap() < 0.06);
        assert!(walk.part(0, 40).lengthened(&skeleton, 100).is_none(), "too short to repeat");
        assert_eq!(walk.lengthened(&skeleton, 100).unwrap(), walk);
    }
}
