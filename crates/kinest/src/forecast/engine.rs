//! The interface between callers that have motions and back ends that run a forecasting network.

use crate::model::EngineError;
use crate::model::forecast::ForecastSpec;

/// A forecasting network's output for a batch. The caller keeps it, so that its memory is reused.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForecastOutput {
    /// The predicted frames, `[batch, horizon, numbers]`.
    pub future: Vec<f32>,
    /// The prediction of the temporal branch alone, of the same shape; empty if the network does
    /// not have two branches.
    pub temporal: Vec<f32>,
    /// The prediction of the graph branch alone; like `temporal`.
    pub graph: Vec<f32>,
}

impl ForecastOutput {
    /// Resizes to `length` predicted numbers, and as many for each branch if there are `branches`.
    /// Memory is reused.
    pub fn resize(&mut self, length: usize, branches: bool) {
        self.future.resize(length, 0.0);
        let length = if branches { length } else { 0 };
        self.temporal.resize(length, 0.0);
        self.graph.resize(length, 0.0);
    }

    /// The predictions of the temporal and of the graph branch, if the network has both. Their
    /// disagreement measures the uncertainty.
    #[must_use]
    pub fn branches(&self) -> Option<(&[f32], &[f32])> {
        let both = !self.future.is_empty() && self.temporal.len() == self.future.len();
        both.then_some((&self.temporal, &self.graph))
    }
}

/// A forecasting network on some device: histories in, the next frames out. Object safe.
pub trait ForecastEngine: Send {
    /// Input and output format of the model.
    fn spec(&self) -> &ForecastSpec;

    /// Display name of the device: `cpu`, `wgpu`, `cuda`.
    fn device(&self) -> &str;

    /// Continues `batch` motions, which do not influence each other.
    ///
    /// # Shapes
    /// - `histories`: `[batch, history, numbers]`, row-major
    ///
    /// # Errors
    /// If the input has the wrong length or the back end fails.
    fn forecast(
        &mut self,
        histories: &[f32],
        batch: usize,
        out: &mut ForecastOutput,
    ) -> Result<(), EngineError>;
}

impl<T: ForecastEngine + ?Sized> ForecastEngine for Box<T> {
    fn spec(&self) -> &ForecastSpec {
        (**self).spec()
    }
    fn device(&self) -> &str {
        (**self).device()
    }
    fn forecast(
        &mut self,
        histories: &[f32],
        batch: usize,
        out: &mut ForecastOutput,
    ) -> Result<(), EngineError> {
        (**self).forecast(histories, batch, out)
    }
}
