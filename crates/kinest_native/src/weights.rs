//! The packed weights of a whole network.

use super::matrix::Linear;
use super::mixing::Mixing;
use super::numbers::Numbers;
use super::rows::LayerNorm;
use super::scan::{Order, Scan};

/// Weights of a network.
#[derive(Debug)]
pub(super) struct Weights<M = Linear> {
    /// Mean and standard deviation of the inputs.
    pub(super) standardise: Option<[Numbers; 2]>,
    pub(super) embed: M,
    pub(super) blocks: Vec<Block<M>>,
    pub(super) regress: M,
    /// Frames per window.
    pub(super) frames: usize,
}

/// Weights of a block.
#[derive(Debug)]
pub(super) struct Block<M = Linear> {
    pub(super) norm: LayerNorm,
    /// Forward and backward scan; forward only in a causal network's temporal blocks.
    pub(super) scans: Vec<Scan<M>>,
    pub(super) kind: Kind<M>,
    pub(super) mixing: Mixing<M>,
}

/// Scanned axis of a block.
#[derive(Debug)]
pub(super) enum Kind<M = Linear> {
    /// Frames; the second scan runs in reverse.
    Temporal,
    /// The joints of each frame, frame after frame; the second scan reverses the joints inside each
    /// frame.
    Kinematic {
        /// Joints per frame.
        joints: usize,
        /// From a frame's token to joint tokens, in the order of the first scan.
        to_joints: M,
        /// Back to the frame's token; both Fan layers in one.
        from_joints: M,
    },
}

impl<M> Block<M> {
    /// Tokens per frame.
    pub(super) fn tokens(&self) -> usize {
        match self.kind {
            Kind::Temporal => 1,
            Kind::Kinematic { joints, .. } => joints,
        }
    }

    /// Visiting orders of the forward and backward scan over `frames` frames.
    pub(super) fn orders(&self, frames: usize) -> [Order; 2] {
        match self.kind {
            Kind::Temporal => [Order::FORWARD, Order(frames)],
            Kind::Kinematic { joints, .. } => [Order::FORWARD, Order(joints)],
        }
    }
}
