//! Events, and which bodies they are wanted of.

use super::files::{CodeFile, GestureFile};
use super::state::MotionState;
use bevy::prelude::*;
use bevy::reflect::reflect_remote;
use kinest::events::{EventKind, Phase};
use kinest::skeleton::Group;

/// Something that an avatar's body does: a gesture, or a code, which is a posture or movement of one
/// part ([`kinest::events`] has all of them).
///
/// It is a message, and an event that is triggered on the avatar:
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
/// An event comes in the first frame that makes it sure: [`BodyPose::age`](crate::BodyPose::age) after
/// the player, and as late as the table of gestures in [`kinest::events`] says.
#[derive(Message, EntityEvent, Clone, Debug, PartialEq, Reflect)]
#[reflect(Message, Event, from_reflect = false)]
pub struct MotionEvent {
    /// The entity whose body does it.
    #[event_target]
    pub avatar: Entity,
    /// The group that does it.
    #[reflect(remote = GroupReflect)]
    pub group: Group,
    /// What it is.
    #[reflect(ignore)]
    pub kind: EventKind,
    /// Whether it begins, goes on or ends.
    #[reflect(remote = PhaseReflect)]
    pub phase: Phase,
    /// How pronounced it is; see [`CodeSegment::intensity`](kinest::events::CodeSegment::intensity).
    pub intensity: f64,
    /// How fast it is; see [`CodeSegment::speed`](kinest::events::CodeSegment::speed).
    pub speed: f64,
    /// Time of the frame that showed it, seconds of the [`TrackerClock`](crate::TrackerClock).
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

/// Asks for the [`MotionEvent`]s of a body. Lives beside a [`BodyPose`](crate::BodyPose): on an avatar,
/// a [`RemoteAvatar`](crate::RemoteAvatar) or a [`ForecastGhost`](crate::ForecastGhost), which does
/// things before its avatar. May be changed at any time.
///
/// The default watches for the gestures that come with the crate:
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
    /// Whether to watch for the gestures that come with the crate.
    pub shipped: bool,
    /// More gestures; they replace shipped ones, and those of files before, of the same name. When a
    /// file changes, its new gestures are watched for; when the new text has a mistake, the error is
    /// logged with its place, and the gestures stay as they were.
    pub gestures: Vec<Handle<GestureFile>>,
    /// Thresholds of the codes in place of the shipped ones. Followed as gestures are.
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
