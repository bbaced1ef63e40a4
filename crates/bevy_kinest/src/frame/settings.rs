//! Settings of the plugins.

use bevy::prelude::*;
use bevy::reflect::reflect_remote;
use kinest::live::PlayerSettings;
use kinest::refine::DropoutSettings;
use kinest_engine::DeviceChoice;
use serde::{Deserialize, Serialize};

/// Whether a frame waits for its pose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Reflect, Serialize, Deserialize)]
pub enum InferenceMode {
    /// No: the network runs at its own rate, and each frame shows the newest pose available. For
    /// games.
    #[default]
    Worker,
    /// Yes: every frame shows the pose of its own trackers, identical in every run. For tests,
    /// pictures and videos.
    Inline,
}

/// The clock of the time stamps of tracker poses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Reflect, Serialize, Deserialize)]
pub enum TrackerClock {
    /// [`Time<Real>`]: players keep moving while a game is paused, slowed down or hitching.
    #[default]
    Real,
    /// [`Time<Virtual>`]: for trackers moved by the game itself. While the clock is paused there
    /// are no new frames.
    Virtual,
}

/// Settings of the networks, for all avatars. May be changed at any time.
#[derive(Resource, Clone, Debug, PartialEq, Reflect, Serialize, Deserialize)]
#[reflect(Resource, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KinestSettings {
    /// The device that networks run on. A change reopens every model.
    #[reflect(remote = DeviceChoiceReflect)]
    pub device: DeviceChoice,
    /// Whether a frame waits for its pose.
    pub mode: InferenceMode,
    /// The clock of the trackers.
    pub clock: TrackerClock,
    /// How dropouts of trackers are bridged.
    #[reflect(remote = DropoutSettingsReflect)]
    #[serde(alias = "loss")]
    pub dropout: DropoutSettings,
    /// Duration of the blend between two sources of a body, seconds: from inverse kinematics to the
    /// network's first pose, from one model to the next.
    pub blend: f64,
    /// Treats trackers with implausible poses as lost: jumps, devices frozen for a second while the
    /// head moves, hands out of reach. Disable it for devices that the game itself places, which
    /// may legitimately stand still.
    pub doubt: bool,
}

impl Default for KinestSettings {
    fn default() -> Self {
        let PlayerSettings { dropout, blend, doubt, .. } = PlayerSettings::default();
        Self {
            device: DeviceChoice::default(),
            mode: InferenceMode::default(),
            clock: TrackerClock::default(),
            dropout,
            blend,
            doubt,
        }
    }
}

impl KinestSettings {
    /// Deterministic: runs on the CPU, and every frame waits for its own pose.
    #[must_use]
    pub fn inline() -> Self {
        Self { device: DeviceChoice::Cpu, mode: InferenceMode::Inline, ..Self::default() }
    }
}

/// Reflects [`DeviceChoice`], which does not depend on Bevy.
#[reflect_remote(DeviceChoice)]
#[derive(Clone, Copy, Debug, Default)]
pub enum DeviceChoiceReflect {
    /// See [`DeviceChoice::Auto`].
    #[default]
    Auto,
    /// See [`DeviceChoice::Cuda`].
    Cuda,
    /// See [`DeviceChoice::Wgpu`].
    Wgpu,
    /// See [`DeviceChoice::Cpu`].
    Cpu,
}

/// Reflects [`DropoutSettings`].
#[reflect_remote(DropoutSettings)]
#[derive(Clone, Copy, Debug)]
pub struct DropoutSettingsReflect {
    /// See [`DropoutSettings::hold`].
    pub hold: f64,
    /// See [`DropoutSettings::freeze`].
    pub freeze: f64,
    /// See [`DropoutSettings::relax`].
    pub relax: f64,
    /// See [`DropoutSettings::return_speed`].
    pub return_speed: f64,
}
