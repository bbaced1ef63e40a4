//! The avatar, and where in the clip we are.

use bevy::prelude::*;
use bevy_kinest::kinest::model::Checkpoint;
use bevy_kinest::kinest::motion::MotionClip;
use bevy_kinest::kinest::skeleton::{Pose, Skeleton};
use bevy_kinest::prelude::*;
use bevy_kinest::{KinestFailed, KinestReady};
use kinest_stage::{Moment, MomentSystems};

/// Where in the clip we are. Written first thing in `Update`.
#[derive(Resource)]
pub struct Playback {
    stage: Stage,
    /// The body as the clip has it now.
    pub truth: Pose,
    /// The body the clip is played on.
    pub skeleton: Skeleton,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Stage {
    /// For the network.
    Waiting,
    Playing {
        /// From the start of the clip.
        seconds: f64,
        /// For the first time.
        first: bool,
    },
    Over,
}

impl Playback {
    pub fn stage(&self) -> Stage {
        self.stage
    }
}

/// Writes [`Playback`].
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlaybackSystems;

pub fn plugin(app: &mut App, clip: MotionClip, checkpoint: Checkpoint, repeats: bool) {
    let skeleton = checkpoint.manifest.spec.skeleton.clone();
    let mut replay = MotionReplay::clip(clip.clone(), skeleton.clone());
    (replay.repeats, replay.paused) = (repeats, true);
    app.insert_resource(Playback { stage: Stage::Waiting, truth: clip.pose_at(0.0), skeleton })
        .add_systems(PreStartup, spawn_avatar(checkpoint, replay))
        .init_resource::<Moment>()
        .add_systems(
            Update,
            (follow.in_set(PlaybackSystems), tell_pictures.in_set(MomentSystems)).chain(),
        )
        .add_systems(Last, stop_on_failure);
}

/// The avatar; the replay spawns its trackers.
fn spawn_avatar(
    checkpoint: Checkpoint,
    replay: MotionReplay,
) -> impl FnMut(Commands, ResMut<Assets<PoseModel>>) {
    move |mut commands, mut models| {
        let model = models.add(PoseModel::from_checkpoint(checkpoint.clone()));
        commands.spawn((KinestAvatar::new(model), replay.clone()));
    }
}

fn follow(
    mut playback: ResMut<Playback>,
    mut ready: MessageReader<KinestReady>,
    mut replay: Single<&mut MotionReplay>,
) {
    playback.stage = if replay.paused {
        if ready.read().count() > 0 {
            // What the trackers did while we waited is not part of it.
            replay.seek(0.0);
            replay.paused = false;
        }
        Stage::Waiting
    } else if replay.passes() > 0 && !replay.repeats {
        Stage::Over
    } else {
        Stage::Playing { seconds: replay.seconds(), first: replay.passes() == 0 }
    };
    if let Some(truth) = replay.truth() {
        playback.truth = truth;
    }
}

/// Pictures are taken by the clip's time.
fn tell_pictures(playback: Res<Playback>, mut moment: ResMut<Moment>) {
    *moment = match playback.stage() {
        Stage::Waiting => Moment::Waiting,
        Stage::Playing { seconds, .. } => Moment::At(seconds),
        Stage::Over => Moment::Over,
    };
}

/// For when nothing else is waited for.
pub fn leave_when_over(playback: Res<Playback>, mut exit: MessageWriter<AppExit>) {
    if playback.stage() == Stage::Over {
        exit.write(AppExit::Success);
    }
}

fn stop_on_failure(mut failed: MessageReader<KinestFailed>, mut exit: MessageWriter<AppExit>) {
    for failure in failed.read() {
        eprintln!("error: the model cannot be run: {}", failure.reason);
        exit.write(AppExit::error());
    }
}
