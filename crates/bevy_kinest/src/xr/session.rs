//! Reads the sessions of a runtime, through bevy_mod_openxr, into [`OpenXrPoses`].

use super::actions::{BodyActions, HANDS};
use super::drive::{OpenXrHand, OpenXrPoses};
use super::mapping::{ControllerProfile, Located, SpaceChange, SpaceChanged, sound};
use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use bevy_mod_openxr::action_binding::OxrSuggestActionBinding;
use bevy_mod_openxr::action_set_attaching::OxrAttachActionSet;
use bevy_mod_openxr::action_set_syncing::OxrSyncActionSet;
use bevy_mod_openxr::exts::OxrEnabledExtensions;
use bevy_mod_openxr::poll_events::OxrEventIn;
use bevy_mod_openxr::resources::{OxrFrameState, OxrInstance, OxrSessionStarted, Pipelined};
use bevy_mod_openxr::session::OxrSession;
use bevy_mod_openxr::spaces::OxrSpaceLocationFlags;
use bevy_mod_xr::camera::XrCamera;
use bevy_mod_xr::hands::{HandBone, LeftHand, RightHand};
use bevy_mod_xr::session::{
    XrCreateSessionMessage, XrRequestExitMessage, XrSessionDestroyedMessage, XrState,
};
use bevy_mod_xr::spaces::{XrPrimaryReferenceSpace, XrSpace};
use kinest::tracker::TrackerRole;
use openxr::{Event, ReferenceSpaceType, SessionState, Time};

/// The actions of the instance; created once.
#[derive(Resource)]
pub(super) struct Actions {
    actions: BodyActions,
    suggested: bool,
}

/// The spaces that are located in each frame of a session.
#[derive(Resource)]
pub(super) struct Spaces {
    view: XrSpace,
    grips: [XrSpace; 2],
    /// In the order of [`TrackerRole::BODY`]; none if the runtime does not support them.
    body: Vec<XrSpace>,
    profiles: [Option<ControllerProfile>; 2],
    /// The runtime's controllers have changed, or are not known yet.
    profiles_changed: bool,
}

/// Announced events to handle later.
#[derive(Resource, Default)]
pub(super) struct Pending {
    change: Option<SpaceChange>,
    /// The session is being lost and may be restarted.
    restart: bool,
}

/// Creates the spaces of a new session and, for the first one, the actions.
pub(super) fn open(
    mut commands: Commands,
    instance: Option<Res<OxrInstance>>,
    session: Option<Res<OxrSession>>,
    extensions: Option<Res<OxrEnabledExtensions>>,
    known: Option<Res<Actions>>,
    mut attach: MessageWriter<OxrAttachActionSet>,
) {
    let (Some(instance), Some(session)) = (instance, session) else { return };
    let has_body = extensions.is_some_and(|e| e.raw().htcx_vive_tracker_interaction);
    let made = match known {
        Some(known) => Ok(known.actions.clone()),
        None => BodyActions::new(&instance, has_body),
    };
    let spaces = made.and_then(|actions| Ok((Spaces::new(&session, &actions)?, actions)));
    match spaces {
        Ok((spaces, actions)) => {
            attach.write(OxrAttachActionSet(actions.set.clone()));
            commands.insert_resource(spaces);
            commands.queue(move |world: &mut World| {
                world.get_resource_or_insert_with(|| Actions { actions, suggested: false });
            });
        }
        Err(error) => error!("the runtime does not give head and hands: {error}"),
    }
}

impl Spaces {
    fn new(session: &OxrSession, actions: &BodyActions) -> openxr::Result<Self> {
        let here = Isometry3d::IDENTITY;
        let view = session.create_reference_space(ReferenceSpaceType::VIEW, here)?;
        let [left, right] = actions.hands;
        let grip = |hand| session.create_action_space(&actions.grip, hand, here);
        let mut body = Vec::new();
        if let Some((action, paths)) = &actions.body {
            for path in paths {
                body.push(session.create_action_space(action, *path, here)?);
            }
        }
        Ok(Self {
            view: view.0,
            grips: [grip(left)?, grip(right)?],
            body,
            profiles: [None; 2],
            profiles_changed: true,
        })
    }
}

