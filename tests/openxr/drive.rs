//! Simulated OpenXR input moves trackers and bodies and triggers events, in an app without a
//! runtime.

use crate::common::*;
use bevy::ecs::reflect::AppTypeRegistry;
use bevy::prelude::*;
use bevy_kinest::kinest::calibration::Calibration;
use bevy_kinest::kinest::coordinates::{amass_from_engine_point, engine_from_amass_point};
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::kinest::tracker::DeviceFromJoint;
use bevy_kinest::prelude::*;
use bevy_kinest::xr::{
    ControllerProfile, KinestOpenXrPlugin, Located, OpenXrDevice, OpenXrHand, OpenXrPlayer,
    OpenXrPoses, find_headset,
};
use std::f32::consts::PI;
use std::path::Path;

fn seen(x: f32, y: f32, z: f32) -> Located {
    let pose = Isometry3d::new(Vec3::new(x, y, z), Quat::from_rotation_y(0.1));
    Located { pose: Some(pose), seen: true }
}

fn hand(x: f32) -> OpenXrHand {
    OpenXrHand { grip: seen(x, 1.1, -0.3), profile: Some(ControllerProfile::Touch), ..default() }
}

fn poses() -> OpenXrPoses {
    OpenXrPoses {
        running: true,
        view: seen(0.0, 1.65, 0.0),
        hands: [hand(-0.3), hand(0.3)],
        ..default()
    }
}

/// An app with a player, before any OpenXR message.
pub fn player() -> (App, Entity) {
    let mut app = App::new();
    let settings = KinestSettings { blend: 0.0, ..KinestSettings::inline() };
    add_plugins(&mut app, settings, Path::new(env!("CARGO_TARGET_TMPDIR")));
    app.add_plugins(KinestOpenXrPlugin);
    finish(&mut app);
    listen::<TrackingLost>(&mut app);
    listen::<TrackingRegained>(&mut app);
    let avatar = avatar(&mut app, usize::MAX);
    let refined = (OpenXrPlayer, KinestRefine::default());
    app.world_mut().entity_mut(avatar).insert(refined);
    (app, avatar)
}

fn say(app: &mut App, poses: OpenXrPoses) {
    app.insert_resource(poses);
    app.update();
}

pub fn tracker(app: &mut App, role: TrackerRole) -> (OpenXrDevice, bool, Transform, Transform) {
    let mut trackers =
        app.world_mut().query::<(&SparseTracker, &OpenXrDevice, &TrackingState, &Transform)>();
    let found = trackers.iter(app.world()).find(|(tracker, ..)| tracker.role == role);
    let (tracker, device, state, transform) = found.unwrap();
    (*device, state.tracked, *transform, tracker.device_from_joint)
}

#[test]
fn without_a_runtime_nothing_happens_and_nothing_panics() {
    let (mut app, avatar) = player();
    (0..3).for_each(|_| app.update());
    assert!(app.world().get::<Trackers>(avatar).is_none(), "no session, no trackers");
    assert!(!app.world().resource::<OpenXrPoses>().running);
    if let Err(error) = find_headset() {
        assert!(error.to_string().contains("OpenXR"), "{error}");
    }
}

#[test]
fn trackers_are_spawned_once_and_follow_the_devices() {
    let (mut app, avatar) = player();
    (0..3).for_each(|_| say(&mut app, poses()));
    assert_eq!(app.world().get::<Trackers>(avatar).unwrap().iter().count(), 3);
    let controller = OpenXrDevice::Controller(ControllerProfile::Touch);
    for (role, device, x) in [
        (TrackerRole::Head, OpenXrDevice::Headset, 0.0),
        (TrackerRole::LeftHand, controller, -0.3),
        (TrackerRole::RightHand, controller, 0.3),
    ] {
        let (found, tracked, at, held) = tracker(&mut app, role);
        assert_eq!((found, tracked), (device, true), "{role:?}");
        assert_eq!(at.translation.x, x);
        assert_eq!(Some(held), device.device_from_joint(role));
    }
    let body = app.world().get::<BodyPose>(avatar).unwrap().clone();
    assert!(body.time().is_some());
    for (role, joint) in [
        (TrackerRole::Head, SmplJoint::Head),
        (TrackerRole::LeftHand, SmplJoint::LeftWrist),
        (TrackerRole::RightHand, SmplJoint::RightWrist),
    ] {
        let joint = body.joint_transform(joint).translation;
        let (_, _, at, held) = tracker(&mut app, role);
        let off = joint.distance(at * held.translation);
        assert!(off < 1e-4, "{role:?} is {off} m from its joint");
    }
}

#[test]
fn untracked_hands_keep_their_last_pose_and_recover() {
    let (mut app, avatar) = player();
    (0..3).for_each(|_| say(&mut app, poses()));
    let (.., before, _) = tracker(&mut app, TrackerRole::LeftHand);
    let mut without = poses();
    without.hands[0].grip = Located::default();
    say(&mut app, without.clone());
    let (device, tracked, at, _) = tracker(&mut app, TrackerRole::LeftHand);
    assert_eq!((device, tracked, at), (OpenXrDevice::None, false, before));
    let lost: Vec<TrackingLost> = heard(&mut app);
    assert_eq!((lost[0].entity, lost[0].role), (avatar, TrackerRole::LeftHand));

    // A pose that the runtime marks as not tracked, for instance from an arm model, is ignored.
    without.hands[0].grip = Located { seen: false, ..seen(0.0, 0.9, 0.0) };
    say(&mut app, without.clone());
    assert!(!tracker(&mut app, TrackerRole::LeftHand).1);

    // Hand tracking takes over, then the controller again.
    without.hands[0].wrist = seen(-0.2, 1.0, -0.2);
    say(&mut app, without);
    let (device, tracked, ..) = tracker(&mut app, TrackerRole::LeftHand);
    assert_eq!((device, tracked), (OpenXrDevice::BareHand, true));
    let regained: Vec<TrackingRegained> = heard(&mut app);
    assert_eq!(regained[0].role, TrackerRole::LeftHand);
    let mut both = poses();
    both.hands[0].wrist = seen(-0.2, 1.0, -0.2);
    say(&mut app, both);
    let (device, ..) = tracker(&mut app, TrackerRole::LeftHand);
    assert_eq!(device, OpenXrDevice::Controller(ControllerProfile::Touch));
}

