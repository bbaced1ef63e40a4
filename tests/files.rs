//! Finds files for tests.

use std::path::{Path, PathBuf};

/// Files with one of these endings, in lower case, at any depth of a folder, sorted.
pub fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut found = vec![];
    for path in entries.map(|entry| entry.unwrap().path()) {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if endings.contains(&ending.as_str()) {
            found.push(path);
        }
    }
    found.sort();
    found
}
