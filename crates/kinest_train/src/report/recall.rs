//! How early what is right is found.

use serde::Serialize;
use std::collections::BTreeMap;

/// How often a search finds what is right, and how early.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recall {
    /// Share of the queries with something right among the first so many, percent.
    pub first: BTreeMap<usize, f64>,
    /// Median rank of the first that is right, from 1.
    pub median_rank: f64,
}

impl Recall {
    /// Of the ranks of the first that is right, one for each query and at least one.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    pub fn of(mut ranks: Vec<f64>, first: &[usize]) -> Self {
        ranks.sort_by(f64::total_cmp);
        let share = |first: &usize| {
            let found = ranks.iter().filter(|rank| **rank <= *first as f64).count();
            (*first, 100.0 * found as f64 / ranks.len() as f64)
        };
        let middle = ranks.len() / 2;
        let median_rank = if ranks.len() % 2 == 1 {
            ranks[middle]
        } else {
            0.5 * (ranks[middle - 1] + ranks[middle])
        };
        Self { first: first.iter().map(share).collect(), median_rank }
    }
}
