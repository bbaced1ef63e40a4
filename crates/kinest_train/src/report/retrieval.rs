//! Texts that find motions and motions that find texts, under the four protocols of the field (TMR,
//! Petrovich et al. 2023).

use super::recall::Recall;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// Numbers of first hits among which what is right should be.
pub const FIRST: [usize; 5] = [1, 2, 3, 5, 10];

/// From this similarity on, two texts say the same.
const SAME: f32 = 0.95;
/// Pairs with dissimilar texts; half of all pairs, if these are fewer.
const DISSIMILAR: usize = 100;
/// Pairs of a batch.
const BATCH: usize = 32;
/// Times that all pairs are shared out among batches.
const SHUFFLES: u64 = 10;

/// What is searched, and what counts as right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Among {
    /// Everything; the own one is right.
    All,
    /// Everything; right are all whose texts say the same.
    NearDuplicates,
    /// Pairs whose texts are as dissimilar as can be.
    Dissimilar,
    /// Batches of 32, ten times anew.
    Batches,
}

impl Among {
    /// The protocol in tables.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::NearDuplicates => "all, near-duplicates right",
            Self::Dissimilar => "dissimilar",
            Self::Batches => "batches of 32",
        }
    }
}

/// A protocol's scores.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Retrieval {
    /// The protocol.
    pub among: Among,
    /// Pairs that are searched at once.
    pub pairs: usize,
    /// Texts that search for motions.
    pub text_to_motion: Recall,
    /// Motions that search for texts.
    pub motion_to_text: Recall,
}

/// Scores under all protocols that there are enough pairs for.
///
/// `found` says how well each text fits each motion, `[count, count]`, text `i` being that of motion
/// `i`; `alike`, how similar two texts are, 1 being the same.
///
/// # Panics
/// If there is no pair, or `found` is not a square of them.
#[must_use]
pub fn protocols(
    found: &[f32],
    count: usize,
    alike: impl Fn(usize, usize) -> f32,
) -> Vec<Retrieval> {
    assert!(count > 0 && found.len() == count * count, "{} of {count}²", found.len());
    let all: Vec<usize> = (0..count).collect();
    let own = |i: usize, j: usize| i == j;
    let both = |members: &[usize], right: &dyn Fn(usize, usize) -> bool| {
        let text = |i: usize, j: usize| found[i * count + j];
        [ranks(members, &text, right), ranks(members, &|i, j| text(j, i), right)]
    };
    let scores = |among, pairs, [text, motion]: [Vec<f64>; 2]| Retrieval {
        among,
        pairs,
        text_to_motion: Recall::of(text, &FIRST),
        motion_to_text: Recall::of(motion, &FIRST),
    };
    let same = |i: usize, j: usize| i == j || alike(i, j) >= SAME;
    let mut protocols = vec![
        scores(Among::All, count, both(&all, &own)),
        scores(Among::NearDuplicates, count, both(&all, &same)),
    ];
    let apart = dissimilar(count, DISSIMILAR.min(count / 2), &alike);
    if !apart.is_empty() {
        protocols.push(scores(Among::Dissimilar, apart.len(), both(&apart, &own)));
    }
    if count >= BATCH {
        let mut pooled = [vec![], vec![]];
        for shuffle in 0..SHUFFLES {
            let mut order = all.clone();
            order.shuffle(&mut ChaCha8Rng::seed_from_u64(shuffle));
            for batch in order.chunks_exact(BATCH) {
                let [text, motion] = both(batch, &own);
                pooled[0].extend(text);
                pooled[1].extend(motion);
            }
        }
        protocols.push(scores(Among::Batches, BATCH, pooled));
    }
    protocols
}

/// For each member, the rank among the members of the best that is right. Ties count half.
fn ranks(
    members: &[usize],
    fits: &dyn Fn(usize, usize) -> f32,
    right: &dyn Fn(usize, usize) -> bool,
) -> Vec<f64> {
    let rank = |i: &usize| {
        let is_right = |j: &&usize| right(*i, **j);
        let best = members.iter().filter(is_right).map(|j| fits(*i, *j)).fold(f32::MIN, f32::max);
        let others = members.iter().filter(|j| !right(*i, **j));
        others.fold(1.0, |rank, j| match fits(*i, *j).total_cmp(&best) {
            std::cmp::Ordering::Greater => rank + 1.0,
            std::cmp::Ordering::Equal => rank + 0.5,
            std::cmp::Ordering::Less => rank,
        })
    };
    members.iter().map(rank).collect()
}

