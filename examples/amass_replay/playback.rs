//! The avatar, the current clip, and the position in it.

use super::playlist::Playlist;
use bevy::prelude::*;
use bevy_kinest::kinest::model::Checkpoint;
use bevy_kinest::kinest::motion::MotionClip;
use bevy_kinest::kinest::skeleton::{Pose, Skeleton};
use bevy_kinest::prelude::*;
use bevy_kinest::{KinestFailed, KinestReady};
use kinest_stage::{Moment, MomentSystems};

/// Position in the clip. Written first in `Update`.
#[derive(Resource)]
pub struct Playback {
    stage: Stage,
    /// The network is running.
    started: bool,
    pub playlist: Playlist,
    /// How often the clip was played to its end.
    passes: u32,
    /// Total duration of the clips played before, seconds.
    before: f64,
    /// Whether the playlist repeats at its end, or the app exits.
    endless: bool,
    /// The clip's pose at this position.
    pub truth: Pose,
    /// The clip's body.
    pub skeleton: Skeleton,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Stage {
    /// Waiting for the network, or for the first frame of a clip.
    Waiting,
    Playing {
        /// Seconds from the start of the clip.
        seconds: f64,
    },
    Over,
}

impl Playback {
    pub fn stage(&self) -> Stage {
        self.stage
    }
}

/// A clip has reached its end, or was left before it.
#[derive(Message)]
pub struct ClipLeft {
    /// Name of the clip.
    pub name: String,
}

/// Requests to skip clips forward or back.
#[derive(Message)]
pub struct Skip(pub isize);

/// Writes [`Playback`].
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlaybackSystems;

/// Plays `playlist`, whose first clip is `first`.
pub fn plugin(
    app: &mut App,
    playlist: Playlist,
    first: MotionClip,
    checkpoint: Checkpoint,
    endless: bool,
) {
    let skeleton = checkpoint.manifest.spec.skeleton.clone();
    let truth = first.pose_at(0.0);
    let mut replay = MotionReplay::clip(first, skeleton.clone());
    replay.paused = true;
    replay.repeats = endless && playlist.len() == 1;
    app.insert_resource(Playback {
        stage: Stage::Waiting,
        started: false,
        playlist,
        passes: 0,
        before: 0.0,
        endless,
        truth,
        skeleton,
    })
    .init_resource::<Moment>()
    .add_message::<ClipLeft>()
    .add_message::<Skip>()
    .add_systems(PreStartup, spawn_avatar(checkpoint, replay))
    .add_systems(
        Update,
        (follow.in_set(PlaybackSystems), tell_pictures.in_set(MomentSystems)).chain(),
    )
    .add_systems(Last, stop_on_failure);
}

/// Spawns the avatar; the replay spawns its trackers.
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
    mut skips: MessageReader<Skip>,
    mut left: MessageWriter<ClipLeft>,
    mut replay: Single<&mut MotionReplay>,
) {
    let playback = &mut *playback;
    let ready = ready.read().count() > 0;
    let skip: isize = skips.read().map(|Skip(clips)| clips).sum();
    let ended = std::mem::replace(&mut playback.passes, replay.passes()) != replay.passes();
    playback.stage = match playback.stage {
        Stage::Waiting if playback.started => Stage::Playing { seconds: replay.seconds() },
        Stage::Waiting => {
            if ready {
                // The trackers' motion during the wait is not part of the clip.
                replay.seek(0.0);
                replay.paused = false;
                playback.started = true;
            }
            Stage::Waiting
        }
        Stage::Playing { .. } if ended || skip != 0 => {
            left.write(ClipLeft { name: playback.playlist.name() });
            playback.before += replay.duration();
            let last = playback.playlist.at() + 1 == playback.playlist.len();
            if skip == 0 && replay.repeats {
                Stage::Playing { seconds: replay.seconds() }
            } else if skip == 0 && last && !playback.endless {
                Stage::Over
            } else {
                playback.play(if skip == 0 { 1 } else { skip }, &mut replay);
                Stage::Waiting
            }
        }
        Stage::Playing { .. } => Stage::Playing { seconds: replay.seconds() },
        Stage::Over => Stage::Over,
    };
    if let Some(truth) = replay.truth_z_up() {
        playback.truth = truth;
    }
}

impl Playback {
    /// Skips by `clips` clips, and past those that cannot be read.
    fn play(&mut self, clips: isize, replay: &mut MotionReplay) {
        self.playlist.skip(clips);
        for _ in 0..self.playlist.len() {
            match self.playlist.load() {
                Ok(clip) => {
                    let (speed, paused, repeats) = (replay.speed, replay.paused, replay.repeats);
                    *replay = MotionReplay::clip(clip, self.skeleton.clone());
                    (replay.speed, replay.paused, replay.repeats) = (speed, paused, repeats);
                    // Resets the avatar.
                    replay.seek(0.0);
                    self.passes = 0;
                    return;
                }
                Err(error) => warn!("left out: {error:#}"),
            }
            self.playlist.skip(clips.signum());
        }
    }
}

