//! Receives poses from the networks.

use super::avatar_player::AvatarPlayer;
use crate::models::{KinestModels, News, Workers, diagnostics};
use crate::trackers::AvatarStatus;
use bevy::diagnostic::Diagnostics;
use bevy::prelude::*;

/// Consecutive outputs that are not finite after which an avatar's estimates are cleared: half a
/// second at 60 Hz.
const HOPELESS: u32 = 30;

/// Adds new estimates to each avatar's player, and clears old ones where none will come.
pub(super) fn receive(
    mut workers: ResMut<Workers>,
    mut statuses: ResMut<KinestModels>,
    mut avatars: Query<(NameOrEntity, &mut AvatarPlayer, &mut AvatarStatus)>,
    mut news: News,
    mut measurements: Diagnostics,
) {
    for (model, running) in workers.iter_mut() {
        let status = statuses.of(model);
        running.take_over(model, status, &mut news);
        while let Some(replies) = running.receive(model, status, &mut news) {
            diagnostics::measure(&mut measurements, status);
            for reply in replies {
                let avatar = Entity::from_bits(reply.avatar);
                let Ok((_, mut asked, mut seen)) = avatars.get_mut(avatar) else { continue };
                if asked.model == Some(model) {
                    asked.player.estimate(running.revision(), reply.time, reply.estimate);
                    asked.not_finite = 0;
                    seen.estimates += 1;
                }
            }
        }
        for avatar in running.take_not_finite() {
            let Ok((name, mut asked, _)) = avatars.get_mut(Entity::from_bits(avatar)) else {
                continue;
            };
            if asked.model != Some(model) {
                continue;
            }
            if !std::mem::replace(&mut asked.is_told_not_finite, true) {
                warn!(
                    "avatar {name}: an output of its network is not finite; such frames keep the pose before"
                );
            }
            asked.not_finite += 1;
            if asked.not_finite >= HOPELESS {
                asked.player.forget_estimates();
            }
        }
        if running.is_silent() {
            for (_, mut asked, _) in &mut avatars {
                if asked.model == Some(model) {
                    asked.player.forget_estimates();
                }
            }
        }
    }
}
