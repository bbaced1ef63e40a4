//! Players of any size.

use crate::common::*;
use bevy::prelude::*;
use bevy_kinest::kinest::calibration::Calibration;
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::prelude::*;

/// A player of height `height` holds a T-pose, is measured, and walks.
fn player(height: f64) -> (Vec<Vec<Quat>>, Vec<f32>) {
    let mut app = app(KinestSettings::inline());
    listen::<KinestCalibrated>(&mut app);
    let avatar = avatar_of(&mut app, Fake::feeling);
    app.world_mut().entity_mut(avatar).insert(KinestRefine::none());
    let trackers = trackers(&mut app);
    let base = Skeleton::default();
    let walk = Walk::of(Calibration::from_height(&base, height).unwrap().skeleton(&base));
    walk.stand(&mut app, &trackers);
    app.update();
    app.world_mut().trigger(Recalibrate { entity: avatar, method: CalibrationMethod::TPose });
    (0..70).for_each(|_| app.update());
    let [found] = heard::<KinestCalibrated>(&mut app)[..] else { panic!("measured once") };
    assert_eq!(found.entity, avatar);
    assert!((found.calibration.height - height).abs() < 0.01, "{found:?}");
    let (mut rotations, mut thighs) = (vec![], vec![]);
    for i in 0..90_u32 {
        walk.move_trackers(&mut app, &trackers, f64::from(i) / 60.0);
        app.update();
        if i > 20 {
            rotations.push(body(&app, avatar).pose_z_up().rotations.map(|q| q.as_quat()).to_vec());
            let offsets = &body(&app, avatar).skeleton().offsets;
            thighs.push((offsets[SmplJoint::LeftKnee.index()].length() / height) as f32);
        }
    }
    (rotations, thighs)
}

/// The network sees bodies of its own size: players of all sizes with the same motion get the same
/// joint rotations, on bodies of their own size.
#[test]
fn players_of_all_sizes_get_the_same_rotations() {
    let (usual, thigh) = player(1.75);
    for height in [1.45, 2.0] {
        let (rotations, thighs) = player(height);
        for (i, (a, b)) in usual.iter().zip(&rotations).enumerate() {
            let off = a.iter().zip(b).map(|(a, b)| a.angle_between(*b)).fold(0.0, f32::max);
            assert!(off.to_degrees() < 2.0, "{height} m, frame {i}: {}°", off.to_degrees());
        }
        assert!((thighs[0] / thigh[0] - 1.0).abs() < 0.01, "as tall as the player");
    }
}

#[test]
fn a_wrong_pose_is_reported() {
    let mut app = app(KinestSettings::inline());
    listen::<CalibrationFailed>(&mut app);
    let avatar = avatar_of(&mut app, Fake::feeling);
    let trackers = trackers(&mut app);
    let walk = Walk::new();
    app.world_mut().trigger(Recalibrate { entity: avatar, method: CalibrationMethod::TPose });
    for i in 0..90_u32 {
        walk.move_trackers(&mut app, &trackers, f64::from(i) / 60.0);
        app.update();
    }
    let failed = heard::<CalibrationFailed>(&mut app);
    assert_eq!((failed.len(), failed[0].entity), (1, avatar));
    let reason = &failed[0].reason;
    assert!(reason.contains("T-pose") || reason.contains("stretch"), "{reason}");
    assert!(app.world().get::<PlayerCalibration>(avatar).is_none());
    // A tracker is no avatar.
    app.world_mut().trigger(Recalibrate { entity: trackers[0], method: CalibrationMethod::TPose });
    app.world_mut().flush();
    assert_eq!(heard::<CalibrationFailed>(&mut app)[0].entity, trackers[0]);
    app.world_mut().trigger(Recalibrate { entity: avatar, method: CalibrationMethod::Height(1.6) });
    (0..3).for_each(|_| app.update());
    assert!((app.world().get::<PlayerCalibration>(avatar).unwrap().0.height - 1.6).abs() < 1e-9);
}

/// A headset that does not see a hand stretched out to the side, both hands, or nothing.
#[test]
fn a_hand_that_is_never_seen_is_the_reason() {
    let cases: [(&[usize], &str); 4] = [
        (&[2], "right hand is not tracked"),
        (&[1], "left hand is not tracked"),
        (&[1, 2], "left hand and right hand are not tracked"),
        (&[0, 1, 2], "head is not tracked"),
    ];
    for (unseen, named) in cases {
        let reason = reason_without(unseen);
        assert!(reason.contains(named), "{unseen:?}: {reason}");
    }
}

/// Why a player is not measured whose devices `unseen` are never tracked.
fn reason_without(unseen: &[usize]) -> String {
    let mut app = app(KinestSettings::inline());
    listen::<CalibrationFailed>(&mut app);
    let avatar = avatar_of(&mut app, Fake::feeling);
    let trackers = trackers(&mut app);
    Walk::new().stand(&mut app, &trackers);
    for device in unseen {
        app.world_mut().get_mut::<TrackingState>(trackers[*device]).unwrap().tracked = false;
    }
    app.world_mut().trigger(Recalibrate { entity: avatar, method: CalibrationMethod::TPose });
    set_frame(&mut app, 0.05);
    let mut frames = 0;
    loop {
        app.update();
        frames += 1;
        if let [failed] = &heard::<CalibrationFailed>(&mut app)[..] {
            return failed.reason.clone();
        }
        assert!(frames < 400, "it never ends");
    }
}
