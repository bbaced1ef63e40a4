//! Finds and reads motion clips.

use super::motion_store::{ClipRecord, FileStamp, MotionStore};
use super::splits::read_list;
use crate::progress;
use anyhow::{Context, bail, ensure};
use indicatif::{ProgressFinish, ProgressIterator};
use kinest::motion::{MotionClip, amass};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Endings of files that hold motion elsewhere, which are named where no clip is found.
const MOTION_ENDINGS: [&str; 16] = [
    "amc", "asf", "bvh", "c3d", "fbx", "glb", "gltf", "json", "mat", "npy", "pkl", "pt", "pth",
    "trc", "vrm", "vrma",
];
/// Those of them that `kinest-train convert` turns into clips.
const CONVERTED: [&str; 6] = ["amc", "bvh", "glb", "gltf", "vrm", "vrma"];

/// A clip and its name, the path inside the data folder.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedClip {
    /// Path inside the data folder, with `/` on every platform.
    pub name: String,
    /// The motion.
    pub clip: MotionClip,
}

/// Reads the clips of a folder or of a prepared `.motion` file, or those listed in `split`. Clips
/// of a folder are resampled to `rate_hz`. They are sorted by name, so that the order is the same
/// on every platform.
///
/// # Errors
/// If there are no clips, listed clips do not exist (all are named), one cannot be read, or the
/// prepared file has another rate.
pub fn load(data: &Path, split: Option<&Path>, rate_hz: f64) -> anyhow::Result<Vec<NamedClip>> {
    if data.is_file() {
        let store = open(data, split, rate_hz)?;
        let names = store.clips().iter().map(|clip| clip.name.clone()).enumerate();
        return Ok(names.map(|(i, name)| NamedClip { name, clip: store.clip(i) }).collect());
    }
    let paths = in_folder(data, split)?;
    read_all("reading", &paths, |path| read(data, path, rate_hz)).collect()
}

/// Opens the same clips for random access: a prepared file stays on disk, the clips of a folder are
/// read into memory.
///
/// # Errors
/// As [`load`].
pub fn open(data: &Path, split: Option<&Path>, rate_hz: f64) -> anyhow::Result<MotionStore> {
    if data.is_file() {
        return prepared(data, split, rate_hz);
    }
    let paths = in_folder(data, split)?;
    let record = |path: &PathBuf| {
        let NamedClip { name, clip } = read(data, path, rate_hz)?;
        ClipRecord::new(&name, FileStamp::default(), &clip).with_context(|| format!("clip {name}"))
    };
    MotionStore::from_records(rate_hz, read_all("reading", &paths, record))
}

/// The clips of [`load`] whose names start like one of `only`; all if there is none.
///
/// # Errors
/// As [`load`].
pub fn load_only(
    data: &Path,
    split: Option<&Path>,
    only: &[String],
    rate_hz: f64,
) -> anyhow::Result<Vec<NamedClip>> {
    let mut clips = load(data, split, rate_hz)?;
    clips.retain(|clip| only.is_empty() || starts_with(&clip.name, only));
    Ok(clips)
}

/// Whether a name starts like one of `starts`.
#[must_use]
pub fn starts_with(name: &str, starts: &[String]) -> bool {
    starts.iter().any(|start| name.starts_with(start))
}

/// Frame rate of a prepared `.motion` file, Hz; `None` for a folder of clips, which may have any rate.
///
/// # Errors
/// If it is a file, but not a prepared one.
pub fn prepared_rate(data: &Path) -> anyhow::Result<Option<f64>> {
    if !data.is_file() {
        return Ok(None);
    }
    Ok(Some(open_prepared(data)?.rate_hz()))
}

