//! How codes are drawn.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// How a motion is made of what the networks say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Passes over the motion, each guided by a finer text: of the whole body, of its groups, of their
    /// pairs; 1 to 3.
    pub passes: usize,
    /// Iterations of each pass: in each, codes are drawn, and those that are least sure are drawn again
    /// in the next.
    pub iterations: [usize; 3],
    /// Share of the codes that the second and the third pass draw anew: those that are least sure.
    pub remask: [f64; 2],
    /// How much what is said with a text counts against what is said without one (classifier-free
    /// guidance): 0 does not hear the text, 1 is what is said with it, more exaggerates.
    pub scale: f64,
    /// Share of the codes that may be drawn: the likeliest.
    pub keep: f64,
    /// Sharpens (below 1) or flattens their chances; at 0 the likeliest code is taken.
    pub temperature: f64,
    /// Writes the codes of all layers; otherwise those of the first.
    pub residual: bool,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            passes: 3,
            iterations: [10, 5, 5],
            remask: [0.5, 0.3],
            scale: 4.0,
            keep: 0.1,
            temperature: 1.0,
            residual: true,
        }
    }
}

/// A way of sampling does not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sampling: {0}")]
pub struct SamplingError(String);

impl Sampling {
    /// Checks all values.
    ///
    /// # Errors
    /// If one is invalid; the error names it.
    pub fn check(&self) -> Result<(), SamplingError> {
        self.problem().map_or(Ok(()), |problem| Err(SamplingError(problem)))
    }

    fn problem(&self) -> Option<String> {
        if !(1..=3).contains(&self.passes) {
            return Some(format!("`passes` {} is not in 1..=3", self.passes));
        }
        if self.iterations.contains(&0) {
            return Some("`iterations` has a 0".into());
        }
        if let Some(share) = self.remask.iter().find(|share| !(0.0..=1.0).contains(*share)) {
            return Some(format!("`remask` {share} is no share"));
        }
        if !(self.keep > 0.0 && self.keep <= 1.0) {
            return Some(format!("`keep` {} keeps no code", self.keep));
        }
        let positive = [("scale", self.scale), ("temperature", self.temperature)];
        let wrong = positive.iter().find(|(_, value)| !(value.is_finite() && *value >= 0.0));
        wrong.map(|(name, value)| format!("`{name}` {value} is below 0"))
    }

    /// Share of the codes that a pass draws.
    pub(super) fn share(&self, pass: usize) -> f64 {
        pass.checked_sub(1).map_or(1.0, |finer| self.remask[finer])
    }

    /// A code, and how sure it is: its chance among all codes.
    pub(super) fn choose(&self, logits: &[f32], rng: &mut ChaCha8Rng) -> (u32, f32) {
        let mut order: Vec<usize> = (0..logits.len()).collect();
        let kept = ((self.keep * logits.len() as f64).ceil() as usize).clamp(1, logits.len());
        order.sort_unstable_by(|a, b| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b)));
        let best = f64::from(logits[order[0]]);
        let weight =
            |code: usize, temperature: f64| ((f64::from(logits[code]) - best) / temperature).exp();
        let all: f64 = (0..logits.len()).map(|code| weight(code, 1.0)).sum();
        let mut chosen = order[0];
        if self.temperature > 0.0 {
            order.truncate(kept);
            let sum: f64 = order.iter().map(|code| weight(*code, self.temperature)).sum();
            let mut left = rng.random::<f64>() * sum;
            for code in order {
                left -= weight(code, self.temperature);
                if left < 0.0 {
                    chosen = code;
                    break;
                }
            }
        }
        (chosen as u32, (weight(chosen, 1.0) / all) as f32)
    }
}

/// The first codes of a motion while they are drawn, `[tokens, parts]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    codes: Vec<u32>,
    /// Chance of each code when it was drawn.
    sure: Vec<f32>,
    /// Codes that are yet to be drawn.
    open: Vec<bool>,
    /// Codes that are drawn at all; the others are kept.
    free: Vec<bool>,
}

impl Draft {
    /// A motion of which the codes that are not `free` are known.
    pub fn new(codes: Vec<u32>, free: Vec<bool>) -> Self {
        Self { sure: vec![0.0; codes.len()], open: vec![false; codes.len()], codes, free }
    }

    /// The codes.
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// The codes as a network sees them, those that are open being `unknown`.
    pub fn seen(&self, unknown: u32) -> impl Iterator<Item = u32> {
        let codes = self.codes.iter().zip(&self.open);
        codes.map(move |(code, open)| if *open { unknown } else { *code })
    }

