//! Dropouts of trackers.

use super::tracker::TrackerRoleReflect;
use bevy::prelude::*;
use kinest::tracker::{Doubt, TrackerRole};

/// Why a tracker is in a dropout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Reflect)]
pub enum DropoutReason {
    /// Its [`TrackingState`](crate::TrackingState), or the replayed recording, reports a dropout.
    Reported,
    /// Its transform is not finite, or more than 10 km from the origin of its tracking space.
    NotFinite,
    /// The avatar has no tracker of this role.
    Missing,
    /// It is reported as tracked, but jumped further than a body moves less than 0.1 s ago, or this
    /// is its first frame after a dropout. A lasting jump of the head is a teleport.
    Jumped,
    /// It is reported as tracked, but is at the origin of its tracking space, like a device without
    /// a pose.
    AtOrigin,
    /// It is reported as tracked, but its pose has been identical to the last bit for a second in
    /// which the head moved.
    Frozen,
    /// It is reported as tracked, but is further from the head than a body reaches.
    OutOfReach,
}

impl From<Doubt> for DropoutReason {
    fn from(doubt: Doubt) -> Self {
        match doubt {
            Doubt::Jumped => Self::Jumped,
            Doubt::AtOrigin => Self::AtOrigin,
            Doubt::Frozen => Self::Frozen,
            Doubt::OutOfReach => Self::OutOfReach,
        }
    }
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
