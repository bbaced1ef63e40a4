//! How well real trials are found by texts that people may write.
//!
//! ```text
//! KINEST_MOCAP=folder:folder KINEST_TITLES=titles.csv \
//!     cargo test --release -p kinest_language --test trials -- --ignored --nocapture
//! ```
//!
//! describes the AMASS files of some folders and searches for each title (`trial,title,subject`) and
//! for each text of `paraphrases.csv`, or of `KINEST_QUERIES` in its form: first among clips that
//! have no titles, then with titles. Right are all clips of trials that share a title with the text's
//! trial. Trials of subjects with odd numbers are those that words and weights were chosen with.

#[path = "../../../tests/files.rs"]
mod files;

use files::files;
use kinest::events::{CodeTable, codes_of};
use kinest::motion::amass;
use kinest::skeleton::Skeleton;
use kinest_language::{Clip, Describer, Library};
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

/// Rows of a table whose fields may be in quotation marks, without the first.
fn rows(text: &str) -> Vec<Vec<String>> {
    let row = |line: &str| {
        let (mut fields, mut quoted) = (vec![String::new()], false);
        for letter in line.chars() {
            match letter {
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(String::new()),
                _ => fields.last_mut().unwrap().push(letter),
            }
        }
        fields
    };
    text.lines().skip(1).map(row).collect()
}

/// `CMU/02/02_01_part2_poses.npz` is of the trial `2_1`.
fn trial(name: &str) -> String {
    let stem = name.rsplit('/').next().unwrap().trim_end_matches(".npz");
    let stem = stem.trim_end_matches("_poses").split("_part").next().unwrap();
    let number =
        |word: &str| word.parse::<u32>().map_or_else(|_| word.into(), |n: u32| n.to_string());
    stem.split('_').map(number).collect::<Vec<_>>().join("_")
}

/// Clips of the folders, without titles. Those that are too short for codes are left out.
fn clips(folders: &str) -> Vec<Clip> {
    let files = env::split_paths(folders).flat_map(|folder| files(&folder, &["npz"]));
    let clip = |path: PathBuf| {
        let motion = amass::load(&path).unwrap();
        let codes = codes_of(&motion, &Skeleton::default(), CodeTable::default()).ok()?;
        let moments = Describer::default().moments(&codes.segments);
        let clip = path.to_string_lossy().into_owned();
        Some(Clip { clip, duration_s: motion.duration(), moments, ..Clip::default() })
    };
    files.filter_map(clip).collect()
}

/// Prints how well texts rank; returns the percentage whose clip is among the first ten.
fn print(name: &str, mut ranks: Vec<usize>) -> f64 {
    ranks.sort_unstable();
    let first = |most: usize| {
        100.0 * ranks.iter().filter(|rank| **rank <= most).count() as f64 / ranks.len() as f64
    };
    let (count, median) = (ranks.len(), ranks[ranks.len() / 2]);
    let shares = [1, 3, 5, 10].map(|most| format!("{:.1}", first(most))).join(" ");
    println!("{name}: {count} texts, R@1 3 5 10: {shares} %, median rank {median}");
    first(10)
}

#[test]
#[ignore = "needs motion and titles"]
fn texts_find_their_trials() {
    let titles = fs::read_to_string(env::var("KINEST_TITLES").unwrap()).unwrap();
    let mut of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut context: BTreeMap<String, String> = BTreeMap::new();
    let mut texts: BTreeSet<(String, String)> = BTreeSet::new();
    for row in rows(&titles) {
        texts.insert((row[1].clone(), row[1].clone()));
        of.entry(trial(&row[0])).or_default().insert(row[1].clone());
        context.insert(trial(&row[0]), row[2].clone());
    }
    let own = match env::var("KINEST_QUERIES") {
        Ok(path) => fs::read_to_string(path).unwrap(),
        Err(_) => include_str!("paraphrases.csv").into(),
    };
    let own: Vec<(String, String)> = rows(&own)
        .into_iter()
        .filter_map(|row| Some((of.get(&trial(&row[0]))?.first()?.clone(), row[1].clone())))
        .collect();
    let untitled = clips(&env::var("KINEST_MOCAP").unwrap());
    let titled = untitled.iter().cloned().map(|clip| {
        let trial = trial(&clip.clip);
        let titles = of.get(&trial).into_iter().flatten().cloned().collect();
        Clip { titles, context: context.get(&trial).into_iter().cloned().collect(), ..clip }
    });
    let titled = titled.collect();
    for (name, clips) in [("no titles", untitled), ("titles", titled)] {
        let library = Library::new(clips).unwrap();
        let all = library.clips().len();
        println!("{name}: {all} clips");
        for (kind, texts) in
            [("titles", texts.iter().cloned().collect::<Vec<_>>()), ("own words", own.clone())]
        {
            let (mut odd, mut even, mut times) = (vec![], vec![], vec![]);
            for (title, text) in &texts {
                let is_right =
                    |clip: &str| of.get(&trial(clip)).is_some_and(|titles| titles.contains(title));
                let right = library.clips().iter().find(|clip| is_right(&clip.clip));
                let (Some(right), Ok(hits)) = (right, library.search(text, all)) else { continue };
                let rank = hits.iter().position(|hit| is_right(&hit.clip)).unwrap_or(all) + 1;
                let trial = trial(&right.clip);
                let subject = trial.split('_').next().unwrap().parse::<u32>().unwrap();
                if subject % 2 == 1 { &mut odd } else { &mut even }.push(rank);
                let start = Instant::now();
                let _ = library.search(text, 5);
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
            // Of 482 CMU clips, the README has 97 % with titles, and 29 to 44 % without.
            let least = if name == "titles" { 60.0 } else { 5.0 };
            for (subjects, ranks) in [("odd", odd), ("even", even)] {
                let found = print(&format!("  {kind}, {subjects} subjects"), ranks);
                assert!(found > least, "{name}, {kind}, {subjects}: {found} %");
            }
            times.sort_by(f64::total_cmp);
            let (median, most) = (times[times.len() / 2], times[times.len() - 1]);
            println!("  {median:.2} ms each in the middle, {most:.2} ms at most");
        }
    }
}
