//! What a generator sees of a motion while it learns.

use anyhow::ensure;
use kinest::model::align::Level;
use rand::Rng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::f64::consts::FRAC_PI_2;

/// Share of the codes that are asked for and still shown, of those that are not replaced by others. The
/// network cannot know that what it sees is right even where it is (BERT, Devlin et al. 2019).
const SHOWN: f64 = 0.12;

/// How codes are masked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaskConfig {
    /// Most of the codes that are asked for at the finer levels, which see what a coarser pass left; the
    /// level of the whole body may be asked for all.
    pub most: f64,
    /// Share of the codes that are replaced by any others: of those that are asked for, and at the finer
    /// levels also of those that are seen.
    pub random: f64,
    /// Share of the motions of which whole parts are asked for, and the others seen, if the body is
    /// divided into parts.
    pub limbs: f64,
    /// Share of the motions whose text is not heard, so that one can be generated without and guided away
    /// from.
    pub untold: f64,
}

impl Default for MaskConfig {
    fn default() -> Self {
        Self { most: 0.6, random: 0.1, limbs: 0.15, untold: 0.1 }
    }
}

/// The first codes of a motion as they are seen, and the places that are asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Masked {
    /// `[tokens, parts]`; the number of codes stands for a masked one.
    pub seen: Vec<u32>,
    /// Places in `seen`, in their order, at least one.
    pub asked: Vec<usize>,
}

impl MaskConfig {
    /// Checks all values.
    ///
    /// # Errors
    /// If one is invalid; the error names it.
    pub fn check(&self) -> anyhow::Result<()> {
        let Self { most, random, limbs, untold } = *self;
        for (name, share) in [("random", random), ("limbs", limbs), ("untold", untold)] {
            ensure!((0.0..=1.0).contains(&share), "`masks.{name}` {share} is no share");
        }
        ensure!(most > 0.0 && most <= 1.0, "`masks.most` {most} asks for nothing");
        Ok(())
    }

    /// The same for validation, where every text is heard.
    #[must_use]
    pub fn told(self) -> Self {
        Self { untold: 0.0, ..self }
    }

    /// Masks first codes, `[tokens, parts]`, of a codebook of `count`.
    #[must_use]
    pub fn mask(
        &self,
        codes: &[u32],
        parts: usize,
        count: usize,
        level: Level,
        rng: &mut ChaCha8Rng,
    ) -> Masked {
        let is_coarse = level == Level::Body;
        let asked = self.asked(codes.len(), parts, is_coarse, rng);
        let mut seen = codes.to_vec();
        let mut is_asked = vec![false; codes.len()];
        asked.iter().for_each(|place| is_asked[*place] = true);
        for (code, is_asked) in seen.iter_mut().zip(is_asked) {
            let luck = rng.random::<f64>();
            let any = rng.random_range(0..count as u32);
            if luck < self.random {
                if is_asked || !is_coarse {
                    *code = any;
                }
            } else if is_asked && luck < self.random + (1.0 - self.random) * (1.0 - SHOWN) {
                *code = count as u32;
            }
        }
        Masked { seen, asked }
    }

    /// Which places are asked for.
    fn asked(
        &self,
        places: usize,
        parts: usize,
        is_coarse: bool,
        rng: &mut ChaCha8Rng,
    ) -> Vec<usize> {
        let way = rng.random::<f64>();
        if rng.random::<f64>() < self.limbs && parts > 1 {
            let count = rng.random_range(1..parts);
            let chosen = index::sample(rng, parts, count).into_vec();
            return (0..places).filter(|place| chosen.contains(&(place % parts))).collect();
        }
        let most = if is_coarse { 1.0 } else { self.most };
        let share = most * (FRAC_PI_2 * way).cos();
        let count = ((share * places as f64).round() as usize).clamp(1, places);
        let mut asked = index::sample(rng, places, count).into_vec();
        asked.sort_unstable();
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    const CODES: usize = 50;

    /// Many motions of ten tokens of six parts, all of whose codes are 1.
    fn masked(config: MaskConfig, level: Level) -> Vec<Masked> {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        (0..400).map(|_| config.mask(&[1; 60], 6, CODES, level, &mut rng)).collect()
    }

    fn share(of: impl Iterator<Item = bool>) -> f64 {
        let all: Vec<bool> = of.collect();
        all.iter().filter(|is| **is).count() as f64 / all.len() as f64
    }

    #[test]
    fn codes_are_masked_as_often_as_said() {
        let config = MaskConfig { limbs: 0.0, ..MaskConfig::default() };
        for (level, most, mean) in [(Level::Body, 1.0, 0.637), (Level::Groups, 0.6, 0.382)] {
            let all = masked(config, level);
            let asked = |m: &Masked| m.asked.len() as f64 / 60.0;
            assert!(all.iter().all(|m| !m.asked.is_empty() && asked(m) <= most + 1e-9));
            let found = all.iter().map(asked).sum::<f64>() / 400.0;
            assert!((found - mean).abs() < 0.04, "{level:?}: {found}");
            let is_asked = |m: &Masked, place: usize| m.asked.binary_search(&place).is_ok();
            let seen = |asked: bool, what: fn(u32) -> bool| {
                let places = all.iter().flat_map(|m| (0..60).map(move |place| (m, place)));
                let places = places.filter(|(m, place)| is_asked(m, *place) == asked);
                share(places.map(|(m, place)| what(m.seen[place])))
            };
            let other = |code: u32| code != 1 && code < CODES as u32;
            assert!((seen(true, |code| code == CODES as u32) - 0.79).abs() < 0.02);
            assert!((seen(true, other) - 0.098).abs() < 0.02);
            assert_eq!(seen(false, |code| code == CODES as u32), 0.0);
            let visible = if level == Level::Body { 0.0 } else { 0.098 };
            assert!((seen(false, other) - visible).abs() < 0.02, "{level:?}");
        }
    }

    #[test]
    fn whole_limbs_are_asked_for() {
        for masked in masked(MaskConfig { limbs: 1.0, ..MaskConfig::default() }, Level::Pairs) {
            let of = |part: usize| masked.asked.iter().filter(|place| *place % 6 == part).count();
            assert!((0..6).all(|part| of(part) == 0 || of(part) == 10), "{masked:?}");
            assert!((10..60).contains(&masked.asked.len()));
        }
        // A body that is not divided has none.
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let config = MaskConfig { limbs: 1.0, ..MaskConfig::default() };
        let masked = config.mask(&[1; 9], 1, CODES, Level::Pairs, &mut rng);
        assert!(masked.asked.len() < 9);
    }
}
