//! Reports dropouts of trackers whose poses are implausible.

use super::dropout::{TrackingLost, TrackingRegained};
use super::sampled::Sampled;
use super::status::AvatarStatus;
use bevy::prelude::*;
use kinest::tracker::{Doubts, TrackerRole};

/// Triggers events for dropouts that the avatar's player detected in this frame, beside the
/// reported ones, and for dropouts that ended. A reported dropout lasts until the tracker's pose is
/// plausible.
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
        let ended = sampled.ended_since[k].take();
        match doubts.get(role).filter(|_| !is_reported) {
            Some(doubt) => {
                let reason = doubt.into();
                status.lost[k] = Some(reason);
                if sampled.doubted_since[k].is_none() {
                    sampled.doubted_since[k] = ended.or(Some(now));
                    if ended.is_none() {
                        commands.trigger(TrackingLost { entity, role, reason });
                    }
                }
            }
            None => {
                // A dropout that is reported now ends with the report.
                if let Some(since) = sampled.doubted_since[k].take().or(ended)
                    && !is_reported
                {
                    commands.trigger(TrackingRegained { entity, role, after: now - since });
                }
            }
        }
    }
}
