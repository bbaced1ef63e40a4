//! Many clips of one rate: a prepared `.motion` file, memory-mapped, or the same bytes in memory.
//!
//! A file has a header, a record per clip in any order, and an end record. Everything is
//! little-endian.
//!
//! | bytes | header |
//! |---|---|
//! | 8 | `kmotion` and a line feed |
//! | 4 | version of the format, 1 |
//! | 4 | numbers of a frame, 69 |
//! | 8 | frames per second, `f64` |
//!
//! | bytes | record |
//! |---|---|
//! | 4 | CRC-32C of the rest of the record |
//! | 4 | `clip`, or `end.` |
//! | 4 | length `n` of the name |
//! | 8 | frames; at the end, how many clips there are |
//! | 8 | size of the file that the clip was read from |
//! | 8 | when that file was changed, nanoseconds since 1970 |
//! | `n` | the name, UTF-8 |
//! | 276 for each frame | `f32`: translation (metres), then each joint's axis-angle, AMASS space |
//!
//! Each record is independent, so a truncated file is valid up to its last complete record. A
//! finished file is only ever replaced, never changed, so that processes which have it open keep
//! the old contents.

use super::subsets::subset_of;
use anyhow::{Context, bail, ensure};
use glam::DVec3;
use kinest::motion::{ClipFrame, MotionClip};
use kinest::skeleton::SmplJoint;
use memmap2::Mmap;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

const MAGIC: &[u8; 8] = b"kmotion\n";
const VERSION: u32 = 1;
const HEADER: usize = 24;

/// Numbers per frame.
const WIDTH: usize = 3 + 3 * SmplJoint::COUNT;
/// Bytes per frame.
const ROW: usize = 4 * WIDTH;

/// Bytes of a record before its name.
const FIXED: usize = 36;
const CLIP: &[u8; 4] = b"clip";
const END: &[u8; 4] = b"end.";

/// Identifies a version of a file, to detect changes since it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileStamp {
    /// Size of the file.
    pub bytes: u64,
    /// Time of the last change, nanoseconds since 1970.
    pub changed_ns: u64,
}

impl FileStamp {
    /// The version of the file at `path`.
    ///
    /// # Errors
    /// If the operating system does not provide its metadata.
    pub fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let since = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self { bytes: metadata.len(), changed_ns: since.as_nanos() as u64 })
    }
}

/// A clip of a store, without its frames.
#[derive(Clone, Debug)]
pub struct StoredClip {
    /// Path inside the data folder, with `/` on every platform.
    pub name: String,
    /// Number of frames.
    pub frames: usize,
    /// Version of the file it was read from.
    pub stamp: FileStamp,
    /// Range of its frames in the bytes.
    place: Range<usize>,
    bytes: Arc<Bytes>,
}

impl StoredClip {
    /// The collection it belongs to, see [`subset_of`].
    #[must_use]
    pub fn subset(&self) -> &str {
        subset_of(&self.name)
    }

    fn record(&self) -> &[u8] {
        &self.bytes[self.place.clone()]
    }
}

/// A clip encoded as a record.
#[derive(Clone, Debug, PartialEq)]
pub struct ClipRecord {
    name: String,
    bytes: Vec<u8>,
}

impl ClipRecord {
    /// Encodes the frames of `clip`. Its rate is stored in the header.
    ///
    /// # Errors
    /// If a number does not fit `f32`.
    pub fn new(name: &str, stamp: FileStamp, clip: &MotionClip) -> anyhow::Result<Self> {
        let mut bytes = record(CLIP, name, clip.frames.len() as u64, stamp)?;
        bytes.reserve_exact(clip.frames.len() * ROW);
        for (i, frame) in clip.frames.iter().enumerate() {
            for number in std::iter::once(&frame.translation).chain(&frame.rotations) {
                let number = number.as_vec3();
                ensure!(number.is_finite(), "frame {i}: a number is too large");
                bytes.extend(number.to_array().iter().flat_map(|v| v.to_le_bytes()));
            }
        }
        Ok(Self { name: name.to_owned(), bytes: sealed(bytes) })
    }
}