/// Spaces end with their session.
pub(super) fn close(mut commands: Commands) {
    commands.remove_resource::<Spaces>();
}

/// Suggests bindings; a runtime accepts them once, before the first session attaches the actions.
pub(super) fn suggest(
    actions: Option<ResMut<Actions>>,
    mut suggestions: MessageWriter<OxrSuggestActionBinding>,
) {
    let Some(mut actions) = actions.filter(|actions| !actions.suggested) else { return };
    actions.suggested = true;
    for suggestion in actions.actions.suggestions() {
        suggestions.write(OxrSuggestActionBinding {
            action: suggestion.action,
            interaction_profile: suggestion.profile.into(),
            bindings: vec![suggestion.input.into()],
        });
    }
}

/// Requests this frame's action states.
pub(super) fn sync(actions: Option<Res<Actions>>, mut sync: MessageWriter<OxrSyncActionSet>) {
    if let Some(actions) = actions {
        sync.write(OxrSyncActionSet(actions.actions.set.clone()));
    }
}

/// Records the runtime's announcements.
pub(super) fn heed(
    event: OxrEventIn,
    mut commands: Commands,
    cameras: Query<Entity, With<XrCamera>>,
    started: Option<ResMut<OxrSessionStarted>>,
    mut pending: ResMut<Pending>,
    spaces: Option<ResMut<Spaces>>,
    mut exit: MessageWriter<XrRequestExitMessage>,
) {
    match *event {
        Event::ReferenceSpaceChangePending(event) => {
            pending.change = SpaceChange::of(&event).or(pending.change);
        }
        Event::InteractionProfileChanged(_) => {
            if let Some(mut spaces) = spaces {
                spaces.profiles_changed = true;
            }
        }
        Event::SessionStateChanged(change)
            if [SessionState::LOSS_PENDING, SessionState::EXITING].contains(&change.state()) =>
        {
            pending.restart = change.state() == SessionState::LOSS_PENDING;
            // bevy_mod_openxr 0.6 despawns the cameras while the previous frame is still being
            // rendered with them, and continues with frames of a lost session; both may panic.
            cameras.iter().for_each(|camera| commands.entity(camera).despawn());
            if let Some(mut started) = started {
                started.0 = false;
            }
        }
        // Rendering on after the instance is lost panics in bevy_mod_openxr 0.6.
        Event::InstanceLossPending(_) if started.is_some_and(|started| started.0) => {
            warn!("the OpenXR runtime is about to end");
            exit.write_default();
        }
        _ => {}
    }
}

/// Starts a new session after a lost one; bevy_mod_openxr 0.6 does not.
pub(super) fn restart(
    mut destroyed: MessageReader<XrSessionDestroyedMessage>,
    mut pending: ResMut<Pending>,
    mut create: MessageWriter<XrCreateSessionMessage>,
) {
    if destroyed.read().count() > 0 && std::mem::take(&mut pending.restart) {
        info!("the OpenXR session was lost: starting another one");
        create.write_default();
    }
}

/// A session in a frame; every field is `None` without one.
#[derive(SystemParam)]
pub(super) struct Running<'w> {
    session: Option<Res<'w, OxrSession>>,
    reference: Option<Res<'w, XrPrimaryReferenceSpace>>,
    frame: Option<Res<'w, OxrFrameState>>,
    pipelined: Option<Res<'w, Pipelined>>,
    instance: Option<Res<'w, OxrInstance>>,
    actions: Option<Res<'w, Actions>>,
}

