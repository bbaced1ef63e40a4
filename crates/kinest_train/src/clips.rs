//! Finding and reading motion clips.

use anyhow::{Context, bail, ensure};
use kinest::motion::{MotionClip, amass};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A clip and what it is called: its path inside the data folder.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedClip {
    /// Path inside the data folder, with `/` on every system.
    pub name: String,
    /// The motion.
    pub clip: MotionClip,
}

/// Reads the clips of `folder`, or those of them that `split` lists, and brings them to `rate_hz`.
///
/// Sorted by name, so that every system has them in the same order.
///
/// # Errors
/// If there is no clip, a listed one does not exist (all such are named), or one cannot be read.
pub fn load(folder: &Path, split: Option<&Path>, rate_hz: f64) -> anyhow::Result<Vec<NamedClip>> {
    let paths = match split {
        Some(split) => listed(folder, split)?,
        None => found(folder)?,
    };
    let read = |path: PathBuf| {
        let clip = amass::load(&folder.join(&path))?.resampled(rate_hz);
        let parts: Vec<_> = path.components().map(|c| c.as_os_str().to_string_lossy()).collect();
        Ok(NamedClip { name: parts.join("/"), clip })
    };
    paths.into_iter().map(read).collect()
}

/// The clips that the lines of `split` name, inside `folder`. `#` starts a comment.
fn listed(folder: &Path, split: &Path) -> anyhow::Result<BTreeSet<PathBuf>> {
    let text = fs::read_to_string(split)
        .with_context(|| format!("cannot read split {}", split.display()))?;
    let names = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let paths: BTreeSet<PathBuf> = names.filter(|n| !n.is_empty()).map(PathBuf::from).collect();
    ensure!(!paths.is_empty(), "split {} lists no clip", split.display());
    let missing: Vec<_> = paths.iter().filter(|p| !folder.join(p).is_file()).collect();
    if !missing.is_empty() {
        let names: String = missing.iter().map(|p| format!("\n  {}", p.display())).collect();
        let (count, split, folder) = (missing.len(), split.display(), folder.display());
        bail!("{count} clips of split {split} are not in {folder}:{names}");
    }
    Ok(paths)
}

/// The clips anywhere inside `folder`.
fn found(folder: &Path) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut paths = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inside) = folders.pop() {
        let place = folder.join(&inside);
        let entries = fs::read_dir(&place)
            .with_context(|| format!("cannot read folder {}", place.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot read folder {}", place.display()))?;
            let path = inside.join(entry.file_name());
            // Follows links, which people use to keep large data elsewhere.
            if folder.join(&path).is_dir() {
                folders.push(path);
            } else if is_motion(&path) {
                paths.insert(path);
            }
        }
    }
    ensure!(!paths.is_empty(), "no motion (.npz) in {}", folder.display());
    Ok(paths)
}

/// Whether a file of the AMASS download holds motion: others hold a subject's shape, under the names they
/// have in the SMPL-H (`shape.npz`) and SMPL-X (`neutral_stagei.npz`) releases.
fn is_motion(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.extension().is_some_and(|e| e == "npz") && stem != "shape" && !stem.ends_with("_stagei")
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;
    use kinest::motion::ClipFrame;

    fn clip(rate_hz: f64, frames: usize) -> MotionClip {
        let frame = ClipFrame { translation: DVec3::ZERO, rotations: [DVec3::ZERO; 22] };
        MotionClip { rate_hz, frames: vec![frame; frames] }
    }

    /// A small download: two clips, things that are not motion, and a clip that is broken on request.
    fn download(broken: bool) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let inside = |name: &str| folder.path().join(name);
        fs::create_dir_all(inside("CMU/02")).unwrap();
        amass::save(&inside("CMU/02/02_01_poses.npz"), &clip(120.0, 9), "male").unwrap();
        amass::save(&inside("CMU/01_poses.npz"), &clip(60.0, 9), "male").unwrap();
        for other in ["CMU/02/shape.npz", "CMU/neutral_stagei.npz", "CMU/notes.txt"] {
            fs::write(inside(other), "not motion").unwrap();
        }
        if broken {
            fs::write(inside("CMU/03_poses.npz"), "not a zip").unwrap();
        }
        folder
    }

    #[test]
    fn clips_are_found_sorted_and_brought_to_the_rate() {
        let folder = download(false);
        let clips = load(folder.path(), None, 60.0).unwrap();
        let summary: Vec<_> =
            clips.iter().map(|c| (c.name.as_str(), c.clip.frames.len())).collect();
        assert_eq!(summary, [("CMU/01_poses.npz", 9), ("CMU/02/02_01_poses.npz", 5)]);
    }

    #[test]
    fn a_split_picks_clips_and_names_every_missing_one() {
        let folder = download(true);
        let split = folder.path().join("split.txt");
        fs::write(&split, "# one clip\nCMU/02/02_01_poses.npz # walk\r\n\n").unwrap();
        assert_eq!(load(folder.path(), Some(&split), 60.0).unwrap().len(), 1);
        fs::write(&split, "CMU/a.npz\nCMU/01_poses.npz\nCMU/b.npz\n").unwrap();
        let error = load(folder.path(), Some(&split), 60.0).unwrap_err().to_string();
        assert!(error.starts_with("2 clips") && error.contains("a.npz"), "{error}");
        assert!(error.contains("b.npz") && !error.contains("01_poses"), "{error}");
    }

    #[test]
    fn broken_clips_and_empty_folders_are_errors() {
        let error = load(download(true).path(), None, 60.0).unwrap_err().to_string();
        assert!(error.contains("03_poses.npz"), "{error}");
        let empty = tempfile::tempdir().unwrap();
        assert!(load(empty.path(), None, 60.0).unwrap_err().to_string().contains("no motion"));
        assert!(load(&empty.path().join("none"), None, 60.0).is_err());
    }
}
