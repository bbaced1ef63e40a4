//! Splits of a download into training and test clips.

use super::subsets::{amass_key, subset_named, subset_of};
use anyhow::{Context, bail, ensure};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::fs;
use std::path::{Path, PathBuf};

/// Training subsets of the literature's second protocol, as listed in AvatarJLM's preparation.
const PROTOCOL_2_TRAIN: [&str; 12] = [
    "ACCAD",
    "BMLmovi",
    "BMLrub",
    "CMU",
    "EKUT",
    "EyesJapanDataset",
    "HDM05",
    "KIT",
    "MoSh",
    "PosePrior",
    "SFU",
    "TotalCapture",
];

/// Test subsets of the second protocol.
const PROTOCOL_2_TEST: [&str; 2] = ["HumanEva", "Transitions"];

/// Why a clip is not in a prepared split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The split names it, but the data folder does not have it.
    Missing,
    /// A copy of another clip in the data folder.
    Copy,
    /// The file cannot be read, or is not a complete archive.
    Unreadable,
    /// The file has no frame rate.
    UnknownRate,
    /// An array is missing or has invalid values.
    BadData,
    /// Too few frames for velocities.
    TooShort,
    /// No body moves like that, and such clips were to be left out.
    Implausible,
}

impl Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Missing => "missing",
            Self::Copy => "copy",
            Self::Unreadable => "unreadable",
            Self::UnknownRate => "unknown rate",
            Self::BadData => "bad data",
            Self::TooShort => "too short",
            Self::Implausible => "implausible",
        })
    }
}

/// A clip that is left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Skipped {
    /// Its name, or the line of the split that names it.
    pub clip: String,
    /// Why it is left out.
    pub reason: Reason,
    /// The detailed error.
    pub problem: String,
}

/// A split of a download.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// Its name: `train`, `test`, or any valid file name.
    pub name: String,
    /// Names of its clips.
    pub clips: BTreeSet<String>,
    /// Clips that it lacks.
    pub skipped: Vec<Skipped>,
}

/// The lines of a list of clips. `#` starts a comment; blank lines are ignored.
///
/// # Errors
/// If the file cannot be read, or has no entries.
pub fn read_list(path: &Path) -> anyhow::Result<BTreeSet<String>> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read split {}", path.display()))?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let lines: BTreeSet<_> = lines.filter(|l| !l.is_empty()).map(str::to_owned).collect();
    ensure!(!lines.is_empty(), "split {} lists no clip", path.display());
    Ok(lines)
}

/// The clips of a download, by name and by their name in AMASS.
#[derive(Debug)]
pub struct Download<'a> {
    names: BTreeSet<&'a str>,
    by_key: BTreeMap<String, Vec<&'a str>>,
}

impl<'a> Download<'a> {
    /// From the names of clips: paths inside the data folder, with `/`.
    pub fn new(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: BTreeSet<&str> = names.into_iter().collect();
        let mut by_key = BTreeMap::<String, Vec<&str>>::new();
        for name in &names {
            if let Some(key) = amass_key(name) {
                by_key.entry(key).or_default().push(name);
            }
        }
        Self { names, by_key }
    }

    /// The clip that a line of a list names, by its path or by its name in AMASS. Lists may be for
    /// another release, and both lists and data may have further folders above the subset.
    fn find(&self, line: &str, subset: Option<&str>) -> Option<&'a str> {
        if let Some(name) = self.names.get(line) {
            return Some(name);
        }
        let inside = || amass_key(&format!("{}/{line}", subset?));
        let key = amass_key(line).or_else(inside)?;
        self.by_key.get(&key)?.first().copied()
    }

    /// The split of the clips in a list.
    ///
    /// # Errors
    /// If the list cannot be read, or has no entries.
    pub fn listed(&self, name: &str, list: &Path) -> anyhow::Result<Split> {
        self.listed_in(name, &[list.to_owned()])
    }

    fn listed_in(&self, name: &str, lists: &[PathBuf]) -> anyhow::Result<Split> {
        let mut split = Split { name: name.into(), clips: BTreeSet::new(), skipped: vec![] };
        for list in lists {
            // Lists in a folder with a subset's name may omit that name.
            let folder = list.parent().and_then(Path::file_name).unwrap_or_default();
            let subset = subset_named(&folder.to_string_lossy());
            for line in read_list(list)? {
                if let Some(name) = self.find(&line, subset) {
                    split.clips.insert(name.into());
                } else {
                    let problem = format!("listed in {}", list.display());
                    let reason = Reason::Missing;
                    split.skipped.push(Skipped { clip: line, reason, problem });
                }
            }
        }
        Ok(split)
    }

    /// The literature's first protocol: BMLrub, CMU and HDM05, by lists published with the code of
    /// papers. Uses all files `train_split.txt` and `test_split.txt` in `folder`, at any depth.
    ///
    /// # Errors
    /// If there is no list for one of the two, one cannot be read, or a clip is in both.
    pub fn protocol_1(&self, folder: &Path) -> anyhow::Result<Vec<Split>> {
        let split = |name: &str| {
            let file = format!("{name}_split.txt");
            let mut lists = vec![];
            find_files(folder, &file, &mut lists)?;
            ensure!(!lists.is_empty(), "there is no {file} in {}", folder.display());
            lists.sort();
            self.listed_in(name, &lists)
        };
        let (train, test) = (split("train")?, split("test")?);
        let both: Vec<_> = train.clips.intersection(&test.clips).map(String::as_str).collect();
        if !both.is_empty() {
            bail!(
                "{} clips are both for training and for testing:\n  {}",
                both.len(),
                both.join("\n  ")
            );
        }
        Ok(vec![train, test])
    }

    /// The literature's second protocol: twelve subsets for training, HumanEva and Transitions for
    /// testing.
    #[must_use]
    pub fn protocol_2(&self) -> Vec<Split> {
        vec![self.of_subsets("train", &PROTOCOL_2_TRAIN), self.of_subsets("test", &PROTOCOL_2_TEST)]
    }

    fn of_subsets(&self, name: &str, subsets: &[&str]) -> Split {
        let mut split = Split { name: name.into(), clips: BTreeSet::new(), skipped: vec![] };
        for subset in subsets {
            let all = self.by_key.values().filter(|names| subset_of(names[0]) == *subset);
            let before = split.clips.len();
            for names in all {
                let (first, copies) = (names[0], &names[1..]);
                split.clips.insert(first.into());
                split.skipped.extend(copies.iter().map(|copy| Skipped {
                    clip: (*copy).into(),
                    reason: Reason::Copy,
                    problem: format!("of {first}"),
                }));
            }
            if split.clips.len() == before {
                split.skipped.push(Skipped {
                    clip: (*subset).into(),
                    reason: Reason::Missing,
                    problem: "no clip of this subset".into(),
                });
            }
        }
        split
    }
}