    /// Opens this share of the free codes: the least sure ones. Returns their number.
    pub fn reopen(&mut self, share: f64) -> usize {
        let free: Vec<usize> = (0..self.codes.len()).filter(|place| self.free[*place]).collect();
        let count = (share * free.len() as f64).round() as usize;
        self.open_least(free, count);
        count
    }

    /// Draws every open code by its logits, `[tokens, parts, codes]`, and opens `left` of them again.
    pub fn fill(&mut self, logits: &[f32], left: usize, sampling: &Sampling, rng: &mut ChaCha8Rng) {
        let Some(codes) = logits.len().checked_div(self.codes.len()) else { return };
        let drawn: Vec<usize> = (0..self.codes.len()).filter(|place| self.open[*place]).collect();
        for place in &drawn {
            let logits = &logits[place * codes..(place + 1) * codes];
            (self.codes[*place], self.sure[*place]) = sampling.choose(logits, rng);
            self.open[*place] = false;
        }
        self.open_least(drawn, left);
    }

    /// Opens the least sure of these places.
    fn open_least(&mut self, mut places: Vec<usize>, count: usize) {
        places.sort_by(|a, b| self.sure[*a].total_cmp(&self.sure[*b]));
        places.iter().take(count).for_each(|place| self.open[*place] = true);
    }
}

/// How many of `count` codes are still open after `done` of `iterations`: fewer at first, and none at
/// the end.
pub(super) fn left(count: usize, done: usize, iterations: usize) -> usize {
    let way = done as f64 / iterations as f64;
    (count as f64 * (std::f64::consts::FRAC_PI_2 * way).cos()) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(7)
    }

    #[test]
    fn what_does_not_work_is_named() {
        let sampling = Sampling::default();
        sampling.check().unwrap();
        for (sampling, name) in [
            (Sampling { passes: 0, ..sampling }, "`passes`"),
            (Sampling { passes: 4, ..sampling }, "`passes`"),
            (Sampling { iterations: [5, 0, 5], ..sampling }, "`iterations`"),
            (Sampling { remask: [0.5, 1.5], ..sampling }, "`remask`"),
            (Sampling { scale: f64::NAN, ..sampling }, "`scale`"),
            (Sampling { keep: 0.0, ..sampling }, "`keep`"),
            (Sampling { temperature: -1.0, ..sampling }, "`temperature`"),
        ] {
            let error = sampling.check().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    /// Chances of 0.1, 0.2, 0.3 and 0.4, of which the two largest are kept.
    #[test]
    fn likely_codes_are_drawn_by_their_chances() {
        let logits = [0.1_f32, 0.2, 0.3, 0.4].map(f32::ln);
        let sampling = Sampling { keep: 0.5, ..Sampling::default() };
        let mut rng = rng();
        let drawn: Vec<_> = (0..2000).map(|_| sampling.choose(&logits, &mut rng)).collect();
        let share = |code: u32| drawn.iter().filter(|d| d.0 == code).count() as f64 / 2000.0;
        assert_eq!((share(0), share(1)), (0.0, 0.0));
        assert!((share(2) - 3.0 / 7.0).abs() < 0.05, "{}", share(2));
        assert!(drawn.iter().all(|(code, sure)| (sure - 0.1 * (code + 1) as f32).abs() < 1e-5));
        let likeliest = Sampling { temperature: 0.0, ..sampling };
        assert!((0..20).all(|_| likeliest.choose(&logits, &mut rng).0 == 3));
    }

    #[test]
    fn the_least_sure_are_drawn_again_and_what_is_kept_is_never() {
        let free = vec![true, true, false, true];
        let mut draft = Draft::new(vec![9, 9, 1, 9], free);
        assert_eq!(draft.reopen(1.0), 3);
        assert_eq!(draft.seen(5).collect::<Vec<_>>(), [5, 5, 1, 5]);
        // Two codes: the first place is least sure, the last most.
        let logits = [0.0, 0.1, 0.0, 2.0, 0.0, 0.0, 0.0, 4.0];
        let sampling = Sampling { temperature: 0.0, ..Sampling::default() };
        draft.fill(&logits, 1, &sampling, &mut rng());
        assert_eq!(draft.seen(5).collect::<Vec<_>>(), [5, 1, 1, 1]);
        draft.fill(&logits, 0, &sampling, &mut rng());
        assert_eq!(draft.codes(), [1; 4]);
        assert_eq!(draft.reopen(0.67), 2);
        assert_eq!(draft.seen(5).collect::<Vec<_>>(), [5, 5, 1, 1]);
    }

    #[test]
    fn less_and_less_is_left() {
        let lefts: Vec<usize> = (1..=4).map(|done| left(100, done, 4)).collect();
        assert_eq!(lefts, [92, 70, 38, 0]);
    }
}
