//! Trackers for VRChat.

use super::socket::OscLink;
use crate::body::BodyPose;
use crate::frame::KinestSystems;
use bevy::prelude::*;
use bevy::reflect::reflect_remote;
use kinest::osc::vrchat::{HeadReference, PORT, packets};
use kinest::tracker::TrackerRole;
use std::net::{Ipv4Addr, SocketAddr};

/// Sends bodies to VRChat: [`VrchatTrackers`] (feature `osc`).
pub struct KinestOscPlugin;

impl Plugin for KinestOscPlugin {
    fn build(&self, app: &mut App) {
        app.register_type::<VrchatTrackers>()
            .add_systems(PostUpdate, send.after(KinestSystems::Writeback));
    }
}

/// On an avatar: sends trackers of its body to VRChat, so that a headset player has full-body
/// tracking there.
///
/// OSC must be enabled in VRChat; for VRChat on a standalone headset, [`to`](Self::to) is the
/// headset's address. The player calibrates in VRChat as with real trackers. Positions are in the
/// avatar's [`TrackingSpace`](crate::TrackingSpace), metres in the real world.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_kinest::prelude::*;
/// use bevy_kinest::VrchatTrackers;
///
/// # fn spawn(mut commands: Commands, assets: Res<AssetServer>) {
/// let model = assets.load("models/kinest_full.model.ron");
/// commands.spawn((KinestAvatar::new(model), VrchatTrackers { knees: true, ..default() }));
/// # }
/// ```
#[derive(Component, Clone, Debug, Reflect)]
#[reflect(Component, Default, Clone)]
pub struct VrchatTrackers {
    /// Where VRChat listens: 127.0.0.1:9000.
    pub to: SocketAddr,
    /// Packets per second, at most one per frame.
    pub rate: f32,
    /// Sends the hips, as tracker 1. Numbers are consecutive over the trackers that are sent.
    pub hips: bool,
    /// Sends the chest.
    pub chest: bool,
    /// Sends both elbows.
    pub elbows: bool,
    /// Sends both knees.
    pub knees: bool,
    /// Sends both feet.
    pub feet: bool,
    /// The head data to send.
    #[reflect(remote = HeadReferenceReflect)]
    pub head: HeadReference,
    /// The player's height, metres, to which the body is scaled if it is not calibrated; `None`
    /// sends the body unscaled.
    pub player_height: Option<f32>,
    /// Its socket and state.
    #[reflect(ignore)]
    pub link: OscLink,
}

impl Default for VrchatTrackers {
    /// Hips and feet, 60 times a second: VRChat's own advice is to send few.
    fn default() -> Self {
        Self {
            to: (Ipv4Addr::LOCALHOST, PORT).into(),
            rate: 60.0,
            hips: true,
            chest: false,
            elbows: false,
            knees: false,
            feet: true,
            head: HeadReference::default(),
            player_height: None,
            link: OscLink::default(),
        }
    }
}

impl VrchatTrackers {
    /// All eight trackers.
    #[must_use]
    pub fn all() -> Self {
        Self { chest: true, elbows: true, knees: true, ..Self::default() }
    }

    /// The trackers in the order of their numbers.
    fn roles(&self) -> Vec<TrackerRole> {
        let sides = |is_sent: bool, left, right| if is_sent { vec![left, right] } else { vec![] };
        let one = |is_sent: bool, role| if is_sent { vec![role] } else { vec![] };
        [
            one(self.hips, TrackerRole::Pelvis),
            one(self.chest, TrackerRole::Chest),
            sides(self.feet, TrackerRole::LeftFoot, TrackerRole::RightFoot),
            sides(self.knees, TrackerRole::LeftKnee, TrackerRole::RightKnee),
            sides(self.elbows, TrackerRole::LeftElbow, TrackerRole::RightElbow),
        ]
        .concat()
    }
}

fn send(time: Res<Time<Real>>, mut avatars: Query<(NameOrEntity, &BodyPose, &mut VrchatTrackers)>) {
    let now = time.elapsed();
    for (name, body, mut trackers) in &mut avatars {
        // Changes in every frame, so change detection would be useless.
        let trackers = trackers.bypass_change_detection();
        if body.time().is_none() || !trackers.link.is_due(now, trackers.rate) {
            continue;
        }
        let stature = body.skeleton().stature();
        let scale = trackers.player_height.map_or(1.0, |height| f64::from(height) / stature);
        if !(scale.is_finite() && scale > 0.0) {
            continue;
        }
        let to = trackers.to;
        trackers.link.open_for(to, now, &format!("VRChat trackers of {name}"));
        for packet in packets(body.joints_z_up(), &trackers.roles(), trackers.head, scale) {
            trackers.link.send(&packet, to);
        }
    }
}

/// Reflects [`HeadReference`], which does not depend on Bevy.
#[reflect_remote(HeadReference)]
#[derive(Clone, Copy, Debug, Default)]
pub enum HeadReferenceReflect {
    /// See [`HeadReference::None`].
    None,
    /// See [`HeadReference::Position`].
    Position,
    /// See [`HeadReference::PositionAndRotation`].
    #[default]
    PositionAndRotation,
}
