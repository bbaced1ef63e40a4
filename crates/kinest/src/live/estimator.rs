//! A player with an engine on the caller's thread.

use super::history::LONGEST_HITCH;
use super::{
    EngineError, Estimate, Player, PlayerSettings, PoseEngine, PoseInput, Question, StreamFrames,
    Take, TrackerError, decode_output, streams_of,
};
use crate::calibration::Calibration;
use crate::model::ModelSpec;
use crate::skeleton::Pose;
use crate::tracker::TrackerFrame;

/// Why there is no pose.
#[derive(Debug, thiserror::Error)]
pub enum EstimateError {
    /// No tracker frame was pushed yet.
    #[error("no tracker frame yet")]
    NoTrackers,
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The network's output is not finite or not a set of rotations.
    #[error("the network's output is not finite")]
    NotFinite,
}

/// Trackers in, poses out, for one player, without threads or a game engine.
pub struct PoseEstimator {
    engine: Box<dyn PoseEngine>,
    spec: ModelSpec,
    player: Player,
}

/// Number of the only stream and the only network of an estimator.
const STREAM: u64 = 0;
const NETWORK: u64 = 1;

impl PoseEstimator {
    /// An estimator that returns the network's poses uncorrected: [`PlayerSettings::plain`].
    #[must_use]
    pub fn new(engine: Box<dyn PoseEngine>) -> Self {
        Self::with_settings(engine, PlayerSettings::plain())
    }

    /// An estimator that fades and corrects the network's poses according to `settings`.
    #[must_use]
    pub fn with_settings(engine: Box<dyn PoseEngine>, settings: PlayerSettings) -> Self {
        Self { spec: engine.spec().clone(), engine, player: Player::new(settings) }
    }

    /// Adds a tracker frame, at any rate. Returns false if the frame is ignored because it is not
    /// newer than the newest one, and the clock has not jumped back by more than 1 s.
    ///
    /// # Errors
    /// If the frame has the wrong number of poses, or a pose that is used is not finite.
    pub fn push(&mut self, frame: TrackerFrame) -> Result<bool, TrackerError> {
        let passed = self.player.joints().map(|newest| frame.time - newest.time);
        if passed.is_some_and(|passed| (-LONGEST_HITCH..=0.0).contains(&passed)) {
            return Ok(false);
        }
        self.player.push(&frame, false)?;
        Ok(self.player.tell(&self.spec, NETWORK)?.is_some_and(|told| told.new))
    }

    /// The pose at the newest tracker frame, with the head joint at the head tracker. Until the
    /// network has enough frames, the pose comes from inverse kinematics
    /// ([`three_point_pose`](crate::refine::three_point_pose)). Call this once for every tracker
    /// frame.
    ///
    /// # Errors
    /// If there is no tracker frame, the engine fails, or its output is not finite. The next call
    /// starts with an empty stream.
    pub fn estimate(&mut self) -> Result<Pose, EstimateError> {
        let now = self.player.joints().ok_or(EstimateError::NoTrackers)?.time;
        if let Some(question) = self.player.ask() {
            let estimate = self.infer(&question)?;
            self.player.estimate(NETWORK, question.time, estimate);
        }
        let skeleton = self.player.skeleton(&self.spec.skeleton);
        let shown = self.player.pose(&skeleton, now).ok_or(EstimateError::NoTrackers)?;
        Ok(shown.pose)
    }

    fn infer(&mut self, question: &Question) -> Result<Estimate, EstimateError> {
        let decode = |output: &[f32]| decode_output(&self.spec, output, &question.axes);
        match &question.input {
            PoseInput::Window(window) => {
                let output = self.engine.infer(window, 1, Take::Newest)?;
                decode(&output).ok_or(EstimateError::NotFinite)
            }
            PoseInput::Frames(features) => {
                let streams = streams_of(self.engine.as_mut())?;
                if question.starts {
                    streams.end(STREAM);
                }
                let frames = StreamFrames { stream: STREAM, features };
                let output = streams.advance(&[frames], Take::Newest)?;
                decode(&output).ok_or_else(|| {
                    // The state may not be finite either.
                    streams.end(STREAM);
                    EstimateError::NotFinite
                })
            }
        }
    }

    /// Sets the player's size and how the devices are held; see [`Player::calibrate`].
    pub fn calibrate(&mut self, calibration: Option<Calibration>) {
        self.player.calibrate(calibration);
    }

    /// Clears the tracker history, for another player.
    pub fn clear(&mut self) {
        self.player.reset();
    }

    /// Input and output format of the model.
    #[must_use]
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// Display name of the device the network runs on.
    #[must_use]
    pub fn device(&self) -> &str {
        self.engine.device()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::fake::{Deed, FakeEngine, answer};
    use crate::rotation::geodesic_angle;
    use crate::skeleton::{Skeleton, SmplJoint};
    use crate::tracker::TrackerSet;
    use glam::{DQuat, DVec3};

    /// Trackers of a body that walks along x, turned by `yaw`.
    fn trackers(time: f64, yaw: f64) -> TrackerFrame {
        let mut pose = Pose::rest();
        pose.translation = DVec3::new(time, 2.0, 0.95);
        pose.rotations[0] = DQuat::from_rotation_z(yaw) * pose.rotations[0];
        let joints = Skeleton::default().pose_joints(&pose);
        TrackerFrame::from_joints(TrackerSet::HeadAndHands, time, &joints)
    }

    #[test]
    fn poses_come_from_inverse_kinematics_then_from_the_network() {
        let mut estimator = PoseEstimator::new(Box::new(FakeEngine::new(|_, _| Deed::Answer)));
        assert!(matches!(estimator.estimate(), Err(EstimateError::NoTrackers)));
        let yaw = 0.7;
        for i in 0..=96 {
            let frame = trackers(f64::from(i) / 60.0, yaw);
            let [head, left_hand] = [0, 1].map(|k: usize| frame.poses[k].position);
            assert_eq!(estimator.push(frame), Ok(true));
            let pose = estimator.estimate().unwrap();
            let joints = estimator.spec().skeleton.pose_joints(&pose);
            assert!((joints.positions[SmplJoint::Head.index()] - head).length() < 1e-9);
            let knee = SmplJoint::LeftKnee.index();
            let bent = geodesic_angle(pose.rotations[knee], answer().rotations[knee]) < 1e-6;
            assert_eq!(bent, i == 96, "frame {i}");
            if i < 96 {
                let off = joints.positions[SmplJoint::LeftWrist.index()].distance(left_hand);
                assert!(off < 1e-9, "frame {i}");
                continue;
            }
            let root = DQuat::from_rotation_z(yaw) * answer().rotations[0];
            assert!(geodesic_angle(pose.rotations[0], root) < 1e-6, "frame {i}");
        }
        estimator.clear();
        assert!(matches!(estimator.estimate(), Err(EstimateError::NoTrackers)));
    }

    #[test]
    fn after_a_bad_output_a_good_one_is_accepted() {
        let deed = |calls, _| match calls {
            0 => Deed::NotFinite,
            1 => Deed::Fail,
            _ => Deed::Answer,
        };
        let mut estimator = PoseEstimator::new(Box::new(FakeEngine::new(deed)));
        for i in 0..=96 {
            estimator.push(trackers(f64::from(i) / 60.0, 0.0)).unwrap();
        }
        assert!(matches!(estimator.estimate(), Err(EstimateError::NotFinite)));
        assert!(matches!(estimator.estimate(), Err(EstimateError::Engine(_))));
        assert!(estimator.estimate().is_ok());
    }
}
