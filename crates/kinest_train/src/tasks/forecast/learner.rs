//! Everything that is trained.

use burn::module::Module;
use burn::tensor::backend::Backend;
use kinest_nn::forecast::ForecastNetwork;
use kinest_nn::loss::BranchWeights;

/// A network, and the weights of its branches in the loss, which are learned with it.
#[derive(Module, Debug)]
pub struct Learner<B: Backend> {
    /// The network.
    pub network: ForecastNetwork<B>,
    /// The weights of its branches, if the loss has them.
    pub branches: Option<BranchWeights<B>>,
}
