//! Sequences of joint positions, in memory and as a prepared file.
//!
//! A prepared file, `SPLIT.positions`, is a safetensors file with a tensor `[frames, numbers]` for
//! each sequence and one header entry with the rest.

use super::facts::Benchmark;
use anyhow::{Context, bail, ensure};
use kinest::files::write_atomically;
use kinest::model::forecast::ForecastLayout;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The format that this version writes and reads.
const FORMAT: u32 = 1;

/// Key of the header entry.
const ENTRY: &str = "positions";

/// Positions of the joints of one body, frame by frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequence {
    /// Path inside its split without the ending, with `/`: `walking/walking_1`.
    pub name: String,
    /// What the body does.
    pub action: String,
    /// Whose body it is; empty where the benchmark does not say.
    pub subject: String,
    /// Frame by frame, the numbers of the layout, millimetres.
    pub positions: Vec<f32>,
}

/// The sequences of a split, sorted by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequences {
    /// The benchmark.
    pub benchmark: &'static Benchmark,
    /// The sequences.
    pub list: Vec<Sequence>,
}

/// The header entry of a prepared file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: u32,
    layout: ForecastLayout,
    sequences: Vec<About>,
    /// Of the positions of all sequences, one after the other.
    crc32c: u32,
}

/// A sequence of a prepared file, without its positions.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    name: String,
    action: String,
    subject: String,
}

impl Sequences {
    /// Sorts the sequences by name.
    ///
    /// # Errors
    /// If there are none, two have the same name, or a number is not finite.
    pub fn new(benchmark: &'static Benchmark, mut list: Vec<Sequence>) -> anyhow::Result<Self> {
        ensure!(!list.is_empty(), "there are no sequences");
        list.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some([twice, _]) = list.array_windows().find(|[a, b]| a.name == b.name) {
            bail!("sequence {} is there twice", twice.name);
        }
        let numbers = benchmark.numbers();
        for Sequence { name, positions, .. } in &list {
            ensure!(
                !positions.is_empty() && positions.len().is_multiple_of(numbers),
                "sequence {name}: {} numbers are not frames of {numbers}",
                positions.len()
            );
            if let Some(place) = positions.iter().position(|number| !number.is_finite()) {
                let joint = benchmark.joints[place % numbers / 3];
                bail!("sequence {name}: frame {}, joint {joint} is not finite", place / numbers);
            }
        }
        Ok(Self { benchmark, list })
    }

    /// Number of frames of a sequence.
    #[must_use]
    pub fn frames_of(&self, sequence: &Sequence) -> usize {
        sequence.positions.len() / self.benchmark.numbers()
    }