/// Opens a prepared file; of one of another kind, says what makes a clip of it.
fn open_prepared(file: &Path) -> anyhow::Result<MotionStore> {
    let ending = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    match ending.as_str() {
        ending if CONVERTED.contains(&ending) => {
            let (file, npz) = (file.display(), file.with_extension("npz"));
            bail!(
                "{file} is no prepared file: `kinest-train convert --motion {file} --out FOLDER/{}` makes a clip of it, \
                 and FOLDER is what to give here",
                npz.file_name().unwrap_or_default().display()
            );
        }
        "fbx" => bail!(
            "{}: nothing here reads FBX; export it as BVH or glTF, of which `kinest-train convert` makes clips",
            file.display()
        ),
        _ => MotionStore::open(file),
    }
}

fn prepared(file: &Path, split: Option<&Path>, rate_hz: f64) -> anyhow::Result<MotionStore> {
    let mut store = open_prepared(file)?;
    let found = store.rate_hz();
    ensure!(found == rate_hz, "{} is at {found} Hz, not at {rate_hz}", file.display());
    if let Some(split) = split {
        let names = read_list(split)?;
        let there: BTreeSet<&str> = store.clips().iter().map(|c| c.name.as_str()).collect();
        refuse_missing(names.iter().filter(|n| !there.contains(n.as_str())), split, file)?;
        store.retain(|clip| names.contains(&clip.name));
    }
    ensure!(!store.clips().is_empty(), "no clip in {}", file.display());
    Ok(store)
}

/// Paths of the clips in `folder`, or of those listed in `split`, sorted by name.
fn in_folder(folder: &Path, split: Option<&Path>) -> anyhow::Result<Vec<PathBuf>> {
    let Some(split) = split else { return found(folder) };
    let names = read_list(split)?;
    refuse_missing(names.iter().filter(|n| !folder.join(n).is_file()), split, folder)?;
    let paths: BTreeSet<PathBuf> = names.into_iter().map(PathBuf::from).collect();
    Ok(paths.into_iter().collect())
}

fn refuse_missing<'a>(
    missing: impl Iterator<Item = &'a String>,
    split: &Path,
    data: &Path,
) -> anyhow::Result<()> {
    let missing: Vec<&str> = missing.map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let (count, split, data) = (missing.len(), split.display(), data.display());
    bail!("{count} clips of split {split} are not in {data}:\n  {}", missing.join("\n  "));
}

fn read(folder: &Path, path: &Path, rate_hz: f64) -> anyhow::Result<NamedClip> {
    let clip = amass::load(folder.join(path))?.resampled(rate_hz);
    Ok(NamedClip { name: name(path), clip })
}

