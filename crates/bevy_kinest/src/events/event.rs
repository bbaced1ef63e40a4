//! Events of gestures and codes, and the component that requests them.

use super::files::{CodeFile, GestureFile};
use super::state::MotionState;
use bevy::prelude::*;
use bevy::reflect::reflect_remote;
use kinest::events::{EventKind, Phase};
use kinest::skeleton::Group;

/// A gesture or a code of an avatar's body. A code is a posture or movement of one body part;
/// [`kinest::events`] lists all of them.
///
/// It is sent as a message, and triggered as an event on the avatar:
///
/// ```
/// use bevy::prelude::*;
/// use bevy_kinest::MotionEvent;
/// use bevy_kinest::kinest::events::Phase;
///
/// fn greet(event: On<MotionEvent>) {
///     if event.phase == Phase::Begin && event.is("wave_right") {
///         info!("{} waves", event.avatar);
///     }
/// }
///
/// fn duck(mut events: MessageReader<MotionEvent>) {
///     for event in events.read().filter(|event| event.is("crouch")) {
///         info!("{:?} at {:.2} s", event.phase, event.at);
///     }
/// }
/// # bevy::ecs::system::assert_is_system(duck);
/// # App::new().add_observer(greet);
/// ```
///
/// An event comes in the frame that confirms it. Its latency is
/// [`BodyPose::age`](crate::BodyPose::age) plus the latency in the table of gestures in
/// [`kinest::events`].
#[derive(Message, EntityEvent, Clone, Debug, PartialEq, Reflect)]
#[reflect(Message, Event, from_reflect = false)]
pub struct MotionEvent {
    /// The entity with the body.
    #[event_target]
    pub avatar: Entity,
    /// The group that makes it.
    #[reflect(remote = GroupReflect)]
    pub group: Group,
    /// The gesture or code.
    #[reflect(ignore)]
    pub kind: EventKind,
    /// Whether it begins, continues or ends.
    #[reflect(remote = PhaseReflect)]
    pub phase: Phase,
    /// Intensity; see [`CodeSegment::intensity`](kinest::events::CodeSegment::intensity).
    pub intensity: f64,
    /// Speed; see [`CodeSegment::speed`](kinest::events::CodeSegment::speed).
    pub speed: f64,
    /// Time of the frame that confirmed it, seconds of the [`TrackerClock`](crate::TrackerClock).
    pub at: f64,
}

impl MotionEvent {
    /// Whether it is the gesture of this name.
    #[must_use]
    pub fn is(&self, gesture: &str) -> bool {
        self.gesture() == Some(gesture)
    }

    /// The gesture's name; `None` for a code.
    #[must_use]
    pub fn gesture(&self) -> Option<&str> {
        match &self.kind {
            EventKind::Gesture(name) => Some(name),
            EventKind::Code(_) => None,
        }
    }
}

/// Enables the [`MotionEvent`]s of a body. Lives beside a [`BodyPose`](crate::BodyPose): on an
/// avatar, a [`RemoteAvatar`](crate::RemoteAvatar), or a [`ForecastGhost`](crate::ForecastGhost),
/// whose events come earlier than the avatar's. May be changed at any time.
///
/// The default detects the gestures that come with the crate:
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_kinest::{MotionEvents, prelude::*};
/// # fn spawn(mut commands: Commands, assets: Res<AssetServer>) {
/// commands.spawn((
///     KinestAvatar::new(assets.load("models/kinest_full.model.ron")),
///     MotionEvents { gestures: vec![assets.load("my.gestures.ron")], ..default() },
/// ));
/// # }
/// ```
#[derive(Component, Clone, Debug, PartialEq, Reflect)]
#[reflect(Component, Default, Clone, PartialEq)]
#[require(MotionState)]
pub struct MotionEvents {
    /// Whether to detect the gestures that come with the crate.
    pub shipped: bool,
    /// More gestures; they replace gestures of the same name, shipped or from earlier files. When a
    /// file changes, its new gestures are used; if the new text has an error, the error is logged
    /// with its position, and the previous gestures stay in use.
    pub gestures: Vec<Handle<GestureFile>>,
    /// Thresholds of the codes instead of the shipped ones. Reloaded like gestures.
    pub codes: Option<Handle<CodeFile>>,
}

impl Default for MotionEvents {
    fn default() -> Self {
        Self { shipped: true, gestures: vec![], codes: None }
    }
}

/// Reflects [`Group`], which does not depend on Bevy.
#[reflect_remote(Group)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupReflect {
    /// See [`Group::Torso`].
    Torso,
    /// See [`Group::Neck`].
    Neck,
    /// See [`Group::LeftArm`].
    LeftArm,
    /// See [`Group::RightArm`].
    RightArm,
    /// See [`Group::LeftLeg`].
    LeftLeg,
    /// See [`Group::RightLeg`].
    RightLeg,
}

/// Reflects [`Phase`].
#[reflect_remote(Phase)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PhaseReflect {
    /// See [`Phase::Begin`].
    Begin,
    /// See [`Phase::Hold`].
    Hold,
    /// See [`Phase::End`].
    End,
}
