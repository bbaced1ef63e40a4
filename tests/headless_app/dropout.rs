//! Tracker dropouts.

use crate::common::*;
use bevy::prelude::*;
use bevy_kinest::Forecast;
use bevy_kinest::prelude::*;

fn lose(app: &mut App, tracker: Entity, lost: bool) {
    app.world_mut().get_mut::<TrackingState>(tracker).unwrap().tracked = !lost;
}

fn play(app: &mut App, walk: &Walk, trackers: &[Entity; 3], frames: std::ops::Range<u32>) {
    for i in frames {
        walk.move_trackers(app, trackers, f64::from(i) / 60.0);
        app.update();
    }
}

fn at(app: &App, entity: Entity) -> Vec3 {
    app.world().get::<Transform>(entity).unwrap().translation
}

/// Without a head no pose is written; hands that were never tracked come from the network.
#[test]
fn without_a_head_no_pose_is_written_and_without_hands_there_is_one() {
    let mut app = app(KinestSettings::inline());
    listen::<TrackingLost>(&mut app);
    let avatar = avatar_of(&mut app, Fake::feeling);
    app.update();
    assert_eq!(body(&app, avatar).time(), None);
    let head = app.world_mut().spawn((SparseTracker::HEAD, Transform::from_translation(HEAD))).id();
    (0..=WINDOW).for_each(|_| app.update());
    assert_eq!(body(&app, avatar).source(), PoseSource::Estimated);
    assert!(body(&app, avatar).pose_z_up().is_finite());
    let shown = joint_global(&app, avatar, SmplJoint::Head).translation();
    assert!(shown.distance(at(&app, head)) < 1e-5);
    assert!(heard::<TrackingLost>(&mut app).is_empty(), "what never was cannot be lost");
}

#[test]
fn a_lost_hand_is_held_then_estimated_and_returns_when_found() {
    let mut app = app(KinestSettings::inline());
    listen::<TrackingLost>(&mut app);
    listen::<TrackingRegained>(&mut app);
    let avatar = avatar_of(&mut app, Fake::feeling);
    let trackers = trackers(&mut app);
    let walk = Walk::new();
    let wrist = |app: &App| body(app, avatar).joint_transform(SmplJoint::LeftWrist).translation;
    let sure = |app: &App| body(app, avatar).confidence(SmplJoint::LeftWrist);
    play(&mut app, &walk, &trackers, 0..60);
    assert!(wrist(&app).distance(at(&app, trackers[1])) < 1e-3, "exactly at the controller");
    assert_eq!(sure(&app), 1.0);

    let seen = wrist(&app);
    lose(&mut app, trackers[1], true);
    play(&mut app, &walk, &trackers, 60..61);
    let [lost] = heard::<TrackingLost>(&mut app)[..] else { panic!("one event") };
    assert_eq!((lost.entity, lost.role), (avatar, TrackerRole::LeftHand));
    assert_eq!(lost.reason, DropoutReason::Reported);
    let since = app.world().get::<TrackingState>(trackers[1]).unwrap().lost_since().unwrap();
    // The avatar's time starts at its first frame.
    assert!((since - 60.0 * FRAME.as_secs_f64()).abs() < 1e-6, "{since}");
    play(&mut app, &walk, &trackers, 61..70);
    assert!(wrist(&app).distance(seen) < 0.02, "held");
    let right = body(&app, avatar).joint_transform(SmplJoint::RightWrist).translation;
    assert!(right.distance(at(&app, trackers[2])) < 1e-3, "the other one is followed");

    play(&mut app, &walk, &trackers, 70..180);
    assert!(wrist(&app).distance(seen) > 0.2, "the walk goes on");
    assert!(sure(&app) < 0.3);
    lose(&mut app, trackers[1], false);
    play(&mut app, &walk, &trackers, 180..181);
    play(&mut app, &walk, &trackers, 181..240);
    let found = heard::<TrackingRegained>(&mut app).first().expect("it is said").after;
    assert!((found - 2.0).abs() < 0.02, "{found} s");
    assert!(wrist(&app).distance(at(&app, trackers[1])) < 1e-3);
    assert_eq!(app.world().get::<TrackingState>(trackers[1]).unwrap().lost_since(), None);
}

