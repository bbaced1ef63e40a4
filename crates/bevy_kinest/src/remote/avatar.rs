//! The body of a player on another machine.

use crate::body::{BodyPose, SkeletonReflect};
use crate::frame::Clock;
use crate::models::{ForecastModel, Forecasters, Forecasting};
use crate::trackers::TrackingSpace;
use bevy::prelude::*;
use bevy::transform::helper::TransformHelper;
use kinest::forecast::Extrapolation;
use kinest::live::{PoseSource, RemoteError, RemotePlayer, RemoteSettings};
use kinest::skeleton::{Pose, Skeleton};
use std::collections::VecDeque;
use std::time::Duration;

/// Maximum number of poses waiting for a frame; beyond it the oldest is dropped, because a disabled
/// avatar takes none.
const MOST_WAITING: usize = 64;

/// The body of a player on another machine, in place of a [`KinestAvatar`](crate::KinestAvatar).
/// Pass it received poses, even if they are rare, late, duplicated or out of order, and its
/// [`BodyPose`] moves smoothly. The game sends the poses, with any networking crate.
///
/// ```
/// # use bevy::prelude::*;
/// use bevy_kinest::RemoteAvatar;
/// use bevy_kinest::kinest::live::PosePacket;
/// use bevy_kinest::prelude::*;
///
/// /// Ten to twenty times a second is enough: 106 bytes each.
/// fn send(time: Res<Time<Real>>, avatar: Single<&BodyPose, With<KinestAvatar>>) {
///     let packet = PosePacket { time: time.elapsed_secs_f64(), pose: *avatar.pose_z_up() };
///     let bytes = packet.encode();
///     # let _ = bytes;
/// }
///
/// #[derive(Message)]
/// struct Arrived(Vec<u8>);
///
/// fn receive(
///     mut packets: MessageReader<Arrived>,
///     mut other: Single<&mut RemoteAvatar>,
///     mut refused: Local<u64>,
/// ) {
///     for Arrived(bytes) in packets.read() {
///         // An error that is returned from here would end the game: no packet of another player's may do that.
///         let taken = PosePacket::decode(bytes)
///             .is_ok_and(|packet| other.receive(packet.time, packet.pose).is_ok());
///         if !taken {
///             *refused += 1;
///             debug!("{} packets were no bodies", *refused);
///         }
///     }
/// }
///
/// fn spawn_other(mut commands: Commands) {
///     commands.spawn((RemoteAvatar::default(), SmplSkeleton::default()));
/// }
/// # bevy::ecs::system::assert_is_system(send);
/// # bevy::ecs::system::assert_is_system(receive);
/// # bevy::ecs::system::assert_is_system(spawn_other);
/// ```
///
/// A [`TrackingSpace`] places the sender's space in this world. [`BodyPose::age`] is the delay
/// behind the newest pose that could have arrived, and [`BodyPose::confidence`] rates the forecast.
#[derive(Component, Clone, Debug, Reflect)]
#[reflect(Component, Default, Clone)]
#[require(Transform, Visibility, BodyPose)]
pub struct RemoteAvatar {
    /// Delay of the shown body behind the newest pose that could have arrived. With zero, the
    /// default, the body is forecast to the present; see [`RemoteSettings`].
    pub delay: Duration,
    /// Longest forecast; then the body stands still.
    pub longest: Duration,
    /// Time constant in which errors of a forecast are corrected.
    pub correction: Duration,
    /// The sender's [`BodyPose::skeleton`].
    #[reflect(remote = SkeletonReflect)]
    pub skeleton: Skeleton,
    /// A network that forecasts bodies; `None` for damped velocity alone.
    pub model: Option<Handle<ForecastModel>>,
    #[reflect(ignore)]
    player: RemotePlayer,
    /// Poses received since the last frame.
    #[reflect(ignore)]
    arrived: VecDeque<(f64, Pose)>,
}

impl Default for RemoteAvatar {
    fn default() -> Self {
        let RemoteSettings { delay, longest, correction } = RemoteSettings::default();
        Self {
            delay,
            longest,
            correction,
            skeleton: Skeleton::default(),
            model: None,
            player: RemotePlayer::default(),
            arrived: VecDeque::new(),
        }
    }
}

impl RemoteAvatar {
    /// Takes a pose that has just arrived: the sender's [`BodyPose::pose_z_up`] at time `sent`, in
    /// seconds of any clock of the sender's. The current frame's time is its time of arrival.
    ///
    /// # Errors
    /// If the time or the pose is not finite, or a rotation is not a unit quaternion. Rotations
    /// that were rounded in transit are accepted.
    pub fn receive(&mut self, sent: f64, pose: Pose) -> Result<(), RemoteError> {
        let pose = RemotePlayer::check(sent, &pose)?;
        if self.arrived.len() == MOST_WAITING {
            self.arrived.pop_front();
        }
        self.arrived.push_back((sent, pose));
        Ok(())
    }

    /// Clears all received poses, for another player.
    pub fn reset(&mut self) {
        self.player.reset();
        self.arrived.clear();
    }
}

/// Writes the body of every player on another machine.
pub(super) fn show_remote(
    clock: Clock,
    transforms: TransformHelper,
    mut forecasters: ResMut<Forecasters>,
    mut avatars: Query<(NameOrEntity, Option<&TrackingSpace>, &mut RemoteAvatar, &mut BodyPose)>,
) {
    let now = clock.now().as_secs_f64();
    for (name, space, mut avatar, mut body) in &mut avatars {
        // Changes in every frame, so change detection would be useless.
        let RemoteAvatar { player, arrived, delay, longest, correction, skeleton, model } =
            avatar.bypass_change_detection();
        player.settings =
            RemoteSettings { delay: *delay, longest: *longest, correction: *correction };
        for (sent, pose) in arrived.drain(..) {
            if let Err(error) = player.receive(sent, now, &pose) {
                warn!("remote avatar {name}: {error}");
            }
        }
        let forecasting = Forecasting {
            model: model.as_ref().map(Handle::id),
            baseline: Extrapolation::default(),
        };
        let Some(shown) = player.show(forecasters.get(&forecasting), now) else {
            body.time = None;
            continue;
        };
        body.world_from_space = match space {
            // If the space was despawned, the body stays in place.
            Some(TrackingSpace(space)) => {
                transforms.compute_global_transform(*space).unwrap_or(body.world_from_space)
            }
            None => GlobalTransform::IDENTITY,
        };
        if body.skeleton != *skeleton {
            body.skeleton.clone_from(skeleton);
        }
        body.source = PoseSource::Received;
        (body.time, body.age) = (Some(now - shown.age), shown.age);
        body.confidence = shown.confidence;
        body.set_pose_z_up(shown.pose);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_takes_does_not_pile_up() {
        let mut remote = RemoteAvatar::default();
        for k in 0..1000 {
            remote.receive(f64::from(k), Pose::rest()).unwrap();
        }
        assert_eq!(remote.arrived.len(), MOST_WAITING);
        assert_eq!(remote.arrived.back().map(|(sent, _)| *sent), Some(999.0));
        remote.receive(f64::NAN, Pose::rest()).unwrap_err();
    }
}