#[test]
fn a_stopped_session_loses_all_trackers_and_a_new_one_reuses_them() {
    let (mut app, avatar) = player();
    (0..3).for_each(|_| say(&mut app, poses()));
    let before: Vec<Entity> = app.world().get::<Trackers>(avatar).unwrap().iter().collect();
    say(&mut app, OpenXrPoses::default());
    for role in [TrackerRole::Head, TrackerRole::LeftHand, TrackerRole::RightHand] {
        let (device, tracked, ..) = tracker(&mut app, role);
        assert_eq!((device, tracked), (OpenXrDevice::None, false));
    }
    say(&mut app, OpenXrPoses { running: false, ..poses() });
    assert!(!tracker(&mut app, TrackerRole::Head).1, "poses of a session that does not run");
    say(&mut app, poses());
    assert!(tracker(&mut app, TrackerRole::Head).1);
    let after: Vec<Entity> = app.world().get::<Trackers>(avatar).unwrap().iter().collect();
    assert_eq!(before, after);
}

#[derive(Resource, Default)]
struct Teleports(usize);

/// The jump is too short to be detected as a teleport without the event.
#[test]
fn recentring_teleports_the_body() {
    let (mut app, avatar) = player();
    app.init_resource::<Teleports>()
        .add_observer(|_: On<Teleport>, mut count: ResMut<Teleports>| count.0 += 1);
    let moved = |by: f32| {
        let mut poses = poses();
        let [left, right] = &mut poses.hands;
        for located in [&mut poses.view, &mut left.grip, &mut right.grip] {
            located.pose.as_mut().unwrap().translation.x += by;
        }
        poses
    };
    (0..40).for_each(|_| say(&mut app, moved(0.0)));
    let ankle = |app: &App| {
        app.world()
            .get::<BodyPose>(avatar)
            .unwrap()
            .joint_transform(SmplJoint::LeftAnkle)
            .translation
    };
    let before = ankle(&app);
    say(&mut app, OpenXrPoses { recentred: true, ..moved(0.25) });
    assert_eq!(app.world().resource::<Teleports>().0, 1);
    let by = ankle(&app) - before;
    assert!(by.distance(Vec3::X * 0.25) < 1e-3, "the ankle went {by}");
}

/// A tracker at the belt appears when it is first seen, drives nothing until a T-pose has said how it
/// is strapped on, and then puts the pelvis where it is.
#[test]
fn trackers_on_the_body_drive_it_once_they_are_calibrated() {
    let (mut app, avatar) = player();
    let with = |pelvis| {
        let mut poses = poses();
        poses.body[0] = pelvis;
        poses
    };
    let worn = |app: &mut App| {
        let mut all = app.world_mut().query::<(&SparseTracker, &TrackingState, &Transform)>();
        let pelvis = |found: &(&SparseTracker, _, _)| found.0.role == TrackerRole::Pelvis;
        all.iter(app.world()).find(pelvis).map(|(_, state, at)| (state.tracked, *at))
    };
    let pelvis = |app: &App| {
        let body = app.world().get::<BodyPose>(avatar).unwrap();
        body.joints_z_up().positions[SmplJoint::Pelvis.index()]
    };
    say(&mut app, with(Located::default()));
    assert_eq!(worn(&mut app), None, "it was never seen");
    let unworn = pelvis(&app);
    // A little to the side of where the pelvis is shown, facing −z as the player does.
    let at = engine_from_amass_point(unworn) + Vec3::new(0.04, 0.01, 0.0);
    let pose = Some(Isometry3d::new(at, Quat::from_rotation_y(PI)));
    let belt = Located { pose, seen: true };
    (0..3).for_each(|_| say(&mut app, with(belt)));
    let (tracked, place) = worn(&mut app).unwrap();
    assert!(tracked);
    assert_eq!(place.translation, at);
    assert!(pelvis(&app).distance(unworn) < 0.01, "nobody knows how it is worn");
    let base = Skeleton::default();
    let mut calibration = Calibration::of(&base);
    calibration.body.set(TrackerRole::Pelvis, DeviceFromJoint::default());
    app.world_mut().entity_mut(avatar).insert(PlayerCalibration(calibration));
    (0..200).for_each(|_| say(&mut app, with(belt)));
    let far = pelvis(&app).distance(amass_from_engine_point(at));
    assert!(far < 0.005, "{far}");
    say(&mut app, with(Located::default()));
    assert!(!worn(&mut app).unwrap().0);
}

#[test]
fn public_types_are_registered() {
    let (app, _) = player();
    let registry = app.world().resource::<AppTypeRegistry>().read();
    for name in ["OpenXrDevice", "OpenXrPlayer", "OpenXrPoses"] {
        assert!(registry.get_with_short_type_path(name).is_some(), "{name}");
    }
}
