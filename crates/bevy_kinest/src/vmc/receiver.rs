//! Receives bodies and trackers from a performer.

use crate::osc::{OscLink, local};
use crate::remote::RemoteAvatar;
use crate::trackers::{SparseTracker, TrackingState};
use bevy::prelude::*;
use bevy::reflect::reflect_remote;
use kinest::coordinates::{engine_from_amass_point, engine_from_amass_rotation};
use kinest::osc::LARGEST_PACKET;
use kinest::osc::vmc::{DeviceKind, MARIONETTE_PORT, Marionette};
use kinest::skeleton::Skeleton;
use std::net::SocketAddr;

/// Maximum number of packets per frame; further ones wait in the system's bounded buffer.
const MOST_PACKETS: usize = 256;
/// Time without a packet for its device, or for any bone, after which a tracker is lost, seconds.
const SILENCE: f64 = 0.5;

/// Listens to a program that sends bodies and trackers by the VMC protocol (a *performer*). A
/// [`RemoteAvatar`] on the same entity shows the body; [`VmcTracker`]s follow single devices or
/// joints.
///
/// Performers send to port 39539, programs for faces and fingers to port 39540. Lost, disordered
/// and foreign packets and restarts on either side are handled.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_kinest::prelude::*;
/// use bevy_kinest::{RemoteAvatar, VmcReceiver};
///
/// # fn spawn(mut commands: Commands) {
/// commands.spawn((VmcReceiver::default(), RemoteAvatar::default(), SmplSkeleton::default()));
/// # }
/// ```
#[derive(Component, Clone, Debug, Reflect)]
#[reflect(Component, Default, Clone)]
#[require(VmcPerformance)]
pub struct VmcReceiver {
    /// The local address, by default 127.0.0.1:39539; `0.0.0.0:39539` for programs on other
    /// machines.
    pub listen: SocketAddr,
    /// Its socket and state, with the port that the system chose for port 0.
    #[reflect(ignore)]
    pub link: OscLink,
}

impl Default for VmcReceiver {
    fn default() -> Self {
        Self::at(local(MARIONETTE_PORT))
    }
}

impl VmcReceiver {
    /// A receiver at this local address.
    #[must_use]
    pub fn at(listen: SocketAddr) -> Self {
        Self { listen, link: OscLink::default() }
    }
}

/// Data received by a [`VmcReceiver`].
#[derive(Component, Clone, Debug, Default, Reflect)]
#[reflect(Component, Default, Clone)]
pub struct VmcPerformance {
    #[reflect(ignore)]
    marionette: Marionette,
    #[reflect(ignore)]
    buffer: Vec<u8>,
    /// Packets that were no OSC.
    #[reflect(ignore)]
    refused: u64,
    /// Number of bones received, and of starts of the performer, when the body was last shown.
    #[reflect(ignore)]
    shown: (u64, u32),
    /// Whether a body was incomplete in the previous frame.
    #[reflect(ignore)]
    waited: bool,
}

impl VmcPerformance {
    /// The performer's state: devices, blend shapes, whether it has a model.
    #[must_use]
    pub fn marionette(&self) -> &Marionette {
        &self.marionette
    }

    /// Packets that were no OSC.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }
}

/// Takes the received packets.
pub(super) fn receive(
    time: Res<Time<Real>>,
    mut receivers: Query<(NameOrEntity, &mut VmcReceiver, &mut VmcPerformance)>,
) {
    let now = time.elapsed();
    for (name, mut receiver, mut heard) in &mut receivers {
        // Nobody waits for changes of what changes in every frame.
        let VmcReceiver { listen, link } = receiver.bypass_change_detection();
        link.open(*listen, now, &format!("VMC receiver {name}"));
        let VmcPerformance { marionette, buffer, refused, .. } = heard.bypass_change_detection();
        buffer.resize(LARGEST_PACKET, 0);
        link.receive(MOST_PACKETS, buffer, |packet| {
            if let Err(error) = marionette.receive_at(now.as_secs_f64(), packet) {
                *refused += 1;
                debug!("VMC receiver {name}: {error}");
            }
        });
    }
}