/// The end record after `clips` clips.
fn end_record(clips: usize) -> anyhow::Result<Vec<u8>> {
    Ok(sealed(record(END, "", clips as u64, FileStamp::default())?))
}

/// A record up to its frames, without the checksum.
fn record(kind: &[u8; 4], name: &str, count: u64, stamp: FileStamp) -> anyhow::Result<Vec<u8>> {
    let length = u32::try_from(name.len()).context("the name is too long")?;
    let mut bytes = vec![0; 4];
    bytes.extend(kind);
    bytes.extend(length.to_le_bytes());
    for number in [count, stamp.bytes, stamp.changed_ns] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(name.as_bytes());
    Ok(bytes)
}

fn sealed(mut record: Vec<u8>) -> Vec<u8> {
    let checksum = crc32c::crc32c(&record[4..]);
    record[..4].copy_from_slice(&checksum.to_le_bytes());
    record
}

fn is_intact(record: &[u8]) -> bool {
    record[..4] == crc32c::crc32c(&record[4..]).to_le_bytes()
}

fn header(rate_hz: f64) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend((WIDTH as u32).to_le_bytes());
    bytes.extend(rate_hz.to_le_bytes());
    bytes
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|b| u64::from_le_bytes(*b))
}

/// Reads the rate from a header.
fn read_header(bytes: &[u8]) -> anyhow::Result<f64> {
    ensure!(bytes.starts_with(MAGIC), "not a motion store");
    let cut = "cut short: the header is not whole";
    let version = u32_at(bytes, 8).context(cut)?;
    ensure!(version == VERSION, "version {version} of the format, this program knows {VERSION}");
    let width = u32_at(bytes, 12).context(cut)?;
    ensure!(width as usize == WIDTH, "{width} numbers in a frame, expected {WIDTH}");
    let rate_hz = f64::from_bits(u64_at(bytes, 16).context(cut)?);
    ensure!(rate_hz.is_finite() && rate_hz > 0.0, "{rate_hz} Hz is not a frame rate");
    Ok(rate_hz)
}

enum Record {
    Clip(StoredClip),
    /// Number of clips, and length of the file.
    End(u64, usize),
}

/// Reads the record at `start`.
fn read_record(bytes: &Arc<Bytes>, start: usize) -> anyhow::Result<Record> {
    let cut = || format!("cut short: it ends at byte {} inside a record", bytes.len());
    let number = |at| u64_at(bytes, start + at).with_context(cut);
    let kind = bytes.get(start + 4..).and_then(<[u8]>::first_chunk).with_context(cut)?;
    let name = u32_at(bytes, start + 8).with_context(cut)? as usize;
    let (count, stamp) = (number(12)?, FileStamp { bytes: number(20)?, changed_ns: number(28)? });
    if kind == END {
        return Ok(Record::End(count, start + FIXED + name));
    }
    ensure!(kind == CLIP, "byte {}: neither a clip nor the end", start + 4);
    let rows = start + FIXED + name;
    let end = usize::try_from(count).ok().and_then(|n| n.checked_mul(ROW)?.checked_add(rows));
    let end = end.filter(|end| *end <= bytes.len()).with_context(cut)?;
    let name = str::from_utf8(&bytes[start + FIXED..rows])
        .with_context(|| format!("byte {}: the name is not UTF-8", start + FIXED))?;
    let (name, frames) = (name.to_owned(), count as usize);
    let (place, bytes) = (start..end, bytes.clone());
    Ok(Record::Clip(StoredClip { name, frames, stamp, place, bytes }))
}

/// Maps the whole file into memory.
#[expect(unsafe_code, reason = "a mapped file is whatever other programs make of it")]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: this program does not change the bytes of a mapped file: finished stores are replaced
    // by renaming, and the one being written is locked and unmapped before it is written to. If
    // another program writes to it, every use copies bytes out, and any bytes are a valid `f32`. If
    // another program truncates it, the operating system kills this process.
    unsafe { Mmap::map(file) }
}

#[derive(Debug)]
enum Bytes {
    Mapped(Mmap),
    Held(Vec<u8>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(bytes) => bytes,
            Self::Held(bytes) => bytes,
        }
    }
}