/// Name of the clip at a path inside the data folder.
#[must_use]
pub fn name(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|c| c.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// Applies `read` to all items in parallel and returns the results in order, with a progress bar
/// labelled `doing`. The number of items in flight is bounded, so memory does not grow with their
/// total number.
pub fn read_all<T: Sync, R: Send>(
    doing: &'static str,
    items: &[T],
    read: impl Fn(&T) -> R + Sync,
) -> impl Iterator<Item = R> {
    let bar = progress::clips(items.len(), doing).with_finish(ProgressFinish::AndClear);
    let batches = items.chunks(8 * rayon::current_num_threads());
    let results = batches.flat_map(move |b| b.par_iter().map(&read).collect::<Vec<_>>());
    results.progress_with(bar)
}

/// Paths of all clips inside `folder`, at any depth, relative to it and sorted by name.
///
/// # Errors
/// If a folder cannot be read, or there are no clips.
pub fn found(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = vec![];
    let mut folders = vec![PathBuf::new()];
    let mut others = BTreeMap::<String, usize>::new();
    while let Some(inside) = folders.pop() {
        let place = folder.join(&inside);
        let entries = fs::read_dir(&place)
            .with_context(|| format!("cannot read folder {}", place.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot read folder {}", place.display()))?;
            let path = inside.join(entry.file_name());
            // Follows links, since large data is often linked from elsewhere.
            if folder.join(&path).is_dir() {
                folders.push(path);
            } else if is_motion(&path) {
                paths.push(path);
            } else if let Some(ending) = path.extension() {
                *others.entry(ending.to_string_lossy().to_lowercase()).or_default() += 1;
            }
        }
    }
    if paths.is_empty() {
        let others: Vec<_> =
            others.iter().filter(|(e, _)| MOTION_ENDINGS.contains(&e.as_str())).collect();
        let unread = unread(&others, folder);
        bail!("no motion (.npz) in {}{unread}", folder.display());
    }
    paths.sort();
    Ok(paths)
}

/// What a folder without clips has instead: for each ending how many files, and what makes clips of them.
fn unread(others: &[(&String, &usize)], folder: &Path) -> String {
    if others.is_empty() {
        return String::new();
    }
    let list: Vec<_> = others.iter().map(|(e, count)| format!("{count} .{e}")).collect();
    let mut text = format!("; not read are {}", list.join(", "));
    let converted: Vec<_> = others
        .iter()
        .filter(|(ending, _)| CONVERTED.contains(&ending.as_str()))
        .map(|(ending, _)| format!(".{ending}"))
        .collect();
    if !converted.is_empty() {
        let (converted, folder) = (converted.join(", "), folder.display());
        text += &format!(
            " (`kinest-train convert --motion {folder} --out FOLDER` turns {converted} into .npz)"
        );
    }
    if others.iter().any(|(ending, _)| *ending == "fbx") {
        text += " (nothing here reads .fbx: export it as BVH or glTF)";
    }
    text
}

/// Whether a file of an AMASS download holds motion. Other files hold a subject's shape, named
/// `shape.npz` in SMPL-H releases and `neutral_stagei.npz` in SMPL-X releases.
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

    /// A small download: two clips, files without motion, and optionally a broken clip.
    fn download(broken: bool) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let inside = |name: &str| folder.path().join(name);
        fs::create_dir_all(inside("CMU/02")).unwrap();
        amass::save(inside("CMU/02/02_01_poses.npz"), &clip(120.0, 9), "male").unwrap();
        amass::save(inside("CMU/01_poses.npz"), &clip(60.0, 9), "male").unwrap();
        for other in ["CMU/02/shape.npz", "CMU/neutral_stagei.npz", "CMU/notes.txt"] {
            fs::write(inside(other), "not motion").unwrap();
        }
        if broken {
            fs::write(inside("CMU/03_poses.npz"), "not a zip").unwrap();
        }
        folder
    }

    #[test]
    fn clips_are_found_sorted_and_resampled() {
        let folder = download(false);
        let clips = load(folder.path(), None, 60.0).unwrap();
        let summary: Vec<_> =
            clips.iter().map(|c| (c.name.as_str(), c.clip.frames.len())).collect();
        assert_eq!(summary, [("CMU/01_poses.npz", 9), ("CMU/02/02_01_poses.npz", 5)]);
    }

    #[test]
    fn a_split_selects_clips_and_names_every_missing_one() {
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
        for other in ["a.bvh", "b.BVH", "c.pkl", "d.txt", "e.vrma", "f.fbx"] {
            fs::write(empty.path().join(other), "HIERARCHY").unwrap();
        }
        let error = load(empty.path(), None, 60.0).unwrap_err().to_string();
        let command = format!("kinest-train convert --motion {}", empty.path().display());
        for part in [
            "not read are 2 .bvh, 1 .fbx, 1 .pkl, 1 .vrma (`",
            &command,
            "turns .bvh, .vrma into",
            "nothing here reads .fbx",
        ] {
            assert!(error.contains(part), "{part} is not in {error}");
        }
        // A file where a folder, or a prepared file, should be.
        for (file, part) in [("a.bvh", "a.bvh --out FOLDER/a.npz`"), ("f.fbx", "as BVH or glTF")] {
            let file = empty.path().join(file);
            let error = load(&file, None, 60.0).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
            assert_eq!(prepared_rate(&file).unwrap_err().to_string(), error);
        }
    }
}
