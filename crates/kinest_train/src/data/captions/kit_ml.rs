//! KIT-ML with the names of AMASS: a JSON file, as TMR and others distribute it.

use super::{ClipNames, Span, Told, joined, listed};
use anyhow::{Context, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// An annotated motion.
#[derive(Deserialize)]
struct Motion {
    path: String,
    duration: f64,
    annotations: Vec<Annotation>,
}

/// A text about a part of it.
#[derive(Deserialize)]
struct Annotation {
    text: String,
    start: f64,
    end: f64,
}

/// Captions of the file about clips, of the motions in `split`, or of all.
///
/// # Errors
/// If a file cannot be read, is not in the set's form, or a time is not within its motion; the error
/// names the file and the motion.
pub fn kit_ml(path: &Path, split: Option<&Path>, clips: &ClipNames) -> anyhow::Result<Told> {
    let listed_in_split = listed(split)?;
    let file = || format!("captions {}", path.display());
    let text = fs::read_to_string(path).with_context(file)?;
    let motions: BTreeMap<String, Motion> = serde_json::from_str(&text).with_context(file)?;
    let mut told = Told::default();
    for (id, Motion { path, duration, annotations }) in motions {
        if !listed_in_split(&id) {
            continue;
        }
        let mut spans = vec![];
        for Annotation { text, start, end } in annotations {
            // Also false for NaN. Durations are rounded.
            ensure!(
                0.0 <= start && start < end && end <= duration + 0.1,
                "{}: motion {id}: {start} to {end} s is not within its {duration} s",
                file()
            );
            spans.push(Span { start_s: start, end_s: end, mirrored: false, texts: vec![text] });
        }
        told.add(clips, &path, joined(spans));
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: &str = r#"{
        "00001": {"path": "CMU/02/02_01_poses", "duration": 5.2, "fps": 100, "annotations": [
            {"seg_id": "00001_0", "text": "A person walks.", "start": 0.0, "end": 5.2},
            {"seg_id": "00001_1", "text": "Somebody walks.", "start": 0.0, "end": 5.2},
            {"seg_id": "00001_2", "text": "He turns.", "start": 2.0, "end": 4.0}]},
        "00002": {"path": "KIT/3/kick_high_left02_poses", "duration": 3.0, "annotations": []},
        "00003": {"path": "CMU/9/09_01_poses", "duration": 2.0, "annotations": [
            {"seg_id": "00003_0", "text": "Someone runs.", "start": 0.0, "end": 2.0}]}
    }"#;

    fn load(text: &str, split: Option<&str>) -> anyhow::Result<Told> {
        let folder = tempfile::tempdir().unwrap();
        let [file, list] = ["kit.json", "list.txt"].map(|name| folder.path().join(name));
        fs::write(&file, text).unwrap();
        fs::write(&list, split.unwrap_or_default()).unwrap();
        let clips = ClipNames::new(["CMU/02/02_01_poses.npz", "CMU/09/09_01_poses.npz"]);
        kit_ml(&file, split.map(|_| list.as_path()), &clips)
    }

    #[test]
    fn captions_are_read_with_their_times() {
        let told = load(SET, None).unwrap();
        assert_eq!((told.spans.len(), told.missing), (2, 1));
        let [whole, part] = &told.spans["CMU/02/02_01_poses.npz"][..] else { panic!("two spans") };
        assert_eq!((whole.start_s, whole.end_s), (0.0, 5.2));
        assert_eq!(whole.texts, ["A person walks.", "Somebody walks."]);
        assert_eq!((part.start_s, part.end_s, part.texts.len()), (2.0, 4.0, 1));
        let some = load(SET, Some("00003\n")).unwrap();
        assert_eq!(some.spans["CMU/09/09_01_poses.npz"][0].texts, ["Someone runs."]);
        assert_eq!((some.spans.len(), some.missing), (1, 0));
    }

    #[test]
    fn what_is_not_in_the_form_is_named() {
        for (from, to, expected) in [
            ("\"start\": 2.0", "\"start\": 4.5", "motion 00001: 4.5 to 4 s"),
            ("\"end\": 4.0", "\"end\": 9.0", "not within its 5.2 s"),
            ("\"duration\": 3.0,", "", "duration"),
            ("\"text\": \"He turns.\"", "\"words\": 3", "text"),
        ] {
            let error = format!("{:#}", load(&SET.replace(from, to), None).unwrap_err());
            assert!(error.contains("kit.json") && error.contains(expected), "{error}");
        }
    }
}
