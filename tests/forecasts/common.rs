//! Clips, estimates of them, and figures.

use crate::files::files;
use bevy_kinest::kinest::live::{
    Player, PlayerSettings, PoseEngine, PoseInput, StreamFrames, Take, decode_output, streams_of,
};
use bevy_kinest::kinest::model::{Checkpoint, ModelSpec};
use bevy_kinest::kinest::motion::synthetic::{self, Kind};
use bevy_kinest::kinest::motion::{MotionClip, amass};
use bevy_kinest::kinest::skeleton::{PerJoint, Pose, Skeleton, SmplJoint};
use bevy_kinest::kinest::tracker::{TrackerFrame, TrackerPose, TrackerSet};
use glam::{DMat3, DQuat, DVec3};
use std::path::Path;

pub const RATE: f64 = 60.0;
pub const DT: f64 = 1.0 / RATE;

/// Longest part of a clip that is used, seconds, and shortest clip.
const SECONDS: f64 = 8.0;
const SHORTEST: f64 = 3.0;

/// A linear congruential generator, for reproducible figures.
pub struct Dice(pub u64);

impl Dice {
    /// Between 0 and 1.
    pub fn roll(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1_u64 << 24) as f64
    }
}

/// The clips of the folder `KINEST_CLIPS`, or synthetic ones, at 60 Hz.
pub fn clips() -> Vec<MotionClip> {
    let Some(folder) = std::env::var_os("KINEST_CLIPS") else {
        let make = |kind| synthetic::clip(kind, 3, SECONDS, RATE, &Skeleton::default());
        return [Kind::Walk, Kind::Reach, Kind::Punch, Kind::Turn].map(make).into();
    };
    let folder = Path::new(&folder);
    let load = |path| {
        let mut clip = amass::load(path).unwrap_or_else(|e| panic!("{e}")).resampled(RATE);
        clip.frames.truncate((SECONDS * RATE) as usize + 1);
        clip
    };
    let clips = files(folder, &["npz"]).into_iter().map(load);
    let clips: Vec<_> = clips.filter(|clip| clip.duration() >= SHORTEST).collect();
    assert!(!clips.is_empty(), "no clips of {SHORTEST} s in {}", folder.display());
    clips
}

/// Perfect trackers on the body of a clip, those that are lost without a pose.
pub fn trackers(clip: &MotionClip, lost: &[[bool; 3]]) -> Vec<TrackerFrame> {
    let skeleton = Skeleton::default();
    let frame = |(i, lost): (usize, &[bool; 3])| {
        let joints = skeleton.pose_joints(&Pose::from(&clip.frames[i]));
        let mut frame = TrackerFrame::from_joints(TrackerSet::HeadAndHands, i as f64 * DT, &joints);
        for (pose, _) in frame.poses.iter_mut().zip(lost).filter(|(_, lost)| **lost) {
            *pose = TrackerPose::new(DVec3::NAN, DMat3::ZERO).lost();
        }
        frame
    };
    lost.iter().enumerate().map(frame).collect()
}

/// The network's estimate of each frame, where there is one, with its time.
pub type Estimates = Vec<Option<(f64, PerJoint<DQuat>)>>;

/// The shipped model.
pub struct Network {
    engine: Box<dyn PoseEngine>,
    pub spec: ModelSpec,
}

impl Network {
    pub fn open() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = path.join("../../assets/models/kinest_stream.model.ron");
        let checkpoint = Checkpoint::load(path).unwrap();
        let engine = kinest_engine::open(&checkpoint, kinest_engine::DeviceChoice::Cpu).unwrap();
        Self { spec: engine.spec().clone(), engine }
    }

    /// What it makes of the trackers, frame by frame. Forecasts do not change its input.
    pub fn estimates(&mut self, trackers: &[TrackerFrame]) -> Estimates {
        let mut player = Player::new(PlayerSettings::default());
        let mut estimate = |frame: &TrackerFrame| {
            player.push(frame, false).unwrap();
            player.tell(&self.spec, 1).unwrap();
            let question = player.ask()?;
            let output = match &question.input {
                PoseInput::Window(window) => self.engine.infer(window, 1, Take::Newest).unwrap(),
                PoseInput::Frames(features) => {
                    let streams = streams_of(self.engine.as_mut()).unwrap();
                    if question.starts {
                        streams.end(0);
                    }
                    let frames = StreamFrames { stream: 0, features };
                    streams.advance(&[frames], Take::Newest).unwrap()
                }
            };
            Some((
                question.time,
                decode_output(&self.spec, &output, &question.axes).unwrap().rotations,
            ))
        };
        trackers.iter().map(&mut estimate).collect()
    }

    /// The poses that a player with these settings shows. Estimates arrive `late` frames late.
    pub fn show(
        &self,
        settings: PlayerSettings,
        trackers: &[TrackerFrame],
        estimates: &Estimates,
        late: usize,
    ) -> Vec<Pose> {
        let mut player = Player::new(settings);
        let show = |(i, frame): (usize, &TrackerFrame)| {
            player.push(frame, false).unwrap();
            // Teleports move what has been estimated.
            player.tell(&self.spec, 1).unwrap();
            if let Some((time, rotations)) = i.checked_sub(late).and_then(|i| estimates[i]) {
                player.estimate(1, time, rotations);
            }
            player.pose(&self.spec.skeleton, frame.time).unwrap().pose
        };
        trackers.iter().enumerate().map(show).collect()
    }
}

pub fn positions(pose: &Pose) -> PerJoint<DVec3> {
    Skeleton::default().pose_joints(pose).positions
}

/// Mean distance of the joints, metres.
pub fn distance(a: &PerJoint<DVec3>, b: &PerJoint<DVec3>, joints: &[SmplJoint]) -> f64 {
    let sum: f64 = joints.iter().map(|j| a[j.index()].distance(b[j.index()])).sum();
    sum / joints.len() as f64
}

/// Mean third derivative of all joints, 10² m/s³, as in `kinest::metrics`.
pub fn jitter(frames: &[PerJoint<DVec3>]) -> f64 {
    let third = frames.windows(4).flat_map(|w| {
        (0..SmplJoint::COUNT).map(|j| (w[3][j] - (w[2][j] - w[1][j]) * 3.0 - w[0][j]).length())
    });
    let count = frames.len().saturating_sub(3) * SmplJoint::COUNT;
    third.sum::<f64>() * RATE.powi(3) / count.max(1) as f64 / 100.0
}

/// A mean that grows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mean {
    sum: f64,
    count: f64,
}

impl Mean {
    pub fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1.0;
    }

    pub fn value(&self) -> f64 {
        self.sum / self.count.max(1.0)
    }
}

pub const LEGS: [SmplJoint; 6] = [
    SmplJoint::LeftKnee,
    SmplJoint::RightKnee,
    SmplJoint::LeftAnkle,
    SmplJoint::RightAnkle,
    SmplJoint::LeftFoot,
    SmplJoint::RightFoot,
];
pub const TRUNK: [SmplJoint; 6] = [
    SmplJoint::Pelvis,
    SmplJoint::LeftHip,
    SmplJoint::RightHip,
    SmplJoint::Spine1,
    SmplJoint::Spine2,
    SmplJoint::Spine3,
];
pub const ELBOWS: [SmplJoint; 2] = [SmplJoint::LeftElbow, SmplJoint::RightElbow];
