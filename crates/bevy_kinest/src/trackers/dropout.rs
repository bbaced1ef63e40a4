//! Dropouts of trackers.

use super::tracker::TrackerRoleReflect;
use bevy::prelude::*;
use kinest::tracker::TrackerRole;

/// Why a tracker is in a dropout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Reflect)]
pub enum DropoutReason {
    /// Its [`TrackingState`](crate::TrackingState) reports it, or the recording that is replayed.
    Reported,
    /// Its transform is not finite.
    NotFinite,
    /// The avatar has no tracker of this role.
    Missing,
}

/// Triggered on an avatar when a dropout of one of its trackers has begun.
#[derive(EntityEvent, Clone, Copy, Debug, Reflect)]
#[reflect(Event)]
pub struct TrackingLost {
    /// The avatar.
    pub entity: Entity,
    /// Where the tracker is worn.
    #[reflect(remote = TrackerRoleReflect)]
    pub role: TrackerRole,
    /// The cause.
    pub reason: DropoutReason,
}

/// Triggered on an avatar when a dropout of one of its trackers has ended.
#[derive(EntityEvent, Clone, Copy, Debug, Reflect)]
#[reflect(Event)]
pub struct TrackingRegained {
    /// The avatar.
    pub entity: Entity,
    /// Where the tracker is worn.
    #[reflect(remote = TrackerRoleReflect)]
    pub role: TrackerRole,
    /// Duration of the dropout, seconds.
    pub after: f64,
}
