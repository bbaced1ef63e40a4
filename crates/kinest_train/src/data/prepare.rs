//! Packs downloaded clips into one file per split.

use super::clips;
use super::motion_store::{ClipRecord, FileStamp, MotionStore, StoreWriter};
use super::splits::{Download, Reason, Skipped, Split};
use anyhow::{Context, bail, ensure};
use kinest::files::write_atomically;
use kinest::motion::{Implausible, ImplausibleKind, MotionClip, MotionError, amass};
use kinest::skeleton::Skeleton;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Result of a preparation, written to `prepare.json`.
#[derive(Debug, Serialize)]
pub struct Report {
    data: PathBuf,
    rate_hz: f64,
    splits: Vec<SplitReport>,
}

#[derive(Debug, Serialize)]
struct SplitReport {
    name: String,
    #[serde(flatten)]
    total: Amount,
    subsets: BTreeMap<String, Amount>,
    skipped: Vec<Skipped>,
    implausible: Vec<Doubtful>,
}

/// A clip that no body moved like, and that was kept.
#[derive(Debug, Serialize)]
struct Doubtful {
    clip: String,
    problem: String,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Amount {
    clips: usize,
    frames: usize,
    hours: f64,
}

impl Amount {
    fn add(&mut self, frames: usize, rate_hz: f64) {
        self.clips += 1;
        self.frames += frames;
        self.hours = self.frames as f64 / rate_hz / 3600.0;
    }
}

impl SplitReport {
    fn new(
        name: String,
        store: Option<&MotionStore>,
        implausible: Vec<Doubtful>,
        skipped: Vec<Skipped>,
    ) -> Self {
        let (total, subsets) = (Amount::default(), BTreeMap::new());
        let mut report = Self { name, total, subsets, skipped, implausible };
        for (store, clip) in store.iter().flat_map(|s| s.clips().iter().map(move |c| (s, c))) {
            report.total.add(clip.frames, store.rate_hz());
            let subset = report.subsets.entry(clip.subset().to_owned()).or_default();
            subset.add(clip.frames, store.rate_hz());
        }
        report
    }
}

impl Report {
    /// Returns an error if a split has no clips.
    ///
    /// # Errors
    /// If one has none; the error names all of them.
    pub fn refuse_empty(&self) -> anyhow::Result<()> {
        let empty = self.splits.iter().filter(|s| s.total.clips == 0);
        let empty: Vec<&str> = empty.map(|s| s.name.as_str()).collect();
        ensure!(empty.is_empty(), "nothing is left of split {}", empty.join(", "));
        Ok(())
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:10} {:20} {:>7} {:>9} {:>7}",
            "split", "subset", "clips", "frames", "hours"
        )?;
        for split in &self.splits {
            let rows = split.subsets.iter().map(|(name, amount)| (name.as_str(), amount));
            for (subset, Amount { clips, frames, hours }) in rows.chain([("all", &split.total)]) {
                let name = &split.name;
                writeln!(f, "{name:10} {subset:20} {clips:>7} {frames:>9} {hours:>7.2}")?;
            }
        }
        let skipped = || self.splits.iter().flat_map(|s| s.skipped.iter().map(move |k| (s, k)));
        let mut reasons = BTreeMap::<(&str, Reason), usize>::new();
        for (split, skipped) in skipped() {
            *reasons.entry((&split.name, skipped.reason)).or_default() += 1;
        }
        if reasons.is_empty() {
            write!(f, "\nnothing skipped")?;
        } else {
            write!(f, "\n{:10} {:20} {:>7}", "split", "skipped", "clips")?;
        }
        for ((split, reason), count) in reasons {
            write!(f, "\n{split:10} {reason:20} {count:>7}")?;
        }
        for (split, Skipped { clip, reason, problem }) in skipped() {
            write!(f, "\n{:10} {reason:20} {clip}: {problem}", split.name)?;
        }
        for split in &self.splits {
            let count = split.implausible.len();
            if count > 0 {
                write!(
                    f,
                    "\n\n{}: {count} clips are implausible and were kept (--leave-out)",
                    split.name
                )?;
            }
            for Doubtful { clip, problem } in &split.implausible {
                write!(f, "\n  {clip}: {problem}")?;
            }
        }
        Ok(())
    }
}

