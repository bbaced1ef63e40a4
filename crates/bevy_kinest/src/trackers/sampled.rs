//! The trackers of an avatar in this frame.

use super::space::Teleport;
use super::tracker::ROLES;
use crate::body::ResetAvatar;
use bevy::prelude::*;
use glam::DVec3;
use kinest::calibration::Calibration;
use kinest::tracker::{TrackerFrame, TrackerPose, TrackerRole};
use std::borrow::Cow;
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
    /// Poses of the trackers; `None` until the head has been tracked.
    pub devices: Option<TrackerFrame>,
    pub world_from_space: GlobalTransform,
    /// Accumulated displacement over the floor of a space with
    /// [`StepsWithSpace`](crate::StepsWithSpace), in its axes, AMASS space, metres.
    pub walked: DVec3,
    /// The space in the previous frame, for a body with [`StepsWithSpace`](crate::StepsWithSpace).
    pub(super) walked_from: Option<GlobalTransform>,
    /// Start of each tracker's dropout, in the order of [`TrackerRole::ALL`].
    pub(super) lost_since: [Option<f64>; ROLES],
    /// Start of each dropout that was detected instead of reported, in the same order.
    pub(super) doubted_since: [Option<f64>; ROLES],
    /// Start of each dropout whose report has ended, until the plausibility of the tracker is
    /// known.
    pub(super) ended_since: [Option<f64>; ROLES],
    /// Trackers on the body that are unused until a calibration measures their mounting.
    pub(super) need_calibration: Vec<TrackerRole>,
    /// The player was teleported since the last sampled frame.
    pub(super) teleported: bool,
    /// The player was teleported in this frame.
    pub told_moved: bool,
    /// Data from a replay; taken when this frame is sampled.
    pub replayed: Option<Replayed>,
    /// Last tracked pose of each.
    pub(super) seen: [Option<TrackerPose>; ROLES],
    /// The last warning, so that it is given once.
    trouble: String,
}

impl Sampled {
    /// Start of the dropout of the tracker at this place of [`TrackerRole::ALL`].
    pub fn lost_since(&self, k: usize) -> Option<f64> {
        self.lost_since[k].or(self.unreported_since(k))
    }

    /// Start of a dropout that is not, or no longer, reported.
    pub(super) fn unreported_since(&self, k: usize) -> Option<f64> {
        self.doubted_since[k].or(self.ended_since[k])
    }

    /// Whether the poses of head, left hand and right hand are implausible, in the last frame of
    /// the player.
    pub(super) fn doubted(&self) -> [bool; 3] {
        [0, 1, 2].map(|k| self.doubted_since[k].is_some())
    }

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

    /// The frame that drives the body of a player with this calibration; `None` until the head has
    /// been tracked.
    pub fn driving(&self, player: Option<&Calibration>) -> Option<Cow<'_, TrackerFrame>> {
        let devices = self.devices.as_ref()?;
        let known = player.map(|player| player.body).unwrap_or_default();
        let unknown =
            |role: TrackerRole| self.need_calibration.contains(&role) && known.get(role).is_none();
        if !devices.body.iter().any(|(role, _)| unknown(role)) {
            return Some(Cow::Borrowed(devices));
        }
        let body = devices.body.iter().filter(|(role, _)| !unknown(*role));
        let body = body.map(|(role, pose)| (role, *pose)).collect();
        Some(Cow::Owned(TrackerFrame {
            body,
            ..TrackerFrame::new(devices.time, devices.poses.clone())
        }))
    }
}

/// Data of a replayed frame beyond the [`Transform`]s.
#[derive(Clone, Copy)]
pub(crate) struct Replayed {
    /// Whether each tracker is tracked in the motion, in the order of [`TrackerRole::ALL`].
    pub tracked: [bool; ROLES],
    /// Unrounded poses of the trackers that were recorded at exactly this moment.
    pub exact: [Option<TrackerPose>; ROLES],
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
