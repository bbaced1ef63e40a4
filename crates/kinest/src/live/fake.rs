//! An engine without a network, for tests.

use super::{EngineError, PoseEngine, StreamEngine, Take};
use crate::features::{Axes, FeatureLayout, SixdDecode, WindowAxes};
use crate::model::{Feed, ModelSpec};
use crate::skeleton::{Pose, Skeleton, SmplJoint};
use glam::{DQuat, DVec3};

/// 96 frames at 60 Hz, relative to the heading of the head.
pub(crate) fn spec() -> ModelSpec {
    let layout = FeatureLayout {
        axes: Axes::Heading,
        decode: SixdDecode::GramSchmidt,
        ..FeatureLayout::default()
    };
    ModelSpec {
        layout,
        rate_hz: 60.0,
        window: 96,
        feed: Feed::Windows,
        skeleton: Skeleton::default(),
    }
}

/// The pose that [`FakeEngine`] outputs, root in the axes of the window: rest pose with the left
/// knee bent by 1 rad.
pub(crate) fn answer() -> Pose {
    let mut pose = Pose::rest();
    pose.rotations[SmplJoint::LeftKnee.index()] = DQuat::from_rotation_x(1.0);
    pose
}

/// Behaviour of a [`FakeEngine`] in one call.
pub(crate) enum Deed {
    Answer,
    NotFinite,
    Fail,
    Panic,
}

/// Outputs [`answer`], or acts according to `deed`.
pub(crate) struct FakeEngine<F> {
    pub spec: ModelSpec,
    pub deed: F,
    pub calls: usize,
}

impl<F: FnMut(usize, usize) -> Deed + Send> FakeEngine<F> {
    /// `deed` gets the number of earlier calls and the batch size.
    pub(crate) fn new(deed: F) -> Self {
        Self { spec: spec(), deed, calls: 0 }
    }
}

impl<F: FnMut(usize, usize) -> Deed + Send> PoseEngine for FakeEngine<F> {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn device(&self) -> &str {
        "fake"
    }

    fn output_frames(&self) -> usize {
        self.spec().window
    }

    fn streams(&mut self) -> Option<&mut dyn StreamEngine> {
        None
    }

    fn infer(
        &mut self,
        windows: &[f32],
        batch: usize,
        take: Take,
    ) -> Result<Vec<f32>, EngineError> {
        assert_eq!(take, Take::Newest);
        let expected = batch * self.spec.window * self.spec.layout.inputs();
        if windows.len() != expected {
            return Err(EngineError::InputLength { batch, expected, found: windows.len() });
        }
        let calls = self.calls;
        self.calls += 1;
        match (self.deed)(calls, batch) {
            Deed::Answer => {
                let axes = WindowAxes { heading: 0.0, origin: DVec3::ZERO };
                let mut out = vec![];
                self.spec.layout.write_targets(&answer().matrices(), &axes, &mut out);
                Ok(out.repeat(batch))
            }
            Deed::NotFinite => Ok(vec![f32::NAN; self.spec.layout.outputs() * batch]),
            Deed::Fail => {
                Err(EngineError::Backend { device: "fake".into(), reason: "out of luck".into() })
            }
            Deed::Panic => panic!("device lost"),
        }
    }
}
