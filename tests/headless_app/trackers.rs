//! Trackers at any rate and place.

use crate::common::*;
use bevy::prelude::*;
use bevy_kinest::kinest::skeleton::PerJoint;
use bevy_kinest::kinest::skeleton::{Pose, Skeleton};
use bevy_kinest::prelude::*;
use std::f32::consts::{FRAC_PI_2, PI};

/// Interval at which all rates below have a frame, seconds.
const COMMON: f64 = 0.5;
const RATES: [f64; 7] = [60.0, 30.0, 72.0, 80.0, 90.0, 120.0, 144.0];

/// Walks at `rate` Hz; returns the body every 0.5 s, after the first second.
fn watch(rate: f64, refine: KinestRefine) -> Vec<PerJoint<Vec3>> {
    let mut app = app(KinestSettings::inline());
    let avatar = avatar_of(&mut app, Fake::feeling);
    app.world_mut().entity_mut(avatar).insert(refine);
    let trackers = trackers(&mut app);
    let walk = Walk::new();
    set_frame(&mut app, 1.0 / rate);
    let mut seen = vec![];
    for i in 1..=(4.0 * rate) as usize {
        walk.move_trackers(&mut app, &trackers, i as f64 / rate);
        app.update();
        if i % (COMMON * rate) as usize == 0 && i as f64 >= rate {
            assert_eq!(body(&app, avatar).source(), PoseSource::Estimated, "{rate} Hz");
            seen.push(joints(&app, avatar));
        }
    }
    seen
}

/// The same motion at every headset rate gives the same body, up to interpolation errors; filters
/// differ a little more. (The foot lock is excluded since its decisions are discrete; see the tests
/// of `FootLock`.)
#[test]
fn every_rate_gives_the_same_body() {
    for (refine, limits) in [
        (KinestRefine::none(), [0.005, 0.002]),
        (KinestRefine { lock_feet: false, ..KinestRefine::default() }, [0.03, 0.015]),
    ] {
        let mut truth = None;
        for rate in RATES {
            let seen = watch(rate, refine);
            let truth = truth.get_or_insert_with(|| seen.clone());
            let worst = truth.iter().zip(&seen).map(|(a, b)| farthest(a, b)).fold(0.0, f32::max);
            println!("{rate} Hz: {:.1} mm", 1e3 * worst);
            let limit = limits[usize::from(rate >= 60.0)];
            assert!(worst < limit, "{rate} Hz: {worst} m");
            assert!(seen.len() == 7);
        }
    }
}

/// A pause of 0.5 s: no rest pose, and soon the same body.
#[test]
fn pauses_and_frames_of_zero_length_are_survived() {
    for hitch in [0.1, 0.25, 0.5] {
        let mut app = app(KinestSettings::inline());
        let avatar = avatar_of(&mut app, Fake::feeling);
        app.world_mut().entity_mut(avatar).insert(KinestRefine::none());
        let trackers = trackers(&mut app);
        let walk = Walk::new();
        let mut time = 0.0;
        for i in 0..180 {
            let frame = match i {
                90 => hitch,
                100..103 => 0.0,
                _ => 1.0 / 90.0,
            };
            time += frame;
            set_frame(&mut app, frame);
            walk.move_trackers(&mut app, &trackers, time);
            let before = joints(&app, avatar);
            app.update();
            assert!(body(&app, avatar).pose_z_up().is_finite());
            if i > 30 {
                // After half a second a head may be anywhere, and is believed from the second frame.
                let adrift = i == 90 && hitch == 0.5;
                let source = if adrift { PoseSource::Frozen } else { PoseSource::Estimated };
                assert_eq!(body(&app, avatar).source(), source, "frame {i}");
            }
            if frame == 0.0 {
                assert!(farthest(&before, &joints(&app, avatar)) < 1e-5);
            }
        }
        let mut smooth = app_at_rest();
        let other = avatar_of(&mut smooth, Fake::feeling);
        smooth.world_mut().entity_mut(other).insert(KinestRefine::none());
        let trackers = crate::common::trackers(&mut smooth);
        set_frame(&mut smooth, 1.0 / 90.0);
        for i in (0..60).rev() {
            walk.move_trackers(&mut smooth, &trackers, time - f64::from(i) / 90.0);
            smooth.update();
        }
        let off = farthest(&joints(&app, avatar), &joints(&smooth, other));
        assert!(off < 0.002, "{hitch} s: {off} m");
    }
}

fn app_at_rest() -> App {
    app(KinestSettings::inline())
}