/// Clips of one rate, sorted by name, folder by folder.
#[derive(Debug)]
pub struct MotionStore {
    rate_hz: f64,
    clips: Vec<StoredClip>,
}

impl MotionStore {
    /// Maps the finished store at `path`. Frames are read from disk on use.
    ///
    /// # Errors
    /// If the file cannot be read, is not a motion store, has another version, or is incomplete.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let bytes = File::open(path).and_then(|file| map(&file));
        let bytes = bytes.with_context(|| format!("cannot read {}", path.display()))?;
        Self::new(Bytes::Mapped(bytes)).with_context(|| format!("{}", path.display()))
    }

    /// Keeps records of clips at `rate_hz` in memory.
    ///
    /// # Errors
    /// If one of `records` is an error, or two have the same name.
    pub fn from_records(
        rate_hz: f64,
        records: impl IntoIterator<Item = anyhow::Result<ClipRecord>>,
    ) -> anyhow::Result<Self> {
        let mut bytes = header(rate_hz);
        let mut clips = 0;
        for record in records {
            bytes.extend(record?.bytes);
            clips += 1;
        }
        bytes.extend(end_record(clips)?);
        Self::new(Bytes::Held(bytes))
    }

    fn new(bytes: Bytes) -> anyhow::Result<Self> {
        let rate_hz = read_header(&bytes)?;
        let bytes = Arc::new(bytes);
        let mut clips: Vec<StoredClip> = vec![];
        let mut at = HEADER;
        loop {
            match read_record(&bytes, at)? {
                Record::Clip(clip) => {
                    at = clip.place.end;
                    clips.push(clip);
                }
                Record::End(count, end) => {
                    ensure!(count == clips.len() as u64, "{} clips of {count}", clips.len());
                    ensure!(end == bytes.len(), "{} bytes long, expected {end}", bytes.len());
                    break;
                }
            }
        }
        sort(&mut clips);
        if let Some([clip, _]) = clips.array_windows().find(|[a, b]| a.name == b.name) {
            bail!("clip {} is there twice", clip.name);
        }
        Ok(Self { rate_hz, clips })
    }

    /// Frame rate of all clips, Hz.
    #[must_use]
    pub fn rate_hz(&self) -> f64 {
        self.rate_hz
    }

    /// The clips, sorted by name.
    #[must_use]
    pub fn clips(&self) -> &[StoredClip] {
        &self.clips
    }

    /// Removes the clips for which `keep` is false.
    pub fn retain(&mut self, keep: impl FnMut(&StoredClip) -> bool) {
        self.clips.retain(keep);
    }

    /// Splits into the clips for which `first` is true and the others.
    #[must_use]
    pub fn partition(self, first: impl FnMut(&StoredClip) -> bool) -> (Self, Self) {
        let (first, second) = self.clips.into_iter().partition(first);
        let store = |clips| Self { rate_hz: self.rate_hz, clips };
        (store(first), store(second))
    }

    /// Adds the clips of `other`, except those whose names are already there.
    ///
    /// # Errors
    /// If `other` has another rate.
    pub fn merge(&mut self, other: Self) -> anyhow::Result<()> {
        let (here, there) = (self.rate_hz, other.rate_hz);
        ensure!(here == there, "clips at {there} Hz cannot be put to clips at {here} Hz");
        self.clips.extend(other.clips);
        sort(&mut self.clips);
        self.clips.dedup_by(|a, b| a.name == b.name);
        Ok(())
    }

    /// Frame `index` of clip `clip`.
    ///
    /// # Panics
    /// If there is no such clip or frame.
    #[must_use]
    pub fn frame(&self, clip: usize, index: usize) -> ClipFrame {
        let StoredClip { frames, place, bytes, .. } = &self.clips[clip];
        assert!(index < *frames, "frame {index} of {frames}");
        let row = &bytes[place.end - (frames - index) * ROW..][..ROW];
        let (numbers, _) = row.as_chunks::<4>();
        let vector = |i: usize| {
            DVec3::from_array(std::array::from_fn(|k| {
                f64::from(f32::from_le_bytes(numbers[3 * i + k]))
            }))
        };
        ClipFrame { translation: vector(0), rotations: std::array::from_fn(|j| vector(1 + j)) }
    }

    /// A range of frames of clip `clip`.
    ///
    /// # Panics
    /// If there is no such clip or frame.
    #[must_use]
    pub fn section(&self, clip: usize, frames: Range<usize>) -> MotionClip {
        let frames = frames.map(|i| self.frame(clip, i)).collect();
        MotionClip { rate_hz: self.rate_hz, frames }
    }

    /// Clip `clip`.
    ///
    /// # Panics
    /// If there is no such clip.
    #[must_use]
    pub fn clip(&self, clip: usize) -> MotionClip {
        self.section(clip, 0..self.clips[clip].frames)
    }

    /// Clip `clip` as stored, if its checksum is correct. This reads all of it.
    ///
    /// # Panics
    /// If there is no such clip.
    #[must_use]
    pub fn record(&self, clip: usize) -> Option<ClipRecord> {
        let clip = &self.clips[clip];
        let bytes = clip.record();
        is_intact(bytes).then(|| ClipRecord { name: clip.name.clone(), bytes: bytes.to_vec() })
    }
}

