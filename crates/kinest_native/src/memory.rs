//! What a causal network remembers of one stream.

use super::numbers::{Numbers, zeros};
use super::packed::Packed;
use super::rows::LANES;
use super::scan::{Memory, Scan};
use super::weights::{Block, Weights};
use std::ops::Range;

/// What a saved state begins with.
const MAGIC: [u8; 8] = *b"KINESTST";
/// The form that is written and read.
const VERSION: u32 = 1;
/// Magic, version, network, frames.
const HEADER: usize = 8 + 4 + 8 + 8;

/// What a causal network remembers of one stream of frames. Made by
/// [`NativeStreams::start`](super::NativeStreams::start); its size never changes.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamingState {
    /// As [`Places`] says; zeros before the first frame.
    pub(super) numbers: Numbers,
    /// Frames so far: where the rings begin.
    pub(super) frames: u64,
    /// Which networks it belongs to.
    network: u64,
}

/// Why saved bytes are no state of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// They do not begin as a state does.
    #[error("this is no saved state of a stream")]
    NotAState,
    /// They are of a version this program does not know.
    #[error("state version {found} is not the {VERSION} this version reads")]
    Version {
        /// The version found.
        found: u32,
    },
    /// They are of a network with other dimensions.
    #[error("the state is of a network with other dimensions")]
    Network,
    /// There are too few or too many.
    #[error("the state has {found} bytes, expected {expected}")]
    Length {
        /// Bytes of a state.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// There is a NaN or infinity in them, which would never leave the stream again.
    #[error("the state holds NaN or infinity")]
    NotFinite,
}

impl StreamingState {
    /// Frames since the start.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Goes back to the start.
    pub fn reset(&mut self) {
        self.numbers.fill(0.0);
        self.frames = 0;
    }

    /// The state as bytes, [`NativeStreams::saved_bytes`](super::NativeStreams::saved_bytes) of them,
    /// the same on every machine.
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

/// Where a state has what.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) blocks: Vec<BlockPlaces>,
    numbers: usize,
    network: u64,
}

/// Where a state has what a block remembers.
#[derive(Debug)]
pub(super) struct BlockPlaces {
    /// Of each scan.
    pub(super) scans: Vec<ScanPlace>,
    pub(super) filter: Ring,
    /// Keys as columns, `[width, slots]`.
    pub(super) keys: Range<usize>,
    /// Values as rows, `[frames, width]`.
    pub(super) values: Ring,
}

/// Where the tail of a scan is, and its states behind it.
#[derive(Debug)]
pub(super) struct ScanPlace {
    all: Range<usize>,
    tail: usize,
}

/// The newest rows of something, each where the oldest was.
#[derive(Debug)]
pub(super) struct Ring {
    pub(super) place: Range<usize>,
    pub(super) rows: usize,
}

impl Ring {
    /// The row of a frame.
    pub(super) fn slot(&self, frame: u64) -> usize {
        (frame % self.rows as u64) as usize
    }
}

/// Columns that keys take, whole registers of them.
pub(super) fn slots(frames: usize) -> usize {
    frames.next_multiple_of(LANES)
}

/// Hands out places one after the other, each at a cache line.
#[derive(Default)]
struct Placing {
    numbers: usize,
    /// Of everything that was placed (FNV-1a), so that states of other networks are told apart.
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
    /// Of a network whose filters and attention see so many frames.
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
        /// The next bytes.
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