/// Local joint rotations, which do not depend on the body's place.
fn deed(app: &App, avatar: Entity) -> Vec<Quat> {
    body(app, avatar).pose_z_up().rotations[1..].iter().map(|q| q.as_quat()).collect()
}

fn change(a: &[Quat], b: &[Quat]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a.angle_between(*b)).fold(0.0, f32::max)
}

/// A teleport moves the body without changing its pose: an announced step, and a jump that is
/// detected.
#[test]
fn a_teleport_is_not_motion() {
    let turn = Quat::from_rotation_y(2.0);
    for (shift, said) in [(Vec3::new(0.3, 0.0, 0.2), true), (Vec3::new(-8.0, 0.0, 5.0), false)] {
        let mut app = app(KinestSettings::inline());
        let avatar = avatar_of(&mut app, Fake::feeling);
        let trackers = trackers(&mut app);
        (0..6 * WINDOW).for_each(|_| app.update());
        let (before, stood) = (deed(&app, avatar), joints(&app, avatar));
        for tracker in trackers {
            let mut transform = app.world_mut().get_mut::<Transform>(tracker).unwrap();
            transform.rotate_around(Vec3::ZERO, turn);
            transform.translation += shift;
        }
        if said {
            app.world_mut().trigger(Teleport { entity: avatar });
        } else {
            // A runtime may be back in the next frame: the body waits for 0.1 s.
            for _ in 0..6 {
                app.update();
                assert_eq!(body(&app, avatar).source(), PoseSource::Frozen);
                assert!(farthest(&stood, &joints(&app, avatar)) < 0.02);
            }
        }
        for frame in 0..WINDOW + 2 {
            app.update();
            assert_eq!(body(&app, avatar).source(), PoseSource::Estimated);
            let changed = change(&before, &deed(&app, avatar));
            assert!(changed < 2e-3, "{shift} frame {frame}: {changed} rad");
            let went = stood.map(|p| turn * p + shift);
            let off = farthest(&went, &joints(&app, avatar));
            assert!(off < 2e-3, "{shift} frame {frame}: {off} m");
        }
    }
    // A step that bodies make counts as motion.
    let mut app = app(KinestSettings::inline());
    let avatar = avatar_of(&mut app, Fake::feeling);
    let trackers = trackers(&mut app);
    (0..6 * WINDOW).for_each(|_| app.update());
    let before = deed(&app, avatar);
    for i in 0..6 {
        for tracker in trackers {
            let step = 0.01 * (i + 1) as f32;
            app.world_mut().get_mut::<Transform>(tracker).unwrap().translation.x += step;
        }
        app.update();
    }
    assert!(change(&before, &deed(&app, avatar)) > 5e-3);
}

/// What runtimes report for lost devices, as tracked: the body is not thrown, and the game hears why.
#[test]
fn trackers_that_no_body_has_are_lost_with_a_reason() {
    let mut app = app(KinestSettings::inline());
    listen::<TrackingLost>(&mut app);
    listen::<TrackingRegained>(&mut app);
    let avatar = avatar_of(&mut app, Fake::feeling);
    let trackers = trackers(&mut app);
    let walk = Walk::new();
    let frozen = walk.pose(4.0);
    for i in 0..420_u32 {
        walk.move_trackers(&mut app, &trackers, f64::from(i) / 60.0);
        let mut place = |k: usize, to: &dyn Fn(&mut Vec3)| {
            to(&mut app.world_mut().get_mut::<Transform>(trackers[k]).unwrap().translation);
        };
        match i {
            100 => place(0, &|head| head.y += 0.4),
            120 => place(0, &|head| head.x += 3.0),
            140..200 => place(1, &|hand| *hand = Vec3::ZERO),
            220..230 => place(2, &|hand| hand.z += 4.0),
            _ => {}
        }
        if (240..340).contains(&i) {
            let head = *app.world().get::<Transform>(trackers[0]).unwrap();
            let right = *app.world().get::<Transform>(trackers[2]).unwrap();
            walk.show(&mut app, &trackers, &frozen);
            *app.world_mut().get_mut::<Transform>(trackers[0]).unwrap() = head;
            *app.world_mut().get_mut::<Transform>(trackers[2]).unwrap() = right;
        }
        let before = joints(&app, avatar);
        app.update();
        if i < 30 {
            continue;
        }
        let now = joints(&app, avatar);
        for joint in [SmplJoint::Pelvis, SmplJoint::LeftFoot, SmplJoint::RightFoot] {
            let moved = before[joint.index()].distance(now[joint.index()]);
            assert!(moved < 0.14, "frame {i} {joint:?}: {moved} m");
        }
    }
    let lost: Vec<_> =
        heard::<TrackingLost>(&mut app).iter().map(|lost| (lost.role, lost.reason)).collect();
    let (head, left, right) = (TrackerRole::Head, TrackerRole::LeftHand, TrackerRole::RightHand);
    let reasons = [
        (head, DropoutReason::Jumped),
        (head, DropoutReason::Jumped),
        (left, DropoutReason::AtOrigin),
        (right, DropoutReason::OutOfReach),
        (left, DropoutReason::Frozen),
    ];
    // The hand at the head's side where it was frozen may have jumped there.
    let told: Vec<_> =
        lost.iter().filter(|lost| **lost != (left, DropoutReason::Jumped)).copied().collect();
    assert_eq!(told, reasons);
    assert_eq!(heard::<TrackingRegained>(&mut app).len(), lost.len());
}

