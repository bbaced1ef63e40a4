//! Bodies as motion files.

use crate::body::BodyPose;
use crate::frame::Clock;
use bevy::prelude::*;
use kinest::capture::{CaptureError, MotionFormat};
use kinest::motion::{ClipFrame, MotionClip};
use kinest::skeleton::{Pose, Skeleton};
use std::path::{Path, PathBuf};

/// Longest motion that is kept, frames: an hour at 60 Hz, in 120 MB.
const MOST_FRAMES: usize = 216_000;
/// A gap longer than this, seconds, is no motion: the frames go on behind it.
const GAP: f64 = 1.0;

/// Writes the body of the avatar it lives on, or of a [`RemoteAvatar`](crate::RemoteAvatar), as a motion file:
/// `.npz`, `.bvh`, `.glb` or `.vrma` ([`MotionFormat`]). Frames are kept in memory, at a rate of their own; removing
/// it, or despawning its entity, writes the file. An app that exits without either writes none.
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

pub(super) fn on_stop_writing(
    stopped: On<Remove, MotionWriter>,
    mut writers: Query<&mut MotionWriter>,
) {
    let Ok(writer) = writers.get_mut(stopped.entity) else { return };
    if let Err(error) = writer.format.save(&writer.path, &writer.clip, &writer.skeleton) {
        error!("a motion is not written: {error}");
    }
}
