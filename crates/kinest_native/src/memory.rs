//! The state a causal network keeps for one stream.

use super::numbers::{Numbers, zeros};
use super::packed::Packed;
use super::rows::LANES;
use super::scan::{Memory, Scan};
use super::weights::{Block, Weights};
use std::ops::Range;

/// First bytes of a saved state.
const MAGIC: [u8; 8] = *b"KINESTST";
/// The only format version.
const VERSION: u32 = 1;
/// Bytes of magic, version, network hash and frame count.
const HEADER: usize = 8 + 4 + 8 + 8;

/// The state a causal network keeps for one stream of frames. Made by
/// [`NativeStreams::start`](super::NativeStreams::start); its size never changes.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamingState {
    /// Laid out by [`Places`]; zero before the first frame.
    pub(super) numbers: Numbers,
    /// Frames fed so far; gives the position in the ring buffers.
    pub(super) frames: u64,
    /// Hash of the network's dimensions.
    network: u64,
}

/// Why saved bytes are not a state of this network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The magic bytes are missing.
    #[error("this is no saved state of a stream")]
    NotAState,
    /// Written by a version of the format that this program does not know.
    #[error("state version {found} is not the {VERSION} this version reads")]
    Version {
        /// The version found.
        found: u32,
    },
    /// Saved from a network with other dimensions.
    #[error("the state is of a network with other dimensions")]
    Network,
    /// Wrong number of bytes.
    #[error("the state has {found} bytes, expected {expected}")]
    Length {
        /// Bytes of a state.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// It holds NaN or infinity, from which the recurrence never recovers.
    #[error("the state holds NaN or infinity")]
    NotFinite,
}

impl StreamingState {
    /// Frames fed since the start.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Returns to the state before the first frame.
    pub fn reset(&mut self) {
        self.numbers.fill(0.0);
        self.frames = 0;
    }

    /// Serialises the state to [`NativeStreams::saved_bytes`](super::NativeStreams::saved_bytes)
    /// bytes, little-endian on every machine.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + 4 * self.numbers.len());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.network.to_le_bytes());
        bytes.extend(self.frames.to_le_bytes());
        bytes.extend(self.numbers.iter().flat_map(|v| v.to_le_bytes()));
        bytes
    }
}

/// Layout of a [`StreamingState`].
#[derive(Debug)]
pub(super) struct Places {
    pub(super) blocks: Vec<BlockPlaces>,
    numbers: usize,
    network: u64,
}

/// Layout of one block's part of the state.
#[derive(Debug)]
pub(super) struct BlockPlaces {
    /// One per scan.
    pub(super) scans: Vec<ScanPlace>,
    pub(super) filter: Ring,
    /// Keys as columns, `[width, slots]`.
    pub(super) keys: Range<usize>,
    /// Values as rows, `[frames, width]`.
    pub(super) values: Ring,
}

/// Range of a scan's convolution tail, followed by its SSM state.
#[derive(Debug)]
pub(super) struct ScanPlace {
    all: Range<usize>,
    tail: usize,
}

/// A ring buffer of rows: the newest overwrites the oldest.
#[derive(Debug)]
pub(super) struct Ring {
    pub(super) place: Range<usize>,
    pub(super) rows: usize,
}

impl Ring {
    /// The row that holds `frame`.
    pub(super) fn slot(&self, frame: u64) -> usize {
        (frame % self.rows as u64) as usize
    }
}

/// Columns per key row, rounded up to whole registers.
pub(super) fn slots(frames: usize) -> usize {
    frames.next_multiple_of(LANES)
}

/// Allocates ranges one after another, each starting at a cache line.
#[derive(Default)]
struct Placing {
    numbers: usize,
    /// FNV-1a hash of every allocated size, to detect states of other networks.
    hash: u64,
}

impl Placing {
    fn place(&mut self, sizes: [usize; 2]) -> Range<usize> {
        let from = self.numbers;
        self.numbers = (from + sizes[0] * sizes[1]).next_multiple_of(LANES);
        for size in sizes {
            self.hash = (self.hash ^ size as u64).wrapping_mul(0x0100_0000_01b3);
        }
        from..from + sizes[0] * sizes[1]
    }

    fn scan(&mut self, scan: &Scan<Packed>) -> ScanPlace {
        let (tail, states) = (scan.core.tail(), scan.core.states());
        let (tail_place, states) = (self.place([tail, 1]), self.place([states, 1]));
        ScanPlace { tail: states.start - tail_place.start, all: tail_place.start..states.end }
    }
}

impl Places {
    /// The layout for a network whose time filters have `taps` taps and whose attention sees `sees`
    /// frames.
    pub(super) fn new(weights: &Weights<Packed>, taps: usize, sees: usize) -> Self {
        let mut placing = Placing { numbers: 0, hash: 0xcbf2_9ce4_8422_2325 };
        let width = weights.embed.outputs();
        let block = |block: &Block<Packed>| BlockPlaces {
            scans: block.scans.iter().map(|scan| placing.scan(scan)).collect(),
            filter: Ring { place: placing.place([taps, width]), rows: taps },
            keys: placing.place([width, slots(sees)]),
            values: Ring { place: placing.place([sees, width]), rows: sees },
        };
        let blocks = weights.blocks.iter().map(block).collect();
        Self { blocks, numbers: placing.numbers, network: placing.hash }
    }

    pub(super) fn saved_bytes(&self) -> usize {
        HEADER + 4 * self.numbers
    }

    pub(super) fn start(&self) -> StreamingState {
        StreamingState { numbers: zeros(self.numbers), frames: 0, network: self.network }
    }

    pub(super) fn fits(&self, state: &StreamingState) -> bool {
        self.network == state.network && self.numbers == state.numbers.len()
    }

    pub(super) fn load(&self, bytes: &[u8]) -> Result<StreamingState, StateError> {
        /// Splits off the next `N` bytes.
        fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], StateError> {
            let (taken, rest) = bytes.split_first_chunk().ok_or(StateError::NotAState)?;
            *bytes = rest;
            Ok(*taken)
        }
        let mut rest = bytes;
        if take::<8>(&mut rest)? != MAGIC {
            return Err(StateError::NotAState);
        }
        let found = u32::from_le_bytes(take(&mut rest)?);
        let (network, frames) = (take(&mut rest)?, take(&mut rest)?);
        if found != VERSION {
            return Err(StateError::Version { found });
        }
        if u64::from_le_bytes(network) != self.network {
            return Err(StateError::Network);
        }
        let (expected, found) = (self.saved_bytes(), bytes.len());
        if found != expected {
            return Err(StateError::Length { expected, found });
        }
        let mut state = self.start();
        state.frames = u64::from_le_bytes(frames);
        for (to, from) in state.numbers.iter_mut().zip(rest.as_chunks().0) {
            *to = f32::from_le_bytes(*from);
        }
        if !state.numbers.iter().all(|v| v.is_finite()) {
            return Err(StateError::NotFinite);
        }
        Ok(state)
    }
}

impl ScanPlace {
    pub(super) fn of<'a>(&self, numbers: &'a mut [f32]) -> Memory<'a> {
        let (tail, states) = numbers[self.all.clone()].split_at_mut(self.tail);
        Memory { tail, states }
    }
}
