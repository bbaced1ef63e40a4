//! The clock of the trackers.

use super::settings::{KinestSettings, TrackerClock};
use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use std::time::Duration;

/// Maximum pause between two attempts, seconds.
const LONGEST_PAUSE: f64 = 60.0;

/// Back-off (s) after this number of consecutive failures: 1, 2, 4 and so on, up to a minute.
pub(crate) fn pause_after(failures: u32) -> f64 {
    f64::from(1_u32 << failures.saturating_sub(1).min(6)).min(LONGEST_PAUSE)
}

/// The clock of the trackers.
#[derive(SystemParam)]
pub(crate) struct Clock<'w> {
    pub settings: Res<'w, KinestSettings>,
    real: Res<'w, Time<Real>>,
    game: Res<'w, Time<Virtual>>,
}

impl Clock<'_> {
    /// Time since the start.
    pub fn now(&self) -> Duration {
        match self.settings.clock {
            TrackerClock::Real => self.real.elapsed(),
            TrackerClock::Virtual => self.game.elapsed(),
        }
    }

    /// Seconds since the last frame.
    pub fn delta(&self) -> f64 {
        match self.settings.clock {
            TrackerClock::Real => self.real.delta_secs_f64(),
            TrackerClock::Virtual => self.game.delta_secs_f64(),
        }
    }
}
