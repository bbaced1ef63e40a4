//! Measures the player while the game runs.

use super::sampled::Sampled;
use crate::body::KinestAvatar;
use crate::models::PoseModel;
use bevy::prelude::*;
use kinest::calibration::{Calibration, CalibrationError};
use kinest::skeleton::Skeleton;
use kinest::tracker::{TrackerFrame, TrackerRole};
use serde::{Deserialize, Serialize};

/// Duration of a T-pose and of free motion, seconds.
const POSE_SECONDS: f64 = 1.0;
const MOTION_SECONDS: f64 = 4.0;
/// Maximum time between two frames that counts as observed, seconds.
const LONGEST_GAP: f64 = 0.25;
/// Time after which a measurement without tracked frames fails, seconds.
const PATIENCE: f64 = 15.0;

/// The size of an avatar's player, and the mounting of the devices. Without it, the player has the
/// size of the body that the model was trained on.
///
/// The network's input is scaled to its own body size; [`BodyPose`](crate::BodyPose) has the
/// player's size. Insert it by hand, load it from a file ([`Calibration::load`]), or measure the
/// player with [`Recalibrate`].
#[derive(Component, Clone, Copy, Debug, PartialEq, Reflect, Serialize, Deserialize)]
// Opaque: a calibration changed field by field might not be valid.
#[reflect(opaque)]
#[reflect(Component, PartialEq, Debug, Serialize, Deserialize)]
pub struct PlayerCalibration(pub Calibration);

/// Method of measuring a player.
#[derive(Clone, Copy, Debug, PartialEq, Reflect)]
pub enum CalibrationMethod {
    /// T-pose: the player stands upright for a second, arms stretched out to the sides, palms down.
    /// Only this method measures the mounting of trackers on the body.
    TPose,
    /// The player moves freely for four seconds, upright part of the time.
    Motion,
    /// A given height of the player, metres.
    Height(f64),
}

/// Trigger this on an avatar to measure its player: [`PlayerCalibration`] is replaced, and
/// [`KinestCalibrated`] or [`CalibrationFailed`] follows.
#[derive(EntityEvent, Clone, Copy, Debug, Reflect)]
#[reflect(Event)]
pub struct Recalibrate {
    /// The avatar.
    pub entity: Entity,
    /// The method.
    pub method: CalibrationMethod,
}

/// Triggered on an avatar whose player has been measured.
#[derive(EntityEvent, Clone, Copy, Debug, Reflect)]
#[reflect(opaque)]
#[reflect(Event)]
pub struct KinestCalibrated {
    /// The avatar.
    pub entity: Entity,
    /// Its new [`PlayerCalibration`].
    pub calibration: Calibration,
}

/// Triggered on an avatar whose player could not be measured; the previous calibration stays.
#[derive(EntityEvent, Clone, Debug, Reflect)]
#[reflect(Event)]
pub struct CalibrationFailed {
    /// The avatar.
    pub entity: Entity,
    /// What went wrong.
    pub reason: String,
}

/// A measurement in progress.
#[derive(Component)]
pub(crate) struct Measuring {
    method: CalibrationMethod,
    /// The newest frame, held back until the next one, when its plausibility is known.
    newest: Option<TrackerFrame>,
    /// Frames in which head and hands were tracked with plausible poses.
    frames: Vec<TrackerFrame>,
    since: Option<f64>,
    /// Number of frames in which head, left hand and right hand were not.
    lost: [u32; 3],
}

impl Measuring {
    fn new(method: CalibrationMethod) -> Self {
        Self { method, newest: None, frames: Vec::new(), since: None, lost: [0; 3] }
    }

    /// Takes the trackers of a frame; `doubted` are the implausible ones of the previous frame.
    fn see(&mut self, frame: &TrackerFrame, doubted: [bool; 3]) {
        if self.newest.as_ref().is_some_and(|newest| newest.time >= frame.time) {
            return;
        }
        let Some(frame) = self.newest.replace(frame.clone()) else { return };
        let lost = [0, 1, 2].map(|k| doubted[k] || !frame.poses[k].tracked);
        if !lost.contains(&true) {
            self.frames.push(frame);
            return;
        }
        self.lose(lost);
        // A T-pose must be held; a motion may have gaps.
        if self.method == CalibrationMethod::TPose {
            self.frames.clear();
        }
    }

