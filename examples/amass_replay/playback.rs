//! The clip's clock, and the trackers that follow it.

use bevy::prelude::*;
use bevy_kinest::kinest::coordinates::{engine_from_amass_point, engine_from_amass_rotation};
use bevy_kinest::kinest::model::Checkpoint;
use bevy_kinest::kinest::motion::MotionClip;
use bevy_kinest::kinest::skeleton::{Pose, Skeleton};
use bevy_kinest::prelude::*;
use bevy_kinest::{KinestFailed, KinestReady};

/// Half a millisecond: frame times are whole nanoseconds and must not lose the last frame.
const ROUNDING: f64 = 5e-4;

/// Where in the clip we are. Advanced first thing in `Update`.
#[derive(Resource)]
pub struct Playback {
    clip: MotionClip,
    repeats: bool,
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
        /// When this pass began, on the clock of the app.
        began: f64,
        /// Since then.
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

/// Advances [`Playback`] and moves the trackers.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlaybackSystems;

pub fn plugin(app: &mut App, clip: MotionClip, checkpoint: Checkpoint, repeats: bool) {
    let skeleton = checkpoint.manifest.spec.skeleton.clone();
    let truth = clip.pose_at(0.0);
    app.insert_resource(Playback { clip, repeats, stage: Stage::Waiting, truth, skeleton })
        .add_systems(PreStartup, spawn_avatar(checkpoint))
        .add_systems(Update, (advance, move_trackers).chain().in_set(PlaybackSystems))
        .add_systems(Last, stop_on_failure);
}

/// The avatar and its three trackers.
fn spawn_avatar(checkpoint: Checkpoint) -> impl FnMut(Commands, ResMut<Assets<PoseModel>>) {
    move |mut commands, mut models| {
        let model = models.add(PoseModel::from_checkpoint(checkpoint.clone()));
        let avatar = commands.spawn(KinestAvatar::new(model)).id();
        for tracker in [SparseTracker::HEAD, SparseTracker::LEFT_HAND, SparseTracker::RIGHT_HAND] {
            commands.spawn((tracker, TrackerOf(avatar)));
        }
    }
}

fn advance(
    mut commands: Commands,
    mut playback: ResMut<Playback>,
    mut ready: MessageReader<KinestReady>,
    avatar: Single<Entity, With<KinestAvatar>>,
    time: Res<Time>,
) {
    let now = time.elapsed_secs_f64();
    let ready = ready.read().count() > 0;
    let start = |first| Stage::Playing { began: now, seconds: 0.0, first };
    let next = match playback.stage {
        Stage::Waiting if ready => start(true),
        Stage::Playing { began, first, .. } => {
            let seconds = now - began;
            if seconds <= playback.clip.duration() + ROUNDING {
                Stage::Playing { began, seconds, first }
            } else if playback.repeats {
                start(false)
            } else {
                Stage::Over
            }
        }
        waiting_or_over => waiting_or_over,
    };
    if let Stage::Playing { seconds, .. } = next {
        playback.truth = playback.clip.pose_at(seconds);
        if seconds == 0.0 {
            // What the trackers did while we waited, or at the clip's end, is not part of it.
            commands.trigger(ResetAvatar { entity: *avatar });
        }
    }
    playback.stage = next;
}

/// The trackers report the joints they stand for, perfectly.
fn move_trackers(playback: Res<Playback>, mut trackers: Query<(&SparseTracker, &mut Transform)>) {
    let joints = playback.skeleton.pose_joints(&playback.truth);
    for (tracker, mut transform) in &mut trackers {
        let j = tracker.role.joint().index();
        transform.translation = engine_from_amass_point(joints.positions[j]);
        transform.rotation =
            engine_from_amass_rotation(bevy::math::DQuat::from_mat3(&joints.rotations[j]));
    }
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
