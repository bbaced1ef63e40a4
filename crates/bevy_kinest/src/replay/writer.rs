//! Writes bodies to motion files.

use crate::body::BodyPose;
use crate::frame::{Clock, InferenceMode, pause_after};
use bevy::prelude::*;
use kinest::capture::{CaptureError, MotionFormat};
use kinest::motion::{ClipFrame, MotionClip};
use kinest::skeleton::{Pose, Skeleton};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

/// Maximum number of frames of a motion: an hour at 60 Hz, in 120 MB.
const MOST_FRAMES: usize = 216_000;
/// Maximum gap that is interpolated, seconds; after a longer one the frames continue without it.
const GAP: f64 = 1.0;
/// Maximum number of kept frames of motions that could not be written, so that memory stays bounded
/// on a machine that runs for days with a full disk.
const MOST_UNSAVED: usize = 2 * MOST_FRAMES;

/// Writes the body of the avatar it lives on, or of a [`RemoteAvatar`](crate::RemoteAvatar), as a
/// motion file: `.npz`, `.bvh`, `.glb` or `.vrma` ([`MotionFormat`]). Frames are kept in memory, at
/// their own rate. Removing the component, or despawning its entity, writes the file on another
/// thread, because an hour of motion takes seconds; with [`InferenceMode::Inline`] the file is
/// written at once. An app that exits waits for started files, but does not write motions whose
/// component was neither removed nor despawned. A motion that cannot be written, because its folder
/// is missing or the disk is full, is kept in memory and retried after 1, 2, 4 and so on up to 60
/// seconds and when the app exits; the log reports it.
///
/// ```
/// # use bevy::prelude::*;
/// use bevy_kinest::{BodyPose, MotionWriter};
///
/// fn start(mut commands: Commands, player: Single<Entity, With<BodyPose>>) -> Result {
///     commands.entity(*player).insert(MotionWriter::new("dance.glb", 60.0)?);
///     Ok(())
/// }
///
/// fn stop(mut commands: Commands, player: Single<Entity, With<MotionWriter>>) {
///     commands.entity(*player).remove::<MotionWriter>();
/// }
/// # bevy::ecs::system::assert_is_system::<(), Result, _>(start);
/// # bevy::ecs::system::assert_is_system(stop);
/// ```
#[derive(Component, Clone, Debug, Reflect)]
#[reflect(Component, from_reflect = false)]
pub struct MotionWriter {
    path: PathBuf,
    #[reflect(ignore)]
    format: MotionFormat,
    #[reflect(ignore)]
    clip: MotionClip,
    /// The body of the newest frame.
    #[reflect(ignore)]
    skeleton: Skeleton,
    /// The newest pose and its time, seconds.
    #[reflect(ignore)]
    newest: Option<(f64, Pose)>,
    /// Time of the next frame.
    next: f64,
}

impl MotionWriter {
    /// A writer to `path`, in the format of its extension, with `rate_hz` frames per second.
    ///
    /// # Errors
    /// If the extension has no format, or the rate is not between 1 and 1000 Hz.
    pub fn new(path: impl AsRef<Path>, rate_hz: f64) -> Result<Self, CaptureError> {
        let path = path.as_ref();
        let format = MotionFormat::required(path)?;
        if !(1.0..=1000.0).contains(&rate_hz) {
            return Err(CaptureError::Rate { path: path.into(), rate_hz });
        }
        Ok(Self {
            path: path.into(),
            format,
            clip: MotionClip { rate_hz, frames: vec![] },
            skeleton: Skeleton::default(),
            newest: None,
            next: 0.0,
        })
    }

    /// Frames that will be written.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.clip.frames.len()
    }

    /// Takes the body at a time; frames are interpolated between it and the previous one.
    fn push(&mut self, now: f64, pose: Pose) {
        let Some((before, last)) = self.newest.replace((now, pose)).filter(|it| now - it.0 < GAP)
        else {
            self.next = now;
            self.newest = Some((now, pose));
            self.take(&pose);
            return;
        };
        while self.next <= now {
            let part = if now > before { (self.next - before) / (now - before) } else { 1.0 };
            self.take(&last.interpolate(&pose, part.clamp(0.0, 1.0)));
        }
    }

    fn take(&mut self, pose: &Pose) {
        if self.clip.frames.len() < MOST_FRAMES {
            self.clip.frames.push(ClipFrame::from(pose));
        }
        self.next += self.clip.rate_hz.recip();
    }
}

pub(super) fn write(clock: Clock, mut bodies: Query<(&BodyPose, &mut MotionWriter)>) {
    let now = clock.now().as_secs_f64();
    for (body, mut writer) in &mut bodies {
        if body.time().is_none() {
            continue;
        }
        // Changes in every frame, so change detection would be useless.
        let writer = writer.bypass_change_detection();
        if writer.frames() == MOST_FRAMES {
            continue;
        }
        writer.push(now, *body.pose_z_up());
        if writer.skeleton != *body.skeleton() {
            writer.skeleton.clone_from(body.skeleton());
        }
        if writer.frames() == MOST_FRAMES {
            warn!("{} is full: {MOST_FRAMES} frames", writer.path.display());
        }
    }
}

