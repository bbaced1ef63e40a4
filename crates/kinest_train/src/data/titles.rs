//! What people call trials: a table of titles.

use anyhow::{Context, bail, ensure};
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

/// What is known about a trial.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Title {
    /// What it is called.
    pub titles: Vec<String>,
    /// What the recording session was about.
    pub context: Vec<String>,
}

/// Titles of trials, from a CSV file with the columns `trial`, `title`, and perhaps `subject`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Titles(HashMap<String, Title>);

impl Titles {
    /// Reads a table. A trial may have several rows.
    ///
    /// # Errors
    /// If it cannot be read, lacks a column, or has no rows.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let file = || format!("titles {}", path.display());
        let mut reader = csv::Reader::from_reader(File::open(path).with_context(file)?);
        let header = reader.headers().with_context(file)?.clone();
        let column = |name: &str| header.iter().position(|field| field.trim() == name);
        let (trial, title) = match (column("trial"), column("title")) {
            (Some(trial), Some(title)) => (trial, title),
            (trial, _) => {
                let missing = if trial.is_none() { "trial" } else { "title" };
                let found: Vec<&str> = header.iter().collect();
                bail!("{}: no column `{missing}`; it has: {}", file(), found.join(", "));
            }
        };
        let subject = column("subject");
        let mut all: HashMap<String, Title> = HashMap::new();
        for row in reader.records() {
            let row = row.with_context(file)?;
            let field = |column: usize| row.get(column).unwrap_or_default().trim();
            ensure!(!field(trial).is_empty(), "{}: row {} has no trial", file(), all.len() + 2);
            let entry = all.entry(key(field(trial))).or_default();
            for (texts, text) in
                [(&mut entry.titles, field(title)), (&mut entry.context, subject.map_or("", field))]
            {
                if !text.is_empty() && !texts.iter().any(|there| there == text) {
                    texts.push(text.to_owned());
                }
            }
        }
        ensure!(!all.is_empty(), "{}: there are no rows", file());
        Ok(Self(all))
    }

    /// What is known about the trial that a clip belongs to.
    #[must_use]
    pub fn of(&self, clip: &str) -> Option<&Title> {
        self.0.get(&key(clip))
    }
}

/// Name of the trial that a clip, or a row of a table, is of. Folders, extension, what AMASS adds
/// (`_poses`, `_stageii`), parts (`_part2`) and leading zeros do not matter: `CMU/02/02_01_part2_poses.npz`
/// is of the trial `2_1`.
fn key(name: &str) -> String {
    let file = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = file.strip_suffix(".npz").unwrap_or(file);
    let stem =
        stem.strip_suffix("_poses").or_else(|| stem.strip_suffix("_stageii")).unwrap_or(stem);
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let stem = match stem.rsplit_once("_part") {
        Some((stem, part)) if is_part(part) => stem,
        _ => stem,
    };
    let number =
        |word: &str| word.parse::<u32>().map_or_else(|_| word.to_lowercase(), |n| n.to_string());
    stem.split('_').map(number).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn parts_and_spellings_of_a_trial_have_its_title() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("titles.csv");
        fs::write(
            &file,
            "trial,title,subject\n02_01,walk,humans\n02_01,stroll,humans\n127_3,run,\n",
        )
        .unwrap();
        let titles = Titles::load(&file).unwrap();
        for clip in ["CMU/02/02_01_poses.npz", "02_01_part12_poses.npz", "2_1", "02_01_stageii.npz"]
        {
            let title = titles.of(clip).unwrap();
            assert_eq!(
                (&title.titles[..], &title.context[..]),
                (&["walk".into(), "stroll".into()][..], &["humans".into()][..]),
                "{clip}"
            );
        }
        assert_eq!(titles.of("127/127_03_poses.npz").unwrap().titles, ["run"]);
        assert_eq!(titles.of("02_011_poses.npz"), None);
    }

    #[test]
    fn tables_without_the_columns_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("titles.csv");
        for (text, expected) in [
            ("clip,title\n1,walk\n", "no column `trial`; it has: clip, title"),
            ("trial,name\n1,walk\n", "no column `title`"),
            ("", "no column `trial`"),
            ("trial,title\n", "no rows"),
            ("trial,title\n1,walk,3,4\n", "titles.csv"),
            ("trial,title\n,walk\n", "row 2 has no trial"),
        ] {
            fs::write(&file, text).unwrap();
            let error = format!("{:#}", Titles::load(&file).unwrap_err());
            assert!(error.contains(expected) && error.contains("titles.csv"), "{error}");
        }
        assert!(Titles::load(&folder.path().join("none.csv")).is_err());
    }
}