/// Appends the files called `name` anywhere in `folder` to `found`.
fn find_files(folder: &Path, name: &str, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let cannot = || format!("cannot read folder {}", folder.display());
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if path.is_dir() {
            find_files(&path, name, found)?;
        } else if path.file_name().is_some_and(|n| n == name) {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 7] = [
        "smplh/CMU/01/01_01_poses.npz",
        "smplh/CMU/01/01_02_poses.npz",
        "smplh/MPI_HDM05/bd/HDM_01_poses.npz",
        "smplh/HumanEva/S1/Box_poses.npz",
        "smplx/CMU/01/01_01_stageii.npz",
        "mine/a.npz",
        "SFU/0005/jump_poses.npz",
    ];

    fn list(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn clips(split: &Split) -> Vec<&str> {
        split.clips.iter().map(String::as_str).collect()
    }

    #[test]
    fn lines_match_clips_with_any_folders_above_the_subset() {
        let folder = tempfile::tempdir().unwrap();
        let text = "# mine\r\nmine/a.npz\r\n./data/CMU/01/01_02_poses.npz # walk\n\nHDM05/bd/hdm_01\n\
            CMU/99/99_01_poses.npz\nother/a.npz\n";
        let path = list(folder.path(), "list.txt", text);
        let split = Download::new(NAMES).listed("own", &path).unwrap();
        assert_eq!(clips(&split), [NAMES[5], NAMES[1], NAMES[2]]);
        let missing: Vec<_> = split.skipped.iter().map(|s| (s.clip.as_str(), s.reason)).collect();
        let expected = ["CMU/99/99_01_poses.npz", "other/a.npz"].map(|c| (c, Reason::Missing));
        assert_eq!(missing, expected);
        let empty = list(folder.path(), "empty.txt", "# nothing\n\n");
        let error = Download::new(NAMES).listed("own", &empty).unwrap_err().to_string();
        assert!(error.contains("empty.txt") && error.contains("no clip"), "{error}");
    }

    #[test]
    fn the_first_protocol_reads_the_lists_of_all_folders() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        list(at, "CMU/train_split.txt", "CMU/01/01_01_poses.npz\n");
        list(at, "MPI_HDM05/train_split.txt", "bd/HDM_01_poses.npz\n");
        let error = Download::new(NAMES).protocol_1(at).unwrap_err().to_string();
        assert!(error.contains("test_split.txt"), "{error}");
        list(at, "CMU/test_split.txt", "CMU/01/01_02_poses.npz\n");
        let splits = Download::new(NAMES).protocol_1(at).unwrap();
        assert_eq!((splits[0].name.as_str(), splits[1].name.as_str()), ("train", "test"));
        assert_eq!(clips(&splits[0]), [NAMES[0], NAMES[2]]);
        assert_eq!(clips(&splits[1]), [NAMES[1]]);
        list(at, "CMU/test_split.txt", "CMU/01/01_01.npz\n");
        let error = Download::new(NAMES).protocol_1(at).unwrap_err().to_string();
        assert!(error.contains("1 clips are both") && error.contains(NAMES[0]), "{error}");
    }

    #[test]
    fn the_second_protocol_has_whole_subsets_and_each_clip_once() {
        let [train, test] = &Download::new(NAMES).protocol_2()[..] else { panic!() };
        assert_eq!(clips(train), [NAMES[6], NAMES[0], NAMES[1], NAMES[2]]);
        assert_eq!(clips(test), [NAMES[3]]);
        let copies: Vec<_> = train.skipped.iter().filter(|s| s.reason == Reason::Copy).collect();
        assert_eq!((copies.len(), copies[0].clip.as_str()), (1, NAMES[4]));
        assert!(copies[0].problem.contains(NAMES[0]));
        // Nine of twelve subsets have no clips, and one of two.
        assert_eq!((train.skipped.len(), test.skipped.len()), (1 + 9, 1));
        assert_eq!(test.skipped[0].clip, "Transitions");
    }
}
