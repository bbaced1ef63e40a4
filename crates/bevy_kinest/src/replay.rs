//! Trackers that follow a motion instead of a player, and recording of a player's trackers.

use crate::tracker::{ROLES, Sampled};
use crate::{
    BodyPose, KinestAvatar, PlayerCalibration, PoseModel, ResetAvatar, SparseTracker, TrackerOf,
    TrackerValidity, Trackers,
};
use bevy::prelude::*;
use kinest::calibration::Calibration;
use kinest::coordinates::{engine_from_amass_point, engine_from_amass_rotation};
use kinest::live::{RecordedFrame, Recording, RecordingError, RecordingWriter};
use kinest::motion::MotionClip;
use kinest::rotation::quat_from_matrix;
use kinest::skeleton::{PerJoint, Pose, Skeleton, SmplJoint};
use kinest::tracker::{TrackerFrame, TrackerPose, TrackerSet};
use std::path::Path;
use std::sync::Arc;

/// Half a millisecond, seconds: frame times are whole nanoseconds and must not miss the last frame.
const ROUNDING: f64 = 5e-4;

/// The motion of a [`MotionReplay`].
#[derive(Clone, Debug)]
enum Motion {
    Clip { clip: Arc<MotionClip>, skeleton: Box<Skeleton> },
    Recording(Arc<Recording>),
}

/// Moves an avatar's trackers along a clip or a recording: a stand-in player for tests,
/// demonstrations and users without a headset. Lives on the avatar's entity.
///
/// Every frame in `PreUpdate` it writes the `Transform`s of the avatar's trackers, relative to
/// their parents, and spawns missing trackers.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_kinest::prelude::*;
/// # use bevy_kinest::kinest::motion::synthetic::walk_and_wave;
/// # use bevy_kinest::kinest::skeleton::Skeleton;
/// # fn spawn(mut commands: Commands, assets: Res<AssetServer>) {
/// let skeleton = Skeleton::default();
/// commands.spawn((
///     KinestAvatar::new(assets.load("models/kinest_stream.model.ron")),
///     MotionReplay::clip(walk_and_wave(&skeleton), skeleton).repeating(),
/// ));
/// # }
/// ```
#[derive(Component, Clone, Debug, Reflect)]
#[reflect(Component, Clone, from_reflect = false)]
pub struct MotionReplay {
    #[reflect(ignore)]
    motion: Motion,
    /// Playback speed; 1 is the original speed, 0 stands still.
    pub speed: f64,
    /// Whether it restarts at its end, or stays there.
    pub repeats: bool,
    /// Whether it is paused.
    pub paused: bool,
    seconds: f64,
    passes: u32,
    /// At its end, which has been counted.
    over: bool,
    /// It jumped to another moment: the trackers did not move there.
    cut: bool,
    started: bool,
}

impl MotionReplay {
    /// Perfect trackers on a body with `skeleton` that moves as in `clip`. A clip without frames is
    /// the rest pose.
    #[must_use]
    pub fn clip(mut clip: MotionClip, skeleton: Skeleton) -> Self {
        if clip.frames.is_empty() {
            clip.frames.push((&Pose::rest()).into());
        }
        Self::new(Motion::Clip { clip: Arc::new(clip), skeleton: Box::new(skeleton) })
    }

    /// The trackers of a recording, with its dropouts and its player's calibration, if recorded.
    ///
    /// The poses of a session that was recorded from its start (recorder and [`ResetAvatar`] in one
    /// frame) are reproduced bit for bit with
    /// [`KinestSettings::inline`](crate::KinestSettings::inline), frames as long as when recording,
    /// and the model named by [`RecordedFrame::model`].
    #[must_use]
    pub fn recording(recording: Recording) -> Self {
        Self::new(Motion::Recording(Arc::new(recording)))
    }

    fn new(motion: Motion) -> Self {
        Self {
            motion,
            speed: 1.0,
            repeats: false,
            paused: false,
            seconds: 0.0,
            passes: 0,
            over: false,
            cut: false,
            started: false,
        }
    }

    /// Repeats the motion without end.
    #[must_use]
    pub fn repeating(self) -> Self {
        Self { repeats: true, ..self }
    }

    /// Jumps to a moment, seconds from the start. The avatar is reset there.
    pub fn seek(&mut self, seconds: f64) {
        self.seconds = seconds.clamp(0.0, self.duration());
        (self.cut, self.started, self.over) = (true, false, false);
    }

    /// Present moment, seconds from the start of the motion.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Seconds from the first frame of the motion to the last.
    #[must_use]
    pub fn duration(&self) -> f64 {
        match &self.motion {
            Motion::Clip { clip, .. } => clip.duration(),
            Motion::Recording(recording) => recording.duration(),
        }
    }

    /// How often the end was reached.
    #[must_use]
    pub fn passes(&self) -> u32 {
        self.passes
    }

    /// The present pose of the motion: the clip's own, or the pose shown while recording, if poses
    /// were recorded.
    #[must_use]
    pub fn truth(&self) -> Option<Pose> {
        match &self.motion {
            Motion::Clip { clip, .. } => Some(clip.pose_at(self.seconds)),
            Motion::Recording(recording) => recording.pose_at(self.seconds),
        }
    }

    /// Distance of each joint of `body` from its position in [`truth`](Self::truth), metres.
    #[must_use]
    pub fn errors(&self, body: &BodyPose) -> Option<PerJoint<f64>> {
        let truth = body.skeleton().pose_joints(&self.truth()?).positions;
        let shown = &body.joints().positions;
        Some(SmplJoint::ALL.map(|joint| shown[joint.index()].distance(truth[joint.index()])))
    }

