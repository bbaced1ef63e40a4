//! Applies the poses of a frame to the players' trackers. Needs no session.

use super::actions::BodyRole;
use super::mapping::{ControllerProfile, Located, OpenXrDevice};
use crate::trackers::{
    ROLES, SparseTracker, Teleport, TrackerOf, Trackers, TrackingSpace, TrackingState,
};
use bevy::prelude::*;
use bevy_mod_xr::session::XrTrackingRoot;
use kinest::tracker::TrackerRole;

/// An avatar driven by the wearer of the headset.
///
/// As soon as a session runs, head and hand [`SparseTracker`]s are spawned for it, each with an
/// [`OpenXrDevice`]. They are children of the entity with [`XrTrackingRoot`], which becomes the
/// avatar's [`TrackingSpace`] unless it already has one: moving that entity moves the player, view
/// and body. A tracker that the avatar already has for a role is kept; it follows the headset if it
/// has an [`OpenXrDevice`] too.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Reflect)]
#[reflect(Component, Default)]
pub struct OpenXrPlayer;

/// An additional tracker, worn elsewhere than on head and hands. No network uses it yet; games may
/// read it. It is a child of the entity with [`XrTrackingRoot`], with the axes that the runtime
/// reports. Spawned when the runtime first locates it; [`TrackingState`] tells whether it is
/// tracked now.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Reflect)]
#[reflect(Component)]
#[require(Transform, TrackingState)]
pub struct BodyTracker {
    /// Where it is worn.
    pub role: BodyRole,
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
    /// Additional trackers that the runtime locates.
    pub body: Vec<(BodyRole, Located)>,
    /// Whether the reference space was moved between the previous frame and this one.
    pub recentred: bool,
}

impl OpenXrPoses {
    /// The left or right hand; `None` for the head.
    #[must_use]
    pub fn hand(&self, role: TrackerRole) -> Option<&OpenXrHand> {
        match role {
            TrackerRole::Head => None,
            TrackerRole::LeftHand => Some(&self.hands[0]),
            TrackerRole::RightHand => Some(&self.hands[1]),
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
            return self
                .view
                .follow(role)
                .map_or(nothing, |pose| (OpenXrDevice::Headset, Some(pose)));
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
        for role in ROLES.into_iter().filter(|role| !worn(*role)) {
            let tracker = (SparseTracker::new(role), OpenXrDevice::None, TrackerOf(avatar));
            let mut tracker = commands.spawn((tracker, TrackingState::LOST, Visibility::default()));
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
        // During a dropout the tracker stays at its last pose.
        if let Some(pose) = pose {
            *transform = at(pose);
        }
    }
    if poses.recentred {
        players.iter().for_each(|entity| commands.trigger(Teleport { entity }));
    }
}

/// Moves additional trackers, spawning new ones.
pub(super) fn drive_body(
    mut commands: Commands,
    poses: Res<OpenXrPoses>,
    mut trackers: Query<(&BodyTracker, &mut TrackingState, &mut Transform)>,
    root: Query<Entity, With<XrTrackingRoot>>,
) {
    let found = |role| {
        let located = poses.body.iter().find(|(worn, _)| poses.running && *worn == role);
        located.and_then(|(_, located)| located.pose.filter(|_| located.seen))
    };
    for (tracker, mut state, mut transform) in &mut trackers {
        let pose = found(tracker.role);
        if state.tracked != pose.is_some() {
            state.tracked = pose.is_some();
        }
        if let Some(pose) = pose {
            *transform = at(pose);
        }
    }
    for (role, _) in &poses.body {
        let known = trackers.iter().any(|(tracker, ..)| tracker.role == *role);
        if let Some(pose) = found(*role).filter(|_| !known) {
            let mut tracker = commands.spawn((BodyTracker { role: *role }, at(pose)));
            if let Ok(root) = root.single() {
                tracker.insert((Visibility::default(), ChildOf(root)));
            }
        }
    }
}

fn at(pose: Isometry3d) -> Transform {
    Transform::from_translation(pose.translation.into()).with_rotation(pose.rotation)
}
