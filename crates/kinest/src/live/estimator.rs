//! The whole live path on the caller's thread.

use super::{
    EngineError, FrameFeed, PoseEngine, StreamFrames, Take, TrackerError, TrackerHistory,
    decode_output, place_under_head, streams_of,
};
use crate::model::{Feed, ModelSpec};
use crate::refine::three_point_pose;
use crate::skeleton::{PerJoint, Pose};
use crate::tracker::TrackerFrame;
use glam::DQuat;

/// Why there is no pose.
#[derive(Debug, thiserror::Error)]
pub enum EstimateError {
    /// Nothing was pushed yet.
    #[error("no tracker frame yet")]
    NoTrackers,
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The network's output is no set of rotations.
    #[error("the network's output is not finite")]
    NotFinite,
}

/// Trackers in, poses out, for one player: no threads, no game engine.
pub struct PoseEstimator {
    engine: Box<dyn PoseEngine>,
    spec: ModelSpec,
    history: TrackerHistory,
    feed: FrameFeed,
    features: Vec<f32>,
    /// What the network said last, of the stream that goes on.
    said: Option<PerJoint<DQuat>>,
}

/// The one stream of an estimator.
const STREAM: u64 = 0;

impl PoseEstimator {
    /// An estimator that runs on `engine`.
    #[must_use]
    pub fn new(engine: Box<dyn PoseEngine>) -> Self {
        let spec = engine.spec().clone();
        let (history, feed) = (TrackerHistory::new(&spec), FrameFeed::new(&spec));
        Self { engine, spec, history, feed, features: Vec::new(), said: None }
    }

    /// Adds what the trackers say now, at any rate; see [`TrackerHistory::push`].
    ///
    /// # Errors
    /// If the frame has the wrong number of poses, or anything in it is not finite.
    pub fn push(&mut self, frame: TrackerFrame) -> Result<bool, TrackerError> {
        self.history.push(frame)
    }

    /// The pose at the newest tracker frame, with the head joint at the head tracker. Until the
    /// trackers have been seen for a whole window it is a [`three_point_pose`]. A network that is fed
    /// frame by frame is given what it has not seen; call this for every tracker frame.
    ///
    /// # Errors
    /// If there is no tracker frame, the engine fails, or its output is not finite; the next call
    /// starts afresh.
    pub fn estimate(&mut self) -> Result<Pose, EstimateError> {
        let rotations = match self.spec.feed {
            Feed::Windows => self.see_window()?,
            Feed::Frames { .. } => self.see_frames()?,
        };
        let newest = self.history.newest().ok_or(EstimateError::NoTrackers)?;
        let skeleton = &self.spec.skeleton;
        Ok(match rotations {
            Some(rotations) => place_under_head(skeleton, &rotations, newest.poses[0].position),
            None => three_point_pose(skeleton, &newest.poses),
        })
    }

    fn see_window(&mut self) -> Result<Option<PerJoint<DQuat>>, EstimateError> {
        let Some(frames) = self.history.window() else { return Ok(None) };
        self.features.clear();
        let axes = self.spec.layout.write_features(frames, &mut self.features);
        let output = self.engine.infer(&self.features, 1, Take::Newest)?;
        decode_output(&self.spec, &output, &axes).map(Some).ok_or(EstimateError::NotFinite)
    }

    fn see_frames(&mut self) -> Result<Option<PerJoint<DQuat>>, EstimateError> {
        let streams = streams_of(self.engine.as_mut())?;
        if let Some(new) = self.feed.next(&self.history) {
            if new.starts {
                streams.end(STREAM);
            }
            let frames = StreamFrames { stream: STREAM, features: &new.features };
            let output = streams.advance(&[frames], Take::Newest)?;
            self.said = decode_output(&self.spec, &output, &new.axes);
            if self.said.is_none() {
                // What it remembers is no better.
                streams.end(STREAM);
                return Err(EstimateError::NotFinite);
            }
        }
        Ok(self.said)
    }

    /// Forgets the trackers: after a teleport, or for another player.
    pub fn clear(&mut self) {
        self.history.clear();
        self.feed = FrameFeed::new(&self.spec);
        self.said = None;
    }

    /// How the network is fed and read.
    #[must_use]
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// Name of the device it runs on.
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
    fn inverse_kinematics_first_then_the_network_turned_and_placed_by_the_head() {
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
    fn a_bad_output_is_an_error_and_the_next_one_counts_again() {
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
