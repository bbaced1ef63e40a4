//! HumanML3D: `index.csv`, `texts/ID.txt`, and lists of identifiers.

use super::{ClipNames, Span, Told, joined, listed};
use crate::data::subsets::subset_of;
use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use std::fs;
use std::path::Path;

/// Frames per second in which the index counts.
const RATE_HZ: f64 = 20.0;

/// A row of the index.
#[derive(Deserialize)]
struct Row {
    source_path: String,
    start_frame: f64,
    end_frame: f64,
    new_name: String,
}

/// Seconds that the set cuts off the start of a collection's motions before it counts frames.
fn cut_off(subset: &str) -> f64 {
    match subset {
        "EyesJapanDataset" | "HDM05" => 3.0,
        "TotalCapture" | "PosePrior" => 1.0,
        "Transitions" => 0.5,
        _ => 0.0,
    }
}

/// Captions of HumanML3D about clips. Of each motion of the index, and of its mirror image `M…`, those
/// in `split` are read, or those whose texts are there.
///
/// # Errors
/// If a file cannot be read, or is not in the set's form; the error names file and line.
pub fn human_ml3d(folder: &Path, split: Option<&Path>, clips: &ClipNames) -> anyhow::Result<Told> {
    let listed_in_split = listed(split)?;
    let index = folder.join("index.csv");
    let file = || format!("index {}", index.display());
    let mut reader = csv::Reader::from_path(&index).with_context(file)?;
    let mut told = Told::default();
    for row in reader.deserialize() {
        let Row { source_path, start_frame, end_frame, new_name } = row.with_context(file)?;
        let id = new_name.strip_suffix(".npy").unwrap_or(&new_name);
        ensure!(
            0.0 <= start_frame && start_frame <= end_frame,
            "{}: {id} is from frame {start_frame} to {end_frame}",
            file()
        );
        let cut_off = cut_off(subset_of(&source_path));
        let [start_s, end_s] = [start_frame, end_frame].map(|frame| cut_off + frame / RATE_HZ);
        for (id, mirrored) in [(id.to_owned(), false), (format!("M{id}"), true)] {
            let path = folder.join("texts").join(format!("{id}.txt"));
            if !listed_in_split(&id) || (split.is_none() && !path.exists()) {
                continue;
            }
            let whole = Span { start_s, end_s, mirrored, texts: vec![] };
            told.add(clips, &source_path, read(&path, &whole)?);
        }
    }
    Ok(told)
}

/// The captions of a file, at spans of a motion's own: `caption#tags#from#to`, where `from` and `to`
/// are seconds, and 0 and 0, or no number, are the whole of it.
fn read(path: &Path, whole: &Span) -> anyhow::Result<Vec<Span>> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read texts {}", path.display()))?;
    let mut spans = vec![];
    for (line, number) in text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.trim().split('#').collect();
        let [caption, _, from, to] = fields[..] else {
            bail!("{}, line {number}: caption#tags#from#to expected", path.display());
        };
        let seconds = |field: &str| {
            let seconds: f64 = field.parse().with_context(|| {
                format!("{}, line {number}: {field:?} is no time", path.display())
            })?;
            anyhow::Ok(if seconds.is_finite() { seconds.max(0.0) } else { 0.0 })
        };
        let mut span = Span { texts: vec![caption.trim().to_owned()], ..whole.clone() };
        let (from, to) = (seconds(from)?, seconds(to)?);
        if (from, to) != (0.0, 0.0) {
            ensure!(from < to, "{}, line {number}: from {from} to {to} s", path.display());
            span.end_s = whole.end_s.min(whole.start_s + to);
            span.start_s = whole.start_s + from;
        }
        spans.push(span);
    }
    Ok(joined(spans))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIPS: [&str; 2] = ["CMU/02/02_01_poses.npz", "MPI_HDM05/bd/HDM_bd_01_poses.npz"];

    /// A set in its form, with a motion that is not there.
    fn set() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        fs::create_dir(folder.path().join("texts")).unwrap();
        write(
            "index.csv",
            "source_path,start_frame,end_frame,new_name\n\
             ./pose_data/CMU/02/02_01_poses.npy,20,120,000001.npy\n\
             ./pose_data/MPI_HDM05/bd/HDM_bd_01_poses.npy,0,40,000002.npy\n\
             ./pose_data/CMU/99/99_01_poses.npy,0,40,000003.npy\n",
        );
        write(
            "texts/000001.txt",
            "a man waves left.#a/DET man/NOUN#0.0#0.0\nhe waves#he/PRON#0.0#0.0\nhe stops#he/PRON#2.0#9.0\n",
        );
        write("texts/M000001.txt", "a man waves right.#a/DET#nan#nan\n\n");
        write("texts/000002.txt", "someone kicks#someone/PRON#0.0#0.0\n");
        write("texts/000003.txt", "nobody#nobody/PRON#0.0#0.0\n");
        write("train.txt", "000001\nM000001\n");
        folder
    }

    fn span(start_s: f64, end_s: f64, mirrored: bool, texts: &[&str]) -> Span {
        Span { start_s, end_s, mirrored, texts: texts.iter().map(|t| (*t).to_owned()).collect() }
    }

    #[test]
    fn captions_are_read_with_their_times_and_mirror_images() {
        let folder = set();
        let clips = ClipNames::new(CLIPS);
        let told = human_ml3d(folder.path(), None, &clips).unwrap();
        assert_eq!(told.missing, 1);
        assert_eq!(
            told.spans[CLIPS[0]],
            [
                span(1.0, 6.0, false, &["a man waves left.", "he waves"]),
                span(3.0, 6.0, false, &["he stops"]),
                span(1.0, 6.0, true, &["a man waves right."]),
            ]
        );
        // Three seconds are cut off before frames are counted.
        assert_eq!(told.spans[CLIPS[1]], [span(3.0, 5.0, false, &["someone kicks"])]);

        let train = human_ml3d(folder.path(), Some(&folder.path().join("train.txt")), &clips);
        let train = train.unwrap();
        assert_eq!((train.spans.len(), train.missing), (1, 0));
        assert_eq!(train.spans[CLIPS[0]].len(), 3);
    }

    #[test]
    fn what_is_not_in_the_form_is_named() {
        let clips = ClipNames::new(CLIPS);
        for (file, text, expected) in [
            ("index.csv", "source_path,start_frame\na,1\n", "end_frame"),
            ("index.csv", "source_path,start_frame,end_frame,new_name\na,b,1,c.npy\n", "index.csv"),
            (
                "index.csv",
                "source_path,start_frame,end_frame,new_name\na,9,1,c.npy\n",
                "from frame 9",
            ),
            ("texts/000001.txt", "a#b#0.0#0.0\nno times\n", "000001.txt, line 2"),
            ("texts/000001.txt", "a#b#x#0.0\n", "\"x\" is no time"),
            ("texts/000001.txt", "a#b#3.0#2.0\n", "line 1: from 3 to 2 s"),
        ] {
            let folder = set();
            fs::write(folder.path().join(file), text).unwrap();
            let error = human_ml3d(folder.path(), None, &clips).unwrap_err();
            assert!(format!("{error:#}").contains(expected), "{error:#}");
        }
        let folder = set();
        fs::remove_file(folder.path().join("texts/M000001.txt")).unwrap();
        let split = folder.path().join("train.txt");
        let error = human_ml3d(folder.path(), Some(&split), &clips).unwrap_err();
        assert!(format!("{error:#}").contains("M000001.txt"), "{error:#}");
    }
}