/// Walking by stick: with steps the network sees a walk, and the body is where the player is.
#[test]
fn a_body_steps_where_its_space_is_moved_if_the_game_asks() {
    let walk = Walk::new();
    let play = |makes_steps: bool| {
        let mut app = app(KinestSettings::inline());
        let avatar = avatar_of(&mut app, Fake::feeling);
        app.world_mut().entity_mut(avatar).insert(KinestRefine::none());
        let trackers = trackers(&mut app);
        let space = app.world_mut().spawn(Transform::default()).add_children(&trackers).id();
        app.world_mut().entity_mut(avatar).insert(TrackingSpace(space));
        if makes_steps {
            app.world_mut().entity_mut(avatar).insert(StepsWithSpace);
        }
        let start = walk.pose(1.0).translation;
        let mut deeds = vec![];
        for i in 0..60_u32 {
            // The player stands; the walk's way is that of the space.
            let mut pose = walk.pose(1.0 + f64::from(i) / 60.0);
            let way = (pose.translation - start).with_z(0.0);
            pose.translation -= way;
            walk.show(&mut app, &trackers, &pose);
            app.world_mut().get_mut::<Transform>(space).unwrap().translation =
                bevy_kinest::kinest::coordinates::engine_from_amass_point(way);
            app.update();
            deeds.push(deed(&app, avatar));
            let head = app.world().get::<GlobalTransform>(trackers[0]).unwrap().translation();
            let shown = body(&app, avatar).joint_transform(SmplJoint::Head).translation;
            assert!(shown.distance(head) < 1e-3, "frame {i}: {shown} {head}");
        }
        deeds
    };
    let mut app = app(KinestSettings::inline());
    let avatar = avatar_of(&mut app, Fake::feeling);
    app.world_mut().entity_mut(avatar).insert(KinestRefine::none());
    let trackers = trackers(&mut app);
    let mut walked = vec![];
    for i in 0..60_u32 {
        walk.move_trackers(&mut app, &trackers, 1.0 + f64::from(i) / 60.0);
        app.update();
        walked.push(deed(&app, avatar));
    }
    let off = |deeds: &[Vec<Quat>]| {
        deeds.iter().zip(&walked).map(|(a, b)| change(a, b)).fold(0.0, f32::max)
    };
    assert!(off(&play(true)) < 2e-3, "{}", off(&play(true)));
    assert!(off(&play(false)) > 2e-2, "{}", off(&play(false)));
}

/// Seated: the body stands below the player's head, or sits.
#[test]
fn the_body_of_a_seated_player_stands_or_sits() {
    let walk = Walk::new();
    let height = |mode: SeatedPlayer| {
        let mut app = app(KinestSettings::inline());
        let avatar = avatar(&mut app, NEVER);
        app.world_mut().entity_mut(avatar).insert((mode, KinestRefine::default()));
        let trackers = trackers(&mut app);
        for i in 0..120 {
            let mut pose = Pose::rest();
            pose.rotations[SmplJoint::LeftShoulder.index()] =
                glam::DQuat::from_rotation_z(-1.2 + 0.001 * f64::from(i));
            let head = Skeleton::default().pose_joints(&pose).positions[SmplJoint::Head.index()].z;
            pose.translation.z = 1.12 - head;
            walk.show(&mut app, &trackers, &pose);
            app.update();
        }
        let at = joints(&app, avatar);
        assert!((at[SmplJoint::Head.index()].y - 1.12).abs() < 1e-3, "{mode:?}");
        [SmplJoint::RightAnkle, SmplJoint::RightKnee, SmplJoint::RightHip].map(|j| at[j.index()].y)
    };
    let rise = 0.48;
    let [ankle, knee, hip] = height(SeatedPlayer::AvatarStands { rise });
    assert!((ankle + rise as f32) < 0.15 && hip - knee > 0.25, "{ankle} {knee} {hip}");
    let [ankle, knee, hip] = height(SeatedPlayer::AvatarSits);
    assert!((0.03..0.12).contains(&ankle) && (hip - knee).abs() < 0.2, "{ankle} {knee} {hip}");
    assert_eq!(
        SeatedPlayer::stands(1.75, 1.12),
        SeatedPlayer::AvatarStands { rise: 1.75 * 0.913_486 - 1.12 }
    );
}

