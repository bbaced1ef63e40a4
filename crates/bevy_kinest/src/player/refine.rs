//! Corrections of a body's pose.

use bevy::prelude::*;
use bevy::reflect::reflect_remote;
use kinest::refine::{Floor, FootLockSettings, OneEuro, RefineSettings};
use serde::{Deserialize, Serialize};

/// Corrections of an avatar's pose, applied in this order: [`RefineSettings`] as a component. May be
/// changed at any time.
///
/// Cumulative effect, on 38 CMU clips on a flat floor that the shipped model `kinest_stream` was
/// not trained on (online, means over clips; each row includes the rows before it; `kinest-train
/// evaluate --model kinest_stream.model.ron --data CLIPS --split FLAT --protocol online --refine`,
/// which runs [`Refiner`](kinest::refine::Refiner) step by step on whole estimates):
///
/// | | MPJPE | lower body | jitter | sliding of planted feet | below the floor, mean / maximum |
/// |---|---|---|---|---|---|
/// | the network's pose | 7.37 cm | 13.3 cm | 11.4 · 10² m/s³ | 75 cm/s | 0.93 / 19.2 cm |
/// | head and hands exact | 6.89 cm | 13.3 cm | 10.0 · 10² m/s³ | 75 cm/s | 0.95 / 19.3 cm |
/// | smoothed | 6.99 cm | 13.6 cm | 3.9 · 10² m/s³ | 62 cm/s | 1.01 / 19.1 cm |
/// | grounded | 6.77 cm | 13.1 cm | 4.5 · 10² m/s³ | 62 cm/s | 1.01 / 19.1 cm |
/// | feet locked | 6.93 cm | 13.5 cm | 4.4 · 10² m/s³ | 40 cm/s | 0.00 / 0.0 cm |
/// | the true motion | 0 | 0 | 2.8 · 10² m/s³ | 8 cm/s | 0.06 / 10.4 cm |
///
/// Knees and feet lag 33 ms behind the network's. On 11 more clips, of people who climb, `ground`
/// and `lock_feet` increase the error, because these people do not stand on the floor: from 6.9 cm
/// to 7.8 cm over all 49 clips. `kinest_full` predicts contacts, so its bodies are not grounded.
/// Over all 49 clips its MPJPE is 6.80 cm, 6.41 cm with head and hands exact, 6.57 cm smoothed, and
/// 6.75 cm with feet locked, which then slide at 25 cm/s.
#[derive(Component, Clone, Copy, Debug, PartialEq, Reflect, Serialize, Deserialize)]
#[reflect(Component, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KinestRefine {
    /// Smooths joint rotations over time.
    pub smooth: bool,
    /// The smoothing filter; [`OneEuro::lag`] gives its lag.
    #[reflect(remote = OneEuroReflect)]
    pub one_euro: OneEuro,
    /// Puts airborne bodies that do not jump onto the floor; networks estimate such poses for
    /// motion unlike their training data. Has no effect with networks that predict contacts.
    pub ground: bool,
    /// Places head and hands exactly at the trackers, and bridges dropouts.
    pub place_trackers: bool,
    /// Keeps feet on the floor, and planted feet from sliding.
    pub lock_feet: bool,
    /// Thresholds of contacts, and the height of the floor: by default 0 in the tracking space.
    #[reflect(remote = FootLockSettingsReflect)]
    pub feet: FootLockSettings,
}

impl Default for KinestRefine {
    /// All corrections.
    fn default() -> Self {
        RefineSettings::default().into()
    }
}

impl KinestRefine {
    /// No correction: the network's pose below the newest head pose.
    #[must_use]
    pub fn none() -> Self {
        RefineSettings::none().into()
    }
}

impl From<RefineSettings> for KinestRefine {
    fn from(settings: RefineSettings) -> Self {
        let RefineSettings { smooth, one_euro, ground, place_trackers, lock_feet, feet } = settings;
        Self { smooth, one_euro, ground, place_trackers, lock_feet, feet }
    }
}

impl From<KinestRefine> for RefineSettings {
    fn from(refine: KinestRefine) -> Self {
        let KinestRefine { smooth, one_euro, ground, place_trackers, lock_feet, feet } = refine;
        Self { smooth, one_euro, ground, place_trackers, lock_feet, feet }
    }
}

/// Reflects [`OneEuro`].
#[reflect_remote(OneEuro)]
#[derive(Clone, Copy, Debug)]
pub struct OneEuroReflect {
    /// See [`OneEuro::min_cutoff`].
    pub min_cutoff: f64,
    /// See [`OneEuro::beta`].
    pub beta: f64,
    /// See [`OneEuro::speed_cutoff`].
    pub speed_cutoff: f64,
    /// See [`OneEuro::max_speed`].
    pub max_speed: f64,
}

/// Reflects [`FootLockSettings`].
#[reflect_remote(FootLockSettings)]
#[derive(Clone, Copy, Debug)]
pub struct FootLockSettingsReflect {
    /// See [`FootLockSettings::floor`].
    #[reflect(remote = FloorReflect)]
    pub floor: Floor,
    /// See [`FootLockSettings::contact_height`].
    pub contact_height: f64,
    /// See [`FootLockSettings::contact_speed`].
    pub contact_speed: f64,
    /// See [`FootLockSettings::release_height`].
    pub release_height: f64,
    /// See [`FootLockSettings::release_speed`].
    pub release_speed: f64,
    /// See [`FootLockSettings::contact_probability`].
    pub contact_probability: f64,
    /// See [`FootLockSettings::release_probability`].
    pub release_probability: f64,
    /// See [`FootLockSettings::slack`].
    pub slack: f64,
    /// See [`FootLockSettings::relock`].
    pub relock: f64,
    /// See [`FootLockSettings::blend`].
    pub blend: f64,
    /// See [`FootLockSettings::speed_time`].
    pub speed_time: f64,
}

/// Reflects [`Floor`].
#[reflect_remote(Floor)]
#[derive(Clone, Copy, Debug)]
pub enum FloorReflect {
    /// See [`Floor::At`].
    At(f64),
    /// See [`Floor::Estimated`].
    Estimated,
}