    /// Number of frames of all sequences.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.list.iter().map(|sequence| self.frames_of(sequence)).sum()
    }

    /// Names of all actions, sorted.
    #[must_use]
    pub fn actions(&self) -> Vec<String> {
        let mut actions: Vec<String> = self.list.iter().map(|s| s.action.clone()).collect();
        actions.sort();
        actions.dedup();
        actions
    }

    /// Checks that every sequence has at least `frames` frames.
    ///
    /// # Errors
    /// If one is shorter; the error names it.
    pub fn refuse_shorter(&self, frames: usize) -> anyhow::Result<()> {
        match self.list.iter().find(|sequence| self.frames_of(sequence) < frames) {
            Some(short) => bail!(
                "sequence {} has {} frames, a window has {frames}",
                short.name,
                self.frames_of(short)
            ),
            None => Ok(()),
        }
    }

    /// Reads a prepared file.
    ///
    /// # Errors
    /// If it cannot be read, is not a prepared file of a benchmark, or is damaged.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let bytes =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::decode(&bytes)
            .with_context(|| format!("{} is not a prepared benchmark", path.display()))
    }

    fn decode(bytes: &[u8]) -> anyhow::Result<Self> {
        let (_, metadata) = SafeTensors::read_metadata(bytes)?;
        let entries = metadata.metadata().as_ref();
        let entry = entries.and_then(|entries| entries.get(ENTRY));
        let header: Header =
            serde_json::from_str(entry.with_context(|| format!("it has no entry `{ENTRY}`"))?)?;
        let format = header.format;
        ensure!(format == FORMAT, "format {format}, this program knows {FORMAT}");
        let tensors = SafeTensors::deserialize(bytes)?;
        let benchmark = Benchmark::of(header.layout)?;
        let numbers = benchmark.numbers();
        let mut checksum = 0;
        let mut list = vec![];
        for About { name, action, subject } in header.sequences {
            let tensor = tensors.tensor(&name).with_context(|| format!("sequence {name}"))?;
            let (dtype, shape) = (tensor.dtype(), tensor.shape());
            ensure!(
                dtype == Dtype::F32 && matches!(shape, [_, width] if *width == numbers),
                "sequence {name}: {dtype:?} {shape:?}, expected F32 [frames, {numbers}]"
            );
            checksum = crc32c::crc32c_append(checksum, tensor.data());
            let (cells, _) = tensor.data().as_chunks::<4>();
            let positions = cells.iter().map(|cell| f32::from_le_bytes(*cell)).collect();
            list.push(Sequence { name, action, subject, positions });
        }
        ensure!(checksum == header.crc32c, "damaged: its checksum is another");
        Self::new(benchmark, list)
    }

    /// Writes a prepared file atomically.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, path: &Path) -> anyhow::Result<()> {
        let numbers = self.benchmark.numbers();
        let encoded: BTreeMap<&str, Vec<u8>> = self
            .list
            .iter()
            .map(|s| (&*s.name, s.positions.iter().flat_map(|p| p.to_le_bytes()).collect()))
            .collect();
        let about = |s: &Sequence| About {
            name: s.name.clone(),
            action: s.action.clone(),
            subject: s.subject.clone(),
        };
        let header = Header {
            format: FORMAT,
            layout: self.benchmark.layout,
            sequences: self.list.iter().map(about).collect(),
            crc32c: encoded.values().fold(0, |sum, bytes| crc32c::crc32c_append(sum, bytes)),
        };
        let views = encoded
            .iter()
            .map(|(name, bytes)| {
                let shape = vec![bytes.len() / 4 / numbers, numbers];
                Ok((*name, TensorView::new(Dtype::F32, shape, bytes)?))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let header = HashMap::from([(ENTRY.to_owned(), serde_json::to_string(&header)?)]);
        let bytes = safetensors::serialize(views, Some(header))?;
        write_atomically(path, &bytes).with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Sequences {
        let sequence = |name: &str, frames: usize| Sequence {
            name: name.into(),
            action: name.split('/').next().unwrap().into(),
            subject: "S1".into(),
            positions: (0..75 * frames).map(|i| i as f32 * 0.1).collect(),
        };
        let list = vec![sequence("walking/b", 3), sequence("running/a", 2)];
        Sequences::new(Benchmark::ALL[0], list).unwrap()
    }

    #[test]
    fn a_saved_file_is_read_back_and_damage_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.positions");
        let sequences = two();
        assert_eq!(sequences.list[0].name, "running/a");
        assert_eq!((sequences.frames(), sequences.actions().len()), (5, 2));
        sequences.save(&path).unwrap();
        assert_eq!(Sequences::load(&path).unwrap(), sequences);
        let good = std::fs::read(&path).unwrap();
        let mut damaged = good.clone();
        *damaged.last_mut().unwrap() ^= 1;
        let half = good[..good.len() / 2].to_vec();
        for bytes in [damaged, half, b"BVH".to_vec(), vec![]] {
            std::fs::write(&path, bytes).unwrap();
            let message = format!("{:#}", Sequences::load(&path).unwrap_err());
            assert!(message.contains("train.positions is not a prepared benchmark"), "{message}");
        }
    }

    #[test]
    fn short_and_broken_sequences_are_named() {
        let sequences = two();
        sequences.refuse_shorter(2).unwrap();
        let error = sequences.refuse_shorter(3).unwrap_err().to_string();
        assert!(error.contains("running/a has 2 frames, a window has 3"), "{error}");
        let mut list = sequences.list;
        list[1].positions[75 + 3] = f32::NAN;
        let error = Sequences::new(Benchmark::ALL[0], list.clone()).unwrap_err().to_string();
        assert!(error.contains("walking/b: frame 1, joint 4"), "{error}");
        list[1] = list[0].clone();
        let error = Sequences::new(Benchmark::ALL[0], list).unwrap_err().to_string();
        assert!(error.contains("running/a is there twice"), "{error}");
    }
}