    fn lose(&mut self, lost: [bool; 3]) {
        self.lost.iter_mut().zip(lost).for_each(|(count, lost)| *count += u32::from(lost));
    }

    /// The reason why there is nothing to measure after `seconds`.
    fn failure(&self, seconds: f64) -> String {
        let most = self.lost.into_iter().max().unwrap_or_default();
        let roles = TrackerRole::HEAD_AND_HANDS.into_iter().zip(self.lost);
        let roles: Vec<TrackerRole> =
            roles.filter(|(_, lost)| *lost == most).map(|(role, _)| role).collect();
        match roles[..] {
            _ if most == 0 => {
                CalibrationError::TooShort { seconds, needed: POSE_SECONDS }.to_string()
            }
            [role] => CalibrationError::NotSeen { role }.to_string(),
            _ => {
                let names: Vec<String> = roles.iter().map(TrackerRole::to_string).collect();
                format!(
                    "{} are not tracked: hold them where the headset sees them, or measure by height instead",
                    names.join(" and ")
                )
            }
        }
    }
}

/// Starts a measurement.
pub(super) fn on_recalibrate(
    asked: On<Recalibrate>,
    mut commands: Commands,
    avatars: Query<(), With<KinestAvatar>>,
) {
    let Recalibrate { entity, method } = *asked;
    if avatars.contains(entity) {
        commands.entity(entity).insert(Measuring::new(method));
    } else {
        let reason = "it is no avatar".into();
        commands.trigger(CalibrationFailed { entity, reason });
    }
}

/// Feeds and ends measurements.
pub(super) fn calibrate(
    mut commands: Commands,
    models: Res<Assets<PoseModel>>,
    mut avatars: Query<(
        Entity,
        &KinestAvatar,
        &Sampled,
        Option<&PlayerCalibration>,
        &mut Measuring,
    )>,
) {
    for (entity, KinestAvatar { model }, sampled, known, mut measuring) in &mut avatars {
        let now = sampled.time;
        if measuring.since.is_some_and(|since| now < since) {
            // The avatar was reset, and its time restarted.
            *measuring = Measuring::new(measuring.method);
        }
        let since = *measuring.since.get_or_insert(now);
        match &sampled.devices {
            Some(frame) => measuring.see(frame, sampled.doubted()),
            None => measuring.lose([true, false, false]),
        }
        let base = models.get(model).map_or_else(Skeleton::default, |m| m.spec().skeleton.clone());
        let (devices, body) = known
            .map_or_else(Default::default, |PlayerCalibration(known)| (known.devices, known.body));
        let frames = &measuring.frames;
        // Of a longer gap only this much counts.
        let gaps = frames.windows(2).map(|pair| (pair[1].time - pair[0].time).min(LONGEST_GAP));
        let watched: f64 = gaps.sum();
        let found = match measuring.method {
            CalibrationMethod::Height(height) => Calibration::from_height(&base, height)
                .map(|calibration| Calibration { devices, body, ..calibration })
                .map_err(|error| error.to_string()),
            CalibrationMethod::TPose if watched >= POSE_SECONDS => {
                Calibration::from_t_pose(&base, frames, devices).map_err(|error| error.to_string())
            }
            CalibrationMethod::Motion if watched >= MOTION_SECONDS => {
                Calibration::from_motion(&base, frames, devices)
                    .map(|calibration| Calibration { body, ..calibration })
                    .map_err(|error| error.to_string())
            }
            _ if now - since > PATIENCE => Err(measuring.failure(watched)),
            _ => continue,
        };
        commands.entity(entity).remove::<Measuring>();
        match found {
            Ok(calibration) => {
                commands.entity(entity).insert(PlayerCalibration(calibration));
                commands.trigger(KinestCalibrated { entity, calibration });
            }
            Err(reason) => commands.trigger(CalibrationFailed { entity, reason }),
        }
    }
}
