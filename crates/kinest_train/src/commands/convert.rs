//! `convert`: motion files of one format into another.

use crate::data::clips;
use crate::output::say;
use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use kinest::capture::{self, Loaded, MotionFormat};
use kinest::skeleton::Skeleton;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// `convert`: reads BVH, glTF, VRM animation, AMC (with its .asf beside it) and .npz files and recordings with bodies,
/// puts their motion on SMPL's 22 joints, and writes it as .npz, BVH, glTF or VRM animation.
#[derive(Debug, clap::Args)]
pub struct ConvertArgs {
    /// A motion file, or a folder of such files at any depth
    #[arg(long)]
    motion: PathBuf,
    /// The file to write, by its ending .npz, .bvh, .glb or .vrma; for a folder, the folder to write into
    #[arg(long)]
    out: PathBuf,
    /// Format of what is written into a folder
    #[arg(long, value_enum, default_value_t = Format::Npz)]
    to: Format,
    /// The animation of a glTF file with several, by its name, instead of the longest
    #[arg(long)]
    animation: Option<String>,
    /// Frame rate of the output, instead of that of each file
    #[arg(long)]
    rate: Option<f64>,
    /// Say of each file which bone was taken for which joint, and how sure that is
    #[arg(long)]
    report: bool,
    /// The body, JSON, instead of the default skeleton
    #[arg(long)]
    skeleton: Option<PathBuf>,
}

/// A format that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// AMASS: axis-angles in a zip of NumPy arrays
    Npz,
    /// Biovision hierarchy: text
    Bvh,
    /// glTF: skeleton, skin and animation
    Glb,
    /// VRM animation: for any VRM character
    Vrma,
}

impl From<Format> for MotionFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Npz => Self::Npz,
            Format::Bvh => Self::Bvh,
            Format::Glb => Self::Glb,
            Format::Vrma => Self::Vrma,
        }
    }
}

/// Endings of files that are read.
const READ: [&str; 8] = ["bvh", "amc", "npz", "glb", "gltf", "vrma", "vrm", "jsonl"];

/// Runs `convert`.
///
/// # Errors
/// If a file cannot be read or written. Of a folder, the other files are converted, and all that failed are
/// named.
pub fn run(args: ConvertArgs) -> anyhow::Result<()> {
    let skeleton = match &args.skeleton {
        Some(path) => Skeleton::load(path)?,
        None => Skeleton::default(),
    };
    if let Some(rate) = args.rate {
        ensure!(
            (1.0..=1000.0).contains(&rate),
            "--rate: {rate} is not a frame rate from 1 to 1000 Hz"
        );
    }
    if !args.motion.is_dir() {
        let format = MotionFormat::required(&args.out)?;
        say!("{}", convert(&args.motion, &args.out, format, &args, &skeleton)?);
        return Ok(());
    }
    let mut files = find(&args.motion)?;
    ensure!(!files.is_empty(), "no motion (.{}) in {}", READ.join(", ."), args.motion.display());
    files.sort();
    let format = MotionFormat::from(args.to);
    let out_of = |file: &PathBuf| {
        let inside = file.strip_prefix(&args.motion).unwrap_or(file);
        args.out.join(inside).with_extension(format.ending())
    };
    let mut written = BTreeMap::new();
    for file in &files {
        let out = out_of(file);
        ensure!(
            !out.exists() || fs::canonicalize(&out)? != fs::canonicalize(file)?,
            "{} would be written over itself: give another --out",
            file.display()
        );
        if let Some(other) = written.insert(out.clone(), file) {
            bail!("{} and {} would both be {}", other.display(), file.display(), out.display());
        }
    }
    let one = |file: &PathBuf| convert(file, &out_of(file), format, &args, &skeleton);
    let mut failed = Vec::new();
    for (file, done) in files.iter().zip(clips::read_all("converting", &files, one)) {
        match done {
            Ok(line) => say!("{line}"),
            Err(error) => failed.push(format!("{}: {error:#}", file.display())),
        }
    }
    let (count, of) = (failed.len(), files.len());
    if count > 0 {
        bail!("{count} of {of} files are not converted:\n  {}", failed.join("\n  "));
    }
    Ok(())
}

/// All motion files in `folder`, at any depth. Follows links, since large data is often linked from elsewhere, but takes
/// each folder once, under its own name rather than a link's: links may lead back to where they are.
fn find(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (mut folders, mut links) = (vec![folder.to_owned()], BTreeSet::new());
    let (mut been, mut files) = (BTreeSet::new(), vec![]);
    while let Some(folder) = folders.pop().or_else(|| links.pop_first()) {
        let unread = || format!("cannot read folder {}", folder.display());
        if !been.insert(fs::canonicalize(&folder).with_context(unread)?) {
            continue;
        }
        for entry in fs::read_dir(&folder).with_context(unread)? {
            let path = entry.with_context(unread)?.path();
            let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
            if path.is_dir() && path.is_symlink() {
                links.insert(path);
            } else if path.is_dir() {
                folders.push(path);
            } else if READ.iter().any(|known| known.eq_ignore_ascii_case(ending)) {
                files.push(path);
            }
        }
    }
    Ok(files)
}

/// Converts one file; returns a line about it.
fn convert(
    file: &Path,
    out: &Path,
    format: MotionFormat,
    args: &ConvertArgs,
    skeleton: &Skeleton,
) -> anyhow::Result<String> {
    let Loaded { clip, notes, map } =
        capture::load_animation(file, skeleton, args.animation.as_deref())?;
    let clip = args.rate.map_or_else(|| clip.clone(), |rate| clip.resampled(rate));
    if let Some(folder) = out.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    format.save(out, &clip, skeleton)?;
    let (from, to, frames) = (file.display(), out.display(), clip.frames.len());
    let mut line = format!("{from} > {to}: {frames} frames at {} Hz", clip.rate_hz);
    for note in notes {
        line += &format!("\n  {note}");
    }
    if let Some(map) = map.filter(|_| args.report) {
        let bones = map.to_string().trim_end().replace('\n', "\n  ");
        line += &format!("\n  bones, {:.0} % sure:\n  {bones}", 100.0 * map.confidence());
    }
    Ok(line)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_but_not_in_circles() {
        let folder = tempfile::tempdir().unwrap();
        let (at, inside) = (folder.path(), folder.path().join("in"));
        for file in ["in/walk.bvh", "in/deep/run.BVH", "far/jump.glb"] {
            fs::create_dir_all(at.join(file).parent().unwrap()).unwrap();
            fs::write(at.join(file), "").unwrap();
        }
        for (target, link) in [
            (".", "in/round"),
            ("..", "in/deep/up"),
            ("../deep", "in/deep/again"),
            ("../far", "in/b"),
            ("../far", "in/a"),
            ("../in", "far/back"),
            ("nowhere", "in/broken"),
        ] {
            symlink(target, at.join(link)).unwrap();
        }
        let mut files = find(&inside).unwrap();
        files.sort();
        assert_eq!(files, ["a/jump.glb", "deep/run.BVH", "walk.bvh"].map(|it| inside.join(it)));
        assert!(find(&at.join("none")).unwrap_err().to_string().contains("none"));
    }
}
