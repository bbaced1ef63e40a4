//! Forecasts: bodies shown ahead, through dropouts, as ghosts, and from afar.

use crate::common::*;
use bevy::diagnostic::DiagnosticsStore;
use bevy::prelude::*;
use bevy_kinest::kinest::forecast::{ForecastEngine, ForecastOutput};
use bevy_kinest::kinest::live::EngineError;
use bevy_kinest::kinest::model::forecast::{ForecastLayout, ForecastSpec};
use bevy_kinest::kinest::skeleton::Pose;
use bevy_kinest::prelude::*;
use bevy_kinest::{
    Ahead, Extrapolation, Forecast, ForecastGhost, ForecastGhosts, ForecastModel, ForecastStatus,
    RemoteAvatar,
};
use glam::DVec3;
use std::time::Duration;

/// A walker with three trackers; `forecast` is inserted if there is one.
fn walker(app: &mut App, forecast: Option<Forecast>) -> (Entity, [Entity; 3]) {
    let avatar = avatar_of(app, Fake::feeling);
    let trackers = trackers_of(app, avatar);
    if let Some(forecast) = forecast {
        app.world_mut().entity_mut(avatar).insert(forecast);
    }
    (avatar, trackers)
}

/// A frame of the walk, of all walkers.
fn step(app: &mut App, walk: &Walk, players: &[[Entity; 3]], frame: u32) {
    for trackers in players {
        walk.move_trackers(app, trackers, f64::from(frame) / 60.0);
    }
    app.update();
}

fn status(app: &App, avatar: Entity) -> ForecastStatus {
    *app.world().get(avatar).unwrap()
}

/// By default all is as it is without forecasts, as long as nothing is lost. Ahead, head and hands
/// stay at their trackers and only the rest moves.
#[test]
fn a_body_is_shown_ahead_only_if_asked() {
    let mut app = app(KinestSettings::inline());
    let ahead = Forecast { ahead: Ahead::By(Duration::from_millis(100)), ..default() };
    let walk = Walk::new();
    let players = [None, Some(Forecast::default()), Some(ahead)].map(|f| walker(&mut app, f));
    let all = players.map(|(_, trackers)| trackers);
    let mut apart = 0.0_f32;
    for frame in 0..150 {
        step(&mut app, &walk, &all, frame);
        let [plain, same, ahead] = players.map(|(avatar, _)| joints(&app, avatar));
        assert_eq!(plain, same, "frame {frame}");
        apart = apart.max(farthest(&plain, &ahead));
        for joint in [SmplJoint::Head, SmplJoint::LeftWrist, SmplJoint::RightWrist] {
            let off = plain[joint.index()].distance(ahead[joint.index()]);
            assert!(off < 1e-4, "frame {frame}: {joint:?} is {off} m off its tracker");
        }
    }
    assert!(apart > 0.02, "{apart} m");
    let [_, (same, _), (ahead, _)] = players;
    assert_eq!(status(&app, same).ahead, Duration::ZERO);
    assert_eq!(status(&app, ahead).ahead, Duration::from_millis(100));
    assert!(
        body(&app, ahead).confidence(SmplJoint::LeftKnee)
            < body(&app, same).confidence(SmplJoint::LeftKnee)
    );
    let store = app.world().resource::<DiagnosticsStore>();
    assert!(store.get_measurement(&KinestPlugins::FORECAST_MS).is_some_and(|m| m.value > 0.0));

    // Without the component it is as the others again.
    app.world_mut().entity_mut(ahead).remove::<Forecast>();
    (150..300).for_each(|frame| step(&mut app, &walk, &all, frame));
    let [plain, _, ahead] = players.map(|(avatar, _)| joints(&app, avatar));
    let elbow = SmplJoint::LeftElbow.index();
    assert!(plain[elbow].distance(ahead[elbow]) < 1e-3);
}

