//! TensorBoard event files with scalars.
//!
//! The maintained Rust crate for them brings a second protobuf library, and the part of the format
//! needed for scalars is small: records in TensorFlow's `tfrecord` format (length, its masked
//! CRC-32C, bytes, their masked CRC-32C) with `Event` messages of
//! `tensorflow/core/util/event.proto`.

use prost::Message;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Scalar>,
}

#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, tag = "2")]
    simple_value: f32,
}

/// An event file.
#[derive(Debug)]
pub struct EventFile(File);

impl EventFile {
    /// Creates a file in `folder`, beside those of earlier parts of the run; TensorBoard joins
    /// them.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(folder: &Path) -> io::Result<Self> {
        let now = seconds();
        let name = format!("events.out.tfevents.{:.0}.{}", now * 1e3, std::process::id());
        let mut file = Self(File::create(folder.join(name))?);
        file.write(Event {
            wall_time: now,
            file_version: Some("brain.Event:2".into()),
            ..Event::default()
        })?;
        Ok(file)
    }

    /// Appends the scalars of a step.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn scalars<'a>(
        &mut self,
        step: u64,
        values: impl IntoIterator<Item = (&'a str, f64)>,
    ) -> io::Result<()> {
        let scalar =
            |(tag, value): (&str, f64)| Scalar { tag: tag.into(), simple_value: value as f32 };
        let summary = Summary { value: values.into_iter().map(scalar).collect() };
        let (wall_time, step) = (seconds(), step as i64);
        self.write(Event { wall_time, step, summary: Some(summary), ..Event::default() })
    }

    fn write(&mut self, event: Event) -> io::Result<()> {
        let data = event.encode_to_vec();
        let length = (data.len() as u64).to_le_bytes();
        let record = [&length[..], &masked_crc(&length), &data, &masked_crc(&data)].concat();
        self.0.write_all(&record)
    }
}

fn seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// TensorFlow rotates and shifts checksums, because a checksum of data that contains checksums is
/// weak.
fn masked_crc(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the file as TensorBoard does.
    #[test]
    fn event_files_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = EventFile::create(folder.path()).unwrap();
        file.scalars(7, [("loss", 0.5), ("rate", 1e-3)]).unwrap();
        let entry = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap();
        assert!(entry.file_name().to_string_lossy().contains("tfevents"));
        let mut bytes = &std::fs::read(entry.path()).unwrap()[..];
        let mut events = vec![];
        while !bytes.is_empty() {
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            assert_eq!(bytes[8..12], masked_crc(&bytes[..8]));
            let data = &bytes[12..12 + length];
            assert_eq!(bytes[12 + length..16 + length], masked_crc(data));
            events.push(Event::decode(data).unwrap());
            bytes = &bytes[16 + length..];
        }
        assert_eq!(events[0].file_version.as_deref(), Some("brain.Event:2"));
        let values = &events[1].summary.as_ref().unwrap().value;
        let values: Vec<_> = values.iter().map(|v| (v.tag.as_str(), v.simple_value)).collect();
        assert_eq!((events[1].step, values), (7, vec![("loss", 0.5), ("rate", 1e-3)]));
    }

    /// Checksum of 32 zeros from RFC 3720, appendix B.4.
    #[test]
    fn checksums_are_crc32c_masked() {
        let crc = 0x8a91_36aa_u32;
        assert_eq!(crc32c::crc32c(&[0; 32]), crc);
        // Rotated right by 15 bits it is 0x6d55_1522.
        assert_eq!(u32::from_le_bytes(masked_crc(&[0; 32])), 0x0fd7_fffa);
    }
}
