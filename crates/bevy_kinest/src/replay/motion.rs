//! Motions that trackers follow instead of a player.

use crate::body::BodyPose;
use crate::files::MotionFile;
use crate::trackers::ROLES;
use bevy::prelude::*;
use kinest::calibration::Calibration;
use kinest::live::{RecordedFrame, Recording};
use kinest::motion::MotionClip;
use kinest::skeleton::{PerJoint, Pose, Skeleton, SmplJoint};
use kinest::tracker::{BodyTrackers, TrackerFrame, TrackerPose, TrackerRole, TrackerSet};
use std::sync::Arc;

/// Half a millisecond, seconds: frame times are whole nanoseconds and must not miss the last frame.
const ROUNDING: f64 = 5e-4;

/// A jump to another moment, during which the trackers did not move.
#[derive(Clone, Copy, Debug)]
pub(super) enum Jump {
    /// By [`MotionReplay::seek`]: the avatar is reset.
    Sought,
    /// From the end to the start: a teleport of the player.
    Repeated,
}

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
/// their parents, and spawns missing trackers, which are children of the avatar's
/// [`TrackingSpace`](crate::TrackingSpace) and despawned with the avatar. A recording's dropouts
/// are replayed. The game owns the trackers' [`TrackingState`](crate::TrackingState) and can
/// simulate further dropouts.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_kinest::prelude::*;
/// # use bevy_kinest::kinest::motion::synthetic::walk_and_wave;
/// # use bevy_kinest::kinest::skeleton::Skeleton;
/// # fn spawn(mut commands: Commands, assets: Res<AssetServer>) {
/// let skeleton = Skeleton::default();
/// commands.spawn((
///     KinestAvatar::new(assets.load("models/kinest_full.model.ron")),
///     MotionReplay::clip(walk_and_wave(&skeleton), skeleton).repeating(),
/// ));
/// # }
/// ```
#[derive(Component, Clone, Debug, Reflect)]
#[reflect(Component, Clone, from_reflect = false)]
pub struct MotionReplay {
    #[reflect(ignore)]
    motion: Motion,
    #[reflect(ignore)]
    file: Option<Handle<MotionFile>>,
    /// Whether its file is not loaded yet.
    pub(super) waits: bool,
    /// Playback speed; 1 is the original speed, 0 a standstill.
    pub speed: f64,
    /// Whether it restarts at its end, or stays there.
    pub repeats: bool,
    /// Whether it is paused.
    pub paused: bool,
    /// The part that is played, seconds; the whole motion if it is `None`.
    part: Option<(f64, f64)>,
    seconds: f64,
    passes: u32,
    /// At its end, which is already counted.
    over: bool,
    /// A jump that the avatar has not processed yet.
    #[reflect(ignore)]
    pub(super) jump: Option<Jump>,
    /// Trackers that the player of a clip wears beside head and hands.
    #[reflect(ignore)]
    worn: Vec<TrackerRole>,
    /// Which trackers are tracked in the shown frame, in the order of [`TrackerRole::ALL`].
    pub(super) tracked: [bool; ROLES],
    started: bool,
}

impl MotionReplay {
    /// Ideal trackers on a body with `skeleton` that plays `clip`. A clip without frames is the
    /// rest pose.
    #[must_use]
    pub fn clip(mut clip: MotionClip, skeleton: Skeleton) -> Self {
        if clip.frames.is_empty() {
            clip.frames.push((&Pose::rest()).into());
        }
        Self::new(Motion::Clip { clip: Arc::new(clip), skeleton: Box::new(skeleton) })
    }

    /// The trackers of a recording, with its dropouts and its player's calibration, if recorded.
    ///
    /// The poses of a session that was recorded from its start (recorder and
    /// [`ResetAvatar`](crate::ResetAvatar) in one frame) are reproduced bit for bit with
    /// [`KinestSettings::inline`](crate::KinestSettings::inline), the frame times of the recording,
    /// and the model named by [`RecordedFrame::model`].
    #[must_use]
    pub fn recording(recording: Recording) -> Self {
        Self::new(Motion::Recording(Arc::new(recording)))
    }

    /// The motion of a file, which the avatar's trackers follow from the moment it is loaded, and
    /// from its start when it is loaded again. Clips move a body of the default skeleton.
    ///
    /// ```
    /// # use bevy::prelude::*;
    /// # use bevy_kinest::prelude::*;
    /// # fn spawn(mut commands: Commands, assets: Res<AssetServer>) {
    /// commands.spawn((
    ///     KinestAvatar::new(assets.load("models/kinest_full.model.ron")),
    ///     MotionReplay::file(assets.load("motions/walk.npz")).repeating(),
    /// ));
    /// # }
    /// ```
    #[must_use]
    pub fn file(file: Handle<MotionFile>) -> Self {
        let nothing = Self::clip(MotionClip { rate_hz: 1.0, frames: vec![] }, Skeleton::default());
        Self { file: Some(file), waits: true, ..nothing }
    }

    fn new(motion: Motion) -> Self {
        Self {
            motion,
            file: None,
            waits: false,
            speed: 1.0,
            repeats: false,
            paused: false,
            part: None,
            seconds: 0.0,
            passes: 0,
            over: false,
            jump: None,
            worn: vec![],
            tracked: [true; ROLES],
            started: false,
        }
    }