#[test]
fn a_body_without_a_head_goes_on_for_a_moment_and_returns_without_a_jump() {
    let mut app = app(KinestSettings { blend: 0.3, ..KinestSettings::inline() });
    let forecast = Forecast { head: Duration::from_millis(250), ..default() };
    let (avatar, trackers) = walker(&mut app, Some(forecast));
    let walk = Walk::new();
    (0..120).for_each(|frame| step(&mut app, &walk, &[trackers], frame));
    let head = |app: &App| body(app, avatar).joint_transform(SmplJoint::Head).translation;
    let seen = head(&app);
    let mut before = joints(&app, avatar);
    for frame in 120..260 {
        let mut state = app.world_mut().get_mut::<TrackingState>(trackers[0]).unwrap();
        state.tracked = frame >= 150;
        step(&mut app, &walk, &[trackers], frame);
        let now = joints(&app, avatar);
        let moved = farthest(&before, &now);
        assert!(moved < 0.2, "frame {frame}: {moved} m");
        before = now;
        let source = match frame {
            120..134 => PoseSource::Forecast,
            // A head that is found is believed from the second frame.
            137..151 => PoseSource::Frozen,
            151.. => PoseSource::Estimated,
            _ => continue,
        };
        assert_eq!(body(&app, avatar).source(), source, "frame {frame}");
        if frame == 140 {
            assert!(head(&app).distance(seen) > 0.05, "it went on");
        }
    }
    let there = app.world().get::<Transform>(trackers[0]).unwrap().translation;
    assert!(head(&app).distance(there) < 1e-3);
}

/// A ghost has a body of its own, goes where the player goes, and leaves with the avatar.
#[test]
fn a_ghost_is_a_body_ahead() {
    let mut app = app(KinestSettings::inline());
    let (avatar, trackers) = walker(&mut app, Some(Forecast::default()));
    let ghost = ForecastGhost { avatar, ahead: Duration::from_millis(400) };
    let ghost = app.world_mut().spawn((ghost, SmplSkeleton::default())).id();
    app.update();
    let walk = Walk::new();
    (0..120).for_each(|frame| step(&mut app, &walk, &[trackers], frame));
    let pelvis = |app: &App, of| joint_global(app, of, SmplJoint::Pelvis).translation();
    let [now, soon] = [avatar, ghost].map(|of| pelvis(&app, of));
    (120..144).for_each(|frame| step(&mut app, &walk, &[trackers], frame));
    let went = pelvis(&app, avatar) - now;
    let ahead = soon - now;
    assert!(went.length() > 0.2 && ahead.dot(went.normalize()) > 0.05, "{ahead} of {went}");
    assert_eq!(body(&app, ghost).source(), PoseSource::Forecast);
    let [sure, unsure] = [avatar, ghost].map(|of| body(&app, of).confidence(SmplJoint::LeftKnee));
    assert!(unsure < sure, "{unsure} {sure}");
    assert_eq!(app.world().get::<ForecastGhosts>(avatar).unwrap().iter().count(), 1);

    // Without forecasts there is none to show.
    app.world_mut().entity_mut(avatar).remove::<Forecast>();
    step(&mut app, &walk, &[trackers], 144);
    assert_eq!(body(&app, ghost).time(), None);
    app.world_mut().despawn(avatar);
    assert!(app.world().get_entity(ghost).is_err());
}

/// Predicts that nothing turns, and that the body rises by 0.1 m in every frame.
struct Rising(ForecastSpec);

fn rising(layout: ForecastLayout) -> ForecastModel {
    let history = 4 + usize::from(layout == ForecastLayout::Smpl22);
    let spec = ForecastSpec { layout, rate_hz: 30.0, history, horizon: 10, gate: None };
    ForecastModel::from_engine(spec.clone(), move || Rising(spec.clone()))
}

impl ForecastEngine for Rising {
    fn spec(&self) -> &ForecastSpec {
        &self.0
    }

    fn device(&self) -> &str {
        "test"
    }

    fn forecast(
        &mut self,
        histories: &[f32],
        batch: usize,
        out: &mut ForecastOutput,
    ) -> Result<(), EngineError> {
        self.0.check_histories(batch, histories.len())?;
        let numbers = self.0.layout.numbers();
        out.resize(batch * self.0.horizon * numbers, false);
        out.future.fill(0.0);
        for (frame, row) in out.future.chunks_mut(numbers).enumerate() {
            // The axes of a body: the root's place comes last, z up.
            row[numbers - 1] = 0.1 * (frame % self.0.horizon + 1) as f32;
        }
        Ok(())
    }
}

