//! Trackers that say they are tracked and are not believed.

use super::dropout::{TrackingLost, TrackingRegained};
use super::sampled::Sampled;
use super::status::AvatarStatus;
use bevy::prelude::*;
use kinest::tracker::{Doubts, TrackerRole};

/// Tells of the dropouts that the avatar's player found in this frame, beside those that were reported.
pub(crate) fn tell_doubts(
    commands: &mut Commands,
    entity: Entity,
    sampled: &mut Sampled,
    status: &mut AvatarStatus,
    doubts: &Doubts,
) {
    let now = sampled.time;
    for (k, role) in TrackerRole::ALL.into_iter().enumerate() {
        let is_reported = status.lost[k].is_some();
        match doubts.get(role).filter(|_| !is_reported) {
            Some(doubt) => {
                let reason = doubt.into();
                status.lost[k] = Some(reason);
                if sampled.doubted_since[k].is_none() {
                    sampled.doubted_since[k] = Some(now);
                    commands.trigger(TrackingLost { entity, role, reason });
                }
            }
            None => {
                // What is reported now ends when it is not any more.
                if let Some(since) = sampled.doubted_since[k].take()
                    && !is_reported
                {
                    commands.trigger(TrackingRegained { entity, role, after: now - since });
                }
            }
        }
    }
}
