//! The plugins in an app without a window and with a manual clock.

mod calibration;
mod common;
mod dropout;
mod endurance;
mod events;
mod files;
mod forecast;
mod language;
mod players;
mod reflection;
mod replay;
mod say;
mod shipped;
mod streams;
mod trackers;
mod worker;

use bevy::diagnostic::DiagnosticsStore;
use bevy::prelude::*;
use bevy_kinest::prelude::*;
use common::*;

/// A player who sits or crouches at the start is not pushed through the floor.
#[test]
fn before_the_first_estimate_feet_are_on_the_floor_and_hands_at_the_controllers() {
    let mut app = app(KinestSettings::inline());
    let avatar = avatar(&mut app, NEVER);
    let trackers = trackers(&mut app);
    for tracker in trackers {
        app.world_mut().get_mut::<Transform>(tracker).unwrap().translation.y -= 0.7;
    }
    app.update();
    assert_eq!(body(&app, avatar).source(), PoseSource::InverseKinematics);
    let joints = joints(&app, avatar);
    let lowest = joints.iter().map(|joint| joint.y).fold(f32::INFINITY, f32::min);
    assert!((0.0..0.1).contains(&lowest), "{lowest} m");
    for (tracker, joint) in
        trackers.iter().zip([SmplJoint::Head, SmplJoint::LeftWrist, SmplJoint::RightWrist])
    {
        let tracker = app.world().get::<Transform>(*tracker).unwrap().translation;
        assert!(joints[joint.index()].distance(tracker) < 1e-3, "{joint:?}");
    }
}

#[test]
fn poses_come_from_inverse_kinematics_until_the_window_is_full() {
    let mut app = app(KinestSettings::inline());
    let avatar = avatar(&mut app, NEVER);
    let [head, ..] = trackers(&mut app);
    for frame in 0..=WINDOW + 3 {
        let moved = HEAD + Vec3::Z * 0.01 * frame as f32;
        app.world_mut().get_mut::<Transform>(head).unwrap().translation = moved;
        app.update();

        let estimated = frame >= WINDOW;
        let source = if estimated { PoseSource::Estimated } else { PoseSource::InverseKinematics };
        assert_eq!(body(&app, avatar).source(), source, "frame {frame}");
        assert!(body(&app, avatar).age() < 1e-9, "every frame waits for its own pose");
        assert!((knee_bend(&app, avatar) - f32::from(u8::from(estimated))).abs() < 1e-3);

        let joint = |joint| joint_global(&app, avatar, joint).translation();
        assert!(joint(SmplJoint::Head).distance(moved) < 1e-5, "frame {frame}");
        // The body faces +x with y up, so its left is −z; the arms are stretched out, like the
        // trackers at the start.
        let left = joint(SmplJoint::LeftWrist) - joint(SmplJoint::RightWrist);
        assert!(left.z < -0.99 && left.x.abs() < 0.01 && left.y.abs() < 0.01, "{left}");
        assert!(joint(SmplJoint::LeftAnkle).y < moved.y - 1.0, "feet are below");
        assert!(joint(SmplJoint::LeftFoot).x > joint(SmplJoint::LeftAnkle).x + 0.05 || estimated);
        let from_body = body(&app, avatar).joint_transform(SmplJoint::RightElbow).translation;
        assert!(joint(SmplJoint::RightElbow).distance(from_body) < 1e-5);
    }
    let store = app.world().resource::<DiagnosticsStore>();
    assert!(store.get_measurement(&KinestPlugins::POSE_AGE_MS).is_some());
    assert!(store.get_measurement(&KinestPlugins::INFERENCE_MS).is_some_and(|m| m.value >= 0.0));
}

#[test]
fn the_avatars_own_transform_does_not_move_the_body() {
    let mut app = app(KinestSettings::inline());
    let avatar = avatar(&mut app, NEVER);
    trackers(&mut app);
    let odd = Transform::from_xyz(-4.0, 2.0, 7.0)
        .with_rotation(Quat::from_rotation_x(0.8))
        .with_scale(Vec3::splat(2.0));
    app.world_mut().entity_mut(avatar).insert(odd);
    app.update();
    let head = joint_global(&app, avatar, SmplJoint::Head);
    assert!(head.translation().distance(HEAD) < 1e-4);
    assert!((head.scale() - Vec3::ONE).length() < 1e-4);
    let expected = body(&app, avatar).joint_transform(SmplJoint::LeftFoot).translation;
    let foot = joint_global(&app, avatar, SmplJoint::LeftFoot).translation();
    assert!(foot.distance(expected) < 1e-4);
}

/// Trackers are children of an entity that moves in the same frame: the body does not lag.
#[test]
fn a_moving_parent_moves_the_body_in_the_same_frame() {
    let mut app = app(KinestSettings::inline());
    let avatar = avatar(&mut app, NEVER);
    let all = trackers(&mut app);
    let rig = app.world_mut().spawn(Transform::default()).add_children(&all).id();
    for step in 0..4 {
        // As fast as a body moves, at most.
        let offset = Vec3::new(0.05 * step as f32, 0.0, 0.02);
        app.world_mut().get_mut::<Transform>(rig).unwrap().translation = offset;
        app.update();
        let head = joint_global(&app, avatar, SmplJoint::Head).translation();
        assert!(head.distance(HEAD + offset) < 1e-4, "step {step}: {head}");
    }
}

