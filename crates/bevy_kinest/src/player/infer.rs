//! Passes trackers to the networks.

use super::avatar_player::AvatarPlayer;
use crate::body::KinestAvatar;
use crate::frame::{Clock, InferenceMode};
use crate::models::{KinestModels, PoseModel, Workers};
use crate::trackers::{AvatarStatus, PlayerCalibration, Sampled, SeatedPlayer, tell_doubts};
use bevy::prelude::*;
use glam::DVec3;

/// Adds the trackers of this frame to each avatar's history, and submits the network's input.
pub(super) fn infer(
    mut commands: Commands,
    clock: Clock,
    models: Res<Assets<PoseModel>>,
    mut workers: ResMut<Workers>,
    mut statuses: ResMut<KinestModels>,
    mut avatars: Query<(
        NameOrEntity,
        &KinestAvatar,
        Option<&PlayerCalibration>,
        Option<&SeatedPlayer>,
        &mut Sampled,
        &mut AvatarStatus,
        &mut AvatarPlayer,
    )>,
) {
    let (settings, now) = (&clock.settings, clock.now().as_secs_f64());
    let inline = settings.mode == InferenceMode::Inline;
    for (
        name,
        KinestAvatar { model },
        calibration,
        seated,
        mut sampled,
        mut status,
        mut of_avatar,
    ) in &mut avatars
    {
        let avatar = name.entity;
        let id = model.id();
        let AvatarPlayer { model: asked, player, .. } = &mut *of_avatar;
        (player.settings.dropout, player.settings.blend) = (settings.dropout, settings.blend);
        player.settings.doubt = settings.doubt;
        let calibration = calibration.map(|PlayerCalibration(player)| player);
        player.calibrate(calibration.copied());
        player.settings.sits = seated == Some(&SeatedPlayer::AvatarSits);
        let rise = match seated {
            Some(SeatedPlayer::AvatarStands { rise }) => *rise,
            _ => 0.0,
        };
        player.set_offset(sampled.walked + DVec3::Z * rise);
        let pushed =
            sampled.driving(calibration).map(|devices| player.push(&devices, sampled.told_moved));
        match pushed {
            Some(Ok(())) => {
                tell_doubts(&mut commands, avatar, &mut sampled, &mut status, player.doubts());
            }
            Some(Err(error)) => sampled.warn(&name, error.to_string()),
            None => {}
        }
        if *asked != Some(id) {
            workers.forget(avatar, asked.replace(id));
        }
        if let Some(model) = models.get(id)
            && let Err(error) = workers.open(id, model, settings.device, inline, statuses.of(id))
        {
            sampled.warn(&name, format!("no thread for the network: {error}"));
        }
        let Some(running) = workers.get_mut(id) else { continue };
        let told = match player.tell(running.spec(), running.revision()) {
            Ok(told) => told.unwrap_or_default(),
            Err(error) => {
                sampled.warn(&name, error.to_string());
                continue;
            }
        };
        let avatar = avatar.to_bits();
        if told.teleported {
            running.discard(avatar);
        }
        // While the clock is stopped, there is no new frame.
        if told.new
            && (inline || running.is_due(now))
            && let Some(question) = player.ask()
        {
            running.ask(avatar, question);
        }
    }
    workers.submit(now, inline);
}
