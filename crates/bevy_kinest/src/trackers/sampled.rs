//! The trackers of an avatar as they are in this frame.

use super::space::Teleport;
use crate::body::ResetAvatar;
use bevy::prelude::*;
use kinest::tracker::{TrackerFrame, TrackerPose};
use std::fmt;
use std::time::Duration;

/// An avatar's trackers in this frame, in its tracking space.
///
/// Times are seconds since the avatar's first frame, or the first one after a reset, so that a
/// session replayed at any time is the same to the last bit.
#[derive(Component, Default)]
pub(crate) struct Sampled {
    /// Time of the first frame on the trackers' clock.
    pub(super) start: Option<Duration>,
    /// Time of this frame.
    pub time: f64,
    /// Poses of the trackers; `None` as long as the head has never been tracked.
    pub devices: Option<TrackerFrame>,
    pub world_from_space: GlobalTransform,
    /// Start of each tracker's dropout.
    pub lost_since: [Option<f64>; 3],
    /// The player was teleported since the last sampled frame.
    pub(super) teleported: bool,
    /// The player was teleported in this frame.
    pub told_moved: bool,
    /// What a replay shows; taken when this frame is sampled.
    pub replayed: Option<Replayed>,
    /// Last tracked pose of each.
    pub(super) seen: [Option<TrackerPose>; 3],
    /// The last warning, so that it is given once.
    trouble: String,
}

impl Sampled {
    /// `time` on the trackers' clock, seconds.
    pub fn on_clock(&self, time: f64) -> f64 {
        self.start.unwrap_or_default().as_secs_f64() + time
    }

    /// Warns, unless this was the last warning.
    pub fn warn(&mut self, avatar: impl fmt::Display, trouble: String) {
        if self.trouble != trouble {
            warn!("avatar {avatar}: {trouble}");
            self.trouble = trouble;
        }
    }
}

/// What a replay knows of a frame beyond what [`Transform`]s hold.
#[derive(Clone, Copy)]
pub(crate) struct Replayed {
    /// Whether each tracker is tracked in the motion.
    pub tracked: [bool; 3],
    /// Unrounded poses of the trackers, if they were recorded at exactly this moment.
    pub exact: Option<[TrackerPose; 3]>,
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