/// The frames of a [`MotionWriter`].
#[derive(Debug)]
struct Motion {
    path: PathBuf,
    format: MotionFormat,
    clip: MotionClip,
    skeleton: Skeleton,
}

impl Motion {
    fn save(&self) -> Result<(), CaptureError> {
        self.format.save(&self.path, &self.clip, &self.skeleton)
    }
}

/// A motion that is not written yet.
#[derive(Debug)]
struct Unsaved {
    motion: Arc<Motion>,
    /// Number of failed attempts.
    failures: u32,
    /// Time until the next attempt, seconds.
    waits: f64,
}

impl Unsaved {
    /// Number of frames, if writing has failed before; otherwise 0.
    fn failed_frames(&self) -> usize {
        if self.failures == 0 { 0 } else { self.motion.clip.frames.len() }
    }
}

/// The motions that are not written yet.
#[derive(Resource, Default)]
pub(super) struct UnsavedMotions {
    /// Waiting motions, oldest first.
    waiting: Vec<Unsaved>,
    /// The motion that is being written. There is never a second, so that an older motion cannot
    /// replace the file of a newer one.
    saving: Option<Saving>,
}

struct Saving {
    unsaved: Unsaved,
    thread: JoinHandle<Result<(), CaptureError>>,
    /// A newer motion will replace its file, so a failure does not matter.
    is_outdated: bool,
}

impl UnsavedMotions {
    fn add(&mut self, motion: Motion) {
        // This motion replaces the file of an older one.
        self.waiting.retain(|older| older.motion.path != motion.path);
        if let Some(saving) = &mut self.saving {
            saving.is_outdated |= saving.unsaved.motion.path == motion.path;
        }
        self.waiting.push(Unsaved { motion: Arc::new(motion), failures: 0, waits: 0.0 });
    }

    /// Starts to write the oldest motion that is due, unless another one is being written.
    fn start(&mut self, mode: InferenceMode) {
        while self.saving.is_none()
            && let Some(due) = self.waiting.iter().position(|unsaved| unsaved.waits <= 0.0)
        {
            let unsaved = self.waiting.remove(due);
            if mode == InferenceMode::Inline {
                self.end(unsaved.motion.save(), unsaved);
                continue;
            }
            let motion = Arc::clone(&unsaved.motion);
            let thread = Builder::new().name("kinest motion file".into());
            match thread.spawn(move || motion.save()) {
                Ok(thread) => {
                    self.saving = Some(Saving { unsaved, thread, is_outdated: false });
                }
                Err(error) => {
                    warn!("no thread for a motion file: {error}");
                    self.end(unsaved.motion.save(), unsaved);
                }
            }
        }
    }

    /// Takes the result of a finished thread, or waits for its end.
    fn receive(&mut self, waits: bool) {
        let Some(Saving { unsaved, thread, is_outdated }) =
            self.saving.take_if(|saving| waits || saving.thread.is_finished())
        else {
            return;
        };
        match thread.join() {
            Ok(Err(_)) if is_outdated => {}
            Ok(result) => self.end(result, unsaved),
            Err(_) => error!("writing {} panicked, it is lost", unsaved.motion.path.display()),
        }
    }

    /// Takes the result of an attempt.
    fn end(&mut self, result: Result<(), CaptureError>, mut unsaved: Unsaved) {
        let motion = &unsaved.motion;
        let Err(error) = result else {
            if unsaved.failures > 0 {
                info!("{} is written after all", motion.path.display());
            }
            return;
        };
        unsaved.failures += 1;
        unsaved.waits = pause_after(unsaved.failures);
        error!(
            "a motion of {} frames is not written, it is kept and tried again in {} s: {}",
            motion.clip.frames.len(),
            unsaved.waits,
            told(&error)
        );
        self.waiting.push(unsaved);
        while self.waiting.iter().map(Unsaved::failed_frames).sum::<usize>() > MOST_UNSAVED {
            // The newest motion is always kept.
            let older = &self.waiting[..self.waiting.len() - 1];
            let Some(oldest) = older.iter().position(|unsaved| unsaved.failures > 0) else { break };
            let lost = self.waiting.remove(oldest);
            error!("too many motions are not written, {} is lost", lost.motion.path.display());
        }
    }

    /// Writes all motions now, as far as possible.
    fn finish(&mut self) {
        self.receive(true);
        for unsaved in self.waiting.drain(..) {
            let Err(error) = unsaved.motion.save() else { continue };
            let frames = unsaved.motion.clip.frames.len();
            error!("a motion of {frames} frames is not written and lost: {}", told(&error));
        }
    }
}

impl Drop for UnsavedMotions {
    /// An app that ends without an [`AppExit`], as in tests.
    fn drop(&mut self) {
        self.finish();
    }
}

/// An error and its cause.
fn told(error: &CaptureError) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

