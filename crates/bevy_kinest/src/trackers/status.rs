//! State of avatars.

use super::dropout::DropoutReason;
use bevy::prelude::*;

/// Counters of an avatar since it was spawned, and its dropouts. Two readings give rates.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Reflect)]
#[reflect(Component, Default)]
pub struct AvatarStatus {
    /// Network outputs received.
    pub estimates: u64,
    /// Frames in which the head, the left and the right hand were tracked at a new place.
    pub moves: [u64; 3],
    /// Reason of the dropout of the head, the left and the right hand; `None` while tracked.
    pub lost: [Option<DropoutReason>; 3],
}
