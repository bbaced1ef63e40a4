//! Inside `kinest` a file may use its own layer and those below it, never one above.

use std::fs;
use std::path::{Path, PathBuf};

/// Lowest first. What stands together may use each other.
const LAYERS: [&[&str]; 8] = [
    &["rotation", "coordinates", "easing", "files", "math"],
    &["skeleton"],
    &["tracker", "motion", "metrics", "rig"],
    &["calibration", "refine"],
    &["features"],
    &["model"],
    &["live"],
    &["lib"],
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

/// The top modules that `text` names after `crate::`, as `crate::features::Axes` or in a list
/// `use crate::{features::Axes, model}`; comments left out.
fn imports(text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().map(|l| l.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    let word = |s: &str| -> String {
        s.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut found = vec![];
    for after in code.split("crate::").skip(1) {
        let Some(list) = after.strip_prefix('{') else {
            found.push(word(after));
            continue;
        };
        // The names that stand at the list's own level.
        let mut depth = 0;
        let mut start = true;
        for (i, c) in list.char_indices() {
            if start && depth == 0 && !c.is_whitespace() {
                found.push(word(&list[i..]));
                start = false;
            }
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                _ => {}
            }
        }
        found.retain(|name| !name.is_empty());
    }
    found
}

#[test]
fn imports_go_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&root);
    let mut seen = 0;
    for file in &files {
        let inside = file.strip_prefix(&root).unwrap();
        let module = inside.iter().next().unwrap().to_string_lossy();
        let module = module.trim_end_matches(".rs");
        let own = layer(module);
        assert!(own.is_some(), "{}: `{module}` has no layer: give it one here", inside.display());
        for import in imports(&fs::read_to_string(file).unwrap()) {
            assert!(
                layer(&import) <= own && layer(&import).is_some(),
                "{} uses `{import}`, which is not below `{module}`",
                inside.display()
            );
            seen += 1;
        }
    }
    assert!(files.len() > 10 && seen > 20, "{} files, {seen} imports: looked in vain", files.len());
}

#[test]
fn the_scan_finds_what_is_imported() {
    let text = "use crate::{model::{A, B}, motion,\n  tracker::C};\n// crate::live\nlet x = crate::features::f();";
    assert_eq!(imports(text), ["model", "motion", "tracker", "features"]);
}