    /// The present frame of a recording, if the moment is exactly a frame's and not between two.
    pub(crate) fn recorded(&self) -> Option<&RecordedFrame> {
        match &self.motion {
            Motion::Clip { .. } => None,
            Motion::Recording(recording) => match recording.frame_at(self.seconds) {
                (frame, true) => Some(frame),
                _ => None,
            },
        }
    }

    /// The present calibration of a recording's player.
    fn calibration(&self) -> Option<Calibration> {
        match &self.motion {
            Motion::Clip { .. } => None,
            Motion::Recording(recording) => recording.frame_at(self.seconds).0.calibration,
        }
    }

    fn trackers(&self) -> Vec<TrackerPose> {
        match &self.motion {
            Motion::Clip { clip, skeleton } => {
                let joints = skeleton.pose_joints(&clip.pose_at(self.seconds));
                TrackerFrame::from_joints(TrackerSet::HeadAndHands, 0.0, &joints).poses
            }
            Motion::Recording(recording) => recording.trackers_at(self.seconds),
        }
    }

    fn advance(&mut self, seconds: f64) {
        // The first frame, or the frame after a jump, is shown before time advances.
        if self.paused || !std::mem::replace(&mut self.started, true) {
            return;
        }
        let duration = self.duration();
        self.seconds = (self.seconds + seconds * self.speed).max(0.0);
        if self.seconds <= duration + ROUNDING {
            return;
        }
        self.passes += u32::from(!self.over);
        self.over = !self.repeats;
        self.cut = self.repeats;
        self.seconds = if self.repeats { 0.0 } else { duration };
    }
}

/// Advances every replay and moves its trackers.
pub(crate) fn replay(
    mut commands: Commands,
    time: Res<Time>,
    mut replays: Query<(Entity, &mut MotionReplay, Option<&Trackers>, Option<&PlayerCalibration>)>,
    mut trackers: Query<(&SparseTracker, &mut TrackerValidity, &mut Transform)>,
) {
    for (avatar, mut replay, own, known) in &mut replays {
        replay.advance(time.delta_secs_f64());
        let calibration = replay.calibration().map(PlayerCalibration);
        if let Some(calibration) = calibration.filter(|player| known != Some(player)) {
            commands.entity(avatar).insert(calibration);
        }
        if std::mem::take(&mut replay.cut) {
            commands.trigger(ResetAvatar { entity: avatar });
        }
        for (role, pose) in ROLES.into_iter().zip(replay.trackers()) {
            let joint = Transform::from_translation(engine_from_amass_point(pose.position))
                .with_rotation(engine_from_amass_rotation(quat_from_matrix(pose.rotation)));
            let is_role = |e: &Entity| trackers.get(*e).is_ok_and(|(t, ..)| t.role == role);
            let Some(entity) = own.and_then(|own| own.iter().find(is_role)) else {
                commands.spawn((SparseTracker::new(role), TrackerOf(avatar), joint));
                continue;
            };
            if let Ok((tracker, mut validity, mut transform)) = trackers.get_mut(entity) {
                let held = tracker.device_from_joint;
                let rotation = joint.rotation * held.rotation.inverse();
                transform.rotation = rotation;
                transform.translation = joint.translation - rotation * held.translation;
                validity.tracked = pose.tracked;
            }
        }
    }
}

/// Records an avatar's trackers, calibration and model, and on request its poses, to a file, frame
/// by frame. Lives on the avatar's entity; removing it, or despawning the avatar, ends the file.
#[derive(Component, Debug, Reflect)]
#[reflect(Component, from_reflect = false)]
pub struct TrackerRecorder {
    /// `None` after a failure.
    #[reflect(ignore)]
    writer: Option<RecordingWriter>,
    poses: bool,
}

impl TrackerRecorder {
    /// Creates the file at `path`, replacing an existing one.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn create(path: &Path, poses: bool) -> Result<Self, RecordingError> {
        let writer = Some(RecordingWriter::create(path, TrackerSet::HeadAndHands)?);
        Ok(Self { writer, poses })
    }

    /// Whether it is still writing; a full disk, for example, ends it.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.writer.is_some()
    }

    /// Frames written.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.writer.as_ref().map_or(0, RecordingWriter::frames)
    }
}

pub(crate) fn record(
    models: Res<Assets<PoseModel>>,
    mut avatars: Query<(
        Entity,
        &KinestAvatar,
        &Sampled,
        &BodyPose,
        Option<&PlayerCalibration>,
        &mut TrackerRecorder,
    )>,
) {
    for (avatar, KinestAvatar { model }, sampled, body, player, mut recorder) in &mut avatars {
        let recorder = &mut *recorder;
        let (Some(devices), Some(writer)) = (&sampled.devices, &mut recorder.writer) else {
            continue;
        };
        let frame = RecordedFrame {
            trackers: devices.clone(),
            pose: recorder.poses.then(|| *body.pose()),
            teleported: sampled.told_moved,
            calibration: player.map(|PlayerCalibration(calibration)| *calibration),
            model: models.get(model).and_then(PoseModel::sha256).map(str::to_owned),
        };
        if let Err(error) = writer.push(&frame) {
            error!("avatar {avatar} is not recorded any more: {error}");
            recorder.writer = None;
        }
    }
}

pub(crate) fn on_stop_recording(
    stopped: On<Remove, TrackerRecorder>,
    mut recorders: Query<&mut TrackerRecorder>,
) {
    if let Ok(mut recorder) = recorders.get_mut(stopped.entity)
        && let Some(writer) = recorder.writer.take()
        && let Err(error) = writer.finish()
    {
        error!("the end of a recording is missing: {error}");
    }
}