/// The runtime moves the floor: no body hangs in the air without a message.
#[test]
fn a_body_that_cannot_reach_the_floor_is_told() {
    let mut app = app(KinestSettings::inline());
    listen::<BodyOffFloor>(&mut app);
    let avatar = avatar(&mut app, NEVER);
    app.world_mut().entity_mut(avatar).insert(KinestRefine::default());
    let trackers = trackers(&mut app);
    let walk = Walk::new();
    let mut told = vec![];
    let raised = |i: u32| if (120..420).contains(&i) { 0.3 } else { 0.0 };
    for i in 0..600_u32 {
        let mut pose = walk.pose(f64::from(i % 60) / 6e3);
        pose.translation.z += raised(i);
        walk.show(&mut app, &trackers, &pose);
        app.update();
        told.extend(heard::<BodyOffFloor>(&mut app).into_iter().map(|event| (i, event)));
    }
    let [(frame, event)] = told[..] else { panic!("told once: {} times", told.len()) };
    assert!((240..300).contains(&frame) && event.entity == avatar, "frame {frame}");
    assert!((event.height - 0.3).abs() < 0.1, "{}", event.height);
}

/// The runtime lowers the floor: the body crouches with its soles on it, and there is nothing to tell.
#[test]
fn a_body_below_its_floor_crouches_on_it() {
    let mut app = app(KinestSettings::inline());
    listen::<BodyOffFloor>(&mut app);
    let avatar = avatar(&mut app, NEVER);
    app.world_mut().entity_mut(avatar).insert(KinestRefine::default());
    let trackers = trackers(&mut app);
    let walk = Walk::new();
    for i in 0..600_u32 {
        let mut pose = walk.pose(f64::from(i % 60) / 6e3);
        pose.translation.z -= if i >= 120 { 0.3 } else { 0.0 };
        walk.show(&mut app, &trackers, &pose);
        app.update();
        if i >= 420 {
            let shown = *body(&app, avatar).pose_z_up();
            let joints = Skeleton::default().pose_joints(&shown);
            let sole = |ankle: SmplJoint| {
                let rotation = joints.rotations[ankle.index()];
                joints.positions[ankle.index()].z
                    + Skeleton::default().lowest_sole(ankle, |point| rotation * point)
            };
            for height in [SmplJoint::LeftAnkle, SmplJoint::RightAnkle].map(sole) {
                assert!(height.abs() < 0.03, "frame {i}: {height} m");
            }
        }
    }
    assert!(heard::<BodyOffFloor>(&mut app).is_empty());
}

/// A vehicle that drives, climbs and has half the scale: the passenger has the same pose as one in
/// the world, and its head and hands are at the trackers.
#[test]
fn the_body_moves_with_its_tracking_space() {
    let walk = Walk::new();
    let play = |carried: bool| {
        let mut app = app(KinestSettings::inline());
        let avatar = avatar_of(&mut app, Fake::feeling);
        let trackers = trackers(&mut app);
        let vehicle = app.world_mut().spawn(Transform::default()).add_children(&trackers).id();
        if carried {
            app.world_mut().entity_mut(avatar).insert(TrackingSpace(vehicle));
        }
        let mut deeds = vec![];
        for i in 1..90 {
            let time = f64::from(i) / 60.0;
            walk.move_trackers(&mut app, &trackers, time);
            if carried {
                *app.world_mut().get_mut::<Transform>(vehicle).unwrap() =
                    Transform::from_xyz(20.0 * time as f32, 3.0, if i > 60 { 50.0 } else { 0.0 })
                        .with_rotation(Quat::from_rotation_y(time as f32))
                        .with_scale(Vec3::splat(0.5));
            }
            app.update();
            deeds.push(deed(&app, avatar));
            let head = app.world().get::<GlobalTransform>(trackers[0]).unwrap().translation();
            for shown in [
                body(&app, avatar).joint_transform(SmplJoint::Head).translation,
                joint_global(&app, avatar, SmplJoint::Head).translation(),
            ] {
                assert!(shown.distance(head) < 1e-3, "frame {i}: {shown} {head}");
            }
        }
        deeds
    };
    let (here, there) = (play(false), play(true));
    for (i, (a, b)) in here.iter().zip(&there).enumerate() {
        let changed = change(a, b);
        assert!(changed < 5e-3, "frame {i}: {changed} rad");
    }
}

