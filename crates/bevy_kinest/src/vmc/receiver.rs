//! Bodies and trackers from a performer.

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

/// Packets taken in a frame at most: what a flood leaves over waits in the system's buffer, which is bounded.
const MOST_PACKETS: usize = 256;
/// Without news of its device, or of any bone, for this long, seconds, a tracker is lost.
const SILENCE: f64 = 0.5;

/// Listens to a program that sends bodies and trackers by the VMC protocol (a *performer*). Beside a
/// [`RemoteAvatar`] its body is shown; [`VmcTracker`]s take single places.
///
/// Port 39539 is where performers send to, 39540 where programs for faces and fingers do. Loss, disorder, foreign packets
/// and a restart on either side are borne.
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
    /// Address that it listens at: 127.0.0.1:39539. For programs on other machines `0.0.0.0:39539`.
    pub listen: SocketAddr,
    /// Its socket, and how it fares: the address with the port that the system chose for port 0.
    #[reflect(ignore)]
    pub link: OscLink,
}

impl Default for VmcReceiver {
    fn default() -> Self {
        Self::at(local(MARIONETTE_PORT))
    }
}

impl VmcReceiver {
    /// Listens at this address.
    #[must_use]
    pub fn at(listen: SocketAddr) -> Self {
        Self { listen, link: OscLink::default() }
    }
}

/// What a [`VmcReceiver`] has heard.
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
    /// Bones received when the body was shown last, and how often the performer had been started.
    #[reflect(ignore)]
    shown: (u64, u32),
    /// Whether bones were still on their way in the frame before.
    #[reflect(ignore)]
    waited: bool,
}

impl VmcPerformance {
    /// What the performer has sent: devices, blend shapes, whether it has a model.
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

/// Takes the packets that have arrived.
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

/// Gives bodies to the [`RemoteAvatar`]s beside receivers.
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
        // A performer without a clock sends what is now.
        let sent = marionette.time().unwrap_or(time.elapsed_secs_f64());
        if let Err(error) = avatar.receive(sent, pose) {
            debug!("VMC receiver {name}: {error}");
        }
    }
}

/// Beside a [`SparseTracker`]: its place comes from a [`VmcReceiver`]. Half a second without news of its device, or of
/// the performer's bones, is a dropout.
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
    /// What it follows.
    pub source: VmcSource,
}

/// What a [`VmcTracker`] follows.
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
    /// The joint of the tracker's role, of the performer's body.
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
