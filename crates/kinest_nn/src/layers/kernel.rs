//! Replacements for the inside of a Mamba-2 block on back ends that have a faster one.
//!
//! The network is generic over its back end and written in Burn operations. On the CPU these spend
//! most of their time moving numbers; one fused pass ([`super::fused`]) is several times faster. Who
//! names a concrete back end ([`install_core_kernel`]) says what runs there.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

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

/// What a [`Mamba2`](super::Mamba2) block remembers between two stretches of one sequence.
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

static KERNELS: LazyLock<RwLock<HashMap<TypeId, Box<dyn Any + Send + Sync>>>> =
    LazyLock::new(RwLock::default);

/// Makes every network on the back end `B` use `kernel`, from now on and in the whole process.
pub fn install_core_kernel<B: Backend>(kernel: CoreKernel<B>) {
    let mut kernels = KERNELS.write().unwrap_or_else(PoisonError::into_inner);
    kernels.insert(TypeId::of::<B>(), Box::new(kernel));
}

/// The kernel installed for `B`.
pub(crate) fn core_kernel<B: Backend>() -> Option<CoreKernel<B>> {
    let kernels = KERNELS.read().unwrap_or_else(PoisonError::into_inner);
    kernels.get(&TypeId::of::<B>())?.downcast_ref::<CoreKernel<B>>().copied()
}
