//! The clips to play, one after another.

use anyhow::{Context, ensure};
use bevy_kinest::kinest::capture::MotionFormat;
use bevy_kinest::kinest::motion::{MotionClip, synthetic};
use bevy_kinest::kinest::skeleton::Skeleton;
use kinest_stage::{RATE_HZ, load_motion};
use std::fs;
use std::path::{Path, PathBuf};

/// A clip of the playlist.
#[derive(Clone, Debug, PartialEq)]
enum Item {
    /// Synthetic.
    WalkAndWave,
    File(PathBuf),
}

/// Clips in order, at least one, and the current one.
#[derive(Clone, Debug)]
pub struct Playlist {
    items: Vec<Item>,
    at: usize,
}

impl Playlist {
    /// The synthetic clip only.
    pub fn walk_and_wave() -> Self {
        Self { items: vec![Item::WalkAndWave], at: 0 }
    }

    /// The motion file at `path`, or all in that folder, by name. Clips are loaded when their
    /// turn comes.
    ///
    /// # Errors
    /// If the folder cannot be read or holds none.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        if !path.is_dir() {
            return Ok(Self { items: vec![Item::File(path.into())], at: 0 });
        }
        let cannot = || format!("cannot read the folder {}", path.display());
        let mut files = Vec::new();
        for entry in fs::read_dir(path).with_context(cannot)? {
            let file = entry.with_context(cannot)?.path();
            if MotionFormat::of(&file).is_some() && file.is_file() {
                files.push(file);
            }
        }
        ensure!(!files.is_empty(), "{}: no motion file in this folder", path.display());
        files.sort();
        Ok(Self { items: files.into_iter().map(Item::File).collect(), at: 0 })
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Index of the current clip.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Moves forward or back by `clips` clips, wrapping around.
    pub fn skip(&mut self, clips: isize) {
        self.at = self.at.saturating_add_signed(clips.rem_euclid(self.len() as isize)) % self.len();
    }

    pub fn name(&self) -> String {
        match &self.items[self.at] {
            Item::WalkAndWave => "walk and wave".into(),
            Item::File(path) => path.display().to_string(),
        }
    }

    /// Loads the current clip at 60 frames per second.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn load(&self) -> anyhow::Result<MotionClip> {
        let clip = match &self.items[self.at] {
            Item::WalkAndWave => synthetic::walk_and_wave(&Skeleton::default()),
            Item::File(path) => load_motion(path)?,
        };
        Ok(clip.resampled(RATE_HZ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bevy_kinest::kinest::motion::amass;

    #[test]
    fn a_folder_is_played_by_name_round_and_round() {
        let folder = tempfile::tempdir().unwrap();
        let error = Playlist::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("no motion file in this folder"), "{error}");
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
    fn a_single_clip_is_a_playlist() {
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