/// Kilometres from the origin of the world, where 32-bit transforms are off by half a millimetre: a controller at the origin
/// of its space and one that is frozen in it are found, and the other devices are not doubted.
#[test]
fn devices_are_judged_in_their_space_wherever_it_is() {
    let mut app = app(KinestSettings::inline());
    listen::<TrackingLost>(&mut app);
    let avatar = avatar_of(&mut app, Fake::feeling);
    let trackers = trackers(&mut app);
    // Devices are below a rig that is below the space.
    let rig = app.world_mut().spawn(Transform::default()).add_children(&trackers).id();
    let turn = Quat::from_rotation_y(0.7);
    let space = Transform::from_xyz(4321.0, 20.0, -7654.0).with_rotation(turn);
    let space = app.world_mut().spawn(space).add_child(rig).id();
    app.world_mut().entity_mut(avatar).insert(TrackingSpace(space));
    let walk = Walk::new();
    let frozen = walk.pose(1.0);
    for i in 0..240_u32 {
        walk.move_trackers(&mut app, &trackers, f64::from(i) / 60.0);
        if (60..90).contains(&i) {
            *app.world_mut().get_mut::<Transform>(trackers[1]).unwrap() = Transform::IDENTITY;
        }
        if i >= 120 {
            let [head, left] = [0, 1].map(|k| *app.world().get::<Transform>(trackers[k]).unwrap());
            walk.show(&mut app, &trackers, &frozen);
            *app.world_mut().get_mut::<Transform>(trackers[0]).unwrap() = head;
            *app.world_mut().get_mut::<Transform>(trackers[1]).unwrap() = left;
        }
        // Moved by stick.
        app.world_mut().get_mut::<Transform>(space).unwrap().translation.x += 0.02;
        app.update();
    }
    let lost = heard::<TrackingLost>(&mut app);
    let reasons: Vec<_> = lost.iter().map(|lost| (lost.role, lost.reason)).collect();
    let (left, right) = (TrackerRole::LeftHand, TrackerRole::RightHand);
    // The hand may have jumped to where it is frozen.
    let told = reasons.iter().filter(|it| **it != (right, DropoutReason::Jumped)).copied();
    let [at_origin, frozen] = told.collect::<Vec<_>>()[..] else { panic!("{reasons:?}") };
    assert_eq!(at_origin, (left, DropoutReason::AtOrigin));
    // The body walks away from it, out of reach.
    let reasons = [DropoutReason::Frozen, DropoutReason::OutOfReach];
    assert!(frozen.0 == right && reasons.contains(&frozen.1), "{frozen:?}");
}

/// Eyes look along −z; they are above and in front of the head joint.
#[test]
fn the_offset_from_device_to_joint_is_applied() {
    let mut app = app(KinestSettings::inline());
    let avatar = avatar(&mut app, NEVER);
    let eyes_from_joint =
        Transform::from_xyz(0.0, -0.08, 0.1).with_rotation(Quat::from_rotation_y(PI));
    let eyes = Transform::from_translation(HEAD).with_rotation(Quat::from_rotation_y(FRAC_PI_2));
    app.world_mut().spawn((SparseTracker::HEAD.with_offset(eyes_from_joint), eyes));
    app.update();
    // They look along −x, so the joint is 0.1 m behind them, on the +x side.
    let head = joint_global(&app, avatar, SmplJoint::Head);
    assert!(head.translation().distance(HEAD + Vec3::new(0.1, -0.08, 0.0)) < 1e-5, "{head:?}");
    let toes = joint_global(&app, avatar, SmplJoint::LeftFoot).translation();
    let ankle = joint_global(&app, avatar, SmplJoint::LeftAnkle).translation();
    assert!((toes - ankle).x < -0.1, "{}", toes - ankle);
}