#[test]
fn an_invalid_tracker_pose_is_refused() {
    let mut app = app(KinestSettings::inline());
    let avatar = avatar(&mut app, NEVER);
    let [head, left, _] = trackers(&mut app);
    (0..=WINDOW).for_each(|_| app.update());
    for (tracker, source) in [(left, PoseSource::Estimated), (head, PoseSource::Frozen)] {
        app.world_mut().get_mut::<Transform>(tracker).unwrap().translation.x = f32::NAN;
        app.update();
        assert!(body(&app, avatar).pose_z_up().is_finite());
        assert_eq!(body(&app, avatar).source(), source);
    }
}

#[test]
fn each_avatar_follows_its_own_trackers_and_restarts_after_a_reset() {
    let mut app = app(KinestSettings::inline());
    let avatars = [avatar(&mut app, NEVER), avatar(&mut app, NEVER)];
    for (i, avatar) in avatars.into_iter().enumerate() {
        for tracker in trackers(&mut app) {
            app.world_mut().entity_mut(tracker).insert(TrackerOf(avatar));
            app.world_mut().get_mut::<Transform>(tracker).unwrap().translation.x += i as f32;
        }
    }
    (0..=WINDOW).for_each(|_| app.update());
    for (i, avatar) in avatars.into_iter().enumerate() {
        let head = joint_global(&app, avatar, SmplJoint::Head).translation();
        assert!(head.distance(HEAD + Vec3::X * i as f32) < 1e-4);
        assert_eq!(body(&app, avatar).source(), PoseSource::Estimated);
    }
    app.world_mut().trigger(ResetAvatar { entity: avatars[0] });
    app.update();
    assert_eq!(body(&app, avatars[0]).source(), PoseSource::InverseKinematics);
    assert_eq!(body(&app, avatars[1]).source(), PoseSource::Estimated);
    (0..WINDOW).for_each(|_| app.update());
    assert_eq!(body(&app, avatars[0]).source(), PoseSource::Estimated);
}

#[test]
fn trackers_follow_the_selected_clock() {
    let settings = KinestSettings { clock: TrackerClock::Virtual, ..KinestSettings::inline() };
    let mut app = app(settings);
    let avatar = avatar(&mut app, NEVER);
    trackers(&mut app);
    (0..=WINDOW).for_each(|_| app.update());
    let time = body(&app, avatar).time();
    app.world_mut().resource_mut::<Time<Virtual>>().pause();
    (0..3).for_each(|_| app.update());
    assert_eq!(body(&app, avatar).time(), time);
    app.world_mut().resource_mut::<KinestSettings>().clock = TrackerClock::Real;
    app.update();
    let real = body(&app, avatar).time().unwrap();
    app.update();
    assert!((body(&app, avatar).time().unwrap() - real - FRAME.as_secs_f64()).abs() < 1e-9);
}

/// After 2 s the virtual clock replaces the real one, which is ahead by then.
#[test]
fn a_change_of_clocks_keeps_the_body() {
    let mut app = app(KinestSettings::inline());
    let avatar = avatar(&mut app, NEVER);
    trackers(&mut app);
    app.world_mut().resource_mut::<Time<Virtual>>().pause();
    (0..120).for_each(|_| app.update());
    app.world_mut().resource_mut::<Time<Virtual>>().unpause();
    app.world_mut().resource_mut::<KinestSettings>().clock = TrackerClock::Virtual;
    for _ in 0..2 * WINDOW {
        app.update();
        assert_eq!(body(&app, avatar).source(), PoseSource::Estimated);
    }
    assert!(body(&app, avatar).age().abs() < 1e-9 && body(&app, avatar).time().unwrap() < 1.0);
}

/// Missing fields have defaults, unknown fields are refused, and all fields are reflected.
#[test]
fn settings_are_read_from_files_and_reflected() {
    let settings: KinestSettings = ron::from_str("(mode: Inline, dropout: (hold: 0.5))").unwrap();
    let older: KinestSettings = ron::from_str("(mode: Inline, loss: (hold: 0.5))").unwrap();
    assert_eq!(older, settings, "the name that files had before");
    let default = KinestSettings::default();
    assert_eq!((settings.mode, settings.dropout.hold), (InferenceMode::Inline, 0.5));
    assert_eq!((settings.dropout.relax, settings.blend), (default.dropout.relax, default.blend));
    let text = ron::to_string(&KinestRefine::none()).unwrap();
    assert_eq!(ron::from_str::<KinestRefine>(&text).unwrap(), KinestRefine::none());
    assert!(ron::from_str::<KinestSettings>("(mod: Inline)").is_err());

    let app = app(default);
    let registry = app.world().resource::<AppTypeRegistry>().read();
    let mut changed = KinestSettings::default();
    *changed.path_mut::<f64>("dropout.hold").unwrap() = 0.7;
    assert_eq!(changed.dropout.hold, 0.7);
    for name in ["KinestSettings", "KinestRefine", "KinestAvatar", "SparseTracker", "SmplSkeleton"]
    {
        assert!(registry.get_with_short_type_path(name).is_some(), "{name}");
    }
}
