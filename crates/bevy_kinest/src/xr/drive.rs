//! Applies the poses of a frame to the players' trackers. Needs no session.

use super::mapping::{ControllerProfile, Located, OpenXrDevice};
use crate::trackers::{
    NeedsCalibration, SparseTracker, Teleport, TrackerOf, Trackers, TrackingSpace, TrackingState,
};
use bevy::ecs::lifecycle::HookContext;
use bevy::ecs::world::DeferredWorld;
use bevy::prelude::*;
use bevy_mod_xr::session::XrTrackingRoot;
use kinest::tracker::TrackerRole;

/// An avatar driven by the wearer of the headset.
///
/// As soon as a session runs, head and hand [`SparseTracker`]s are spawned for it, each with an
/// [`OpenXrDevice`]. They are children of the entity with [`XrTrackingRoot`], which becomes the
/// avatar's [`TrackingSpace`] unless it already has one: moving that entity moves the player, view
/// and body. Existing trackers of the avatar are kept; they follow the headset if they also have an
/// [`OpenXrDevice`]. Trackers that were spawned are despawned with the avatar.
///
/// Trackers on the body are spawned when the runtime first locates them, with [`NeedsCalibration`]: they
/// drive the body after the next T-pose.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Reflect)]
#[component(on_despawn = despawn_trackers)]
#[reflect(Component, Default)]
pub struct OpenXrPlayer;

/// A tracker that was spawned for an [`OpenXrPlayer`].
#[derive(Component)]
struct Spawned;

/// The trackers are children of the tracking root, which is not despawned.
fn despawn_trackers(mut world: DeferredWorld, HookContext { entity, .. }: HookContext) {
    let own = world.get::<Trackers>(entity).into_iter().flat_map(|own| own.iter());
    let spawned: Vec<Entity> =
        own.filter(|tracker| world.get::<Spawned>(*tracker).is_some()).collect();
    let mut commands = world.commands();
    spawned.into_iter().for_each(|tracker| commands.entity(tracker).try_despawn());
}

/// The state of a hand in this frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Reflect)]
pub struct OpenXrHand {
    /// Grip pose of the controller in this hand.
    pub grip: Located,
    /// Type of the controller; `None` until the runtime reports it.
    pub profile: Option<ControllerProfile>,
    /// Pose of the wrist from hand tracking.
    pub wrist: Located,
    /// Pull of the trigger, 0 to 1.
    pub trigger: f32,
    /// Whether A or X is pressed, or the menu button if there is no other.
    pub button: bool,
}

/// State of the devices in this frame: poses at its predicted display time, in the session's
/// reference space. Written in [`OpenXrSystems::Locate`](super::OpenXrSystems::Locate), read in
/// [`OpenXrSystems::Drive`](super::OpenXrSystems::Drive).
#[derive(Resource, Clone, Debug, Default, PartialEq, Reflect)]
#[reflect(Resource, Default)]
pub struct OpenXrPoses {
    /// Whether a session is running. Otherwise nothing is tracked.
    pub running: bool,
    /// Pose of the view: between the eyes, −z forward.
    pub view: Located,
    /// Left and right hand.
    pub hands: [OpenXrHand; 2],
    /// Trackers on the body, in the order of [`TrackerRole::BODY`].
    pub body: [Located; TrackerRole::BODY.len()],
    /// Whether the reference space was moved between the previous frame and this one.
    pub recentred: bool,
}

impl OpenXrPoses {
    /// The left or right hand; `None` for other roles.
    #[must_use]
    pub fn hand(&self, role: TrackerRole) -> Option<&OpenXrHand> {
        match role {
            TrackerRole::LeftHand => Some(&self.hands[0]),
            TrackerRole::RightHand => Some(&self.hands[1]),
            _ => None,
        }
    }

