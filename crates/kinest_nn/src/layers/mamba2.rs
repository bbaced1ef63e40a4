//! The Mamba-2 block: projection, short causal convolution, selective state space, gate.
//!
//! Dao & Gu 2024, "Transformers are SSMs: Generalized Models and Efficient Algorithms Through
//! Structured State Space Duality". All heads share one group of B and C, projections have no bias,
//! and the gate comes before the normalisation.

use super::kernel::{CoreKernels, CoreTensors, Mamba2State};
use super::ssd::{SsdInput, ssd_chunked};
use super::{causal_filter, linear, linear_without_bias, softplus, uniform_parameter};
use burn::module::{Module, Param};
use burn::nn::{Linear, RmsNorm, RmsNormConfig};
use burn::tensor::activation::silu;
use burn::tensor::backend::Backend;
use burn::tensor::{DType, Distribution, Tensor};
use kinest::model::Mamba2Config;

/// A Mamba-2 block.
#[derive(Module, Debug)]
pub struct Mamba2<B: Backend> {
    // The reference packs these three into one matrix. Separate matrices give contiguous outputs;
    // slices of a packed output would be strided views, several times as slow to work on.
    gate: Linear<B>,
    project_in: Linear<B>,
    step: Linear<B>,
    conv_weight: Param<Tensor<B, 2>>,
    conv_bias: Param<Tensor<B, 1>>,
    step_bias: Param<Tensor<B, 1>>,
    decay_log: Param<Tensor<B, 1>>,
    skip: Param<Tensor<B, 1>>,
    norm: RmsNorm<B>,
    project_out: Linear<B>,
    state: usize,
    head_width: usize,
    // States of saved runs contain this field by name, so it must not be renamed or split.
    #[module(skip)]
    chunk: Chunk,
}

/// Algorithm of the scan. Affects speed and rounding only.
#[derive(Clone, Debug)]
struct Chunk {
    /// Tokens per chunk.
    tokens: usize,
    /// Replacements of the Burn operations, by back end.
    kernels: CoreKernels,
}

/// Activations between the convolution and the scan.
#[derive(Clone, Debug)]
pub struct Mamba2Inner<B: Backend> {
    /// Gate, `[batch, tokens, inner]`.
    pub z: Tensor<B, 3>,
    /// Inputs of the scan.
    pub scan: SsdInput<B>,
    /// The last tokens before the convolution, `[batch, taps - 1, inner + 2 state]`.
    pub conv_tail: Tensor<B, 3>,
}

/// Widens 16-bit floats, because the scan exponentiates and accumulates long sums.
fn wide<B: Backend, const D: usize>(x: Tensor<B, D>) -> Tensor<B, D> {
    match x.dtype() {
        DType::F16 | DType::BF16 => x.cast(DType::F32),
        _ => x,
    }
}

impl<B: Backend> Mamba2<B> {
    /// A block for tokens of `width` numbers, with random weights.
    pub fn new(config: &Mamba2Config, width: usize, device: &B::Device) -> Self {
        let (inner, convolved, heads) =
            (config.inner(width), config.convolved(width), config.heads(width));
        // Initial steps are log-uniform in 1e-3..0.1; the bias is their inverse softplus.
        let (low, high) = (1e-3_f64.ln(), 0.1_f64.ln());
        let step = Tensor::<B, 1>::random([heads], Distribution::Uniform(low, high), device).exp();
        let step = step.clamp_min(1e-4);
        let step_bias = step.clone() + (step.neg().exp().neg() + 1.0).log();
        let decay = Tensor::<B, 1>::random([heads], Distribution::Uniform(1.0, 16.0), device).log();
        Self {
            gate: linear_without_bias(width, inner, device),
            project_in: linear_without_bias(width, convolved, device),
            step: linear_without_bias(width, heads, device),
            conv_weight: uniform_parameter([config.taps, convolved], config.taps, device),
            conv_bias: uniform_parameter([convolved], config.taps, device),
            step_bias: Param::from_tensor(step_bias),
            decay_log: Param::from_tensor(decay),
            skip: Param::from_tensor(Tensor::ones([heads], device)),
            norm: RmsNormConfig::new(inner).with_epsilon(1e-5).init(device),
            project_out: linear_without_bias(inner, width, device),
            state: config.state,
            head_width: config.head_width,
            chunk: Chunk { tokens: config.chunk, kernels: CoreKernels::default() },
        }
    }