/// Writes the time for pictures, in seconds over all clips.
fn tell_pictures(playback: Res<Playback>, mut moment: ResMut<Moment>) {
    *moment = match playback.stage() {
        Stage::Waiting => Moment::Waiting,
        Stage::Playing { seconds } => Moment::At(playback.before + seconds),
        Stage::Over => Moment::Over,
    };
}

/// Exits at the end, when nothing else is awaited.
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

#[cfg(test)]
mod tests {
    use super::*;
    use bevy::app::PluginsState;
    use bevy::time::TimeUpdateStrategy;
    use bevy_kinest::kinest::motion::amass;
    use bevy_kinest::kinest::motion::synthetic::walk_and_wave;
    use std::time::Duration;
    use tempfile::TempDir;

    /// Number of frames in every clip except the broken one.
    const FRAMES: usize = 10;
    const BROKEN: &str = "b.npz";

    /// Plays a folder with the clips a, b and c, of which b is broken.
    fn app(endless: bool) -> (TempDir, App) {
        let folder = tempfile::tempdir().unwrap();
        let mut clip = walk_and_wave(&Skeleton::default()).resampled(kinest_stage::RATE_HZ);
        clip.frames.truncate(FRAMES);
        for name in ["a.npz", "c.npz"] {
            amass::save(folder.path().join(name), &clip, "neutral").unwrap();
        }
        std::fs::write(folder.path().join(BROKEN), "no clip").unwrap();
        let playlist = Playlist::open(folder.path()).unwrap();
        let first = playlist.load().unwrap();
        let checkpoint = Checkpoint::load(super::super::default_model()).unwrap();

        let mut app = App::new();
        let frame = Duration::from_secs_f64(1.0 / kinest_stage::RATE_HZ);
        app.add_plugins((MinimalPlugins, TransformPlugin, AssetPlugin::default(), KinestPlugins))
            .insert_resource(KinestSettings::inline())
            .insert_resource(TimeUpdateStrategy::ManualDuration(frame));
        plugin(&mut app, playlist, first, checkpoint, endless);
        while app.plugins_state() == PluginsState::Adding {
            std::thread::yield_now();
        }
        app.finish();
        app.cleanup();
        (folder, app)
    }

    /// Name of the playing clip, and the number of frames shown until it is left.
    fn play_one(app: &mut App) -> (char, usize) {
        let name = app.world().resource::<Playback>().playlist.name();
        let mut frames = 0;
        for _ in 0..500 {
            app.update();
            frames += usize::from(matches!(stage(app), Stage::Playing { .. }));
            let left = app.world_mut().resource_mut::<Messages<ClipLeft>>().drain().next();
            if let Some(ClipLeft { name: left }) = left {
                assert_eq!(left, name);
                return (name.chars().rev().nth("x.npz".len() - 1).unwrap(), frames);
            }
        }
        panic!("{name} never ends");
    }

    fn stage(app: &App) -> Stage {
        app.world().resource::<Playback>().stage()
    }

    fn replay(app: &mut App) -> MotionReplay {
        app.world_mut().query::<&MotionReplay>().single(app.world()).unwrap().clone()
    }

    #[test]
    fn clips_play_in_order_and_the_app_exits() {
        let (_folder, mut app) = app(false);
        assert_eq!(play_one(&mut app), ('a', FRAMES));
        assert!(stage(&app) == Stage::Waiting);
        assert_eq!(*app.world().resource::<Moment>(), Moment::Waiting);
        app.update();
        let before = (FRAMES - 1) as f64 / kinest_stage::RATE_HZ;
        let Moment::At(seconds) = *app.world().resource::<Moment>() else { panic!("it plays") };
        assert!((seconds - before).abs() < 1e-6, "moments go on: {seconds}");
        assert_eq!(play_one(&mut app), ('c', FRAMES - 1), "b is left out");
        assert!(stage(&app) == Stage::Over);
    }

    #[test]
    fn skipping_works_both_ways_in_an_endless_playlist() {
        let (_folder, mut app) = app(true);
        let mut skip = |clips| {
            (0..4).for_each(|_| app.update());
            let mut replays = app.world_mut().query::<&mut MotionReplay>();
            replays.single_mut(app.world_mut()).unwrap().speed = 0.5;
            app.world_mut().write_message(Skip(clips));
            let left = play_one(&mut app).0;
            assert_eq!(replay(&mut app).speed, 0.5, "the speed stays");
            left
        };
        assert_eq!([1, 1, -1, -1, 0].map(&mut skip), ['a', 'c', 'a', 'c', 'a']);
    }
}
