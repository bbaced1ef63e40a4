//! What the loop has to know of a task.

use super::config::RunConfig;
use burn::module::AutodiffModule;
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// Something that can be trained.
///
/// The loop draws examples ahead of time, takes steps, follows schedules, averages weights, validates, logs, saves and
/// resumes; the task says of what. Whatever is random follows from the run's seed and the number of the step, so that
/// a resumed run draws the same.
pub trait Task: Sync {
    /// All that has a state: the network, and whatever else learns or moves with it, such as the weights of a learned
    /// loss or a codebook. Parameters without a gradient are left alone by the optimiser, and saved with the rest.
    type Network<B: AutodiffBackend>: AutodiffModule<B>;
    /// Where examples come from.
    type Examples: Examples;
    /// What [`loss`](Self::loss) leaves for [`after_step`](Self::after_step), such as how often each code was chosen;
    /// `()` if there is nothing to do after a step.
    type Seen<B: AutodiffBackend>;
    /// The settings of the run, as `config.ron` holds them.
    type Recipe: Serialize;
    /// What has to stay the same for a run to go on.
    type Identity: Serialize + DeserializeOwned;

    /// The [score](Self::scores) that the best checkpoint has the lowest of.
    const JUDGED_BY: &'static str;

    /// The settings of the run.
    fn recipe(&self) -> &Self::Recipe;

    /// Those of them that the loop follows.
    fn config(&self) -> RunConfig;

    /// What has to stay the same for a run to go on.
    fn identity(&self) -> Self::Identity;

    /// What differs from the run that is to go on; empty if it can.
    fn changes(&self, run: &Self::Identity) -> Vec<&'static str>;

    /// The examples to train on.
    fn examples(&self) -> &Self::Examples;

    /// The examples to validate on, if there are any.
    fn held_out(&self) -> Option<&Self::Examples>;

    /// The network with fresh weights, which those of a saved run may replace.
    ///
    /// # Errors
    /// If its settings do not fit together.
    fn network<B: AutodiffBackend>(&self, device: &B::Device) -> anyhow::Result<Self::Network<B>>;

    /// The network as a new run starts with it.
    ///
    /// # Errors
    /// If it cannot be made, or its weights cannot be read.
    fn start<B: AutodiffBackend>(&self, device: &B::Device) -> anyhow::Result<Self::Network<B>> {
        self.network(device)
    }

    /// The loss of a draw in step `step`, counted from 0. The network may compute in 16 bits: its outputs have to be
    /// [cast](Tensor::cast) to 32 before anything is summed up.
    fn loss<B: AutodiffBackend>(
        &self,
        network: &Self::Network<B>,
        draw: &Draw<Self>,
        step: u64,
        device: &B::Device,
    ) -> Loss<B, Self::Seen<B>>;

    /// The network after the optimiser's step, and after what is done besides, such as moving a codebook. `seen` has
    /// an item for each pass of the step.
    fn after_step<B: AutodiffBackend>(
        &self,
        network: Self::Network<B>,
        seen: Vec<Self::Seen<B>>,
    ) -> Self::Network<B> {
        drop(seen);
        network
    }

    /// How good the network is on all of `draws`, which are held out and always the same. `loss` among the names is
    /// drawn beside the training loss.
    fn scores<B: AutodiffBackend>(
        &self,
        network: &Trained<Self, B>,
        draws: &[Draw<Self>],
        device: &B::Device,
    ) -> Numbers;

    /// Writes a checkpoint for everybody, as it was after `step` steps, with the scores it has, if any.
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

    /// Rows for the run's report: what is trained on.
    fn about(&self) -> Vec<(&'static str, String)>;
}

/// What a task's examples are drawn as.
pub type Draw<T> = <<T as Task>::Examples as Examples>::Draw;

/// A task's network without what only training needs.
pub type Trained<T, B> = <<T as Task>::Network<B> as AutodiffModule<B>>::InnerModule;

/// Numbers by name, in the order they are written.
pub type Numbers = Vec<(&'static str, f64)>;

/// Examples by number.
pub trait Examples: Sync {
    /// Examples as they were drawn, not yet on a device.
    type Draw: Send + Sync;

    /// `count` examples from number `first` on. What example a number stands for follows from the seed alone.
    fn draw(&self, seed: u64, first: u64, count: usize) -> Self::Draw;

    /// The numbers of a draw with their names and shapes, for people who look for the reason of a loss that is not a
    /// number.
    fn tensors(draw: &Self::Draw) -> Vec<(&'static str, Vec<usize>, &[f32])>;
}

/// A loss, and what else came out of computing it.
#[derive(Clone, Debug)]
pub struct Loss<B: AutodiffBackend, S> {
    /// What is minimised.
    pub total: Tensor<B, 1>,
    /// What the log shows besides.
    pub terms: Vec<(&'static str, Tensor<B, 1>)>,
    /// See [`Task::Seen`].
    pub seen: S,
}