/// Passes bodies to the [`RemoteAvatar`]s beside receivers.
pub(super) fn show(
    time: Res<Time<Real>>,
    mut avatars: Query<(NameOrEntity, &mut VmcPerformance, &mut RemoteAvatar)>,
) {
    for (name, mut heard, mut avatar) in &mut avatars {
        // Nobody waits for changes of what changes in every frame.
        let (heard, avatar) = (heard.bypass_change_detection(), avatar.bypass_change_detection());
        let marionette = &heard.marionette;
        let news = marionette.bones_received() != heard.shown.0;
        if !news || !(marionette.is_complete() || heard.waited) {
            heard.waited = news;
            continue;
        }
        heard.waited = false;
        let Some(pose) = marionette.pose(&avatar.skeleton) else { continue };
        if heard.shown.1 != marionette.restarts() {
            avatar.reset();
        }
        heard.shown = (marionette.bones_received(), marionette.restarts());
        // Without a clock of the performer, the time of arrival is used.
        let sent = marionette.time().unwrap_or(time.elapsed_secs_f64());
        if let Err(error) = avatar.receive(sent, pose) {
            debug!("VMC receiver {name}: {error}");
        }
    }
}

/// Beside a [`SparseTracker`]: moves it by a [`VmcReceiver`]. Half a second without a packet for
/// its device, or for the performer's bones, is a dropout.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_kinest::prelude::*;
/// use bevy_kinest::kinest::osc::vmc::DeviceKind;
/// use bevy_kinest::{VmcReceiver, VmcSource, VmcTracker};
///
/// # fn spawn(mut commands: Commands, avatar: Single<Entity, With<KinestAvatar>>) {
/// let from = commands.spawn(VmcReceiver::default()).id();
/// let source = VmcSource::Device { kind: DeviceKind::Tracker, serial: Some("waist".into()) };
/// commands.spawn((SparseTracker::PELVIS, TrackerOf(*avatar), VmcTracker { from, source }));
/// # }
/// ```
#[derive(Component, Clone, Debug, PartialEq, Reflect)]
#[reflect(Component, Clone)]
#[require(TrackingState = TrackingState::LOST)]
pub struct VmcTracker {
    /// The receiver.
    #[entities]
    pub from: Entity,
    /// The followed device or joint.
    pub source: VmcSource,
}

/// Source of a [`VmcTracker`].
#[derive(Clone, Debug, PartialEq, Eq, Reflect)]
pub enum VmcSource {
    /// A device of the performer.
    Device {
        /// Its kind.
        #[reflect(remote = DeviceKindReflect)]
        kind: DeviceKind,
        /// Its serial number; `None` for the first of its kind.
        serial: Option<String>,
    },
    /// The joint of the tracker's role in the performer's body.
    Joint,
}

/// Moves the trackers that follow a performer.
pub(super) fn move_trackers(
    time: Res<Time<Real>>,
    receivers: Query<&VmcPerformance>,
    mut trackers: Query<(&VmcTracker, &SparseTracker, &mut Transform, &mut TrackingState)>,
) {
    let is_fresh = |heard: &f64| time.elapsed_secs_f64() - heard < SILENCE;
    let skeleton = Skeleton::default();
    for (VmcTracker { from, source }, tracker, mut transform, mut state) in &mut trackers {
        let place = receivers.get(*from).ok().and_then(|receiver| {
            let marionette = &receiver.marionette;
            match source {
                VmcSource::Device { kind, serial } => {
                    let serial = serial.as_deref();
                    marionette.device_heard(*kind, serial).filter(is_fresh)?;
                    let place = marionette.device(*kind, serial)?;
                    Some((place.position.as_vec3(), place.rotation.as_quat()))
                }
                VmcSource::Joint => {
                    marionette.bones_heard().filter(is_fresh)?;
                    let joints = skeleton.pose_joints(&marionette.pose(&skeleton)?);
                    let j = tracker.role.joint().index();
                    let rotation = glam::DQuat::from_mat3(&joints.rotations[j]);
                    Some((
                        engine_from_amass_point(joints.positions[j]),
                        engine_from_amass_rotation(rotation),
                    ))
                }
            }
        });
        if let Some((position, rotation)) = place {
            *transform = Transform::from_translation(position).with_rotation(rotation);
        }
        if state.tracked != place.is_some() {
            state.tracked = place.is_some();
        }
    }
}

/// Reflects [`DeviceKind`], which does not depend on Bevy.
#[reflect_remote(DeviceKind)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKindReflect {
    /// See [`DeviceKind::Hmd`].
    Hmd,
    /// See [`DeviceKind::Controller`].
    Controller,
    /// See [`DeviceKind::Tracker`].
    Tracker,
}