fn sort(clips: &mut [StoredClip]) {
    clips.sort_by(|a, b| a.name.split('/').cmp(b.name.split('/')));
}

/// Writes a store as `NAME.motion.partial`, and renames it when finished.
#[derive(Debug)]
pub struct StoreWriter {
    path: PathBuf,
    partial: PathBuf,
    file: File,
    names: BTreeSet<String>,
}

impl StoreWriter {
    /// Creates the store at `path`, or continues an interrupted one: keeps its records up to the
    /// first that is damaged or not `current`.
    ///
    /// # Errors
    /// If the folder cannot be written to, or another process is writing this store.
    pub fn resume(
        path: &Path,
        rate_hz: f64,
        current: impl Fn(&StoredClip) -> bool,
    ) -> anyhow::Result<Self> {
        let mut partial = OsString::from(path);
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let write = || format!("cannot write {}", partial.display());
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&partial)
            .with_context(write)?;
        // On file systems without locks, no other process is assumed to write.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            bail!("another run is writing {}", partial.display());
        }

        let bytes = map(&file).with_context(|| format!("cannot read {}", partial.display()))?;
        let bytes = Arc::new(Bytes::Mapped(bytes));
        let mut names = BTreeSet::new();
        let mut end = 0;
        if read_header(&bytes).is_ok_and(|rate| rate == rate_hz) {
            end = HEADER;
            while let Ok(Record::Clip(clip)) = read_record(&bytes, end) {
                let good = is_intact(clip.record()) && current(&clip);
                if !good || !names.insert(clip.name) {
                    break;
                }
                end = clip.place.end;
            }
        }
        drop(bytes);
        file.set_len(end as u64).with_context(write)?;
        file.seek(SeekFrom::End(0)).with_context(write)?;
        let mut writer = Self { path: path.into(), partial, file, names };
        if end == 0 {
            writer.put(&header(rate_hz))?;
        }
        Ok(writer)
    }

    /// Names of the clips written so far.
    #[must_use]
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// Appends a clip. It survives a kill of the process.
    ///
    /// # Errors
    /// If it cannot be written, for instance because the disk is full.
    pub fn append(&mut self, record: ClipRecord) -> anyhow::Result<()> {
        self.put(&record.bytes)?;
        self.names.insert(record.name);
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let written = self.file.write_all(bytes);
        written.with_context(|| format!("cannot write {}", self.partial.display()))
    }

    /// Finishes the store and renames it.
    ///
    /// # Errors
    /// If that fails; the clips are kept for another attempt.
    pub fn finish(mut self) -> anyhow::Result<()> {
        self.put(&end_record(self.names.len())?)?;
        let moved = self.file.sync_all().and_then(|()| {
            drop(self.file);
            fs::rename(&self.partial, &self.path)
        });
        moved.with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Removes the unfinished file.
    ///
    /// # Errors
    /// If the file cannot be removed.
    pub fn discard(self) -> anyhow::Result<()> {
        drop(self.file);
        fs::remove_file(&self.partial)
            .with_context(|| format!("cannot remove {}", self.partial.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that `f32` represents exactly, different in each place.
    fn clip(frames: usize, first: f64) -> MotionClip {
        let vector = |i: usize, j: usize| {
            let v = first + i as f64 + j as f64 / 32.0;
            DVec3::new(v, -v, v / 2.0)
        };
        let frame = |i| ClipFrame {
            translation: vector(i, 30),
            rotations: std::array::from_fn(|j| vector(i, j)),
        };
        MotionClip { rate_hz: 60.0, frames: (0..frames).map(frame).collect() }
    }

    const STAMP: FileStamp = FileStamp { bytes: 5, changed_ns: 7 };

    fn packed(name: &str, clip: &MotionClip) -> ClipRecord {
        ClipRecord::new(name, STAMP, clip).unwrap()
    }

    fn write(path: &Path, clips: &[(&str, MotionClip)]) {
        let mut writer = StoreWriter::resume(path, 60.0, |_| true).unwrap();
        for (name, clip) in clips {
            writer.append(packed(name, clip)).unwrap();
        }
        writer.finish().unwrap();
    }

    fn some_clips() -> [(&'static str, MotionClip); 3] {
        [("CMU/b", clip(4, 0.0)), ("CMU/a", clip(9, 100.0)), ("SFU/ü", clip(2, 200.0))]
    }

    #[test]
    fn a_mapped_store_is_sorted_and_equals_one_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.motion");
        write(&path, &some_clips());
        let mapped = MotionStore::open(&path).unwrap();
        // An open store stays valid when its file is removed.
        fs::remove_file(&path).unwrap();
        let records = some_clips().map(|(name, clip)| Ok(packed(name, &clip)));
        let held = MotionStore::from_records(60.0, records).unwrap();
        for store in [mapped, held] {
            let names: Vec<_> =
                store.clips().iter().map(|c| (c.name.as_str(), c.subset(), c.frames)).collect();
            assert_eq!(names, [("CMU/a", "CMU", 9), ("CMU/b", "CMU", 4), ("SFU/ü", "SFU", 2)]);
            assert_eq!((store.rate_hz(), store.clips()[1].stamp), (60.0, STAMP));
            assert_eq!(store.clip(0), clip(9, 100.0));
            assert_eq!(store.frame(1, 3), clip(4, 0.0).frames[3]);
            assert_eq!(store.section(0, 2..5).frames, clip(9, 100.0).frames[2..5]);
            assert_eq!(store.record(2), Some(packed("SFU/ü", &clip(2, 200.0))));
        }
    }

    /// Opening any truncated or extended file is an error, not a panic.
    #[test]
    fn incomplete_files_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.motion");
        write(&path, &some_clips());
        let whole = fs::read(&path).unwrap();
        let refused = |bytes: &[u8], expected: &str| {
            fs::write(&path, bytes).unwrap();
            let error = format!("{:#}", MotionStore::open(&path).unwrap_err());
            assert!(error.contains("a.motion") && error.contains(expected), "{error}");
        };
        for length in (HEADER..whole.len()).step_by(13) {
            refused(&whole[..length], "cut short");
        }
        refused(&whole[..12], "cut short");
        refused(b"", "not a motion store");
        refused(b"PK\x03\x04 an archive", "not a motion store");
        refused(&[&whole[..], b"more"].concat(), "bytes long");
        let with = |at: usize, new: &[u8]| {
            let mut bytes = whole.clone();
            bytes[at..at + new.len()].copy_from_slice(new);
            bytes
        };
        refused(&with(8, &[2]), "version 2");
        refused(&with(12, &[75]), "75 numbers");
        refused(&with(16, &f64::NAN.to_le_bytes()), "NaN Hz");
        refused(&with(HEADER + 4, b"film"), "neither a clip nor the end");
        refused(&with(HEADER + 12, &[0xff; 8]), "cut short");
        refused(&with(HEADER + FIXED, &[0xff]), "not UTF-8");
        refused(&with(HEADER + FIXED, b"CMU/a"), "CMU/a is there twice");
        let end = whole.len() - FIXED;
        refused(&with(end + 12, &[4]), "3 clips of 4");
        let missing = MotionStore::open(&folder.path().join("none.motion")).unwrap_err();
        assert!(missing.to_string().contains("none.motion"));
    }

    #[test]
    fn writing_continues_after_the_last_valid_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.motion");
        let partial = folder.path().join("a.motion.partial");
        write(&path, &some_clips());
        let whole = fs::read(&path).unwrap();
        let names = |bytes: &[u8], rate_hz: f64, current: &dyn Fn(&StoredClip) -> bool| {
            fs::write(&partial, bytes).unwrap();
            let writer = StoreWriter::resume(&path, rate_hz, current).unwrap();
            writer.names().iter().cloned().collect::<Vec<_>>().join(" ")
        };
        let second = HEADER + FIXED + 5 + 4 * ROW;
        let mut damaged = whole.clone();
        damaged[second + 99] ^= 1;
        assert_eq!(names(&whole, 60.0, &|_| true), "CMU/a CMU/b SFU/ü");
        assert_eq!(names(&whole, 60.0, &|clip| clip.name != "CMU/a"), "CMU/b");
        assert_eq!(names(&whole, 30.0, &|_| true), "");
        assert_eq!(names(b"something else", 60.0, &|_| true), "");
        assert_eq!(names(&damaged, 60.0, &|_| true), "CMU/b");
        assert_eq!(names(&whole[..second + 500], 60.0, &|_| true), "CMU/b");
        // Continuing with the rest of the clips gives the same file.
        write(&path, &some_clips()[1..]);
        assert_eq!(fs::read(&path).unwrap(), whole);
        assert!(!partial.exists());
    }

    #[test]
    fn damage_is_detected_before_a_record_is_copied() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.motion");
        write(&path, &some_clips());
        let mut bytes = fs::read(&path).unwrap();
        bytes[HEADER + FIXED + 99] ^= 1;
        fs::write(&path, bytes).unwrap();
        let store = MotionStore::open(&path).unwrap();
        let good: Vec<_> = (0..3).map(|i| store.record(i).is_some()).collect();
        assert_eq!(good, [true, false, true], "CMU/b is the first in the file");
    }

    #[test]
    fn two_processes_cannot_write_one_store() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.motion");
        let first = StoreWriter::resume(&path, 60.0, |_| true).unwrap();
        let error = StoreWriter::resume(&path, 60.0, |_| true).unwrap_err().to_string();
        assert!(error.contains("another run"), "{error}");
        first.discard().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn stores_are_split_and_merged() {
        let store = |names: &[&str]| {
            let record = |name: &&str| Ok(packed(name, &clip(name.len(), 0.0)));
            MotionStore::from_records(60.0, names.iter().map(record)).unwrap()
        };
        let names = |store: &MotionStore| -> String {
            store.clips().iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(" ")
        };
        let all = store(&["a-b/c", "a/cc", "b", "a/c"]);
        assert_eq!(names(&all), "a/c a/cc a-b/c b", "as paths are sorted");
        let (mut some, others) = all.partition(|clip| clip.name.starts_with("a/"));
        assert_eq!((names(&some), names(&others)), ("a/c a/cc".into(), "a-b/c b".into()));
        some.merge(store(&["a/c", "a/b"])).unwrap();
        some.merge(others).unwrap();
        assert_eq!(names(&some), "a/b a/c a/cc a-b/c b");
        assert_eq!(some.clip(2).frames, clip(4, 0.0).frames, "each from its own bytes");
        let slow = MotionStore::from_records(30.0, []).unwrap();
        assert!(some.merge(slow).unwrap_err().to_string().contains("30 Hz"));
    }

    #[test]
    fn numbers_that_would_become_infinite_are_refused() {
        let mut clip = clip(3, 0.0);
        clip.frames[2].rotations[5].y = 1e300;
        let error = ClipRecord::new("a", STAMP, &clip).unwrap_err().to_string();
        assert!(error.contains("frame 2"), "{error}");
    }
}
