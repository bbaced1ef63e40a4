//! Finds and reads the files of a benchmark.

use super::exponential_maps;
use super::facts::{Benchmark, Kind};
use super::sequences::{Sequence, Sequences};
use super::skeletons;
use super::three_dpw;
use crate::data::clips;
use anyhow::{Context, ensure};
use serde::Serialize;
use std::fmt::{self, Display};
use std::fs;
use std::path::{Path, PathBuf};

/// A part of a benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// To train on.
    Train,
    /// To choose by; CMU has none.
    Validation,
    /// To measure on.
    Test,
}

impl Split {
    /// All parts.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// Its name in trees and of its prepared file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }

    /// The subjects of Human3.6M in this part.
    fn subjects(self) -> &'static [&'static str] {
        match self {
            Self::Train => &["S1", "S6", "S7", "S8", "S9"],
            Self::Validation => &["S11"],
            Self::Test => &["S5"],
        }
    }
}

impl Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A file of a benchmark.
struct Found {
    path: PathBuf,
    /// See [`Sequence::name`].
    name: String,
    action: String,
    subject: String,
}

/// Reads a part of a benchmark: of the tree as it is, of the part's own folder, of a folder with
/// prepared files, or a prepared file.
///
/// # Errors
/// If there are no such files, one cannot be read, or a prepared file is of another benchmark.
pub fn open(path: &Path, benchmark: &'static Benchmark, split: Split) -> anyhow::Result<Sequences> {
    let prepared = path.join(format!("{split}.positions"));
    if path.is_file() || prepared.is_file() {
        let path = if path.is_file() { path } else { &prepared };
        let sequences = Sequences::load(path)?;
        let (here, wanted) = (sequences.benchmark.name, benchmark.name);
        ensure!(here == wanted, "{} is of {here}, not of {wanted}", path.display());
        return Ok(sequences);
    }
    let found = find(path, benchmark.kind, split)?;
    read(&found, benchmark)
}

/// Whether the tree at `path` has this part of the benchmark.
pub(super) fn has(path: &Path, benchmark: &Benchmark, split: Split) -> bool {
    let is_there = |inside: &str| path.join(inside).join(split.name()).is_dir();
    match benchmark.kind {
        Kind::Cmu => is_there(""),
        Kind::H36m => split.subjects().iter().any(|name| path.join(name).is_dir()),
        Kind::ThreeDpw => is_there("") || is_there("sequenceFiles"),
    }
}

fn read(found: &[Found], benchmark: &'static Benchmark) -> anyhow::Result<Sequences> {
    let tree = match benchmark.kind {
        Kind::Cmu => Some(&skeletons::CMU),
        Kind::H36m => Some(&skeletons::H36M),
        Kind::ThreeDpw => None,
    };
    let sequences = |Found { path, name, action, subject }: &Found| {
        let (action, subject) = (action.clone(), subject.clone());
        if let Some(tree) = tree {
            let positions = exponential_maps::read(path, tree, benchmark)?;
            return Ok(vec![Sequence { name: name.clone(), action, subject, positions }]);
        }
        let actors = three_dpw::read(path)?.into_iter().enumerate();
        let sequence = |(actor, positions)| Sequence {
            name: format!("{name}/{actor}"),
            action: action.clone(),
            subject: subject.clone(),
            positions,
        };
        Ok(actors.map(sequence).collect())
    };
    let lists = clips::read_all("reading", found, sequences).collect::<anyhow::Result<Vec<_>>>()?;
    Sequences::new(benchmark, lists.concat())
}

/// The files of a part, sorted.
fn find(path: &Path, kind: Kind, split: Split) -> anyhow::Result<Vec<Found>> {
    let inside = |folder: PathBuf| {
        let own = folder.join(split.name());
        if own.is_dir() { own } else { folder }
    };
    match kind {
        Kind::Cmu => by_action(&inside(path.into())),
        Kind::H36m => by_subject(path, split),
        Kind::ThreeDpw => {
            let files = path.join("sequenceFiles");
            let folder = inside(if files.is_dir() { files } else { path.into() });
            let found = files_in(&folder, "pkl")?;
            ensure!(!found.is_empty(), "no sequence (.pkl) in {}", folder.display());
            // 3DPW has no actions; its tables have one row.
            let found = found.into_iter().map(|path| Found {
                name: stem(&path),
                action: "all".into(),
                subject: String::new(),
                path,
            });
            Ok(found.collect())
        }
    }
}

/// `ACTION/NAME.txt`
fn by_action(folder: &Path) -> anyhow::Result<Vec<Found>> {
    let mut found = vec![];
    for action in folders_in(folder)? {
        let files = files_in(&action, "txt")?;
        ensure!(!files.is_empty(), "action {} has no files (.txt)", action.display());
        let action = folder_name(&action);
        found.extend(files.into_iter().map(|path| Found {
            name: format!("{action}/{}", stem(&path)),
            action: action.clone(),
            subject: String::new(),
            path,
        }));
    }
    ensure!(!found.is_empty(), "no action, a folder with .txt files, in {}", folder.display());
    Ok(found)
}

/// `SUBJECT/ACTION_N.txt`, or the folder of one subject.
fn by_subject(path: &Path, split: Split) -> anyhow::Result<Vec<Found>> {
    let subjects: Vec<PathBuf> = split.subjects().iter().map(|name| path.join(name)).collect();
    let any = subjects.iter().any(|subject| subject.is_dir());
    let mut found = vec![];
    for folder in if any { subjects } else { vec![path.to_owned()] } {
        let files = files_in(&folder, "txt")?;
        ensure!(!files.is_empty(), "subject {} has no files (.txt)", folder.display());
        let subject = folder_name(&folder);
        for path in files {
            let name = stem(&path);
            let (action, _) = name
                .rsplit_once('_')
                .with_context(|| format!("{} is not ACTION_N.txt", path.display()))?;
            found.push(Found {
                name: format!("{subject}/{name}"),
                action: action.into(),
                subject: subject.clone(),
                path,
            });
        }
    }
    Ok(found)
}

fn folder_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Name of a file without its ending.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Files in `folder` with this ending, sorted.
fn files_in(folder: &Path, ending: &str) -> anyhow::Result<Vec<PathBuf>> {
    let is_one = |path: &PathBuf| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(ending));
    Ok(entries(folder)?.into_iter().filter(|path| is_one(path) && !path.is_dir()).collect())
}

/// Folders in `folder`, sorted.
fn folders_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_dir()).collect())
}

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let cannot = || format!("cannot read folder {}", folder.display());
    let mut paths = vec![];
    for entry in fs::read_dir(folder).with_context(cannot)? {
        paths.push(entry.with_context(cannot)?.path());
    }
    paths.sort();
    Ok(paths)
}
