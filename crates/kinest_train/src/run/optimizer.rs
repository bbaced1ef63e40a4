//! Optimisers and gradient clipping.

use super::config::{OptimizerConfig, OptimizerKind};
use anyhow::Context;
use burn::module::{AutodiffModule, Module, ModuleVisitor, Param};
use burn::optim::adaptor::OptimizerAdaptor;
use burn::optim::decay::WeightDecayConfig;
use burn::optim::{Adam, AdamConfig, AdamW, AdamWConfig, GradientsParams, Optimizer};
use burn::record::{FullPrecisionSettings, NamedMpkBytesRecorder, Recorder};
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

/// PyTorch's default; Burn's is larger.
const EPSILON: f32 = 1e-8;

/// An optimiser with its state.
#[derive(Clone)]
pub enum NetworkOptimizer<M: AutodiffModule<B>, B: AutodiffBackend> {
    /// See [`OptimizerKind::Adam`].
    Adam(OptimizerAdaptor<Adam, M, B>),
    /// See [`OptimizerKind::AdamW`].
    AdamW(OptimizerAdaptor<AdamW, M, B>),
}

impl<M: AutodiffModule<B>, B: AutodiffBackend> NetworkOptimizer<M, B> {
    /// An optimiser with initial state.
    #[must_use]
    pub fn new(config: &OptimizerConfig) -> Self {
        let decay = config.weight_decay;
        match config.kind {
            OptimizerKind::Adam => {
                let decay = (decay > 0.0).then(|| WeightDecayConfig::new(decay));
                Self::Adam(AdamConfig::new().with_epsilon(EPSILON).with_weight_decay(decay).init())
            }
            OptimizerKind::AdamW => Self::AdamW(
                AdamWConfig::new().with_epsilon(EPSILON).with_weight_decay(decay).init(),
            ),
        }
    }

    /// Takes a step and returns the new network.
    pub fn step(&mut self, rate: f64, network: M, gradients: GradientsParams) -> M {
        match self {
            Self::Adam(adam) => adam.step(rate, network, gradients),
            Self::AdamW(adam) => adam.step(rate, network, gradients),
        }
    }

    /// Serialises the state.
    ///
    /// # Errors
    /// If they cannot be encoded.
    pub fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        let recorder = NamedMpkBytesRecorder::<FullPrecisionSettings>::default();
        let encoded = match self {
            Self::Adam(adam) => Recorder::<B>::record(&recorder, adam.to_record(), ()),
            Self::AdamW(adam) => Recorder::<B>::record(&recorder, adam.to_record(), ()),
        };
        encoded.context("cannot encode the optimiser's momenta")
    }

    /// Restores the state from [`NetworkOptimizer::to_bytes`].
    ///
    /// # Errors
    /// If the bytes are not a state of this optimiser.
    pub fn with_bytes(self, bytes: Vec<u8>, device: &B::Device) -> anyhow::Result<Self> {
        let recorder = NamedMpkBytesRecorder::<FullPrecisionSettings>::default();
        let broken = "they are not the momenta of this optimiser";
        Ok(match self {
            Self::Adam(adam) => {
                Self::Adam(adam.load_record(recorder.load(bytes, device).context(broken)?))
            }
            Self::AdamW(adam) => {
                Self::AdamW(adam.load_record(recorder.load(bytes, device).context(broken)?))
            }
        })
    }
}

/// Norm of the gradient of all weights together, `[1]`.
pub fn gradient_norm<M: Module<B>, B: AutodiffBackend>(
    network: &M,
    gradients: &GradientsParams,
    device: &B::Device,
) -> Tensor<B::InnerBackend, 1> {
    struct Squares<'a, B: Backend> {
        gradients: &'a GradientsParams,
        sum: Tensor<B, 1>,
    }
    impl<B: AutodiffBackend> ModuleVisitor<B> for Squares<'_, B::InnerBackend> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            if let Some(gradient) = self.gradients.get::<B::InnerBackend, D>(param.id) {
                self.sum = self.sum.clone() + gradient.square().sum();
            }
        }
    }
    let mut squares = Squares { gradients, sum: Tensor::zeros([1], device) };
    network.visit(&mut squares);
    squares.sum.sqrt()
}

/// Multiplies all gradients by `factor`, `[1]`.
pub fn scale_gradients<M: Module<B>, B: AutodiffBackend>(
    network: &M,
    gradients: &mut GradientsParams,
    factor: Tensor<B::InnerBackend, 1>,
) {
    struct Scale<'a, B: Backend> {
        gradients: &'a mut GradientsParams,
        factor: Tensor<B, 1>,
    }
    impl<B: AutodiffBackend> ModuleVisitor<B> for Scale<'_, B::InnerBackend> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            if let Some(gradient) = self.gradients.remove::<B::InnerBackend, D>(param.id) {
                let scaled = gradient * self.factor.clone().reshape([1; D]);
                self.gradients.register::<B::InnerBackend, D>(param.id, scaled);
            }
        }
    }
    network.visit(&mut Scale { gradients, factor });
}
