//! `library`: describes a folder of motion for search.

use crate::data::clips;
use crate::data::titles::Titles;
use crate::output::say;
use anyhow::{Context, bail, ensure};
use clap::Args;
use kinest::events::{CodeTable, codes_of};
use kinest::motion::amass;
use kinest::skeleton::Skeleton;
use kinest_language::describe::Describer;
use kinest_language::{Clip, Library};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Describes each clip of a folder and writes a library that `search` finds clips in.
#[derive(Args, Clone, Debug)]
pub struct LibraryArgs {
    /// Folder of AMASS `.npz` files, at any depth
    #[arg(long)]
    pub data: PathBuf,
    /// What people call the clips: CSV with the columns `trial`, `title` and perhaps `subject`
    #[arg(long)]
    pub titles: Option<PathBuf>,
    /// The file to write
    #[arg(long)]
    pub out: PathBuf,
    /// Body of the motions, JSON; by default the built-in skeleton
    #[arg(long)]
    pub skeleton: Option<PathBuf>,
}

/// Runs `library`. Files that are no motion, or too short, are named on stderr and left out.
///
/// # Errors
/// If the folder, the titles or the skeleton cannot be read, no clip is left, or the library cannot be
/// written.
pub fn run(args: LibraryArgs) -> anyhow::Result<()> {
    let titles = args.titles.as_deref().map(Titles::load).transpose()?.unwrap_or_default();
    let skeleton = match &args.skeleton {
        Some(path) => {
            Skeleton::load(path).with_context(|| format!("skeleton {}", path.display()))?
        }
        None => Skeleton::default(),
    };
    let (found, faults) = described(&args.data, &skeleton, &titles)?;
    let titled = found.iter().filter(|clip| !clip.titles.is_empty()).count();
    let library = Library::new(found)?;
    library.save(&args.out)?;
    let count = library.clips().len();
    say!("{count} clips, {titled} with titles, in {}", args.out.display());
    if faults > 0 {
        say!("{faults} files left out");
    }
    Ok(())
}

/// The clips of a folder in words, and the number of files that are left out.
///
/// # Errors
/// If the folder cannot be read, or no clip is left.
pub(super) fn described(
    folder: &Path,
    skeleton: &Skeleton,
    titles: &Titles,
) -> anyhow::Result<(Vec<Clip>, usize)> {
    ensure!(folder.is_dir(), "{} is not a folder", folder.display());
    let paths = clips::found(folder)?;
    let table = Arc::new(CodeTable::default());
    let read = |path: &PathBuf| describe(folder, path, skeleton, &table, titles);
    let (mut found, mut faults) = (vec![], 0);
    for clip in clips::read_all("describing", &paths, read) {
        match clip {
            Ok(clip) => found.push(clip),
            Err(error) => {
                faults += 1;
                eprintln!("left out: {error:#}");
            }
        }
    }
    if found.is_empty() {
        bail!(
            "the library would be empty: none of {faults} files in {} can be used",
            folder.display()
        );
    }
    Ok((found, faults))
}

fn describe(
    folder: &Path,
    path: &Path,
    skeleton: &Skeleton,
    table: &Arc<CodeTable>,
    titles: &Titles,
) -> anyhow::Result<Clip> {
    let clip = amass::load(folder.join(path))?;
    let codes = codes_of(&clip, skeleton, Arc::clone(table));
    let codes = codes.with_context(|| format!("motion file {}", folder.join(path).display()))?;
    let name = clips::name(path);
    let title = titles.of(&name).cloned().unwrap_or_default();
    let moments = Describer { table, ..Describer::default() }.moments(&codes.segments);
    let (titles, context) = (title.titles, title.context);
    Ok(Clip { clip: name, duration_s: clip.duration(), titles, context, moments })
}