    /// The device that a tracker of this role follows, and its pose. A controller takes precedence
    /// over hand tracking, because some runtimes synthesise one from the other.
    #[must_use]
    pub fn device(&self, role: TrackerRole) -> (OpenXrDevice, Option<Isometry3d>) {
        let nothing = (OpenXrDevice::None, None);
        if !self.running {
            return nothing;
        }
        let Some(hand) = self.hand(role) else {
            let worn = TrackerRole::BODY.iter().position(|worn| *worn == role);
            let (device, located) = match worn {
                Some(worn) => (OpenXrDevice::Strapped, self.body.get(worn)),
                None => (OpenXrDevice::Headset, Some(&self.view)),
            };
            let pose = located.and_then(|located| located.follow(role));
            return pose.map_or(nothing, |pose| (device, Some(pose)));
        };
        let controller = OpenXrDevice::Controller(hand.profile.unwrap_or_default());
        [(controller, hand.grip), (OpenXrDevice::BareHand, hand.wrist)]
            .into_iter()
            .find_map(|(device, located)| Some((device, Some(located.follow(role)?))))
            .unwrap_or(nothing)
    }
}

/// Spawns each player's missing trackers, once a session runs.
pub(super) fn spawn_trackers(
    mut commands: Commands,
    poses: Res<OpenXrPoses>,
    players: Query<(Entity, Option<&Trackers>, Has<TrackingSpace>), With<OpenXrPlayer>>,
    trackers: Query<&SparseTracker>,
    root: Query<Entity, With<XrTrackingRoot>>,
) {
    if !poses.running {
        return;
    }
    let root = root.single().ok();
    for (avatar, own, has_space) in &players {
        let worn = |role| {
            let is_worn = |entity| trackers.get(entity).is_ok_and(|t| t.role == role);
            own.is_some_and(|own| own.iter().any(is_worn))
        };
        let body = TrackerRole::BODY.into_iter().zip(&poses.body);
        let located = body.filter(|(_, located)| located.seen).map(|(role, _)| role);
        let wanted = TrackerRole::HEAD_AND_HANDS.into_iter().chain(located);
        for role in wanted.filter(|role| !worn(*role)) {
            let tracker =
                (SparseTracker::new(role), OpenXrDevice::None, TrackerOf(avatar), Spawned);
            let mut tracker = commands.spawn((tracker, TrackingState::LOST, Visibility::default()));
            if !TrackerRole::HEAD_AND_HANDS.contains(&role) {
                tracker.insert(NeedsCalibration);
            }
            if let Some(root) = root {
                tracker.insert(ChildOf(root));
            }
        }
        if let Some(root) = root.filter(|_| !has_space) {
            commands.entity(avatar).insert(TrackingSpace(root));
        }
    }
}

/// Moves the players' trackers.
pub(super) fn drive(
    mut commands: Commands,
    poses: Res<OpenXrPoses>,
    mut trackers: Query<(
        &mut SparseTracker,
        &mut OpenXrDevice,
        &mut TrackingState,
        &mut Transform,
    )>,
    players: Query<Entity, With<OpenXrPlayer>>,
) {
    for (mut tracker, mut device, mut state, mut transform) in &mut trackers {
        let (now, pose) = poses.device(tracker.role);
        device.set_if_neq(now);
        if let Some(held) = now.device_from_joint(tracker.role)
            && tracker.device_from_joint != held
        {
            tracker.device_from_joint = held;
        }
        if state.tracked != pose.is_some() {
            state.tracked = pose.is_some();
        }
        // During a dropout the tracker keeps its last pose.
        if let Some(pose) = pose {
            *transform = at(pose);
        }
    }
    if poses.recentred {
        players.iter().for_each(|entity| commands.trigger(Teleport { entity }));
    }
}

fn at(pose: Isometry3d) -> Transform {
    Transform::from_translation(pose.translation.into()).with_rotation(pose.rotation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bevy::ecs::system::RunSystemOnce;

    #[test]
    fn trackers_that_were_spawned_for_a_player_go_with_it() {
        let mut world = World::new();
        world.insert_resource(OpenXrPoses { running: true, ..default() });
        let player = world.spawn(OpenXrPlayer).id();
        let own = world.spawn((SparseTracker::HEAD, TrackerOf(player))).id();
        world.run_system_once(spawn_trackers).unwrap();
        let trackers = |world: &mut World| -> Vec<Entity> {
            world.query_filtered::<Entity, With<SparseTracker>>().iter(world).collect()
        };
        assert_eq!(trackers(&mut world).len(), 3, "the game's own, and hands");
        world.despawn(player);
        assert_eq!(trackers(&mut world), [own]);
    }
}