/// A hand that is nowhere near the body, and is reported as lost a moment later: one dropout.
#[test]
fn a_doubt_that_becomes_a_report_is_one_dropout() {
    let mut app = app(KinestSettings::inline());
    listen::<TrackingLost>(&mut app);
    listen::<TrackingRegained>(&mut app);
    let avatar = avatar_of(&mut app, Fake::feeling);
    let trackers = trackers(&mut app);
    let walk = Walk::new();
    play(&mut app, &walk, &trackers, 0..60);
    for i in 60..90 {
        lose(&mut app, trackers[1], i >= 75);
        walk.move_trackers(&mut app, &trackers, f64::from(i) / 60.0);
        app.world_mut().get_mut::<Transform>(trackers[1]).unwrap().translation.y += 4.0;
        app.update();
    }
    let [lost] = heard::<TrackingLost>(&mut app)[..] else { panic!("told once") };
    assert_eq!((lost.entity, lost.role), (avatar, TrackerRole::LeftHand));
    let since = app.world().get::<TrackingState>(trackers[1]).unwrap().lost_since().unwrap();
    assert!((since - 60.0 * FRAME.as_secs_f64()).abs() < 1e-6, "{since}");
    assert!(heard::<TrackingRegained>(&mut app).is_empty());
    lose(&mut app, trackers[1], false);
    play(&mut app, &walk, &trackers, 90..100);
    let [found] = heard::<TrackingRegained>(&mut app)[..] else { panic!("told once") };
    assert!((found.after - 0.5).abs() < 0.02, "{} s", found.after);
    assert!(heard::<TrackingLost>(&mut app).is_empty());
}

/// A hand that is somewhere else in the first frame after its dropout: the dropout lasts until the hand is believed, and the
/// wrist never goes there.
#[test]
fn a_hand_that_pops_when_it_is_found_is_one_dropout() {
    for lost_frames in [1, 12, 60] {
        let mut app = app(KinestSettings::inline());
        listen::<TrackingLost>(&mut app);
        listen::<TrackingRegained>(&mut app);
        let avatar = avatar_of(&mut app, Fake::feeling);
        let trackers = trackers(&mut app);
        let walk = Walk::new();
        play(&mut app, &walk, &trackers, 0..60);
        lose(&mut app, trackers[1], true);
        play(&mut app, &walk, &trackers, 60..60 + lost_frames);
        let found = 60 + lost_frames;
        lose(&mut app, trackers[1], false);
        let wrist = |app: &App| body(app, avatar).joint_transform(SmplJoint::LeftWrist).translation;
        for i in found..found + 60 {
            let before = wrist(&app);
            walk.move_trackers(&mut app, &trackers, f64::from(i) / 60.0);
            if i == found {
                let head = at(&app, trackers[0]);
                let mut hand = app.world_mut().get_mut::<Transform>(trackers[1]).unwrap();
                let aside = (head - hand.translation).with_y(0.0).normalize();
                hand.translation += 0.9 * aside;
            }
            app.update();
            // It returns at 3 m/s beside its own motion.
            let moved = wrist(&app).distance(before);
            assert!(moved < 0.2, "lost for {lost_frames}, frame {i}: {moved} m");
        }
        assert!(wrist(&app).distance(at(&app, trackers[1])) < 1e-3);
        let [lost] = heard::<TrackingLost>(&mut app)[..] else { panic!("told once") };
        assert_eq!((lost.role, lost.reason), (TrackerRole::LeftHand, DropoutReason::Reported));
        let [regained] = heard::<TrackingRegained>(&mut app)[..] else { panic!("told once") };
        let frames = regained.after / FRAME.as_secs_f64() - f64::from(lost_frames);
        // The popped frame and, unless the hand goes on as it went, the first of two that agree.
        let more = if lost_frames == 1 { 1.0 } else { 2.0 };
        assert!((frames - more).abs() < 0.1, "{lost_frames}: {frames} frames");
        assert_eq!(app.world().get::<TrackingState>(trackers[1]).unwrap().lost_since(), None);
    }
}

/// A hand that is farther than anybody goes is lost, and the other is followed.
#[test]
fn a_tracker_that_is_kilometres_away_is_lost() {
    let mut app = app(KinestSettings::inline());
    listen::<TrackingLost>(&mut app);
    let avatar = avatar_of(&mut app, Fake::feeling);
    let trackers = trackers(&mut app);
    let walk = Walk::new();
    play(&mut app, &walk, &trackers, 0..60);
    for i in 60..90 {
        walk.move_trackers(&mut app, &trackers, f64::from(i) / 60.0);
        app.world_mut().get_mut::<Transform>(trackers[1]).unwrap().translation.x = 2e4;
        app.update();
    }
    let [lost] = heard::<TrackingLost>(&mut app)[..] else { panic!("told once") };
    assert_eq!((lost.role, lost.reason), (TrackerRole::LeftHand, DropoutReason::NotFinite));
    let right = body(&app, avatar).joint_transform(SmplJoint::RightWrist).translation;
    assert!(right.distance(at(&app, trackers[2])) < 1e-3);
}

