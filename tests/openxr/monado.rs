//! Tests the mapping with a real runtime in a session without graphics (`XR_MND_headless`), fed
//! with poses.
#![allow(unsafe_code, reason = "a C library is loaded and called")]

use crate::common::heard;
use crate::drive::{player, tracker};
use crate::remote::{Hand, Packet, Remote};
use bevy::prelude::*;
use bevy_kinest::prelude::*;
use bevy_kinest::xr::openxr::{
    self as xr, ActiveActionSet, Entry, Event, ExtensionSet, FormFactor, HandJoint, HandTracker,
    Instance, Posef, ReferenceSpaceType, Session, SessionState, Space, SpaceLocation,
};
use bevy_kinest::xr::{
    BodyActions, ControllerProfile, Located, OpenXrDevice, OpenXrHand, OpenXrPoses, SpaceChange,
    SpaceChanged, find_headset,
};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);
/// The runtime passes poses on in single precision, metres.
const METRES: f32 = 1e-4;
const RADIANS: f32 = 1e-3;

/// A session without graphics, and the spaces located in it.
struct Headless {
    instance: Instance,
    session: Session<xr::Headless>,
    actions: BodyActions,
    base: Space,
    view: Space,
    grips: [Space; 2],
    cameras: [HandTracker; 2],
    state: SessionState,
    /// The pending change of the space, and the last view.
    change: Option<SpaceChange>,
    last: Option<Isometry3d>,
}

impl Headless {
    /// Opens a session with bindings for one controller profile.
    fn open(profile: ControllerProfile, base: ReferenceSpaceType) -> xr::Result<Self> {
        // SAFETY: the loader comes from tools/vr-smoke.
        let entry = unsafe { Entry::load() }.expect("tools/vr-smoke brings a loader");
        let available = entry.enumerate_extensions()?;
        let mut extensions = ExtensionSet::default();
        extensions.mnd_headless = true;
        extensions.khr_convert_timespec_time = true;
        extensions.ext_hand_tracking = true;
        extensions.htcx_vive_tracker_interaction = available.htcx_vive_tracker_interaction;
        let app = xr::ApplicationInfo {
            application_name: "bevy_kinest",
            application_version: 0,
            engine_name: "none",
            engine_version: 0,
            api_version: xr::Version::new(1, 0, 0),
        };
        let instance = entry.create_instance(&app, &extensions, &[])?;
        let system = instance.system(FormFactor::HEAD_MOUNTED_DISPLAY)?;
        let actions = BodyActions::new(&instance, extensions.htcx_vive_tracker_interaction)?;
        suggest(&instance, &actions, profile)?;
        // SAFETY: a headless session has no graphics binding that could be invalid.
        let (session, ..) = unsafe {
            instance.create_session::<xr::Headless>(system, &xr::headless::SessionCreateInfo {})?
        };
        session.attach_action_sets(&[&actions.set])?;
        let space = |ty| session.create_reference_space(ty, Posef::IDENTITY);
        let (base, view) = (space(base)?, space(ReferenceSpaceType::VIEW)?);
        let grip = |hand| actions.grip.create_space(&session, hand, Posef::IDENTITY);
        let grips = [grip(actions.hands[0])?, grip(actions.hands[1])?];
        let camera = |hand| session.create_hand_tracker(hand);
        let cameras = [camera(xr::Hand::LEFT)?, camera(xr::Hand::RIGHT)?];
        let state = SessionState::IDLE;
        let (change, last) = (None, None);
        Ok(Self { instance, session, actions, base, view, grips, cameras, state, change, last })
    }

    /// The message that the plugin would send in this frame.
    fn poses(&mut self) -> xr::Result<OpenXrPoses> {
        let mut buffer = xr::EventDataBuffer::new();
        while let Some(event) = self.instance.poll_event(&mut buffer)? {
            match event {
                Event::SessionStateChanged(change) => {
                    self.state = change.state();
                    if self.state == SessionState::READY {
                        self.session.begin(xr::ViewConfigurationType::PRIMARY_STEREO)?;
                    }
                }
                Event::ReferenceSpaceChangePending(event) => {
                    println!("the space {:?} is changed", event.reference_space_type());
                    self.change = SpaceChange::of(&event);
                }
                _ => {}
            }
        }
        if self.state != SessionState::FOCUSED {
            return Ok(OpenXrPoses::default());
        }
        self.session.sync_actions(&[ActiveActionSet::new(&self.actions.set)])?;
        let now = self.instance.now()?;
        let located = |space: &Space| Ok(Located::of(&space.locate(&self.base, now)?));
        let wrist = |k: usize| -> xr::Result<Located> {
            let joints = self.base.locate_hand_joints(&self.cameras[k], now)?;
            Ok(joints.map_or_else(Located::default, |joints| {
                let xr::HandJointLocation { location_flags, pose, .. } = joints[HandJoint::WRIST];
                Located::of(&SpaceLocation { location_flags, pose })
            }))
        };
        let hand = |k: usize| -> xr::Result<OpenXrHand> {
            let path = self.actions.hands[k];
            let profile = self.session.current_interaction_profile(path)?;
            let profile = match profile {
                xr::Path::NULL => None,
                path => ControllerProfile::of_path(&self.instance.path_to_string(path)?),
            };
            Ok(OpenXrHand {
                grip: located(&self.grips[k])?,
                wrist: wrist(k)?,
                profile,
                trigger: self.actions.trigger.state(&self.session, path)?.current_state,
                button: self.actions.button.state(&self.session, path)?.current_state,
            })
        };
        let hands = [hand(0)?, hand(1)?];
        let view = located(&self.view)?;
        let before = std::mem::replace(&mut self.last, view.pose);
        let changed = self.change.map(|change| change.check(now, before, view.pose));
        self.change = self.change.filter(|_| changed == Some(SpaceChanged::NotYet));
        let recentred = changed == Some(SpaceChanged::Now);
        Ok(OpenXrPoses { running: true, view, hands, recentred, ..default() })
    }
}

