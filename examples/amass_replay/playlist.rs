//! Which clips are played, one after the other.

use anyhow::{Context, ensure};
use bevy_kinest::kinest::motion::{MotionClip, amass, synthetic};
use bevy_kinest::kinest::skeleton::Skeleton;
use kinest_stage::RATE_HZ;
use std::fs;
use std::path::{Path, PathBuf};

/// A clip that is played.
#[derive(Clone, Debug, PartialEq)]
enum Item {
    /// Made by code.
    WalkAndWave,
    File(PathBuf),
}

/// Clips in their order, at least one, and the one whose turn it is.
#[derive(Clone, Debug)]
pub struct Playlist {
    items: Vec<Item>,
    at: usize,
}

impl Playlist {
    /// The clip made by code.
    pub fn walk_and_wave() -> Self {
        Self { items: vec![Item::WalkAndWave], at: 0 }
    }

    /// The AMASS clip at `path`, or all that are in the folder there, by name. Clips are read when their
    /// turn comes.
    ///
    /// # Errors
    /// If the folder cannot be read or has no `.npz` in it.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        if !path.is_dir() {
            return Ok(Self { items: vec![Item::File(path.into())], at: 0 });
        }
        let cannot = || format!("cannot read the folder {}", path.display());
        let mut files = Vec::new();
        for entry in fs::read_dir(path).with_context(cannot)? {
            let file = entry.with_context(cannot)?.path();
            if file.extension().is_some_and(|extension| extension == "npz") && file.is_file() {
                files.push(file);
            }
        }
        ensure!(!files.is_empty(), "{}: no .npz in this folder", path.display());
        files.sort();
        Ok(Self { items: files.into_iter().map(Item::File).collect(), at: 0 })
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Number of the clip whose turn it is, from 0.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Goes on by so many clips, or back; round and round.
    pub fn skip(&mut self, clips: isize) {
        self.at = self.at.saturating_add_signed(clips.rem_euclid(self.len() as isize)) % self.len();
    }

    pub fn name(&self) -> String {
        match &self.items[self.at] {
            Item::WalkAndWave => "walk and wave".into(),
            Item::File(path) => path.display().to_string(),
        }
    }

    /// The clip whose turn it is, 60 frames a second.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn load(&self) -> anyhow::Result<MotionClip> {
        let clip = match &self.items[self.at] {
            Item::WalkAndWave => synthetic::walk_and_wave(&Skeleton::default()),
            Item::File(path) => amass::load(path)?,
        };
        Ok(clip.resampled(RATE_HZ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_played_by_name_round_and_round() {
        let folder = tempfile::tempdir().unwrap();
        let error = Playlist::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("no .npz in this folder"), "{error}");
        for name in ["b.npz", "a.npz", "c.npz", "notes.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join("d.npz")).unwrap();

        let mut list = Playlist::open(folder.path()).unwrap();
        assert_eq!(list.len(), 3);
        let mut after = |clips| {
            list.skip(clips);
            list.name().rsplit(['/', '\\']).next().unwrap().to_owned()
        };
        let names = [0, 1, 1, 1, -1, -4, 7].map(&mut after);
        assert_eq!(names, ["a.npz", "b.npz", "c.npz", "a.npz", "c.npz", "b.npz", "c.npz"]);
        assert!(list.load().is_err(), "an empty file is no clip");
    }

    #[test]
    fn one_clip_is_a_list_too() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("walk.npz");
        let clip = synthetic::walk_and_wave(&Skeleton::default());
        amass::save(&file, &clip, "neutral").unwrap();
        for mut list in [Playlist::walk_and_wave(), Playlist::open(&file).unwrap()] {
            list.skip(-1);
            assert_eq!((list.len(), list.at()), (1, 0));
            let loaded = list.load().unwrap();
            assert_eq!(loaded.rate_hz, RATE_HZ);
            assert!((loaded.duration() - clip.duration()).abs() < 2.0 / RATE_HZ);
        }
    }
}