/// `wanted` of `count` texts: the first, and then always the one that is least like those chosen.
fn dissimilar(count: usize, wanted: usize, alike: &impl Fn(usize, usize) -> f32) -> Vec<usize> {
    let mut chosen = vec![];
    let mut nearest = vec![0.0_f32; count];
    let mut next = 0;
    while chosen.len() < wanted {
        chosen.push(next);
        for (i, nearest) in nearest.iter_mut().enumerate() {
            *nearest = nearest.max(alike(i, next));
        }
        nearest[next] = f32::INFINITY;
        let least = (0..count).min_by(|a, b| nearest[*a].total_cmp(&nearest[*b]));
        next = least.unwrap_or_default();
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(recall: &Recall) -> Vec<f64> {
        recall.first.values().copied().collect()
    }

    /// Text 0 fits its motion best; text 1 fits motions 0 and 2 better; text 2 fits all motions alike;
    /// text 3 fits motion 2 better.
    #[rustfmt::skip]
    const FOUND: [f32; 16] = [
        0.9, 0.1, 0.2, 0.3,
        0.8, 0.5, 0.6, 0.1,
        0.4, 0.4, 0.4, 0.4,
        0.0, 0.1, 0.7, 0.6,
    ];

    /// Texts 1 and 2 say the same, all others have nothing in common.
    fn alike(i: usize, j: usize) -> f32 {
        f32::from(u8::from(i == j || (i.min(j), i.max(j)) == (1, 2)))
    }

    #[test]
    fn ranks_are_those_counted_by_hand() {
        let [all, same, apart] = &protocols(&FOUND, 4, alike)[..] else { panic!("three") };
        // From texts: 1, 3, 1 + 3/2 and 2.
        assert_eq!((all.among, all.pairs), (Among::All, 4));
        assert_eq!(shares(&all.text_to_motion), [25.0, 50.0, 100.0, 100.0, 100.0]);
        assert_eq!(all.text_to_motion.median_rank, 2.25);
        // From motions, down the columns: 1, 1, 3 and 1.
        assert_eq!(shares(&all.motion_to_text), [75.0, 75.0, 100.0, 100.0, 100.0]);
        assert_eq!(all.motion_to_text.median_rank, 1.0);
        // Text 1 finds motion 2 after motion 0: 2. Text 2 has two that tie with it: 2.
        assert_eq!(same.among, Among::NearDuplicates);
        assert_eq!(shares(&same.text_to_motion), [25.0, 100.0, 100.0, 100.0, 100.0]);
        assert_eq!(same.text_to_motion.median_rank, 2.0);
        // Motion 2 finds text 1 after text 3.
        assert_eq!(shares(&same.motion_to_text), [75.0, 100.0, 100.0, 100.0, 100.0]);
        // The first two that have nothing in common are 0 and 1: 1 and 2 from texts.
        assert_eq!((apart.among, apart.pairs), (Among::Dissimilar, 2));
        assert_eq!(shares(&apart.text_to_motion), [50.0, 100.0, 100.0, 100.0, 100.0]);
        assert_eq!(shares(&apart.motion_to_text), [100.0; 5]);
    }

    #[test]
    fn the_least_alike_are_chosen_in_turn() {
        // On a line, from 0: the far end, and then what is in the middle.
        let places = [0.0_f32, 1.0, 5.0, 10.0, 9.0];
        let alike = |i: usize, j: usize| 1.0 - (places[i] - places[j]).abs() / 10.0;
        assert_eq!(dissimilar(5, 3, &alike), [0, 3, 2]);
        assert_eq!(dissimilar(5, 0, &alike), [0; 0]);
    }

    /// In a batch of 32 of the 64 pairs, of which each fits its neighbour better, half of the neighbours
    /// are there.
    #[test]
    fn batches_search_among_themselves() {
        let mut found = vec![0.0; 64 * 64];
        for i in 0..64 {
            found[i * 64 + i] = 0.5;
            found[i * 64 + (i ^ 1)] = 1.0;
        }
        let all = protocols(&found, 64, |i, j| f32::from(u8::from(i == j)));
        let batches = all.iter().find(|one| one.among == Among::Batches).unwrap();
        assert_eq!(batches.pairs, 32);
        let first = batches.text_to_motion.first[&1];
        assert!((40.0..62.0).contains(&first), "{first}");
        assert_eq!(batches.text_to_motion.first[&2], 100.0);
        assert_eq!(all[0].text_to_motion.first[&1], 0.0);
        assert_eq!(all[0].text_to_motion.median_rank, 2.0);
    }
}
