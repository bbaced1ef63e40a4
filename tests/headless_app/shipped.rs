//! Tests with the shipped model, where a network with random weights would prove little.

use crate::common::*;
use bevy::prelude::*;
use bevy_kinest::Forecast;
use bevy_kinest::kinest::model::Checkpoint;
use bevy_kinest::kinest::motion::MotionClip;
use bevy_kinest::kinest::motion::synthetic::{self, Kind};
use bevy_kinest::kinest::skeleton::{PerJoint, Skeleton};
use bevy_kinest::prelude::*;
use std::path::Path;

/// Players of the same clip: the first has no dropouts, the others random ones.
const PLAYERS: usize = 3;
/// Frames until the window is full and the first pose has faded in.
const WARM_UP: usize = 70;

/// A linear congruential generator, for reproducible runs.
struct Dice(u32);

impl Dice {
    /// True once in `times` draws, on average.
    fn one_in(&mut self, times: u32) -> bool {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8).is_multiple_of(times)
    }
}

/// Additional motion of each joint per frame that dropouts cause, metres: the maximum over all
/// frames and dropouts.
fn excess(clip: &MotionClip, seed: u32, forecast: bool) -> PerJoint<f32> {
    let settings = KinestSettings { blend: 0.3, ..KinestSettings::inline() };
    let mut app = app_with_assets(settings, Path::new(env!("CARGO_TARGET_TMPDIR")));
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/models/kinest_small.model.ron");
    let model = PoseModel::from_checkpoint(Checkpoint::load(&path).unwrap());
    let model = app.world_mut().resource_mut::<Assets<PoseModel>>().add(model);
    let players: [_; PLAYERS] = std::array::from_fn(|_| {
        let avatar = app.world_mut().spawn(KinestAvatar::new(model.clone())).id();
        if forecast {
            app.world_mut().entity_mut(avatar).insert(Forecast::default());
        }
        (avatar, trackers_of(&mut app, avatar))
    });
    let walk = Walk::new();
    let mut dice = Dice(seed);
    let mut lost = [[false; 3]; PLAYERS];
    let mut before: Option<[PerJoint<Vec3>; PLAYERS]> = None;
    let mut worst = [0.0_f32; SmplJoint::COUNT];
    for (i, frame) in clip.frames.iter().enumerate() {
        for (p, (_, trackers)) in players.iter().enumerate() {
            walk.show(&mut app, trackers, &frame.into());
            for (k, tracker) in trackers.iter().enumerate() {
                // A dropout lasts about 0.5 s; the head is lost less often.
                let odds = if lost[p][k] { 30 } else { [120, 60, 60][k] };
                if p > 0 && i > WARM_UP && dice.one_in(odds) {
                    lost[p][k] = !lost[p][k];
                    let mut state = app.world_mut().get_mut::<TrackingState>(*tracker);
                    state.as_mut().unwrap().tracked = !lost[p][k];
                }
            }
        }
        app.update();
        let now = players.map(|(avatar, _)| joints(&app, avatar));
        if let Some(before) = before.filter(|_| i > WARM_UP) {
            for j in 0..SmplJoint::COUNT {
                let step = |p: usize| now[p][j].distance(before[p][j]);
                let most = (1..PLAYERS).map(step).fold(0.0, f32::max);
                worst[j] = worst[j].max(most - step(0));
            }
        }
        before = Some(now);
    }
    worst
}

/// Trackers are lost and found at random during walking, reaching and punching, with and without
/// forecasts.
#[test]
fn dropouts_do_not_make_joints_much_faster() {
    let skeleton = Skeleton::default();
    for (seed, kind) in [(1, Kind::Walk), (2, Kind::Reach), (3, Kind::Punch)] {
        let clip = synthetic::clip(kind, 5, 4.0, 60.0, &skeleton);
        for forecast in [false, true] {
            let worst = excess(&clip, seed, forecast);
            let most = worst.iter().copied().fold(0.0, f32::max);
            println!("{kind:?}, forecast {forecast}: {most} m");
            assert!(most < 0.12, "{kind:?} {forecast}: {worst:?}");
            assert!(most > 0.01, "{kind:?} {forecast}: nothing was lost");
        }
    }
}

/// Mean error of the ankles over squats, metres, and the confidence in the left foot at its end, of the uncorrected
/// `kinest_full` on a player who wears `worn`.
fn legs(worn: &[TrackerRole]) -> (f64, f32) {
    let skeleton = Skeleton::default();
    let clip = synthetic::clip(Kind::Squat, 4, 5.0, 60.0, &skeleton);
    let mut app = app(KinestSettings::inline());
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/models/kinest_full.model.ron");
    let model = PoseModel::from_checkpoint(Checkpoint::load(&path).unwrap());
    let model = app.world_mut().resource_mut::<Assets<PoseModel>>().add(model);
    let replay = MotionReplay::clip(clip, skeleton).wearing(worn);
    let parts = (KinestAvatar::new(model), KinestRefine::none(), replay);
    let avatar = app.world_mut().spawn(parts).id();
    let (mut sum, mut count) = (0.0, 0.0);
    for i in 0..240 {
        app.update();
        let errors =
            app.world().get::<MotionReplay>(avatar).and_then(|r| r.errors(body(&app, avatar)));
        if let Some(errors) = errors.filter(|_| i > 60) {
            for ankle in [SmplJoint::LeftAnkle, SmplJoint::RightAnkle] {
                sum += errors[ankle.index()];
                count += 1.0;
            }
        }
    }
    assert!(count > 300.0, "{count}");
    (sum / count, body(&app, avatar).confidence(SmplJoint::LeftFoot))
}

/// The network itself sees what is worn: without any correction its legs are nearer to the truth, and it is surer of
/// them.
#[test]
fn kinest_full_sees_trackers_on_the_body() {
    use TrackerRole::{LeftFoot, Pelvis, RightFoot};
    let (guessed, unsure) = legs(&[]);
    let (seen, _) = legs(&[Pelvis, LeftFoot, RightFoot]);
    assert!(seen < 0.8 * guessed, "{seen} m with trackers, {guessed} m without");
    assert!((0.2..0.9).contains(&unsure), "confidence {unsure}");
}
