//! Writes synthetic motion in the layout of an AMASS download.

use crate::progress;
use anyhow::{Context, ensure};
use kinest::files::write_atomically;
use kinest::motion::amass;
use kinest::motion::synthetic::{self, Kind};
use kinest::skeleton::Skeleton;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Folder of all clips inside the output folder, like a subset of AMASS.
const SUBSET: &str = "SYNTH";
/// Every n-th clip is for testing.
const TEST_EVERY: usize = 5;

/// Settings of the synthesis.
#[derive(Clone, Debug, PartialEq)]
pub struct Synthetic {
    /// Kinds of motion.
    pub kinds: Vec<Kind>,
    /// Number of clips of each kind.
    pub clips: u16,
    /// Random seed; the same seed gives the same clips.
    pub seed: u64,
    /// Duration of each clip, seconds.
    pub seconds: f64,
    /// Frame rate, Hz.
    pub rate_hz: f64,
    /// Body of the motion.
    pub skeleton: Skeleton,
}

/// Result of the synthesis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Number of clips.
    pub clips: usize,
    /// Folder of the clips.
    pub folder: PathBuf,
    /// The lists of training and test clips, each with its number of clips.
    pub lists: Vec<(usize, PathBuf)>,
}

impl Synthetic {
    /// Writes the clips into `out` in the layout of AMASS, `SYNTH/walk/walk_00_poses.npz`, and
    /// lists of them under `splits`.
    ///
    /// # Errors
    /// If there are synthetic clips in the folder already, or one cannot be written.
    pub fn write(&self, out: &Path) -> anyhow::Result<Written> {
        let mut kinds = self.kinds.clone();
        kinds.sort_unstable();
        kinds.dedup();
        let folder = out.join(SUBSET);
        ensure!(!folder.exists(), "{} holds clips already; use another folder", folder.display());
        for kind in &kinds {
            let folder = folder.join(kind.name());
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make folder {}", folder.display()))?;
        }

        let clips: Vec<(Kind, u16, String)> = kinds
            .iter()
            .flat_map(|kind| (0..self.clips).map(|i| (*kind, i)))
            .map(|(kind, i)| {
                let name = kind.name();
                (kind, i, format!("{SUBSET}/{name}/{name}_{i:02}_poses.npz"))
            })
            .collect();
        let bar = progress::clips(clips.len(), "synth");
        clips.par_iter().try_for_each(|(kind, i, name)| {
            let seed = self.seed.wrapping_add(u64::from(*i));
            let clip = synthetic::clip(*kind, seed, self.seconds, self.rate_hz, &self.skeleton);
            bar.inc(1);
            amass::save(out.join(name), &clip, "neutral")
        })?;
        bar.finish_and_clear();

        let (test, train): (Vec<_>, Vec<_>) = clips
            .iter()
            .map(|(.., name)| name.as_str())
            .enumerate()
            .partition(|(i, _)| i % TEST_EVERY == TEST_EVERY - 1);
        let mut lists = vec![];
        for (name, listed) in [("train", train), ("test", test)] {
            // Empty lists are not written.
            if !listed.is_empty() {
                let path = out.join("splits").join(format!("{name}.txt"));
                write_list(&path, &listed)?;
                lists.push((listed.len(), path));
            }
        }
        Ok(Written { clips: clips.len(), folder, lists })
    }
}

fn write_list(path: &Path, clips: &[(usize, &str)]) -> anyhow::Result<()> {
    let write = || {
        std::fs::create_dir_all(path.parent().unwrap_or(path))?;
        let lines: String = clips.iter().map(|(_, name)| format!("{name}\n")).collect();
        write_atomically(path, lines.as_bytes())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