/// Observers of an avatar do not hear of other avatars.
#[test]
fn events_are_observed_on_their_own_avatar() {
    #[derive(Resource, Default)]
    struct Counts([usize; 2]);
    let mut app = app(KinestSettings::inline());
    app.init_resource::<Counts>();
    let players = [0, 1].map(|i| {
        let avatar = avatar_of(&mut app, Fake::feeling);
        let trackers = trackers_of(&mut app, avatar);
        app.world_mut().entity_mut(avatar).observe(
            move |lost: On<TrackingLost>, mut counts: ResMut<Counts>| {
                assert_eq!(lost.entity, avatar);
                counts.0[i] += 1;
            },
        );
        (avatar, trackers)
    });
    app.update();
    lose(&mut app, players[1].1[2], true);
    (0..3).for_each(|_| app.update());
    assert_eq!(app.world().resource::<Counts>().0, [0, 1]);
}

#[test]
fn a_body_without_a_head_freezes_then_rests_and_resumes_when_it_is_found() {
    let mut app = app(KinestSettings::inline());
    let avatar = avatar_of(&mut app, Fake::feeling);
    let trackers = trackers(&mut app);
    let walk = Walk::new();
    play(&mut app, &walk, &trackers, 0..60);
    lose(&mut app, trackers[0], true);
    play(&mut app, &walk, &trackers, 60..70);
    let frozen = joints(&app, avatar);
    play(&mut app, &walk, &trackers, 70..115);
    assert_eq!(body(&app, avatar).source(), PoseSource::Frozen);
    // The foot lock may still move the feet.
    let moved = farthest(&frozen, &joints(&app, avatar));
    assert!(moved < 0.02, "{moved} m");
    play(&mut app, &walk, &trackers, 115..220);
    assert_eq!(body(&app, avatar).source(), PoseSource::RestPose);
    let arms = joints(&app, avatar);
    let span = arms[SmplJoint::LeftWrist.index()] - arms[SmplJoint::RightWrist.index()];
    assert!(span.length() > 1.2, "arms stretched out: {span}");
    assert!(body(&app, avatar).confidence(SmplJoint::LeftFoot) == 0.0);
    lose(&mut app, trackers[0], false);
    play(&mut app, &walk, &trackers, 220..300);
    assert_eq!(body(&app, avatar).source(), PoseSource::Estimated);
    let head = body(&app, avatar).joint_transform(SmplJoint::Head).translation;
    assert!(head.distance(at(&app, trackers[0])) < 1e-3);
}

/// Random dropouts of all trackers: no joint moves further in a frame than by its motion and the
/// return to the tracker, and all numbers are finite. The same holds with forecasts.
#[test]
fn random_dropouts_never_make_a_body_jump() {
    let mut worst = 0.0_f32;
    for (seed, forecast) in (1..=3_u32).flat_map(|seed| [(seed, false), (seed, true)]) {
        let settings = KinestSettings { blend: 0.3, ..KinestSettings::inline() };
        let mut app = app_with_assets(settings, std::path::Path::new(env!("CARGO_TARGET_TMPDIR")));
        let avatar = avatar_of(&mut app, Fake::feeling);
        let trackers = trackers(&mut app);
        if forecast {
            app.world_mut().entity_mut(avatar).insert(Forecast::default());
        }
        let walk = Walk::new();
        play(&mut app, &walk, &trackers, 0..60);
        let mut random = seed;
        let mut lost = [false; 3];
        for i in 60..500 {
            for (k, tracker) in trackers.iter().enumerate() {
                // A linear congruential generator, for reproducible runs.
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if (random >> 16) % 100 < 2 {
                    lost[k] = !lost[k];
                    lose(&mut app, *tracker, lost[k]);
                }
            }
            let before = joints(&app, avatar);
            play(&mut app, &walk, &trackers, i..i + 1);
            let now = joints(&app, avatar);
            assert!(body(&app, avatar).pose_z_up().is_finite());
            let moved = farthest(&before, &now);
            worst = worst.max(moved);
            assert!(moved < 0.2, "seed {seed} {forecast} frame {i}: {moved} m");
        }
    }
    println!("at most {:.1} cm in a frame", 1e2 * worst);
}