#[test]
fn a_network_forecasts_once_it_is_open_and_a_broken_one_does_not() {
    start_log();
    let mut app = app(KinestSettings::inline());
    let mut add =
        |layout| app.world_mut().resource_mut::<Assets<ForecastModel>>().add(rising(layout));
    let [good, bad] = [ForecastLayout::Smpl22, ForecastLayout::H36m].map(&mut add);
    let walk = Walk::new();
    let players = [good, bad].map(|model| {
        let forecast = Forecast { model: Some(model), baseline: Extrapolation::Hold, ..default() };
        let (avatar, trackers) = walker(&mut app, Some(forecast));
        let ahead = Duration::from_secs_f64(0.2);
        (avatar, trackers, app.world_mut().spawn(ForecastGhost { avatar, ahead }).id())
    });
    let all = players.map(|(_, trackers, _)| trackers);
    (0..60).for_each(|frame| step(&mut app, &walk, &all, frame));
    for ((avatar, _, ghost), (network, rises)) in
        players.into_iter().zip([(true, 0.6), (false, 0.0)])
    {
        assert_eq!(status(&app, avatar).network, network);
        let pelvis = |of| body(&app, of).joint_transform(SmplJoint::Pelvis).translation.y;
        let risen = pelvis(ghost) - pelvis(avatar);
        assert!((risen - rises).abs() < 1e-3, "{risen} m, not {rises}");
    }
    let said = logged("a model cannot forecast");
    assert!(said.len() == 1 && said[0].contains("H36m"), "{said:?}");
}

/// Ten poses a second, a fifth of them lost, some late: joints move as smoothly as the body.
#[test]
fn a_remote_body_is_smooth_and_where_its_player_is() {
    let mut app = app(KinestSettings::inline());
    listen::<PoseUpdated>(&mut app);
    let space = app.world_mut().spawn(Transform::from_xyz(0.0, 0.0, 5.0)).id();
    let remote = (RemoteAvatar::default(), SmplSkeleton::default(), TrackingSpace(space));
    let avatar = app.world_mut().spawn(remote).id();
    app.update();
    assert_eq!(body(&app, avatar).time(), None, "nothing has arrived");
    let walk = Walk::new();
    let mut mail: Vec<(u32, u32)> =
        (0..50).filter(|i| i % 5 != 3).map(|i| (6 * i + 3 + 4 * (i % 3), 6 * i)).collect();
    mail.sort_unstable();
    let (mut before, mut worst, mut error) = (None, 0.0_f32, 0.0_f32);
    for frame in 0..300 {
        for (_, sent) in mail.iter().filter(|(arrives, _)| *arrives == frame) {
            let (sent, pose) = (f64::from(*sent) / 60.0, walk.pose(f64::from(*sent) / 60.0));
            let mut remote = app.world_mut().get_mut::<RemoteAvatar>(avatar).unwrap();
            remote.receive(77.0 + sent, pose).unwrap();
            // What arrives twice does no harm.
            remote.receive(77.0 + sent, pose).unwrap();
        }
        app.update();
        if frame < 60 {
            continue;
        }
        let now = joints(&app, avatar);
        let moved = before.map_or(0.0, |before| farthest(&before, &now));
        worst = worst.max(moved);
        before = Some(now);
        // Three frames are the shortest time on the way.
        let pose = walk.pose(f64::from(frame - 3) / 60.0);
        let there = bevy_kinest::kinest::skeleton::Skeleton::default().pose_joints(&pose);
        let there = there.positions[SmplJoint::Head.index()];
        let there =
            bevy_kinest::kinest::coordinates::engine_from_amass_point(there) + Vec3::Z * 5.0;
        error = error.max(now[SmplJoint::Head.index()].distance(there));
    }
    println!("at most {worst} m in a frame, the head {error} m off");
    assert!(worst < 0.25, "{worst} m in a frame");
    assert!(error < 0.35, "the head is {error} m off");
    assert_eq!(body(&app, avatar).source(), PoseSource::Received);
    assert!(heard::<PoseUpdated>(&mut app).iter().any(|updated| updated.entity == avatar));
    let joint = joint_global(&app, avatar, SmplJoint::Head).translation();
    assert!(joint.distance(body(&app, avatar).joint_transform(SmplJoint::Head).translation) < 1e-4);
}

#[test]
fn what_is_no_pose_is_refused_where_it_arrives() {
    let mut app = app(KinestSettings::inline());
    let avatar = app.world_mut().spawn(RemoteAvatar::default()).id();
    let mut remote = app.world_mut().get_mut::<RemoteAvatar>(avatar).unwrap();
    assert!(remote.receive(f64::NAN, Pose::rest()).is_err());
    let nowhere = Pose { translation: DVec3::NAN, ..Pose::rest() };
    assert!(remote.receive(0.0, nowhere).unwrap_err().to_string().contains("translation"));
    app.update();
    assert_eq!(body(&app, avatar).time(), None);
    let mut remote = app.world_mut().get_mut::<RemoteAvatar>(avatar).unwrap();
    remote.receive(0.0, Pose::rest()).unwrap();
    app.update();
    assert!(body(&app, avatar).time().is_some());
    app.world_mut().get_mut::<RemoteAvatar>(avatar).unwrap().reset();
    app.update();
    assert_eq!(body(&app, avatar).time(), None, "another player");
}