/// Writes the runtime's poses of this frame.
pub(super) fn locate(
    Running { session, reference, frame, pipelined, instance, actions }: Running,
    spaces: Option<ResMut<Spaces>>,
    mut pending: ResMut<Pending>,
    bones: Query<(&HandBone, Has<LeftHand>, Has<RightHand>, &Transform, &OxrSpaceLocationFlags)>,
    mut poses: ResMut<OpenXrPoses>,
) {
    let (
        Some(session),
        Some(reference),
        Some(frame),
        Some(instance),
        Some(actions),
        Some(mut spaces),
    ) = (session, reference, frame, instance, actions, spaces)
    else {
        return;
    };
    let actions = &actions.actions;
    // As bevy_mod_openxr does for cameras: with pipelined rendering, this frame is displayed one
    // later.
    let period = pipelined.map_or(0, |_| frame.predicted_display_period.as_nanos());
    let time = Time::from_nanos(frame.predicted_display_time.as_nanos() + period);
    let located = |space: &XrSpace| {
        let location = session.locate_space(space, &reference, time);
        location.map_or_else(|_| Located::default(), |location| Located::of(&location))
    };

    if spaces.profiles_changed {
        let known = actions.hands.map(|hand| profile(&instance, &session, hand));
        spaces.profiles_changed = known.iter().any(Result::is_err);
        spaces.profiles = known.map(Result::unwrap_or_default);
    }
    let view = located(&spaces.view);
    let hands = [0, 1].map(|k| OpenXrHand {
        grip: located(&spaces.grips[k]),
        profile: spaces.profiles[k],
        wrist: wrist(&bones, HANDS[k]),
        trigger: state(actions.trigger.state(&session, actions.hands[k])),
        button: state(actions.button.state(&session, actions.hands[k])),
    });
    let mut body = [Located::default(); TrackerRole::BODY.len()];
    for (place, space) in body.iter_mut().zip(&spaces.body) {
        *place = located(space);
    }
    let recentred = pending.take_change(time, poses.view.pose, view.pose);
    *poses = OpenXrPoses { running: true, view, hands, body, recentred };
}

/// Clears the poses while no session is running.
pub(super) fn stand_still(mut poses: ResMut<OpenXrPoses>) {
    if poses.running {
        *poses = OpenXrPoses::default();
    }
}

/// Whether there is a runtime without a running session.
pub(super) fn pauses(state: Option<Res<XrState>>) -> bool {
    state.is_some_and(|state| *state != XrState::Running)
}

impl Pending {
    /// Whether the reference space changed between two frames with these views; reported once.
    fn take_change(
        &mut self,
        time: Time,
        before: Option<Isometry3d>,
        now: Option<Isometry3d>,
    ) -> bool {
        let Some(change) = self.change else { return false };
        let changed = change.check(time, before, now);
        self.change = Some(change).filter(|_| changed == SpaceChanged::NotYet);
        changed == SpaceChanged::Now
    }
}

fn profile(
    instance: &OxrInstance,
    session: &OxrSession,
    hand: openxr::Path,
) -> openxr::Result<Option<ControllerProfile>> {
    match session.current_interaction_profile(hand)? {
        openxr::Path::NULL => Ok(None),
        path => Ok(ControllerProfile::of_path(&instance.path_to_string(path)?)),
    }
}

/// State of a bound action; the default if it is not active.
fn state<T: openxr::ActionInput + Default>(state: openxr::Result<openxr::ActionState<T>>) -> T {
    state.ok().filter(|state| state.is_active).map(|state| state.current_state).unwrap_or_default()
}

/// The wrist from hand tracking, if it is running.
fn wrist(
    bones: &Query<(&HandBone, Has<LeftHand>, Has<RightHand>, &Transform, &OxrSpaceLocationFlags)>,
    hand: &str,
) -> Located {
    let bone = bones.iter().find(|(bone, left, right, ..)| {
        matches!(bone, HandBone::Wrist) && if hand == HANDS[0] { *left } else { *right }
    });
    bone.map_or_else(Located::default, |(.., transform, flags)| {
        Located::flagged(flags.0, sound(transform.translation, transform.rotation))
    })
}
