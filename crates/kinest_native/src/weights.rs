//! The weights of a whole network, packed.

use super::matrix::Linear;
use super::mixing::Mixing;
use super::numbers::Numbers;
use super::rows::LayerNorm;
use super::scan::{Order, Scan};

/// The weights of a network.
#[derive(Debug)]
pub(super) struct Weights<M = Linear> {
    /// Mean and deviation of the inputs.
    pub(super) standardise: Option<[Numbers; 2]>,
    pub(super) embed: M,
    pub(super) blocks: Vec<Block<M>>,
    pub(super) regress: M,
    /// Frames of a window.
    pub(super) frames: usize,
}

/// The weights of a block.
#[derive(Debug)]
pub(super) struct Block<M = Linear> {
    pub(super) norm: LayerNorm,
    /// One ahead, and one back unless a causal network scans frames.
    pub(super) scans: Vec<Scan<M>>,
    pub(super) kind: Kind<M>,
    pub(super) mixing: Mixing<M>,
}

/// What a block scans.
#[derive(Debug)]
pub(super) enum Kind<M = Linear> {
    /// Frames; the second scan starts at the newest.
    Temporal,
    /// The joints of each frame, frame after frame; the second scan turns them round in each frame.
    Kinematic {
        /// Joints of a frame.
        joints: usize,
        /// From a frame to its joints, in the order of the first scan.
        to_joints: M,
        /// Back, both layers in one.
        from_joints: M,
    },
}

impl<M> Block<M> {
    /// Tokens of a frame.
    pub(super) fn tokens(&self) -> usize {
        match self.kind {
            Kind::Temporal => 1,
            Kind::Kinematic { joints, .. } => joints,
        }
    }

    /// The orders of both scans in a window.
    pub(super) fn orders(&self, frames: usize) -> [Order; 2] {
        match self.kind {
            Kind::Temporal => [Order::FORWARD, Order(frames)],
            Kind::Kinematic { joints, .. } => [Order::FORWARD, Order(joints)],
        }
    }
}
