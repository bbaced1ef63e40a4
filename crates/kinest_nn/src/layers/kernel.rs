//! Replacements for the inside of a Mamba-2 block on back ends that have a faster one.
//!
//! The network is generic over its back end and written in Burn operations. On the CPU these spend
//! most of their time moving numbers; one fused pass ([`super::fused`]) is several times faster. Whoever
//! names a concrete back end gives its networks the kernels that run there ([`CoreKernels`]).

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use std::any::Any;
use std::sync::Arc;

/// Everything between a Mamba-2 block's first projections and its last.
#[derive(Clone, Debug)]
pub struct CoreTensors<B: Backend> {
    /// `[batch, tokens, inner]`, before its SiLU.
    pub gate: Tensor<B, 3>,
    /// x, B and C before the convolution, `[batch, tokens, inner + 2 state]`.
    pub before_conv: Tensor<B, 3>,
    /// Step sizes before bias and softplus, `[batch, tokens, heads]`.
    pub step: Tensor<B, 3>,
    /// `[taps, inner + 2 state]`, newest tap last.
    pub conv_weight: Tensor<B, 2>,
    /// `[inner + 2 state]`
    pub conv_bias: Tensor<B, 1>,
    /// `[heads]`
    pub step_bias: Tensor<B, 1>,
    /// Logarithm of the decay rates, `[heads]`.
    pub decay_log: Tensor<B, 1>,
    /// `[heads]`
    pub skip: Tensor<B, 1>,
    /// Weight of the RMS normalisation, `[inner]`.
    pub norm: Tensor<B, 1>,
    /// What came before the first token; none: nothing. No gradient goes there.
    pub start: Option<Mamba2State<B>>,
}

/// What a [`Mamba2`](super::mamba2::Mamba2) block remembers between two stretches of one sequence.
#[derive(Clone, Debug)]
pub struct Mamba2State<B: Backend> {
    /// The last tokens before the convolution, `[batch, taps - 1, inner + 2 state]`.
    pub conv_tail: Tensor<B, 3>,
    /// State of the scan, `[batch, heads, head_width, state]`.
    pub ssm: Tensor<B, 4>,
}

/// Computes the gated and normalised output of a scan, `[batch, tokens, inner]`, and the state after
/// the last token.
pub type CoreKernel<B> = fn(CoreTensors<B>) -> (Tensor<B, 3>, Mamba2State<B>);

/// Kernels for some back ends, at most one for each.
///
/// A network has its own ([`Network::with_core_kernels`](crate::pose::Network::with_core_kernels)) and takes
/// the one for the back end it is on, also after it was made one of another back end, as that of training is
/// for validation.
#[derive(Clone, Debug, Default)]
pub struct CoreKernels(Vec<Arc<dyn Any + Send + Sync>>);

impl CoreKernels {
    /// These and `kernel`.
    #[must_use]
    pub fn and<B: Backend>(mut self, kernel: CoreKernel<B>) -> Self {
        self.0.push(Arc::new(kernel));
        self
    }

    /// The first kernel for `B`.
    pub(crate) fn on<B: Backend>(&self) -> Option<CoreKernel<B>> {
        self.0.iter().find_map(|kernel| kernel.downcast_ref::<CoreKernel<B>>().copied())
    }
}
