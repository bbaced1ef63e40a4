//! What all forecasting networks can do.

use crate::layers::batch_norm::BatchMoments;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// A network that continues a motion.
pub trait Forecaster<B: Backend> {
    /// Continues a motion. The samples of a batch do not influence each other.
    ///
    /// On a back end with autodiff dropout is active; to predict, use the network's
    /// [`valid`](burn::module::AutodiffModule::valid) form.
    ///
    /// # Shapes
    /// - `history`: `[batch, history, numbers]`
    /// - all outputs: `[batch, horizon, numbers]`
    fn forecast(&self, history: Tensor<B, 3>) -> Forecast<B>;

    /// [`forecast`](Self::forecast) as in training: batch normalisation uses the moments of this
    /// batch and returns them. After the optimiser's step, [`absorb`](Self::absorb) them. A network
    /// without batch normalisation returns none.
    fn learn(&self, history: Tensor<B, 3>) -> (Forecast<B>, Vec<BatchMoments<B>>);

    /// Moves the running figures that [`forecast`](Self::forecast) normalises by towards the moments
    /// of a batch.
    fn absorb(&mut self, moments: Vec<BatchMoments<B>>);
}

/// A continued motion. The branches are those of [`Ksof`](super::Ksof), before the gate; how far
/// they disagree says how sure the network is.
#[derive(Clone, Debug)]
pub struct Forecast<B: Backend> {
    /// The predicted frames.
    pub future: Tensor<B, 3>,
    /// The prediction of the temporal branch alone, if there is one.
    pub temporal: Option<Tensor<B, 3>>,
    /// The prediction of the graph branch alone, if there is one.
    pub graph: Option<Tensor<B, 3>>,
}
