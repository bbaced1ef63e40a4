//! Scores a search by texts whose clips are known.

use super::recall::Recall;
use super::table::Table;
use crate::data::titles::Titles;
use anyhow::{bail, ensure};
use kinest_language::{Clip, Library};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Numbers of first hits among which a clip should be.
const FIRST: [usize; 4] = [1, 3, 5, 10];

/// A search beside what it must beat.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SearchReport {
    /// Number of different texts.
    pub queries: usize,
    /// Number of clips.
    pub clips: usize,
    /// The search of the library.
    pub search: Recall,
    /// Clips ranked by how many words of the query are in their texts, as they are written.
    pub overlap: Recall,
    /// Clips in any order.
    pub chance: Recall,
    /// Clips ranked by a network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Recall>,
}

/// How well each clip of a library fits a text.
pub type Fits<'a> = &'a dyn Fn(&str) -> Vec<f32>;

/// Searches for each title of `queries`, with a network too, if there is one; right are all clips of the
/// trials that have this title.
///
/// # Errors
/// If the queries cannot be read, or none is about a clip of the library.
pub fn measure(
    library: &Library,
    queries: &Path,
    network: Option<Fits<'_>>,
) -> anyhow::Result<SearchReport> {
    let titles = Titles::load(queries)?;
    let mut right: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for (number, clip) in library.clips().iter().enumerate() {
        for title in titles.of(&clip.clip).into_iter().flat_map(|title| &title.titles) {
            right.entry(title.to_lowercase()).or_default().insert(number);
        }
    }
    ensure!(!right.is_empty(), "{}: no row is about a clip of the library", queries.display());
    let clips = library.clips().len();
    let texts: Vec<BTreeSet<String>> = library.clips().iter().map(words_of).collect();
    let (mut search, mut overlap, mut chance, mut said) = (vec![], vec![], vec![], vec![]);
    for (text, right) in &right {
        // A title without a word that says something, such as a number, is no query.
        let Ok(hits) = library.search(text, clips) else { continue };
        let is_right = |clip: &str| right.iter().any(|i| library.clips()[*i].clip == clip);
        let rank = hits.iter().position(|hit| is_right(&hit.clip));
        // What is not found may be anywhere behind what is.
        let missed = || expected(clips - hits.len(), right.len()) + hits.len() as f64;
        search.push(rank.map_or_else(missed, |rank| rank as f64 + 1.0));
        overlap.push(overlap_rank(text, &texts, right));
        chance.push(expected(clips, right.len()));
        if let Some(network) = network {
            let fits = network(text);
            let best = right.iter().map(|i| fits[*i]).fold(f32::MIN, f32::max);
            said.push(1.0 + fits.iter().filter(|fit| **fit > best).count() as f64);
        }
    }
    if search.is_empty() {
        bail!("{}: no text has a word to search for", queries.display());
    }
    let queries = search.len();
    let recall = |ranks| Recall::of(ranks, &FIRST);
    let (search, overlap) = (recall(search), recall(overlap));
    let mut by_chance = recall(chance);
    let network = network.map(|_| recall(said));
    for (first, share) in &mut by_chance.first {
        let found = right.values().map(|right| hit_chance(clips, right.len(), *first));
        *share = 100.0 * found.sum::<f64>() / right.len() as f64;
    }
    Ok(SearchReport { queries, clips, search, overlap, chance: by_chance, network })
}

impl SearchReport {
    /// The report as a table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = Table::new(&["search", "R@1", "R@3", "R@5", "R@10", "median rank"]);
        let own = [("library", &self.search), ("word overlap", &self.overlap)];
        let network = self.network.iter().map(|recall| ("network", recall));
        for (name, recall) in own.into_iter().chain(network).chain([("chance", &self.chance)]) {
            let shares = recall.first.values().map(|share| format!("{share:.1}"));
            let row = [name.to_owned()].into_iter().chain(shares);
            table.rows.push(row.chain([format!("{:.1}", recall.median_rank)]).collect());
        }
        format!("{} texts, {} clips\n\n{table}", self.queries, self.clips)
    }
}

fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

fn words_of(clip: &Clip) -> BTreeSet<String> {
    let moments = clip.moments.iter().map(|moment| moment.text.as_str());
    let texts = clip.titles.iter().chain(&clip.context).map(String::as_str);
    texts.chain(moments).flat_map(words).collect()
}

/// Rank of the first right clip when clips with more common words come first, and clips with equally
/// many in any order.
fn overlap_rank(text: &str, texts: &[BTreeSet<String>], right: &BTreeSet<usize>) -> f64 {
    let query = words(text);
    let common: Vec<usize> = texts.iter().map(|text| text.intersection(&query).count()).collect();
    let best = right.iter().map(|i| common[*i]).max().unwrap_or(0);
    let better = common.iter().filter(|c| **c > best).count();
    let equal = common.iter().filter(|c| **c == best).count();
    let right = right.iter().filter(|i| common[**i] == best).count();
    better as f64 + expected(equal, right)
}

/// Expected rank of the first of `right` clips among `all` in any order.
fn expected(all: usize, right: usize) -> f64 {
    (all as f64 + 1.0) / (right as f64 + 1.0)
}

/// Chance that one of `right` clips is among the `first` of `all` in any order.
fn hit_chance(all: usize, right: usize, first: usize) -> f64 {
    let missed = (0..first.min(all)).map(|i| {
        let wrong = all.saturating_sub(right + i);
        wrong as f64 / (all - i) as f64
    });
    1.0 - missed.product::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn ranks_of_a_library_are_those_counted_by_hand() {
        let clip = |name: &str, text: &str| Clip {
            clip: name.into(),
            duration_s: 1.0,
            titles: vec![text.into()],
            ..Clip::default()
        };
        let clips = [("01_01", "walk"), ("01_02", "jump"), ("01_03", "hop"), ("01_04", "sit")];
        let library = Library::new(clips.map(|(name, text)| clip(name, text)).into()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("queries.csv");
        // Found first; found as a synonym of what is found first; not found; not in the library.
        fs::write(&file, "trial,title\n1_1,walks\n1_3,jumping\n1_4,yodel\n2_1,run\n").unwrap();
        let report = measure(&library, &file, None).unwrap();
        assert!(report.network.is_none());
        // The third clip for everything, all others alike: `walk` has rank 2, `jumping` 1, `yodel` 2.
        let network = |_: &str| vec![0.0, 0.0, 1.0, 0.0];
        let with = measure(&library, &file, Some(&network)).unwrap().network.unwrap();
        assert_eq!((with.median_rank, with.first[&1].round()), (2.0, 33.0));
        assert_eq!((report.queries, report.clips), (3, 4));
        let first: Vec<f64> = report.search.first.values().map(|share| share.round()).collect();
        assert_eq!(first, [33.0, 100.0, 100.0, 100.0]);
        assert_eq!(report.search.median_rank, 2.0);
        // No word is written the same: every rank is 5 / 2.
        assert_eq!((report.overlap.median_rank, report.chance.median_rank), (2.5, 2.5));
        assert_eq!(report.chance.first[&1], 25.0);
        assert!(report.table().contains("median rank"));
        fs::write(&file, "trial,title\n9_9,walks\n").unwrap();
        assert!(measure(&library, &file, None).unwrap_err().to_string().contains("no row"));
    }
}