pub(super) fn on_stop_writing(
    stopped: On<Discard, MotionWriter>,
    clock: Clock,
    mut writers: Query<&mut MotionWriter>,
    mut unsaved: ResMut<UnsavedMotions>,
) {
    let Ok(mut writer) = writers.get_mut(stopped.entity) else { return };
    if writer.frames() < 2 {
        warn!("{} is not written: a motion has two frames", writer.path.display());
        return;
    }
    let writer = writer.bypass_change_detection();
    let frames = std::mem::take(&mut writer.clip.frames);
    unsaved.add(Motion {
        path: writer.path.clone(),
        format: writer.format,
        clip: MotionClip { rate_hz: writer.clip.rate_hz, frames },
        skeleton: writer.skeleton.clone(),
    });
    unsaved.start(clock.settings.mode);
}

/// Collects results of writing threads, and retries failed motions.
pub(super) fn write_again(clock: Clock, mut unsaved: ResMut<UnsavedMotions>) {
    let unsaved = unsaved.bypass_change_detection();
    unsaved.receive(false);
    unsaved.waiting.iter_mut().for_each(|unsaved| unsaved.waits -= clock.delta());
    unsaved.start(clock.settings.mode);
}

/// Waits for the motions of an exiting app, because no thread may outlive it.
pub(super) fn on_exit(mut exits: MessageReader<AppExit>, mut unsaved: ResMut<UnsavedMotions>) {
    if exits.read().last().is_some() {
        unsaved.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KinestSettings;
    use crate::models::PoseModel;
    use crate::replay::KinestReplayPlugin;
    use bevy::time::TimeUpdateStrategy;
    use kinest::capture;
    use std::time::{Duration, Instant};

    /// An app in which motions are written by a thread.
    fn app() -> App {
        let mut app = App::new();
        let second = TimeUpdateStrategy::ManualDuration(Duration::from_secs(1));
        app.add_plugins((MinimalPlugins, KinestReplayPlugin))
            .insert_resource(KinestSettings::default())
            .init_resource::<Assets<PoseModel>>()
            .insert_resource(second);
        app
    }

    /// Ends a motion of so many frames.
    fn write(app: &mut App, path: &Path, frames: usize) {
        let mut writer = MotionWriter::new(path, 60.0).unwrap();
        writer.clip.frames = vec![ClipFrame::from(&Pose::rest()); frames];
        let avatar = app.world_mut().spawn(writer).id();
        app.world_mut().despawn(avatar);
    }

    fn is_saving(app: &App) -> bool {
        app.world().resource::<UnsavedMotions>().saving.is_some()
    }

    fn frames(path: &Path) -> usize {
        capture::load(path, &Skeleton::default()).unwrap().clip.frames.len()
    }

    fn update_until(app: &mut App, done: impl Fn(&App) -> bool) {
        let start = Instant::now();
        while !done(app) {
            assert!(start.elapsed() < Duration::from_secs(30), "it never happens");
            app.update();
            std::thread::yield_now();
        }
    }

    /// The frame that ends a long motion, and later frames, do not wait for its file, which is
    /// complete when it appears.
    #[test]
    fn a_long_motion_is_written_while_frames_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.bvh");
        let mut app = app();
        let start = Instant::now();
        write(&mut app, &path, 20_000);
        let ended = start.elapsed();
        assert!(is_saving(&app));
        update_until(&mut app, |app| !is_saving(app));
        assert_eq!(frames(&path), 20_000);
        println!("{ended:?} of {:?}", start.elapsed());
    }

    /// Pending motions, including failed ones, are written when an app exits or is dropped.
    #[test]
    fn an_app_that_ends_waits_for_its_motions() {
        for exits in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let [first, second] = ["a.bvh", "b.npz"].map(|name| folder.path().join(name));
            let late = folder.path().join("later").join("c.bvh");
            let mut app = app();
            write(&mut app, &late, 5);
            update_until(&mut app, |app| !is_saving(app));
            write(&mut app, &first, 5000);
            write(&mut app, &second, 5000);
            std::fs::create_dir(late.parent().unwrap()).unwrap();
            if exits {
                app.world_mut().write_message(AppExit::Success);
                app.update();
            } else {
                drop(app);
            }
            assert_eq!([&first, &second, &late].map(|path| frames(path)), [5000, 5000, 5]);
        }
    }

    /// Of several motions for one file, the newest is in it, even if others failed.
    #[test]
    fn the_newest_of_several_motions_is_in_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("later").join("dance.bvh");
        let mut app = app();
        for count in [3000, 4, 5] {
            write(&mut app, &path, count);
        }
        // The first fails on its thread when the last is waiting already.
        update_until(&mut app, |app| {
            let UnsavedMotions { waiting, saving } = app.world().resource();
            saving.is_none() && waiting.iter().all(|unsaved| unsaved.failures > 0)
        });
        assert_eq!(app.world().resource::<UnsavedMotions>().waiting.len(), 1);
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        update_until(&mut app, |_| path.exists());
        drop(app);
        assert_eq!(frames(&path), 5);
    }
}
