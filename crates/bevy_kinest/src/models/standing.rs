//! A stand-in for a network, for the tests of games.

use kinest::features::{Axes, FeatureLayout, SixdDecode, WindowAxes};
use kinest::live::{EngineError, PoseEngine, StreamEngine, Take};
use kinest::model::{Feed, ModelSpec};
use kinest::skeleton::{Pose, Skeleton, SmplJoint};

/// Turn of the upper arms from stretched out to hanging, radians.
const LOWERED: f64 = 1.2;

/// Ignores its input: the body stands upright with hanging arms and the heading of the head.
pub(super) struct Standing {
    spec: ModelSpec,
    answer: Vec<f32>,
}

impl Standing {
    /// The shortest window that leaves a first frame to inverse kinematics, as networks do.
    pub fn spec() -> ModelSpec {
        let layout = FeatureLayout {
            axes: Axes::Heading,
            decode: SixdDecode::GramSchmidt,
            ..FeatureLayout::default()
        };
        ModelSpec {
            layout,
            rate_hz: 60.0,
            window: 1,
            feed: Feed::Windows,
            skeleton: Skeleton::default(),
        }
    }

    pub fn new() -> Self {
        let spec = Self::spec();
        let mut pose = Pose::rest();
        for (shoulder, side) in [(SmplJoint::LeftShoulder, -1.0), (SmplJoint::RightShoulder, 1.0)] {
            pose.rotations[shoulder.index()] = glam::DQuat::from_rotation_z(side * LOWERED);
        }
        let axes = WindowAxes { heading: 0.0, origin: glam::DVec3::ZERO };
        let mut answer = Vec::with_capacity(spec.layout.outputs());
        spec.layout.write_targets(&pose.matrices(), &axes, &mut answer);
        Self { spec, answer }
    }
}

impl PoseEngine for Standing {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn device(&self) -> &str {
        "none"
    }

    fn output_frames(&self) -> usize {
        self.spec.window
    }

    fn streams(&mut self) -> Option<&mut dyn StreamEngine> {
        None
    }

    fn infer(&mut self, _: &[f32], batch: usize, take: Take) -> Result<Vec<f32>, EngineError> {
        let frames = match take {
            Take::All => batch * self.output_frames(),
            Take::Newest => batch,
        };
        Ok(self.answer.repeat(frames))
    }
}
