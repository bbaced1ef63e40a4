//! Kernels that replace the core of a Mamba-2 block on some back ends.
//!
//! The network is generic over its back end and written in Burn operations. On the CPU these spend
//! most of their time moving data, and one fused pass ([`super::fused`]) is several times faster.
//! Code that names a concrete back end passes its kernels ([`CoreKernels`]) to the network.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use std::any::Any;
use std::sync::Arc;

/// Inputs of the core: everything between a Mamba-2 block's input and output projections.
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
    /// State before the first token; `None` is zero. It gets no gradient.
    pub start: Option<Mamba2State<B>>,
}

/// State of a [`Mamba2`](super::mamba2::Mamba2) block between two calls on one sequence.
#[derive(Clone, Debug)]
pub struct Mamba2State<B: Backend> {
    /// The last tokens before the convolution, `[batch, taps - 1, inner + 2 state]`.
    pub conv_tail: Tensor<B, 3>,
    /// State of the scan, `[batch, heads, head_width, state]`.
    pub ssm: Tensor<B, 4>,
}

/// Computes the gated and normalised output of a scan, `[batch, tokens, inner]`, and the state
/// after the last token.
pub type CoreKernel<B> = fn(CoreTensors<B>) -> (Tensor<B, 3>, Mamba2State<B>);

/// Kernels for some back ends, at most one for each.
///
/// They belong to a network
/// ([`Network::with_core_kernels`](crate::pose::Network::with_core_kernels)), which uses the one
/// for its current back end, also after a conversion, as from the training to the validation back
/// end.
#[derive(Clone, Debug, Default)]
pub struct CoreKernels(Vec<Arc<dyn Any + Send + Sync>>);

impl CoreKernels {
    /// Adds `kernel`.
    #[must_use]
    pub fn and<B: Backend>(mut self, kernel: CoreKernel<B>) -> Self {
        self.0.push(Arc::new(kernel));
        self
    }

    /// The kernel for `B`, if any.
    pub(crate) fn on<B: Backend>(&self) -> Option<CoreKernel<B>> {
        self.0.iter().find_map(|kernel| kernel.downcast_ref::<CoreKernel<B>>().copied())
    }
}
