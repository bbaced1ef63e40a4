//! Several players, and trackers that are nobody's, or one too many.

use crate::common::*;
use bevy::prelude::*;
use bevy_kinest::kinest::motion::synthetic::walk_and_wave;
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::prelude::*;

/// An avatar with trackers of its own that are `away` from those of [`trackers`].
fn player(app: &mut App, away: Vec3) -> (Entity, [Entity; 3]) {
    let avatar = avatar_of(app, Fake::feeling);
    let trackers = trackers(app);
    for tracker in trackers {
        app.world_mut().entity_mut(tracker).insert(TrackerOf(avatar));
        app.world_mut().get_mut::<Transform>(tracker).unwrap().translation += away;
    }
    (avatar, trackers)
}

fn name(app: &mut App, entity: Entity, name: &str) {
    app.world_mut().entity_mut(entity).insert(Name::new(name.to_owned()));
}

#[test]
fn trackers_of_a_despawned_avatar_drive_nobody() {
    start_log();
    let mut app = app(KinestSettings::inline());
    listen::<TrackingLost>(&mut app);
    let (gone, strays) = player(&mut app, Vec3::new(4.6, 0.0, 0.0));
    let (avatar, own) = player(&mut app, Vec3::ZERO);
    name(&mut app, strays[1], "hand of a player who left");
    (0..=2 * WINDOW).for_each(|_| app.update());
    let wrist = |app: &App| body(app, avatar).joint_transform(SmplJoint::LeftWrist).translation;
    let before = wrist(&app);

    // The one who stays has no left hand to which the other's could not be preferred.
    app.world_mut().despawn(gone);
    app.world_mut().despawn(own[1]);
    (0..10).for_each(|_| app.update());
    assert!(wrist(&app).distance(before) < 0.05, "{} {before}", wrist(&app));
    let [lost] = heard::<TrackingLost>(&mut app)[..] else { panic!("one hand is lost") };
    assert_eq!((lost.entity, lost.role), (avatar, TrackerRole::LeftHand));
    assert_eq!(lost.reason, DropoutReason::Missing);
    let said = logged("hand of a player who left");
    assert!(said.len() == 1 && said[0].contains("drives nobody"), "{said:?}");

    // It may be given to somebody else.
    app.world_mut().entity_mut(strays[1]).insert(TrackerOf(avatar));
    app.world_mut().get_mut::<Transform>(strays[1]).unwrap().translation.x -= 4.6;
    (0..60).for_each(|_| app.update());
    let hand = app.world().get::<Transform>(strays[1]).unwrap().translation;
    assert!(wrist(&app).distance(hand) < 1e-3);
}

#[test]
fn a_second_avatar_leaves_the_first_its_trackers() {
    start_log();
    let mut app = app(KinestSettings::inline());
    let first = avatar_of(&mut app, Fake::feeling);
    let trackers = trackers(&mut app);
    app.update();
    let second = avatar_of(&mut app, Fake::feeling);
    name(&mut app, second, "second");
    let stray = app.world_mut().spawn((SparseTracker::HEAD, Name::new("whose head"))).id();
    for step in 1..20 {
        let there = HEAD + 0.02 * step as f32 * Vec3::X;
        app.world_mut().get_mut::<Transform>(trackers[0]).unwrap().translation = there;
        app.update();
        let head = body(&app, first).joint_transform(SmplJoint::Head).translation;
        assert!(head.distance(there) < 1e-3, "step {step}: {head}");
    }
    assert_eq!(app.world().get::<Trackers>(first).unwrap().iter().count(), 3);
    assert_eq!(body(&app, second).time(), None, "it has no trackers");
    for cause in ["avatar second: it has no tracker for Head", "whose head"] {
        let said = logged(cause);
        assert!(said.len() == 1 && said[0].contains("TrackerOf(avatar)"), "{said:?}");
    }
    app.world_mut()
        .entity_mut(stray)
        .insert((TrackerOf(second), Transform::from_xyz(0.0, 1.6, 0.0)));
    app.update();
    assert!(body(&app, second).time().is_some());
}

/// Trackers without an avatar are the player's, not those of a replayed figure spawned with it.
#[test]
fn a_player_beside_a_replayed_figure_has_its_trackers() {
    let mut app = app(KinestSettings::inline());
    let figure = avatar_of(&mut app, Fake::feeling);
    let skeleton = Skeleton::default();
    let replay = MotionReplay::clip(walk_and_wave(&skeleton), skeleton);
    app.world_mut().entity_mut(figure).insert(replay);
    let avatar = avatar_of(&mut app, Fake::feeling);
    let [head, ..] = trackers(&mut app);
    (0..3).for_each(|_| app.update());
    let shown = body(&app, avatar).joint_transform(SmplJoint::Head).translation;
    assert!(shown.distance(HEAD) < 1e-3, "{shown}");
    for avatar in [figure, avatar] {
        assert_eq!(app.world().get::<Trackers>(avatar).unwrap().iter().count(), 3);
    }
    assert_eq!(app.world().get::<TrackerOf>(head), Some(&TrackerOf(avatar)));
}

