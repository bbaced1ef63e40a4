//! Bodies as motion files.

use crate::body::BodyPose;
use crate::frame::{Clock, pause_after};
use bevy::prelude::*;
use kinest::capture::{CaptureError, MotionFormat};
use kinest::motion::{ClipFrame, MotionClip};
use kinest::skeleton::{Pose, Skeleton};
use std::error::Error;
use std::path::{Path, PathBuf};

/// Longest motion that is kept, frames: an hour at 60 Hz, in 120 MB.
const MOST_FRAMES: usize = 216_000;
/// A gap longer than this, seconds, is no motion: the frames go on behind it.
const GAP: f64 = 1.0;
/// Most frames of motions that cannot be written and are kept, so that a machine that runs for days with a full disk
/// does not fill its memory.
const MOST_UNSAVED: usize = 2 * MOST_FRAMES;

/// Writes the body of the avatar it lives on, or of a [`RemoteAvatar`](crate::RemoteAvatar), as a motion file:
/// `.npz`, `.bvh`, `.glb` or `.vrma` ([`MotionFormat`]). Frames are kept in memory, at a rate of their own; removing
/// it, or despawning its entity, writes the file. An app that exits without either writes none. A motion that cannot be
/// written, because its folder is missing or the disk is full, is kept in memory and tried again, after 1, 2, 4 and so
/// on up to 60 seconds, as the log says.
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
    /// Will write to `path`, in the format of its ending, `rate_hz` frames per second.
    ///
    /// # Errors
    /// If the ending is no format's, or the rate is not between 1 and 1000 Hz.
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

    /// Takes the body at a time; frames lie between it and the one before.
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

    fn save(&self) -> Result<(), CaptureError> {
        self.format.save(&self.path, &self.clip, &self.skeleton)
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
        // Nobody waits for changes of what changes in every frame.
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

/// A motion that could not be written.
struct Unsaved {
    motion: MotionWriter,
    /// Tries that failed.
    failures: u32,
    /// Time until the next one, seconds.
    waits: f64,
}

impl Unsaved {
    /// Notes that a try has failed.
    fn fail(&mut self, error: &CaptureError) {
        self.failures += 1;
        self.waits = pause_after(self.failures);
        let reason = error.source().map_or_else(String::new, |source| format!(": {source}"));
        error!(
            "a motion of {} frames is not written, it is kept and tried again in {} s: {error}{reason}",
            self.motion.frames(),
            self.waits
        );
    }
}

/// The motions that could not be written, oldest first.
#[derive(Resource, Default)]
pub(super) struct UnsavedMotions(Vec<Unsaved>);

impl UnsavedMotions {
    fn frames(&self) -> usize {
        self.0.iter().map(|unsaved| unsaved.motion.frames()).sum()
    }
}

pub(super) fn on_stop_writing(
    stopped: On<Discard, MotionWriter>,
    mut writers: Query<&mut MotionWriter>,
    mut unsaved: ResMut<UnsavedMotions>,
) {
    let Ok(mut writer) = writers.get_mut(stopped.entity) else { return };
    if writer.frames() < 2 {
        warn!("{} is not written: a motion has two frames", writer.path.display());
        return;
    }
    // This one would have replaced the file of an older one.
    unsaved.0.retain(|older| older.motion.path != writer.path);
    let Err(error) = writer.save() else { return };
    let frames = std::mem::take(&mut writer.clip.frames);
    let mut motion = MotionWriter::clone(&writer);
    motion.clip.frames = frames;
    let mut kept = Unsaved { motion, failures: 0, waits: 0.0 };
    kept.fail(&error);
    unsaved.0.push(kept);
    while unsaved.0.len() > 1 && unsaved.frames() > MOST_UNSAVED {
        let lost = unsaved.0.remove(0);
        error!("too many motions are not written, {} is lost", lost.motion.path.display());
    }
}

/// Writes motions again that could not be written.
pub(super) fn write_again(clock: Clock, mut unsaved: ResMut<UnsavedMotions>) {
    unsaved.bypass_change_detection().0.retain_mut(|unsaved| {
        unsaved.waits -= clock.delta();
        if unsaved.waits > 0.0 {
            return true;
        }
        let result = unsaved.motion.save();
        match &result {
            Ok(()) => info!("{} is written after all", unsaved.motion.path.display()),
            Err(error) => unsaved.fail(error),
        }
        result.is_err()
    });
}
