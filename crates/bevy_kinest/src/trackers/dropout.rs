//! Dropouts of trackers.

use super::tracker::TrackerRoleReflect;
use bevy::prelude::*;
use kinest::tracker::TrackerRole;

/// Why a tracker is in a dropout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Reflect)]
pub enum DropoutReason {
    /// Its [`TrackerValidity`](crate::TrackerValidity) reports it.
    Reported,
    /// Its transform is not finite.
    NotFinite,
    /// The avatar has no tracker of this role.
    Missing,
}

/// A dropout of an avatar's tracker has begun.
#[derive(Message, Clone, Copy, Debug, Reflect)]
#[reflect(Message)]
pub struct TrackingLost {
    /// The avatar.
    pub avatar: Entity,
    /// Where the tracker is worn.
    #[reflect(remote = TrackerRoleReflect)]
    pub role: TrackerRole,
    /// The cause.
    pub reason: DropoutReason,
}

/// A dropout of an avatar's tracker has ended.
#[derive(Message, Clone, Copy, Debug, Reflect)]
#[reflect(Message)]
pub struct TrackingRegained {
    /// The avatar.
    pub avatar: Entity,
    /// Where the tracker is worn.
    #[reflect(remote = TrackerRoleReflect)]
    pub role: TrackerRole,
    /// Duration of the dropout, seconds.
    pub after: f64,
}
