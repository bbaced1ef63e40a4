//! Poses from the networks.

use super::avatar_player::AvatarPlayer;
use crate::models::{KinestModels, News, Workers, diagnostics};
use crate::trackers::AvatarStatus;
use bevy::diagnostic::Diagnostics;
use bevy::prelude::*;

/// Adds new estimates to each avatar's player.
pub(super) fn receive(
    mut workers: ResMut<Workers>,
    mut statuses: ResMut<KinestModels>,
    mut avatars: Query<(&mut AvatarPlayer, &mut AvatarStatus)>,
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
                let Ok((mut asked, mut seen)) = avatars.get_mut(avatar) else { continue };
                if asked.model == Some(model) {
                    asked.player.estimate(running.revision(), reply.time, reply.estimate);
                    seen.estimates += 1;
                }
            }
        }
        running.warn_of_not_finite();
    }
}
