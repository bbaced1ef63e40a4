//! Forecast bodies beside their avatars.

use crate::body::BodyPose;
use crate::models::Forecasters;
use crate::player::AvatarPlayer;
use bevy::prelude::*;
use kinest::live::PoseSource;
use std::time::Duration;

/// The predicted body of an avatar. It has its own [`BodyPose`], so it can be shown like any body,
/// by an [`SmplSkeleton`](crate::SmplSkeleton) or a [`KinestRig`](crate::KinestRig) on the same
/// entity, or only be read, for instance to aim or to avoid it.
///
/// The avatar needs a [`Forecast`](crate::Forecast), whose settings determine the method. Head and
/// hands are also forecast. To change the lead, insert another `ForecastGhost`.
/// [`BodyPose::confidence`] rates each joint. Ghosts are despawned with their avatar.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Reflect)]
#[reflect(Component)]
#[relationship(relationship_target = ForecastGhosts)]
#[require(Transform, Visibility, BodyPose)]
pub struct ForecastGhost {
    /// The avatar.
    #[relationship]
    #[entities]
    pub avatar: Entity,
    /// Lead over the shown body.
    pub ahead: Duration,
}

/// The ghosts of an avatar. Bevy updates it from [`ForecastGhost`].
#[derive(Component, Debug, Default, Reflect)]
#[reflect(Component)]
#[relationship_target(relationship = ForecastGhost, linked_spawn)]
pub struct ForecastGhosts(Vec<Entity>);

/// Writes the bodies of all ghosts.
pub(super) fn show_ghosts(
    mut forecasters: ResMut<Forecasters>,
    mut avatars: Query<(&mut AvatarPlayer, &BodyPose), Without<ForecastGhost>>,
    mut ghosts: Query<(&ForecastGhost, &mut BodyPose)>,
) {
    for (ghost, mut body) in &mut ghosts {
        let Ok((mut of_avatar, now)) = avatars.get_mut(ghost.avatar) else { continue };
        let AvatarPlayer { player, forecasting, .. } = &mut *of_avatar;
        let forecaster = forecasters.get(forecasting);
        let Some(forecast) = player.forecast(forecaster, ghost.ahead.as_secs_f64()) else {
            body.time = None;
            continue;
        };
        body.skeleton.clone_from(&now.skeleton);
        body.source = PoseSource::Forecast;
        (body.time, body.age, body.world_from_space) = (now.time, now.age, now.world_from_space);
        for (own, (sure, forecast)) in
            body.confidence.iter_mut().zip(now.confidence.iter().zip(forecast.confidence))
        {
            *own = sure * forecast;
        }
        body.set_pose_z_up(forecast.pose);
    }
}
