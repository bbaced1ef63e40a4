//! Dropouts of trackers.

use super::tracker::TrackerRoleReflect;
use bevy::prelude::*;
use kinest::tracker::TrackerRole;

/// Why a tracker is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Reflect)]
pub enum DropoutReason {
    /// Its [`TrackerValidity`] says so.
    Reported,
    /// Its transform is not finite.
    NotFinite,
    /// The avatar has no tracker of this role.
    Missing,
}

/// A tracker of an avatar is lost.
#[derive(Message, Clone, Copy, Debug, Reflect)]
#[reflect(Message)]
pub struct TrackingLost {
    /// The avatar.
    pub avatar: Entity,
    /// Where the tracker is worn.
    #[reflect(remote = TrackerRoleReflect)]
    pub role: TrackerRole,
    /// Why.
    pub reason: DropoutReason,
}

/// A lost tracker of an avatar is tracked again.
#[derive(Message, Clone, Copy, Debug, Reflect)]
#[reflect(Message)]
pub struct TrackingRegained {
    /// The avatar.
    pub avatar: Entity,
    /// Where the tracker is worn.
    #[reflect(remote = TrackerRoleReflect)]
    pub role: TrackerRole,
    /// Seconds it was lost.
    pub after: f64,
}
