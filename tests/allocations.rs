//! After warm-up, a frame allocates no memory except the windows for the network.

#[path = "headless_app/common.rs"]
#[allow(dead_code, reason = "shared with other tests, which use more of it")]
mod common;
#[path = "counting.rs"]
mod counting;

use bevy::ecs::schedule::SingleThreadedExecutor;
use bevy::prelude::*;
use bevy_kinest::kinest::calibration::Calibration;
use bevy_kinest::kinest::forecast::{BodyForecaster, Extrapolation};
use bevy_kinest::kinest::live::{ForecastSettings, Player, PlayerSettings};
use bevy_kinest::kinest::motion::synthetic::walk_and_wave;
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::kinest::tracker::{TrackerFrame, TrackerSet};
use bevy_kinest::prelude::*;
use bevy_kinest::{Ahead, Forecast, ForecastGhost, RemoteAvatar};
use common::{Fake, Walk, app, avatar_of, body};
use counting::allocations;
use std::time::Duration;

/// Number of allocations in each of the plugins' steps, and the count at the end of the latest
/// step.
#[derive(Resource, Default)]
struct Steps {
    counted: u64,
    allocated: [u64; 5],
}

const NAMES: [&str; 5] = ["Sample", "Infer", "Apply", "Refine", "Writeback"];

fn begin(mut steps: ResMut<Steps>) {
    steps.counted = allocations();
}

fn end<const STEP: usize>(mut steps: ResMut<Steps>) {
    let now = allocations();
    let before = std::mem::replace(&mut steps.counted, now);
    steps.allocated[STEP] += now - before;
}

#[test]
fn frames_allocate_nothing_but_windows() {
    use KinestSystems::{Apply, Infer, Refine, Sample, Writeback};
    let mut app = app(KinestSettings::inline());
    app.init_resource::<Steps>()
        .edit_schedule(PostUpdate, |schedule| {
            schedule.set_executor(SingleThreadedExecutor::new());
        })
        .add_systems(
            PostUpdate,
            (
                begin.before(Sample),
                end::<0>.after(Sample).before(Infer),
                end::<1>.after(Infer).before(Apply),
                end::<2>.after(Apply).before(Refine),
                end::<3>.after(Refine).before(Writeback),
                end::<4>.after(Writeback),
            ),
        );
    // A body with joints, for a player of another size, and a character bound to it.
    let avatar = avatar_of(&mut app, Fake::feeling);
    let player = Calibration::from_height(&Skeleton::default(), 1.6).unwrap();
    app.world_mut().entity_mut(avatar).insert(PlayerCalibration(player));
    let rig = app.world_mut().spawn(SmplSkeleton::default()).id();
    app.world_mut().entity_mut(rig).insert(KinestRig { avatar: Some(avatar), ..default() });
    let trackers = common::trackers(&mut app);
    // Its forecasts, and the same player seen from another machine.
    app.world_mut().entity_mut(avatar).insert(Forecast { ahead: Ahead::Age, ..default() });
    let ahead = Duration::from_millis(200);
    app.world_mut().spawn((ForecastGhost { avatar, ahead }, SmplSkeleton::default()));
    let remote = app.world_mut().spawn((RemoteAvatar::default(), SmplSkeleton::default())).id();

    let walk = Walk::new();
    let mut frames = 0..;
    let mut play = |app: &mut App, count: usize| {
        for i in frames.by_ref().take(count) {
            walk.move_trackers(app, &trackers, f64::from(i) / 60.0);
            if i % 4 == 0 {
                let mut remote = app.world_mut().get_mut::<RemoteAvatar>(remote).unwrap();
                remote.receive(f64::from(i) / 60.0, walk.pose(f64::from(i) / 60.0)).unwrap();
            }
            app.update();
        }
    };
    play(&mut app, 600);
    assert_eq!(body(&app, avatar).source(), PoseSource::Estimated);
    assert!(app.world().get::<RigBones>(rig).is_some(), "the character is bound");
    app.insert_resource(Steps::default());
    play(&mut app, 200);
    let allocated = app.world().resource::<Steps>().allocated;
    for (name, count) in NAMES.iter().zip(allocated) {
        match *name {
            // Proof that counting works: a window is allocated per frame.
            "Infer" => assert!(count >= 200, "{allocated:?}"),
            _ => assert_eq!(count, 0, "{name} allocates: {NAMES:?} {allocated:?}"),
        }
    }
}

/// Also when dropouts begin and end, without an engine around it.
#[test]
fn a_player_through_dropouts_allocates_nothing() {
    let skeleton = Skeleton::default();
    let clip = walk_and_wave(&skeleton);
    let settings =
        PlayerSettings { forecast: Some(ForecastSettings::default()), ..PlayerSettings::default() };
    let mut player = Player::new(settings);
    let mut forecaster = BodyForecaster::new(Extrapolation::default());
    let mut counted = 0;
    for i in 0..600_usize {
        let now = i as f64 / 60.0;
        let truth = clip.pose_at(now);
        let joints = skeleton.pose_joints(&truth);
        let mut frame = TrackerFrame::from_joints(TrackerSet::HeadAndHands, now, &joints);
        for (k, pose) in frame.poses.iter_mut().enumerate() {
            if i % (60 + 10 * k) < 15 {
                *pose = pose.lost();
            }
        }
        let before = allocations();
        player.push(&frame, false).unwrap();
        player.estimate(1, now, truth.rotations);
        player.pose_with(&mut forecaster, &skeleton, now).unwrap();
        player.forecast(&mut forecaster, 0.2).unwrap();
        if i > 120 {
            counted += allocations() - before;
        }
    }
    assert_eq!(counted, 0);
}
