//! The engine that runs the native form of a network.

use super::{EngineError, PoseEngine};
use crate::model::{ModelSpec, Take};
use crate::native::NativeKinest;

/// A KineST network on the CPU in its native form.
#[derive(Debug)]
pub struct NativeEngine {
    network: NativeKinest,
    spec: ModelSpec,
}

impl NativeEngine {
    /// An engine for `network`, which is fed and read as `spec` says.
    #[must_use]
    pub fn new(network: NativeKinest, spec: ModelSpec) -> Self {
        Self { network, spec }
    }
}

impl PoseEngine for NativeEngine {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn device(&self) -> &str {
        "cpu"
    }

    fn infer(
        &mut self,
        windows: &[f32],
        batch: usize,
        take: Take,
    ) -> Result<Vec<f32>, EngineError> {
        let expected = batch * self.network.window_size();
        if windows.len() != expected {
            return Err(EngineError::InputLength { batch, expected, found: windows.len() });
        }
        let mut output = vec![0.0; batch * self.network.output_size(take)];
        self.network.forward(windows, take, &mut output);
        Ok(output)
    }
}