    /// Repeats the motion without end. The jump back to its start is a
    /// [`Teleport`](crate::Teleport) of the player.
    #[must_use]
    pub fn repeating(self) -> Self {
        Self { repeats: true, ..self }
    }

    /// Adds trackers of these roles to the player of a clip, beside head and hands, which need not
    /// be named. A recording has its own trackers.
    #[must_use]
    pub fn wearing(self, worn: impl Into<Vec<TrackerRole>>) -> Self {
        Self { worn: worn.into(), ..self }
    }

    /// Plays only the part from `start` to `end`, seconds from the start of the motion, clamped to
    /// the motion. Times are still counted from the start of the motion.
    #[must_use]
    pub fn part(self, start: f64, end: f64) -> Self {
        let mut played = Self { part: Some((start, end)), ..self };
        played.seconds = played.ends().0;
        played
    }

    /// First and last moment that are played, seconds.
    fn ends(&self) -> (f64, f64) {
        let duration = self.duration();
        let (start, end) = self.part.unwrap_or((0.0, duration));
        let start = start.max(0.0).min(duration);
        (start, end.max(start).min(duration))
    }

    /// Jumps to a time, seconds from the start, and resets the avatar.
    pub fn seek(&mut self, seconds: f64) {
        self.seconds = seconds.clamp(0.0, self.duration());
        (self.jump, self.started, self.over) = (Some(Jump::Sought), false, false);
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

    /// Number of times the end was reached.
    #[must_use]
    pub fn passes(&self) -> u32 {
        self.passes
    }

    /// The present pose of the motion: the clip's own, or the pose shown while recording, if poses
    /// were recorded. AMASS space (z up), metres. `None` before its file is loaded.
    #[must_use]
    pub fn truth_z_up(&self) -> Option<Pose> {
        match &self.motion {
            _ if self.waits => None,
            Motion::Clip { clip, .. } => Some(clip.pose_at(self.seconds)),
            Motion::Recording(recording) => recording.pose_at(self.seconds),
        }
    }

    /// Distance of each joint of `body` from its position in [`truth_z_up`](Self::truth_z_up), metres.
    #[must_use]
    pub fn errors(&self, body: &BodyPose) -> Option<PerJoint<f64>> {
        let truth = body.skeleton().pose_joints(&self.truth_z_up()?).positions;
        let shown = &body.joints_z_up().positions;
        Some(SmplJoint::ALL.map(|joint| shown[joint.index()].distance(truth[joint.index()])))
    }

    /// The current frame of a recording, if the time is exactly a frame's.
    pub(super) fn recorded(&self) -> Option<&RecordedFrame> {
        match &self.motion {
            Motion::Clip { .. } => None,
            Motion::Recording(recording) => match recording.frame_at(self.seconds) {
                (frame, true) => Some(frame),
                _ => None,
            },
        }
    }

    /// The present calibration of a recording's player.
    pub(super) fn calibration(&self) -> Option<Calibration> {
        match &self.motion {
            Motion::Clip { .. } => None,
            Motion::Recording(recording) => recording.frame_at(self.seconds).0.calibration,
        }
    }

    pub(super) fn file_id(&self) -> Option<AssetId<MotionFile>> {
        self.file.as_ref().map(Handle::id)
    }

    /// Plays the loaded file from its start.
    pub(super) fn open(&mut self, file: &MotionFile) {
        self.motion = match file.clone() {
            MotionFile::Clip(clip) => Motion::Clip { clip, skeleton: Box::default() },
            MotionFile::Recording(recording) => Motion::Recording(recording),
        };
        self.waits = false;
        self.seek(self.ends().0);
    }

    /// The present poses of all trackers.
    pub(super) fn trackers(&self) -> Vec<(TrackerRole, TrackerPose)> {
        let (poses, body) = match &self.motion {
            Motion::Clip { clip, skeleton } => {
                let joints = skeleton.pose_joints(&clip.pose_at(self.seconds));
                let frame = TrackerFrame::from_joints(TrackerSet::HeadAndHands, 0.0, &joints);
                (frame.poses, BodyTrackers::from_joints(&self.worn, &joints))
            }
            Motion::Recording(recording) => {
                (recording.trackers_at(self.seconds), recording.body_at(self.seconds))
            }
        };
        let body = body.iter().map(|(role, pose)| (role, *pose));
        TrackerRole::HEAD_AND_HANDS.into_iter().zip(poses).chain(body).collect()
    }

    pub(super) fn advance(&mut self, seconds: f64) {
        // The first frame, or the frame after a jump, is shown before time advances.
        if self.paused || !std::mem::replace(&mut self.started, true) {
            return;
        }
        let (start, end) = self.ends();
        self.seconds = (self.seconds + seconds * self.speed).max(start);
        if self.seconds <= end + ROUNDING {
            return;
        }
        self.passes += u32::from(!self.over);
        self.over = !self.repeats;
        // A motion without duration does not repeat.
        self.jump = (self.repeats && end > start).then_some(Jump::Repeated);
        self.seconds = if self.repeats { start } else { end };
    }
}