/// Packs the clips of the folder `data` that `choose` selects into `out`, one file per split, at
/// `rate_hz`. Clips that are implausible in one of the ways to `leave_out` are skipped, others are
/// reported.
///
/// An interrupted run continues where it stopped; unchanged clips are not read again. What was found in them is kept
/// in `NAME.judged.jsonl`, because clips are judged as they are in their files: of every second frame, every second
/// pop is gone.
///
/// # Errors
/// If the folders or lists cannot be used, a split names missing clips (unless `allow_missing`), or
/// the disk is full. The next run reuses what was written.
pub fn prepare(
    data: &Path,
    out: &Path,
    rate_hz: f64,
    allow_missing: bool,
    leave_out: &[ImplausibleKind],
    choose: impl FnOnce(&Download<'_>) -> anyhow::Result<Vec<Split>>,
) -> anyhow::Result<Report> {
    let paths = clips::found(data)?;
    let paths: BTreeMap<String, PathBuf> =
        paths.into_iter().map(|path| (clips::name(&path), data.join(path))).collect();
    let splits = choose(&Download::new(paths.keys().map(String::as_str)))?;
    if !allow_missing {
        refuse_missing(&splits, data)?;
    }
    std::fs::create_dir_all(out)
        .with_context(|| format!("cannot make folder {}", out.display()))?;

    let mut report = Report { data: data.into(), rate_hz, splits: vec![] };
    for split in splits {
        report.splits.push(write_split(split, &paths, out, rate_hz, leave_out)?);
    }
    Ok(report)
}

fn refuse_missing(splits: &[Split], data: &Path) -> anyhow::Result<()> {
    let missing = |split: &Split| {
        let lines = split.skipped.iter().filter(|s| s.reason == Reason::Missing);
        lines.map(|s| format!("\n  {} ({})", s.clip, s.problem)).collect::<Vec<_>>()
    };
    let missing: Vec<String> = splits.iter().flat_map(missing).collect();
    if !missing.is_empty() {
        let (count, data) = (missing.len(), data.display());
        let list = missing.concat();
        bail!("{count} of what the splits name is not in {data}; --allow-missing goes on{list}");
    }
    Ok(())
}

/// Writes the file of one split, if it has clips.
fn write_split(
    split: Split,
    paths: &BTreeMap<String, PathBuf>,
    out: &Path,
    rate_hz: f64,
    leave_out: &[ImplausibleKind],
) -> anyhow::Result<SplitReport> {
    let Split { name, clips, mut skipped } = split;
    let path = out.join(format!("{name}.motion"));
    // A file deleted since the folder was listed gives an error when it is opened.
    let stamped: BTreeMap<&str, (&Path, FileStamp)> = clips
        .iter()
        .filter_map(|clip| Some((clip.as_str(), paths.get(clip)?.as_path())))
        .map(|(clip, path)| (clip, (path, FileStamp::of(path).unwrap_or_default())))
        .collect();
    let is_current =
        |clip: &str, stamp: FileStamp| stamped.get(clip).is_some_and(|(_, s)| *s == stamp);

    let judged_path = out.join(format!("{name}.judged.jsonl"));
    let mut judged = judged_earlier(&judged_path);
    judged.retain(|clip, judged| is_current(clip, judged.stamp()));
    let earlier = earlier(&path, rate_hz);
    let mut at_hand = BTreeMap::new();
    for (i, clip) in earlier.iter().flat_map(|s| s.clips().iter().enumerate()) {
        if is_current(&clip.name, clip.stamp) {
            at_hand.insert(clip.name.as_str(), i);
        }
    }
    let mut writer = StoreWriter::resume(&path, rate_hz, |clip| {
        let judged = judged.get(&clip.name).filter(|judged| judged.stamp() == clip.stamp);
        judged.is_some_and(|judged| judged.refused(leave_out).is_none())
    })?;
    let mut judgements = Judgements::start(&judged_path, judged.values())?;
    let left: Vec<_> =
        stamped.iter().filter(|(clip, _)| !writer.names().contains(**clip)).collect();
    let (done, again) = (writer.names().len(), left.len());
    eprintln!("{name}: {done} clips written already, {again} to do");

    let record = |(clip, (path, stamp)): &(&&str, &(&Path, FileStamp))| {
        let known = judged.get(**clip);
        if let Some(skipped) = known.and_then(|known| known.refused(leave_out)) {
            return Err(skipped);
        }
        let stored = earlier.as_ref().zip(at_hand.get(**clip)).filter(|_| known.is_some());
        if let Some(record) = stored.and_then(|(store, i)| store.record(*i)) {
            return Ok((None, record));
        }
        let (found, record) = read(clip, path, *stamp, rate_hz, leave_out)?;
        Ok((Some(found), record))
    };
    let mut fresh = BTreeMap::new();
    for record in clips::read_all("preparing", &left, record) {
        match record {
            Ok((found, record)) => {
                // Before the clip, so that none is without.
                if let Some(found) = found {
                    judgements.put(&found)?;
                    fresh.insert(found.clip.clone(), found);
                }
                writer.append(record)?;
            }
            Err(skip) => skipped.push(skip),
        }
    }
    // Some systems cannot replace a mapped file.
    drop(at_hand);
    drop(earlier);
    if writer.names().is_empty() {
        writer.discard()?;
        judgements.discard()?;
        return Ok(SplitReport::new(name, None, vec![], skipped));
    }
    writer.finish()?;
    let store = MotionStore::open(&path)?;
    judged.extend(fresh);
    let implausible = store.clips().iter().filter_map(|clip| judged.get(&clip.name)?.doubtful());
    let implausible = implausible.collect();
    Ok(SplitReport::new(name, Some(&store), implausible, skipped))
}

/// What is implausible about a clip, and in which version of its file.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Judged {
    clip: String,
    bytes: u64,
    changed_ns: u64,
    /// [`Implausible::RULES`] of who judged.
    rules: u32,
    found: Vec<Found>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Found {
    kind: ImplausibleKind,
    problem: String,
}

impl Judged {
    fn new(clip: &str, stamp: FileStamp, motion: &MotionClip) -> Self {
        let found = motion.implausible(&Skeleton::default());
        let found =
            found.iter().map(|found| Found { kind: found.kind(), problem: found.to_string() });
        let FileStamp { bytes, changed_ns } = stamp;
        let rules = Implausible::RULES;
        Self { clip: clip.into(), bytes, changed_ns, rules, found: found.collect() }
    }

    fn stamp(&self) -> FileStamp {
        FileStamp { bytes: self.bytes, changed_ns: self.changed_ns }
    }

    /// What is found, of the kinds for which `of` is true; empty if nothing is.
    fn problems(&self, of: impl Fn(ImplausibleKind) -> bool) -> String {
        let found = self.found.iter().filter(|found| of(found.kind));
        found.map(|found| found.problem.as_str()).collect::<Vec<_>>().join("; ")
    }

    /// Why the clip is left out, if it is.
    fn refused(&self, leave_out: &[ImplausibleKind]) -> Option<Skipped> {
        let problem = self.problems(|kind| leave_out.contains(&kind));
        let (clip, reason) = (self.clip.clone(), Reason::Implausible);
        (!problem.is_empty()).then_some(Skipped { clip, reason, problem })
    }

    fn doubtful(&self) -> Option<Doubtful> {
        let problem = self.problems(|_| true);
        (!problem.is_empty()).then(|| Doubtful { clip: self.clip.clone(), problem })
    }

    fn line(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

/// What an earlier run, finished or not, found in the clips that it wrote. A line that is damaged only means that a
/// clip is read again.
fn judged_earlier(path: &Path) -> BTreeMap<String, Judged> {
    let text = fs::read(path).unwrap_or_default();
    let lines = text.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| serde_json::from_slice::<Judged>(line).ok())
        .filter(|judged| judged.rules == Implausible::RULES)
        .map(|judged| (judged.clip.clone(), judged))
        .collect()
}

/// The file with a line of JSON for each clip.
struct Judgements {
    path: PathBuf,
    file: File,
}

impl Judgements {
    /// Starts it anew, with what is known.
    fn start<'a>(path: &Path, known: impl Iterator<Item = &'a Judged>) -> anyhow::Result<Self> {
        let write = || format!("cannot write {}", path.display());
        let lines = known.map(Judged::line).collect::<anyhow::Result<String>>()?;
        write_atomically(path, lines.as_bytes()).with_context(write)?;
        let file = File::options().append(true).open(path).with_context(write)?;
        Ok(Self { path: path.into(), file })
    }

    fn put(&mut self, judged: &Judged) -> anyhow::Result<()> {
        let written = self.file.write_all(judged.line()?.as_bytes());
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Removes the file.
    fn discard(self) -> anyhow::Result<()> {
        drop(self.file);
        fs::remove_file(&self.path)
            .with_context(|| format!("cannot remove {}", self.path.display()))
    }
}

/// The output of an earlier run, if usable.
fn earlier(path: &Path, rate_hz: f64) -> Option<MotionStore> {
    if !path.exists() {
        return None;
    }
    let store = MotionStore::open(path);
    let store = store.inspect_err(|error| eprintln!("{error:#}: written anew")).ok()?;
    (store.rate_hz() == rate_hz).then_some(store)
}

/// Reads a clip, judges it and encodes it.
fn read(
    clip: &str,
    path: &Path,
    stamp: FileStamp,
    rate_hz: f64,
    leave_out: &[ImplausibleKind],
) -> Result<(Judged, ClipRecord), Skipped> {
    let skip = |reason, problem| Skipped { clip: clip.into(), reason, problem };
    let motion = amass::load(path).map_err(|error| match error {
        MotionError::Field { field, problem, .. } => {
            let is_rate = amass::RATE_FIELDS.contains(&field);
            let reason = if is_rate { Reason::UnknownRate } else { Reason::BadData };
            skip(reason, format!("`{field}`: {problem}"))
        }
        other => skip(Reason::Unreadable, format!("{:#}", anyhow::Error::new(other))),
    })?;
    let resampled = motion.resampled(rate_hz);
    if resampled.frames.len() < 2 {
        let problem = format!("{} frames at {rate_hz} Hz; at least 2", resampled.frames.len());
        return Err(skip(Reason::TooShort, problem));
    }
    let record = ClipRecord::new(clip, stamp, &resampled);
    let record = record.map_err(|e| skip(Reason::BadData, e.to_string()))?;
    let judged = Judged::new(clip, stamp, &motion);
    match judged.refused(leave_out) {
        Some(skipped) => Err(skipped),
        None => Ok((judged, record)),
    }
}
