//! The live state of an avatar's player.

use crate::body::{KinestAvatar, ResetAvatar};
use crate::models::{Forecasting, PoseModel, Workers};
use bevy::prelude::*;
use kinest::live::Player;

/// The player of an avatar, and its model.
#[derive(Component, Default)]
pub(crate) struct AvatarPlayer {
    pub(super) model: Option<AssetId<PoseModel>>,
    pub player: Player,
    /// Number of consecutive outputs of its network that were not finite.
    pub(super) not_finite: u32,
    /// Whether the first of them has been logged.
    pub(super) is_told_not_finite: bool,
    /// Whether [`BodyOffFloor`](super::BodyOffFloor) has been triggered.
    pub(super) is_off_floor: bool,
    /// The forecaster of its body, used if [`Player::settings`] enable forecasts.
    pub forecasting: Forecasting,
}

pub(super) fn on_reset(
    reset: On<ResetAvatar>,
    mut workers: ResMut<Workers>,
    mut avatars: Query<&mut AvatarPlayer>,
) {
    if let Ok(mut of_avatar) = avatars.get_mut(reset.entity) {
        workers.forget(reset.entity, of_avatar.model);
        of_avatar.player.reset();
    }
}

pub(super) fn on_remove(
    removed: On<Remove, KinestAvatar>,
    mut workers: ResMut<Workers>,
    avatars: Query<&AvatarPlayer>,
) {
    if let Ok(of_avatar) = avatars.get(removed.entity) {
        workers.forget(removed.entity, of_avatar.model);
    }
}
