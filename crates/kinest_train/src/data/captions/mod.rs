//! What people say about motion: captions of data sets that annotate AMASS.

mod human_ml3d;
mod kit_ml;

pub use human_ml3d::human_ml3d;
pub use kit_ml::kit_ml;

use super::splits::read_list;
use super::subsets::amass_key;
use anyhow::ensure;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// A part of a clip, and what people say about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    /// Where it starts, seconds.
    pub start_s: f64,
    /// Where it ends, seconds; later than the clip's end counts as there.
    pub end_s: f64,
    /// Whether left and right are exchanged; the texts already are.
    pub mirrored: bool,
    /// Texts about the whole body.
    pub texts: Vec<String>,
}

/// A set of captions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Captions {
    /// HumanML3D (Guo et al. 2022).
    HumanMl3d {
        /// Folder with `index.csv`, and the texts in `texts`.
        folder: PathBuf,
        /// List of identifiers, one per line, such as the set's `train.txt`; `None` is all.
        split: Option<PathBuf>,
    },
    /// KIT-ML (Plappert et al. 2016), with the motions named as in AMASS.
    KitMl {
        /// JSON file of annotations.
        file: PathBuf,
        /// List of identifiers, one per line; `None` is all.
        split: Option<PathBuf>,
    },
}

/// Captions by the clips that they are about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// Spans of each clip.
    pub spans: BTreeMap<String, Vec<Span>>,
    /// Captioned motions that are not among the clips.
    pub missing: usize,
}

impl Captions {
    /// Captions of clips with these names.
    ///
    /// # Errors
    /// If a file cannot be read, is not in the set's form, or no caption is about one of the clips.
    pub fn load<'a>(&self, clips: impl IntoIterator<Item = &'a str>) -> anyhow::Result<Told> {
        let clips = ClipNames::new(clips);
        let (told, path) = match self {
            Self::HumanMl3d { folder, split } => {
                (human_ml3d(folder, split.as_deref(), &clips)?, folder)
            }
            Self::KitMl { file, split } => (kit_ml(file, split.as_deref(), &clips)?, file),
        };
        ensure!(!told.spans.is_empty(), "captions {}: none is about a clip", path.display());
        Ok(told)
    }
}

/// Clips by their names in AMASS.
#[derive(Clone, Debug, Default)]
pub struct ClipNames(HashMap<String, String>);

impl ClipNames {
    /// Of clips with these names: paths inside the data folder.
    pub fn new<'a>(clips: impl IntoIterator<Item = &'a str>) -> Self {
        let named = |name: &'a str| Some((key(name)?, name.to_owned()));
        Self(clips.into_iter().filter_map(named).collect())
    }

    /// The clip of a motion that an annotation calls `path`, with any extension or none.
    fn find(&self, path: &str) -> Option<&str> {
        let stem = ["npz", "npy"].iter().find_map(|e| path.strip_suffix(&format!(".{e}")));
        self.0.get(&key(&format!("{}.npz", stem.unwrap_or(path)))?).map(String::as_str)
    }
}

/// The name in AMASS. Trials of CMU have unique names, while some are filed under another subject.
fn key(name: &str) -> Option<String> {
    let key = amass_key(name)?;
    match key.strip_prefix("CMU/") {
        Some(inside) => Some(format!("CMU/{}", inside.rsplit('/').next().unwrap_or(inside))),
        None => Some(key),
    }
}

impl Told {
    /// Adds what is said about a span of a motion.
    fn add(&mut self, clips: &ClipNames, path: &str, spans: Vec<Span>) {
        match clips.find(path) {
            Some(clip) => self.spans.entry(clip.to_owned()).or_default().extend(spans),
            None => self.missing += 1,
        }
    }
}

/// Whether an identifier is in the list at `path`; without one, all are.
fn listed(path: Option<&Path>) -> anyhow::Result<impl Fn(&str) -> bool + use<>> {
    let list = path.map(read_list).transpose()?;
    Ok(move |id: &str| list.as_ref().is_none_or(|list| list.contains(id)))
}

/// One span for each start and end, with all its texts.
fn joined(spans: impl IntoIterator<Item = Span>) -> Vec<Span> {
    let mut joined: Vec<Span> = vec![];
    for span in spans {
        let same = |other: &&mut Span| {
            (other.start_s, other.end_s, other.mirrored)
                == (span.start_s, span.end_s, span.mirrored)
        };
        match joined.iter_mut().find(same) {
            Some(other) => other.texts.extend(span.texts),
            None => joined.push(span),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn motions_are_found_wherever_they_are_unpacked() {
        let names = ClipNames::new([
            "AMASS/CMU/18_19_rory/18_01_poses.npz",
            "AMASS/MPI_HDM05/bd/HDM_bd_01_poses.npz",
            "mine/a.npz",
        ]);
        let found = |path| names.find(path);
        assert_eq!(
            found("./pose_data/CMU/18/18_01_poses.npy"),
            Some("AMASS/CMU/18_19_rory/18_01_poses.npz")
        );
        assert_eq!(
            found("MPI_HDM05/bd/HDM_bd_01_poses"),
            Some("AMASS/MPI_HDM05/bd/HDM_bd_01_poses.npz")
        );
        assert_eq!(found("MPI_HDM05/dg/HDM_bd_01_poses"), None);
        assert_eq!(found("mine/a"), None);
    }
}
