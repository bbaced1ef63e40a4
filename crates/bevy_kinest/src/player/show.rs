//! The pose that each frame shows.

use super::avatar_player::AvatarPlayer;
use super::off_floor::BodyOffFloor;
use super::refine::KinestRefine;
use crate::body::{BodyPose, KinestAvatar, confidence};
use crate::frame::Clock;
use crate::models::{Forecasters, PoseModel};
use crate::trackers::Sampled;
use bevy::diagnostic::{DiagnosticPath, Diagnostics};
use bevy::prelude::*;
use kinest::live::{PlayerPose, PoseSource};

pub(crate) const POSE_AGE_MS: DiagnosticPath = DiagnosticPath::const_new("kinest/pose_age");

/// Writes the current pose of every avatar, placed below its newest head pose.
pub(super) fn place(
    clock: Clock,
    models: Res<Assets<PoseModel>>,
    mut forecasters: ResMut<Forecasters>,
    mut avatars: Query<(&KinestAvatar, &Sampled, &mut AvatarPlayer, &mut BodyPose)>,
    mut diagnostics: Diagnostics,
) {
    for (KinestAvatar { model }, sampled, mut of_avatar, mut body) in &mut avatars {
        let forecaster = forecasters.get(&of_avatar.forecasting);
        let (player, now) = (&mut of_avatar.player, sampled.time);
        if player.joints().is_none() {
            continue;
        }
        if let Some(model) = models.get(model) {
            body.skeleton = model.spec().skeleton.clone();
        }
        body.skeleton = player.skeleton(&body.skeleton);
        let shown = player.show_with(forecaster, &body.skeleton, now, clock.delta());
        let Some(shown) = shown else { continue };
        let PlayerPose { pose, source, time } = shown;
        let lost = [0, 1, 2].map(|k| sampled.lost_since(k).map_or(0.0, |since| now - since));
        body.source = source;
        body.time = Some(sampled.on_clock(time));
        body.age = now - time;
        let worn = player.joints().map(|joints| &joints.body);
        body.confidence =
            confidence(source, lost, body.age, worn, player.certainty().deviations.as_ref());
        if let Some(forecast) = player.forecast_state() {
            for (sure, forecast) in body.confidence.iter_mut().zip(forecast.confidence) {
                *sure *= forecast;
            }
        }
        body.world_from_space = sampled.world_from_space;
        *body.unsettled().1 = pose;
        if source == PoseSource::Estimated {
            diagnostics.add_measurement(&POSE_AGE_MS, || 1e3 * (now - time));
        }
    }
}

/// Corrects every pose as set in the avatar's [`KinestRefine`].
pub(crate) fn refine(
    mut commands: Commands,
    clock: Clock,
    mut avatars: Query<(NameOrEntity, &KinestRefine, &mut AvatarPlayer, &mut BodyPose)>,
) {
    for (avatar, refine, mut of_avatar, mut body) in &mut avatars {
        of_avatar.player.settings.refine = (*refine).into();
        if body.time.is_some() {
            let (skeleton, pose) = body.unsettled();
            body.contacts = of_avatar.player.refine(skeleton, pose, clock.delta());
            let height = of_avatar.player.off_floor();
            if let Some(height) = height.filter(|_| !of_avatar.is_off_floor) {
                warn!(
                    "avatar {avatar} stands {height:.2} m above the floor: recentre, or calibrate the player"
                );
                commands.trigger(BodyOffFloor { entity: avatar.entity, height });
            }
            of_avatar.is_off_floor = height.is_some();
        }
        body.settle();
    }
}