    /// Runs whole sequences from a zero state.
    ///
    /// # Shapes
    /// - `tokens`, output: `[batch, tokens, width]`
    pub fn forward(&self, tokens: Tensor<B, 3>) -> Tensor<B, 3> {
        self.stream(tokens, None).0
    }

    /// Makes the block use the kernel in `kernels` for its back end, if there is one.
    pub fn use_core_kernels(&mut self, kernels: &CoreKernels) {
        self.chunk.kernels = kernels.clone();
    }

    /// Runs the next tokens of a batch of sequences from `state` (`None` is zero), with the back
    /// end's fastest kernel, and returns the state after them.
    ///
    /// # Shapes
    /// - `tokens`, output: `[batch, tokens, width]`
    pub fn stream(
        &self,
        tokens: Tensor<B, 3>,
        state: Option<Mamba2State<B>>,
    ) -> (Tensor<B, 3>, Mamba2State<B>) {
        let Some(kernel) = self.chunk.kernels.on::<B>() else {
            return self.forward_from(tokens, state);
        };
        let dtype = tokens.dtype();
        let (core, state) = kernel(CoreTensors {
            gate: wide(linear(&self.gate, tokens.clone())),
            step: wide(linear(&self.step, tokens.clone())),
            before_conv: wide(linear(&self.project_in, tokens)),
            conv_weight: wide(self.conv_weight.val()),
            conv_bias: wide(self.conv_bias.val()),
            step_bias: wide(self.step_bias.val()),
            decay_log: wide(self.decay_log.val()),
            skip: wide(self.skip.val()),
            norm: wide(self.norm.gamma.val()),
            start: state,
        });
        (linear(&self.project_out, core.cast(dtype)), state)
    }

    /// [`stream`](Self::stream) in Burn operations, without kernels.
    ///
    /// # Shapes
    /// - `tokens`, output: `[batch, tokens, width]`
    pub fn forward_from(
        &self,
        tokens: Tensor<B, 3>,
        state: Option<Mamba2State<B>>,
    ) -> (Tensor<B, 3>, Mamba2State<B>) {
        let dtype = tokens.dtype();
        let inner = self.inner(tokens, state);
        let (y, ssm) = ssd_chunked(inner.scan, self.chunk.tokens);
        let [batch, length, heads, width] = y.dims();
        let gated = y.reshape([batch, length, heads * width]) * silu(inner.z);
        let out = linear(&self.project_out, self.norm.forward(gated.cast(dtype)));
        (out, Mamba2State { conv_tail: inner.conv_tail, ssm })
    }

    /// Everything before the scan.
    ///
    /// # Shapes
    /// - `tokens`: `[batch, tokens, width]`
    pub fn inner(&self, tokens: Tensor<B, 3>, state: Option<Mamba2State<B>>) -> Mamba2Inner<B> {
        let [batch, length, _] = tokens.dims();
        let device = tokens.device();
        let [taps, convolved] = self.conv_weight.dims();
        let heads = self.skip.dims()[0];
        let inner = heads * self.head_width;

        let z = wide(linear(&self.gate, tokens.clone()));
        let step = wide(linear(&self.step, tokens.clone()));
        let before_conv = wide(linear(&self.project_in, tokens));

        let (before, ssm) = match state {
            Some(state) => (state.conv_tail, Some(state.ssm)),
            None => (Tensor::zeros([batch, taps - 1, convolved], &device), None),
        };
        let (weight, bias) = (wide(self.conv_weight.val()), wide(self.conv_bias.val()));
        let (convolved, conv_tail) = causal_filter(before, before_conv, weight, bias);
        let convolved = silu(convolved);

        let part = |from: usize, size: usize| convolved.clone().narrow(2, from, size);
        let x = part(0, inner);
        let b = part(inner, self.state);
        let c = part(inner + self.state, self.state);
        let scan = SsdInput {
            x: x.reshape([batch, length, heads, self.head_width]),
            step: softplus(step + wide(self.step_bias.val()).unsqueeze()),
            decay: wide(self.decay_log.val()).exp().neg(),
            b,
            c,
            skip: wide(self.skip.val()),
            state: ssm,
        };
        Mamba2Inner { z, scan, conv_tail }
    }
}
