//! The interface between the training loop and a task.

use super::config::RunConfig;
use burn::module::AutodiffModule;
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// Something to train.
///
/// The loop draws examples in advance, takes steps, follows schedules, averages weights, validates,
/// logs, saves and resumes; the task defines the rest. All randomness depends on the run's seed and
/// the number of the step, so a resumed run draws the same examples.
pub trait Task: Sync {
    /// Everything with trainable or changing state: the network and, for instance, weights of a
    /// learned loss or a codebook. Parameters without a gradient are ignored by the optimiser, but
    /// saved.
    type Network<B: AutodiffBackend>: AutodiffModule<B>;
    /// Source of examples.
    type Examples: Examples;
    /// Passed from [`loss`](Self::loss) to [`after_step`](Self::after_step), for instance how often
    /// each code was chosen; `()` if nothing happens after a step.
    type Seen<B: AutodiffBackend>;
    /// Settings of the run, as in `config.ron`.
    type Recipe: Serialize;
    /// Properties that must not change when a run is resumed.
    type Identity: Serialize + DeserializeOwned;

    /// Name of the [score](Self::scores) by which the best checkpoint is chosen; lower is better.
    const JUDGED_BY: &'static str;

    /// Settings of the run.
    fn recipe(&self) -> &Self::Recipe;

    /// Settings of the loop.
    fn config(&self) -> RunConfig;

    /// Properties that must not change when a run is resumed.
    fn identity(&self) -> Self::Identity;

    /// Names of the properties that differ from `run`'s; empty if it can be resumed.
    fn changes(&self, run: &Self::Identity) -> Vec<&'static str>;

    /// Training examples.
    fn examples(&self) -> &Self::Examples;

    /// Validation examples, if there are any.
    fn held_out(&self) -> Option<&Self::Examples>;

    /// A network with random weights, which a saved run may replace.
    ///
    /// # Errors
    /// If its settings do not fit together.
    fn network<B: AutodiffBackend>(&self, device: &B::Device) -> anyhow::Result<Self::Network<B>>;

    /// The network of a new run.
    ///
    /// # Errors
    /// If it cannot be created, or its weights cannot be read.
    fn start<B: AutodiffBackend>(&self, device: &B::Device) -> anyhow::Result<Self::Network<B>> {
        self.network(device)
    }

    /// The loss of a draw in step `step`, counted from 0. The network may compute in 16 bits:
    /// [cast](Tensor::cast) its outputs to 32 bits before any sum.
    fn loss<B: AutodiffBackend>(
        &self,
        network: &Self::Network<B>,
        draw: &Draw<Self>,
        step: u64,
        device: &B::Device,
    ) -> Loss<B, Self::Seen<B>>;

    /// The network after the optimiser's step and after any additional update, for instance of a
    /// codebook. `seen` has one item per pass of the step.
    fn after_step<B: AutodiffBackend>(
        &self,
        network: Self::Network<B>,
        seen: Vec<Self::Seen<B>>,
    ) -> Self::Network<B> {
        drop(seen);
        network
    }

    /// Scores of the network on all of `draws`, which are held out and always the same. A score
    /// named `loss` is plotted with the training loss.
    fn scores<B: AutodiffBackend>(
        &self,
        network: &Trained<Self, B>,
        draws: &[Draw<Self>],
        device: &B::Device,
    ) -> Numbers;

    /// Writes a release checkpoint after `step` steps, with its scores, if any.
    ///
    /// # Errors
    /// If it cannot be written.
    fn save<B: AutodiffBackend>(
        &self,
        network: &Trained<Self, B>,
        path: &Path,
        step: u64,
        scores: &[(&'static str, f64)],
    ) -> anyhow::Result<()>;

    /// Rows for the run's report: what it is trained on.
    fn about(&self) -> Vec<(&'static str, String)>;
}

/// A draw of a task's examples.
pub type Draw<T> = <<T as Task>::Examples as Examples>::Draw;

/// A task's network without autodiff.
pub type Trained<T, B> = <<T as Task>::Network<B> as AutodiffModule<B>>::InnerModule;

/// Named numbers, in output order.
pub type Numbers = Vec<(&'static str, f64)>;

/// Numbered examples.
pub trait Examples: Sync {
    /// Examples in main memory.
    type Draw: Send + Sync;

    /// `count` examples from number `first` on. The content of an example depends only on the seed
    /// and its number.
    fn draw(&self, seed: u64, first: u64, count: usize) -> Self::Draw;

    /// The tensors of a draw with names and shapes, for diagnosing a loss that is not finite.
    fn tensors(draw: &Self::Draw) -> Vec<(&'static str, Vec<usize>, &[f32])>;
}

/// Randomness that depends only on a run's seed and the number of an example or a step.
#[must_use]
pub fn random_stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number);
    rng
}

/// Names of the properties that differ, for [`Task::changes`].
#[must_use]
pub fn differing<const N: usize>(properties: [(&'static str, bool); N]) -> Vec<&'static str> {
    properties.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
}

/// Loss terms by name, without their weights, and their weighted sum.
#[derive(Clone, Debug)]
pub struct WeightedLoss<B: Backend> {
    /// The weighted sum, to minimise.
    pub total: Tensor<B, 1>,
    /// The terms.
    pub terms: Vec<(&'static str, Tensor<B, 1>)>,
}

impl<B: Backend> WeightedLoss<B> {
    /// Without terms.
    #[must_use]
    pub fn new(device: &B::Device) -> Self {
        Self { total: Tensor::zeros([1], device), terms: vec![] }
    }

    /// Adds a term. With weight 0 it is not even computed.
    pub fn add(&mut self, name: &'static str, weight: f64, term: impl FnOnce() -> Tensor<B, 1>) {
        if weight > 0.0 {
            let term = term();
            self.total = self.total.clone() + term.clone() * weight;
            self.terms.push((name, term));
        }
    }
}

/// A loss and its by-products.
#[derive(Clone, Debug)]
pub struct Loss<B: AutodiffBackend, S> {
    /// The loss to minimise.
    pub total: Tensor<B, 1>,
    /// Further numbers for the log.
    pub terms: Vec<(&'static str, Tensor<B, 1>)>,
    /// See [`Task::Seen`].
    pub seen: S,
}