/// Suggests bindings from the plugin's messages, as bevy_mod_openxr does.
fn suggest(
    instance: &Instance,
    actions: &BodyActions,
    profile: ControllerProfile,
) -> xr::Result<()> {
    let mut bindings = Vec::new();
    for suggestion in actions.suggestions() {
        if suggestion.profile == profile.interaction_profile() {
            bindings.push(xr::sys::ActionSuggestedBinding {
                action: suggestion.action,
                binding: instance.string_to_path(&suggestion.input)?,
            });
        }
    }
    let info = xr::sys::InteractionProfileSuggestedBinding {
        ty: xr::sys::InteractionProfileSuggestedBinding::TYPE,
        next: std::ptr::null(),
        interaction_profile: instance.string_to_path(profile.interaction_profile())?,
        count_suggested_bindings: bindings.len() as u32,
        suggested_bindings: bindings.as_ptr(),
    };
    // SAFETY: the bindings outlive the call.
    let result =
        unsafe { (instance.fp().suggest_interaction_profile_bindings)(instance.as_raw(), &info) };
    if result == xr::sys::Result::SUCCESS { Ok(()) } else { Err(result) }
}

/// Runs the app on the session's poses until `done`.
fn until(
    app: &mut App,
    session: &mut Headless,
    what: &str,
    mut done: impl FnMut(&mut App, &OpenXrPoses) -> bool,
) {
    let start = Instant::now();
    loop {
        let poses = session.poses().unwrap();
        app.insert_resource(poses.clone());
        app.update();
        if done(app, &poses) {
            return;
        }
        let state = session.state;
        assert!(start.elapsed() < PATIENCE, "never: {what}; {state:?} {poses:#?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_at(transform: &Transform, pose: &Isometry3d) -> bool {
    transform.translation.distance(pose.translation.into()) < METRES
        && transform.rotation.angle_between(pose.rotation) < RADIANS
}

#[test]
#[ignore = "needs a runtime: tools/vr-smoke"]
fn trackers_follow_a_runtime_with_each_controller() {
    println!("headset: {}", find_headset().unwrap());
    let mut remote = Remote::connect();
    let pose = |x, y, z, yaw| Isometry3d::new(Vec3::new(x, y, z), Quat::from_rotation_y(yaw));
    for profile in [ControllerProfile::Touch, ControllerProfile::Index, ControllerProfile::Simple] {
        let start = Instant::now();
        let (mut app, avatar) = player();
        let view = pose(0.1, 1.7, 0.05, 0.2);
        let left = Hand { trigger: 0.75, ..Hand::at(pose(-0.31, 1.1, -0.3, 0.3)) };
        let right = Hand { button: true, ..Hand::at(pose(0.28, 1.2, -0.35, -0.4)) };
        assert!(remote.send(&Packet { view, hands: [left, right] }));

        let mut session = Headless::open(profile, ReferenceSpaceType::STAGE).unwrap();
        until(&mut app, &mut session, "three trackers", |app, poses| {
            poses.running
                && [TrackerRole::Head, TrackerRole::LeftHand, TrackerRole::RightHand]
                    .into_iter()
                    .all(|role| tracker(app, role).1)
        });
        // Hands are at the fed poses, and the head is in a space whose floor is at 0.
        until(&mut app, &mut session, "poses as they were fed", |app, _| {
            is_at(&tracker(app, TrackerRole::Head).2, &view)
                && is_at(&tracker(app, TrackerRole::LeftHand).2, &left.grip)
                && is_at(&tracker(app, TrackerRole::RightHand).2, &right.grip)
        });
        until(&mut app, &mut session, "controllers and what is pulled", |app, poses| {
            let device = tracker(app, TrackerRole::LeftHand).0;
            // The trigger of a simple controller is a button, but Monado passes on its analog
            // value.
            let pulled = poses.hands[0].trigger;
            let pulled = match profile {
                ControllerProfile::Simple => pulled > 0.5,
                _ => (pulled - 0.75).abs() < 1e-3,
            };
            device == OpenXrDevice::Controller(profile) && pulled && poses.hands[1].trigger == 0.0
        });
        let body = app.world().get::<BodyPose>(avatar).unwrap();
        let (at, held) = tracker_of_head(&app);
        let off = body.joint_transform(SmplJoint::Head).translation.distance(at * held);
        assert!(off < METRES, "the head joint is {off} m off");

        let gone = Hand { active: false, ..right };
        assert!(remote.send(&Packet { view, hands: [left, gone] }));
        until(&mut app, &mut session, "a hand is lost", |app, _| {
            let lost: Vec<TrackingLost> = heard(app);
            lost.iter().any(|lost| lost.role == TrackerRole::RightHand)
        });
        let (device, tracked, at, _) = tracker(&mut app, TrackerRole::RightHand);
        assert_eq!((device, tracked), (OpenXrDevice::None, false));
        assert!(is_at(&at, &right.grip), "it stays where it was: {at:?}");
        assert!(tracker(&mut app, TrackerRole::LeftHand).1);

        assert!(remote.send(&Packet { view, hands: [left, right] }));
        until(&mut app, &mut session, "the hand is back", |app, _| {
            let regained: Vec<TrackingRegained> = heard(app);
            regained.iter().any(|regained| regained.role == TrackerRole::RightHand)
        });
        let bare = Hand { active: false, bare: true, ..left };
        assert!(remote.send(&Packet { view, hands: [bare, right] }));
        until(&mut app, &mut session, "a bare hand", |app, _| {
            tracker(app, TrackerRole::LeftHand).0 == OpenXrDevice::BareHand
        });
        // The wrist of Monado's simulated hand is at the pose.
        let (_, tracked, at, held) = tracker(&mut app, TrackerRole::LeftHand);
        assert!(tracked && is_at(&at, &left.grip), "{at:?}");
        assert_eq!(held.translation, Vec3::ZERO);
        println!("{profile:?}: passed in {:.1} s", start.elapsed().as_secs_f32());
    }
}

#[derive(Resource, Default)]
struct Teleports(usize);

/// The jump is too short to be detected as a teleport without the event.
#[test]
#[ignore = "needs a runtime: tools/vr-smoke"]
fn a_player_who_recentres_is_teleported() {
    let mut remote = Remote::connect();
    let (mut app, avatar) = player();
    app.init_resource::<Teleports>()
        .add_observer(|_: On<Teleport>, mut count: ResMut<Teleports>| count.0 += 1);
    let pose = |x, y, z| Isometry3d::new(Vec3::new(x, y, z), Quat::from_rotation_y(0.4));
    let hands = [Hand::at(pose(-0.2, 1.1, -0.3)), Hand::at(pose(0.3, 1.2, -0.3))];
    assert!(remote.send(&Packet { view: pose(0.2, 1.7, -0.1), hands }));
    let profile = ControllerProfile::Touch;
    let mut session = Headless::open(profile, ReferenceSpaceType::LOCAL).unwrap();
    let mut frames = 0;
    until(&mut app, &mut session, "some frames", |app, poses| {
        frames += usize::from(poses.running && tracker(app, TrackerRole::Head).1);
        frames > 60
    });
    let before = session.last.unwrap();
    assert_eq!(app.world().resource::<Teleports>().0, 0);
    let control = std::env::var("KINEST_XR_CTL").expect("tools/vr-smoke sets KINEST_XR_CTL");
    let status = std::process::Command::new(control).arg("-c").status().unwrap();
    assert!(status.success(), "{status}");
    until(&mut app, &mut session, "a teleport", |app, _| {
        app.world().resource::<Teleports>().0 == 1
    });
    let after = session.last.unwrap();
    let by = after.translation.distance(before.translation);
    let turned = after.rotation.angle_between(before.rotation);
    let body = app.world().get::<BodyPose>(avatar).unwrap();
    let head = body.joint_transform(SmplJoint::Head).translation;
    let (at, held) = tracker_of_head(&app);
    println!("recentred by {by:.3} m and {turned:.3} rad, once; head joint {head}");
    assert!(head.distance(at * held) < METRES);
}

fn tracker_of_head(app: &App) -> (Transform, Vec3) {
    let mut found = app.world().try_query::<(&SparseTracker, &Transform)>().unwrap();
    let (tracker, at) = found.iter(app.world()).find(|(t, _)| t.role == TrackerRole::Head).unwrap();
    (*at, tracker.device_from_joint.translation)
}
