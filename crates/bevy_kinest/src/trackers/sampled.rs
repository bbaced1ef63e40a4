//! The trackers of an avatar as they are in this frame.

use super::space::Teleport;
use crate::body::ResetAvatar;
use bevy::prelude::*;
use kinest::tracker::{TrackerFrame, TrackerPose};
use std::time::Duration;

/// What an avatar's trackers say in this frame, in its tracking space.
///
/// Times are seconds since its first frame, or the first one after it was reset: so a session that is
/// replayed is the same to the last bit, whenever that is.
#[derive(Component, Default)]
pub(crate) struct Sampled {
    /// The first frame, on the trackers' clock.
    pub(super) start: Option<Duration>,
    /// This frame.
    pub time: f64,
    /// Poses of the trackers; `None` as long as the head has never been tracked.
    pub devices: Option<TrackerFrame>,
    pub world_from_space: GlobalTransform,
    /// Since when each is lost.
    pub lost_since: [Option<f64>; 3],
    /// The player was teleported since the last sampled frame.
    pub(super) teleported: bool,
    /// The player was teleported in this frame.
    pub told_moved: bool,
    /// The recorded frame that a replay shows; taken when this frame is sampled.
    pub recorded: Option<Recorded>,
    /// Last tracked pose of each.
    pub(super) seen: [Option<TrackerPose>; 3],
    /// The last warning, so that it is given once.
    trouble: String,
}

impl Sampled {
    /// A time on the trackers' clock, in seconds.
    pub fn on_clock(&self, time: f64) -> f64 {
        self.start.unwrap_or_default().as_secs_f64() + time
    }

    /// Warns, unless this was the last warning.
    pub fn warn(&mut self, avatar: Entity, trouble: String) {
        if self.trouble != trouble {
            warn!("avatar {avatar}: {trouble}");
            self.trouble = trouble;
        }
    }
}

/// What a recording knows of a frame beyond what [`Transform`]s hold.
#[derive(Clone, Copy)]
pub(crate) struct Recorded {
    /// Unrounded poses of the trackers.
    pub poses: [TrackerPose; 3],
    /// The player was teleported in this frame.
    pub teleported: bool,
}

pub(super) fn on_teleport(teleport: On<Teleport>, mut avatars: Query<&mut Sampled>) {
    if let Ok(mut sampled) = avatars.get_mut(teleport.entity) {
        sampled.teleported = true;
    }
}

pub(super) fn on_reset(reset: On<ResetAvatar>, mut avatars: Query<&mut Sampled>) {
    if let Ok(mut sampled) = avatars.get_mut(reset.entity) {
        *sampled = Sampled::default();
    }
}
