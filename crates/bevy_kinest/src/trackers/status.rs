//! State of avatars.

use super::dropout::DropoutReason;
use super::tracker::ROLES;
use bevy::prelude::*;

/// Counters of an avatar since it was spawned, and its dropouts. The difference of two readings
/// gives rates.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Reflect)]
#[reflect(Component, Default)]
pub struct AvatarStatus {
    /// Network outputs received.
    pub estimates: u64,
    /// Number of frames in which each tracker was tracked at a new place, in the order of
    /// [`TrackerRole::ALL`](kinest::tracker::TrackerRole::ALL).
    pub moves: [u64; ROLES],
    /// Reason of the dropout of each tracker, in the same order; `None` while it is tracked, and for those
    /// on the body that are not worn.
    pub lost: [Option<DropoutReason>; ROLES],
}
