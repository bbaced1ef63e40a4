//! Draws random stretches of motion.

use super::augment::{Splice, TrunkMotion};
use super::config::Sampling;
use super::motion_store::MotionStore;
use anyhow::ensure;
use kinest::motion::{ClipFrame, MotionClip};
use kinest::skeleton::Skeleton;
use rand::Rng;
use std::collections::BTreeMap;
use std::ops::Range;

/// Clips with their probabilities.
#[derive(Debug)]
pub struct Sampler {
    store: MotionStore,
    /// Cumulative probabilities of the clips.
    chances: Vec<f64>,
}

impl Sampler {
    /// Keeps the clips with at least `needed` frames.
    ///
    /// # Errors
    /// If there are none.
    pub fn new(mut store: MotionStore, sampling: Sampling, needed: usize) -> anyhow::Result<Self> {
        let all = store.clips().len();
        store.retain(|clip| clip.frames >= needed);
        let clips = store.clips();
        ensure!(!clips.is_empty(), "none of the {all} clips has the {needed} frames of a window");
        let starts: Vec<f64> = clips.iter().map(|c| (c.frames - needed + 1) as f64).collect();
        let mut of_subset = BTreeMap::new();
        for (clip, starts) in clips.iter().zip(&starts) {
            *of_subset.entry(clip.subset()).or_insert(0.0) += starts;
        }
        let mut sum = 0.0;
        let chances = clips.iter().zip(&starts).map(|(clip, starts)| {
            sum += match sampling {
                Sampling::Clips => 1.0,
                Sampling::Frames => *starts,
                Sampling::Subsets => starts / of_subset[clip.subset()],
            };
            sum
        });
        let chances = chances.collect();
        Ok(Self { store, chances })
    }

    /// Number of clips in use, and their total duration, minutes.
    #[must_use]
    pub fn size(&self) -> (usize, f64) {
        let clips = self.store.clips();
        let steps: usize = clips.iter().map(|c| c.frames - 1).sum();
        (clips.len(), steps as f64 / self.store.rate_hz() / 60.0)
    }

    /// Draws a clip and returns its index.
    pub fn pick(&self, rng: &mut impl Rng) -> usize {
        let total = self.chances.last().copied().unwrap_or_default();
        let chance = rng.random::<f64>() * total;
        self.chances.partition_point(|c| *c <= chance).min(self.chances.len() - 1)
    }

    /// Draws `frames` consecutive frames of a clip.
    ///
    /// # Panics
    /// If the clip is shorter.
    pub fn stretch(&self, clip: usize, frames: usize, rng: &mut impl Rng) -> MotionClip {
        self.store.section(clip, self.span(clip, frames, rng))
    }

    /// Draws as many frames as `frames`, of any clip: of `splice.candidates` stretches, those whose trunk moves most
    /// like the one of `frames`.
    ///
    /// # Panics
    /// If there are no frames, or more than the shortest clip has.
    pub fn donor(
        &self,
        frames: &[ClipFrame],
        splice: Splice,
        skeleton: &Skeleton,
        rng: &mut impl Rng,
    ) -> Vec<ClipFrame> {
        let last = frames.len() - 1;
        let seconds = last.max(1) as f64 / self.store.rate_hz();
        let of_three = |at: &dyn Fn(usize) -> ClipFrame| {
            TrunkMotion::new([0, last / 2, last].map(at), seconds)
        };
        let own = of_three(&|i| frames[i]);
        let candidates = (0..splice.candidates).map(|_| {
            let clip = self.pick(rng);
            let span = self.span(clip, frames.len(), rng);
            let trunk = of_three(&|i| self.store.frame(clip, span.start + i));
            (own.distance(&trunk, skeleton), clip, span)
        });
        let best = candidates.min_by(|a, b| a.0.total_cmp(&b.0));
        best.map_or_else(Vec::new, |(_, clip, span)| self.store.section(clip, span).frames)
    }

    fn span(&self, clip: usize, frames: usize, rng: &mut impl Rng) -> Range<usize> {
        let last_start = self.store.clips()[clip].frames.saturating_sub(frames);
        let start = rng.random_range(0..=last_start);
        start..start + frames
    }
}

#[cfg(test)]
mod tests {
    use super::super::motion_store::{ClipRecord, FileStamp};
    use super::*;
    use glam::DVec3;

    /// Windows of 13 frames can start at 28, 78 and 8 frames of the clips.
    #[test]
    fn each_way_of_sampling_has_its_probabilities() {
        let record = |(name, frames): (&str, usize)| {
            let frame = ClipFrame { translation: DVec3::ZERO, rotations: [DVec3::ZERO; 22] };
            let clip = MotionClip { rate_hz: 60.0, frames: vec![frame; frames] };
            ClipRecord::new(name, FileStamp::default(), &clip)
        };
        let clips = [("CMU/a", 40), ("CMU/b", 90), ("CMU/short", 3), ("SFU/c", 20)];
        for (sampling, expected) in [
            (Sampling::Clips, [1.0, 2.0, 3.0]),
            (Sampling::Frames, [28.0, 106.0, 114.0]),
            (Sampling::Subsets, [28.0 / 106.0, 1.0, 2.0]),
        ] {
            let store = MotionStore::from_records(60.0, clips.into_iter().map(record)).unwrap();
            let sampler = Sampler::new(store, sampling, 13).unwrap();
            assert_eq!(sampler.chances, expected, "{sampling:?}");
        }
    }
}