#[test]
fn of_two_heads_the_first_is_used_until_it_is_gone() {
    start_log();
    let mut app = app(KinestSettings::inline());
    let (avatar, [head, ..]) = player(&mut app, Vec3::ZERO);
    name(&mut app, head, "headset");
    let spare = Transform::from_translation(HEAD + Vec3::Y);
    let spare = (SparseTracker::HEAD, TrackerOf(avatar), spare, Name::new("spectator camera"));
    app.world_mut().spawn(spare);
    (0..5).for_each(|_| app.update());
    let shown = |app: &App| body(app, avatar).joint_transform(SmplJoint::Head).translation;
    assert!(shown(&app).distance(HEAD) < 1e-3);
    let said = logged("spectator camera");
    let [said] = &said[..] else { panic!("said once: {said:?}") };
    assert!(said.contains("headset is used") && said.contains("spectator camera is not"), "{said}");
    app.world_mut().despawn(head);
    // It is a metre higher, and believed once it stays there.
    (0..8).for_each(|_| app.update());
    assert!(shown(&app).distance(HEAD + Vec3::Y) < 1e-3);
}

/// One bundle: an avatar without a network, joints to attach things to, and trackers.
#[test]
fn a_player_is_one_bundle_with_joints() {
    #[derive(Component)]
    struct Hat;
    fn put_on(
        added: On<Add, SmplSkeleton>,
        mut commands: Commands,
        skeletons: Query<&SmplSkeleton>,
    ) {
        let head = skeletons.get(added.entity).unwrap().joint(SmplJoint::Head);
        commands.entity(head).with_child((
            Hat,
            Transform::from_xyz(0.0, 0.2, 0.0),
            Visibility::Visible,
        ));
    }
    let mut app = app(KinestSettings::inline());
    app.add_observer(put_on);
    let player = (
        KinestAvatar::default(),
        SmplSkeleton::default(),
        related!(Trackers[
            (SparseTracker::HEAD, Transform::from_translation(HEAD)),
            (SparseTracker::LEFT_HAND, Transform::from_translation(HEAD + Vec3::new(0.5, -0.3, 0.1))),
            (SparseTracker::RIGHT_HAND, Transform::from_translation(HEAD + Vec3::new(-0.5, -0.3, 0.1))),
        ]),
    );
    let avatar = app.world_mut().spawn(player).id();
    app.update();
    assert_eq!(body(&app, avatar).source(), PoseSource::InverseKinematics);
    let world = app.world_mut();
    let hat = world.query_filtered::<&GlobalTransform, With<Hat>>().single(world).unwrap();
    assert!(hat.translation().distance(HEAD + 0.2 * Vec3::Y) < 1e-3, "{hat:?}");
    assert_eq!(world.get::<Trackers>(avatar).unwrap().iter().count(), 3);

    // Bevy warns of things that are drawn below an entity without visibility.
    let joints = world.get::<SmplSkeleton>(avatar).unwrap().joints;
    for entity in joints.into_iter().chain([avatar]) {
        assert!(world.get::<InheritedVisibility>(entity).is_some());
    }
    let parent = world.get::<ChildOf>(joints[SmplJoint::LeftKnee.index()]).unwrap().parent();
    assert_eq!(parent, joints[SmplJoint::LeftHip.index()]);

    // Inserted again, with joints of the game's own, it spawns none.
    let count = world.query::<&Transform>().iter(world).count();
    let own = SmplSkeleton { joints };
    world.entity_mut(avatar).insert(own);
    assert_eq!(world.get::<SmplSkeleton>(avatar).unwrap().joints, joints);
    assert_eq!(world.query::<&Transform>().iter(world).count(), count);
    world.despawn(avatar);
    assert!(joints.iter().all(|joint| world.get_entity(*joint).is_err()));
}

/// What games test with: estimated from the second frame on, upright, facing where the head faces.
#[test]
fn a_standing_model_needs_no_network() {
    let mut app = app(KinestSettings::inline());
    let model = app.world_mut().resource_mut::<Assets<PoseModel>>().add(PoseModel::standing());
    let avatar = app.world_mut().spawn(KinestAvatar::new(model)).id();
    let trackers = trackers(&mut app);
    (0..2).for_each(|_| app.update());
    assert_eq!(body(&app, avatar).source(), PoseSource::Estimated);
    app.world_mut().despawn(trackers[1]);
    (0..120).for_each(|_| app.update());
    let at = |joint| body(&app, avatar).joint_transform(joint).translation;
    // It faces +x, with its left to −z; the hand without a tracker hangs.
    assert!(at(SmplJoint::LeftHip).z < at(SmplJoint::RightHip).z - 0.05);
    assert!(at(SmplJoint::LeftFoot).x > at(SmplJoint::LeftAnkle).x + 0.05);
    assert!(at(SmplJoint::LeftWrist).y < at(SmplJoint::LeftShoulder).y - 0.3);
    for foot in [SmplJoint::LeftFoot, SmplJoint::RightFoot] {
        assert!(at(foot).distance(HEAD.with_y(at(foot).y)) < 0.4 && at(foot).y.abs() < 0.15);
    }
}
