//! The inside of a Mamba-2 block in one pass over plain `f32` slices, forward and backward.
//!
//! The same function as [`Mamba2::forward_from`](super::mamba2::Mamba2::forward_from), but
//! all steps (convolution, SiLU, recurrence, skip, gate, normalisation) run on a token while it is
//! in cache. Sequences of a batch run in parallel.
#![allow(clippy::needless_range_loop, reason = "one index runs over many slices in the formulas")]

use super::kernel::CoreTensors;
use super::kernel::Mamba2State;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use kinest::math;
use multiversion::multiversion;
use rayon::prelude::*;

/// Added under the root of the RMS normalisation, as in the reference.
const EPSILON: f32 = 1e-5;

/// Dimensions of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreShape {
    /// Sequences.
    pub batch: usize,
    /// Tokens per sequence.
    pub tokens: usize,
    /// Heads.
    pub heads: usize,
    /// Channels per head.
    pub head_width: usize,
    /// State numbers per channel.
    pub state: usize,
    /// Taps of the convolution.
    pub taps: usize,
}

impl CoreShape {
    fn inner(&self) -> usize {
        self.heads * self.head_width
    }
    fn convolved(&self) -> usize {
        self.inner() + 2 * self.state
    }
    /// Numbers in a sequence's convolution tail.
    fn tail(&self) -> usize {
        (self.taps - 1) * self.convolved()
    }
}

/// The contents of a [`Mamba2State`] in main memory, row-major.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs, reason = "the fields are those of `Mamba2State`")]
pub struct CoreState {
    pub conv_tail: Vec<f32>,
    pub ssm: Vec<f32>,
}

impl CoreState {
    fn empty(s: CoreShape) -> Self {
        Self {
            conv_tail: vec![0.0; s.batch * s.tail()],
            ssm: vec![0.0; s.batch * s.inner() * s.state],
        }
    }

    /// Uploads the state as tensors.
    pub fn write<B: Backend>(self, s: CoreShape, device: &B::Device) -> Mamba2State<B> {
        let tail = [s.batch, s.taps - 1, s.convolved()];
        let ssm = [s.batch, s.heads, s.head_width, s.state];
        Mamba2State {
            conv_tail: Tensor::from_data(TensorData::new(self.conv_tail, tail), device),
            ssm: Tensor::from_data(TensorData::new(self.ssm, ssm), device),
        }
    }
}

/// The contents of [`CoreTensors`] in main memory, row-major. In gradients `start` is empty.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs, reason = "the fields are those of `CoreTensors`")]
pub struct CoreNumbers {
    pub gate: Vec<f32>,
    pub before_conv: Vec<f32>,
    pub step: Vec<f32>,
    pub conv_weight: Vec<f32>,
    pub conv_bias: Vec<f32>,
    pub step_bias: Vec<f32>,
    pub decay_log: Vec<f32>,
    pub skip: Vec<f32>,
    pub norm: Vec<f32>,
    pub start: CoreState,
}

impl CoreNumbers {
    /// Copies tensors to main memory.
    ///
    /// # Panics
    /// If a tensor is not `f32`; networks here always are.
    pub fn read<B: Backend>(tensors: CoreTensors<B>) -> (Self, CoreShape) {
        let [batch, tokens, inner] = tensors.gate.dims();
        let [taps, convolved] = tensors.conv_weight.dims();
        let heads = tensors.skip.dims()[0];
        let state = (convolved - inner) / 2;
        let shape = CoreShape { batch, tokens, heads, head_width: inner / heads, state, taps };
        let start = match tensors.start {
            Some(state) => CoreState { conv_tail: host(state.conv_tail), ssm: host(state.ssm) },
            None => CoreState::empty(shape),
        };
        let numbers = Self {
            gate: host(tensors.gate),
            before_conv: host(tensors.before_conv),
            step: host(tensors.step),
            conv_weight: host(tensors.conv_weight),
            conv_bias: host(tensors.conv_bias),
            step_bias: host(tensors.step_bias),
            decay_log: host(tensors.decay_log),
            skip: host(tensors.skip),
            norm: host(tensors.norm),
            start,
        };
        (numbers, shape)
    }
}

fn host<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().into_vec().expect("networks compute in f32")
}

/// A [`super::kernel::CoreKernel`] for inference on back ends whose tensors live in main memory.
pub fn core_on_host<B: Backend>(tensors: CoreTensors<B>) -> (Tensor<B, 3>, Mamba2State<B>) {
    let device = tensors.gate.device();
    let (numbers, shape) = CoreNumbers::read(tensors);
    let (output, state) = core_forward(&numbers, shape);
    let dims = [shape.batch, shape.tokens, shape.inner()];
    (Tensor::from_data(TensorData::new(output, dims), &device), state.write(shape, &device))
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    math::sigmoid::<false>(x)
}

#[inline(always)]
fn softplus(x: f32) -> f32 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Independent partial sums; a single running sum would not vectorise.
const LANES: usize = 8;

/// `S ← decay S + write B` for one channel; returns `S · C`.
#[inline(always)]
fn advance(cells: &mut [f32], b: &[f32], c: &[f32], decay: f32, write: f32) -> f32 {
    let (cells, cells_rest) = cells.as_chunks_mut::<LANES>();
    let ((b, b_rest), (c, c_rest)) = (b.as_chunks::<LANES>(), c.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for ((cells, b), c) in cells.iter_mut().zip(b).zip(c) {
        for i in 0..LANES {
            cells[i] = cells[i] * decay + write * b[i];
            sums[i] += cells[i] * c[i];
        }
    }
    let mut read: f32 = sums.iter().sum();
    for ((cell, b), c) in cells_rest.iter_mut().zip(b_rest).zip(c_rest) {
        *cell = *cell * decay + write * b;
        read += *cell * c;
    }
    read
}

/// Backward pass of one channel of one token. Updates the gradients of the state, B and C; returns
/// the dot products of the state's gradient with B and with the previous state.
#[inline(always)]
fn retreat(
    g: &mut [f32],
    (grad_b, grad_c): (&mut [f32], &mut [f32]),
    (b, c): (&[f32], &[f32]),
    (old, new): (&[f32], &[f32]),
    decay: f32,
    grad_y: f32,
    write: f32,
) -> (f32, f32) {
    let size = g.len();
    // Slices of one known length spare the bounds checks below.
    let (grad_b, grad_c) = (&mut grad_b[..size], &mut grad_c[..size]);
    let (b, c, old, new) = (&b[..size], &c[..size], &old[..size], &new[..size]);
    let (mut along_b, mut along_old) = ([0.0; LANES], [0.0; LANES]);
    let mut lane = |i: usize, k: usize| {
        let gi = g[i] + grad_y * c[i];
        grad_c[i] += grad_y * new[i];
        grad_b[i] += gi * write;
        along_b[k] += gi * b[i];
        along_old[k] += gi * old[i];
        g[i] = gi * decay;
    };
    for from in (0..size - size % LANES).step_by(LANES) {
        for k in 0..LANES {
            lane(from + k, k);
        }
    }
    for i in size - size % LANES..size {
        lane(i, 0);
    }
    (along_b.iter().sum(), along_old.iter().sum())
}

/// Intermediate results of one sequence, kept for the backward pass.
struct Sequence {
    /// Convolution output before its SiLU, `[tokens, convolved]`.
    summed: Vec<f32>,
    /// Convolution output after its SiLU, `[tokens, convolved]`.
    convolved: Vec<f32>,
    /// Step sizes, `[tokens, heads]`.
    step: Vec<f32>,
    /// Decays, `[tokens, heads]`.
    decay: Vec<f32>,
    /// Scan output, `[tokens, inner]`.
    y: Vec<f32>,
    /// States before each token and after the last, `[tokens + 1, inner, state]`; only the newest
    /// without a backward pass.
    states: Vec<f32>,
    /// The last tokens before the convolution, `[taps - 1, convolved]`.
    conv_tail: Vec<f32>,
}

/// The rows of one sequence in a batch's tensor.
fn rows(values: &[f32], sequence: usize, tokens: usize, width: usize) -> &[f32] {
    &values[sequence * tokens * width..][..tokens * width]
}

/// One sequence before the convolution, preceded by the previous call's tail.
fn padded(n: &CoreNumbers, s: CoreShape, sequence: usize) -> Vec<f32> {
    let tail = rows(&n.start.conv_tail, sequence, s.taps - 1, s.convolved());
    [tail, rows(&n.before_conv, sequence, s.tokens, s.convolved())].concat()
}

#[multiversion(targets("x86_64+avx2+fma"))]
fn run_sequence(n: &CoreNumbers, s: CoreShape, sequence: usize, keep: bool) -> Sequence {
    let (inner, convolved, width, state) = (s.inner(), s.convolved(), s.head_width, s.state);
    let mut before = padded(n, s, sequence);
    let raw_step = rows(&n.step, sequence, s.tokens, s.heads);

    let mut summed = n.conv_bias.repeat(s.tokens);
    for (tap, weight) in n.conv_weight.chunks_exact(convolved).enumerate() {
        let seen = before[tap * convolved..].chunks_exact(convolved);
        for (sum, row) in summed.chunks_exact_mut(convolved).zip(seen) {
            for ((sum, v), w) in sum.iter_mut().zip(row).zip(weight) {
                *sum += v * w;
            }
        }
    }
    let convolved_rows: Vec<f32> = summed.iter().map(|v| v * sigmoid(*v)).collect();

    let rates: Vec<f32> = n.decay_log.iter().map(|a| a.exp()).collect();
    let mut step = Vec::with_capacity(raw_step.len());
    let mut decay = Vec::with_capacity(raw_step.len());
    for row in raw_step.chunks_exact(s.heads) {
        for h in 0..s.heads {
            let size = softplus(row[h] + n.step_bias[h]);
            step.push(size);
            decay.push((-size * rates[h]).exp());
        }
    }

    let size = inner * state;
    let mut states = vec![0.0; if keep { (s.tokens + 1) * size } else { size }];
    let mut y = vec![0.0; s.tokens * inner];
    let mut current = rows(&n.start.ssm, sequence, 1, size).to_vec();
    if keep {
        states[..size].copy_from_slice(&current);
    }
    for t in 0..s.tokens {
        let row = &convolved_rows[t * convolved..][..convolved];
        let (x, bc) = row.split_at(inner);
        let (b, c) = bc.split_at(state);
        for h in 0..s.heads {
            let (step, decay) = (step[t * s.heads + h], decay[t * s.heads + h]);
            for p in h * width..(h + 1) * width {
                let cells = &mut current[p * state..][..state];
                let read = advance(cells, b, c, decay, step * x[p]);
                y[t * inner + p] = read + n.skip[h] * x[p];
            }
        }
        if keep {
            states[(t + 1) * size..][..size].copy_from_slice(&current);
        }
    }
    if !keep {
        states = current;
    }
    let conv_tail = before.split_off(s.tokens * convolved);
    Sequence { summed, convolved: convolved_rows, step, decay, y, states, conv_tail }
}

/// The gated and normalised output, `[batch, tokens, inner]`, and the state after it.
#[must_use]
pub fn core_forward(n: &CoreNumbers, s: CoreShape) -> (Vec<f32>, CoreState) {
    let inner = s.inner();
    let mut output = vec![0.0; s.batch * s.tokens * inner];
    let mut end = CoreState::empty(s);
    output
        .par_chunks_mut(s.tokens * inner)
        .zip(end.conv_tail.par_chunks_mut(s.tail()))
        .zip(end.ssm.par_chunks_mut(inner * s.state))
        .enumerate()
        .for_each(|(sequence, ((output, conv_tail), ssm))| {
            let run = run_sequence(n, s, sequence, false);
            conv_tail.copy_from_slice(&run.conv_tail);
            ssm.copy_from_slice(&run.states);
            let gates = rows(&n.gate, sequence, s.tokens, inner).chunks_exact(inner);
            let rows = output.chunks_exact_mut(inner).zip(run.y.chunks_exact(inner)).zip(gates);
            for ((out, y), gate) in rows {
                let mut squares = 0.0;
                for ((out, y), z) in out.iter_mut().zip(y).zip(gate) {
                    *out = y * z * sigmoid(*z);
                    squares += *out * *out;
                }
                let scale = 1.0 / (squares / inner as f32 + EPSILON).sqrt();
                for (out, weight) in out.iter_mut().zip(&n.norm) {
                    *out *= scale * weight;
                }
            }
        });
    (output, end)
}

/// Gradients of everything in `n`, given the output's gradient, `[batch, tokens, inner]`.
#[must_use]
pub fn core_backward(n: &CoreNumbers, s: CoreShape, gradient: &[f32]) -> CoreNumbers {
    let (inner, convolved) = (s.inner(), s.convolved());
    let mut total = CoreNumbers {
        gate: vec![0.0; s.batch * s.tokens * inner],
        before_conv: vec![0.0; s.batch * s.tokens * convolved],
        step: vec![0.0; s.batch * s.tokens * s.heads],
        ..CoreNumbers::default()
    };
    // Weight gradients are summed in the order of the sequences, so that runs repeat bit for bit.
    let weights: Vec<CoreNumbers> = total
        .gate
        .par_chunks_mut(s.tokens * inner)
        .zip(total.before_conv.par_chunks_mut(s.tokens * convolved))
        .zip(total.step.par_chunks_mut(s.tokens * s.heads))
        .enumerate()
        .map(|(sequence, ((gate, before_conv), step))| {
            let own = rows(gradient, sequence, s.tokens, inner);
            backward_sequence(n, s, sequence, own, gate, before_conv, step)
        })
        .collect();
    let sum = |of: fn(&CoreNumbers) -> &Vec<f32>, length: usize| {
        let mut sum = vec![0.0; length];
        for part in &weights {
            sum.iter_mut().zip(of(part)).for_each(|(s, v)| *s += v);
        }
        sum
    };
    total.conv_weight = sum(|w| &w.conv_weight, s.taps * convolved);
    total.conv_bias = sum(|w| &w.conv_bias, convolved);
    total.step_bias = sum(|w| &w.step_bias, s.heads);
    total.decay_log = sum(|w| &w.decay_log, s.heads);
    total.skip = sum(|w| &w.skip, s.heads);
    total.norm = sum(|w| &w.norm, inner);
    total
}

/// Writes the gradients of one sequence's rows; returns its share of the weight gradients.
#[multiversion(targets("x86_64+avx2+fma"))]
fn backward_sequence(
    n: &CoreNumbers,
    s: CoreShape,
    sequence: usize,
    gradient: &[f32],
    grad_gate: &mut [f32],
    grad_before: &mut [f32],
    grad_step: &mut [f32],
) -> CoreNumbers {
    let (inner, convolved, width, state) = (s.inner(), s.convolved(), s.head_width, s.state);
    let run = run_sequence(n, s, sequence, true);
    let gates = rows(&n.gate, sequence, s.tokens, inner);
    let before = padded(n, s, sequence);
    let raw_step = rows(&n.step, sequence, s.tokens, s.heads);
    let rates: Vec<f32> = n.decay_log.iter().map(|a| a.exp()).collect();
    let mut w = CoreNumbers {
        conv_weight: vec![0.0; s.taps * convolved],
        conv_bias: vec![0.0; convolved],
        step_bias: vec![0.0; s.heads],
        decay_log: vec![0.0; s.heads],
        skip: vec![0.0; s.heads],
        norm: vec![0.0; inner],
        ..CoreNumbers::default()
    };
    let size = inner * state;
    let mut grad_state = vec![0.0; size];
    let mut grad_convolved = vec![0.0; s.tokens * convolved];
    let mut gated = vec![0.0; inner];
    let mut grad_y = vec![0.0; inner];
    for t in (0..s.tokens).rev() {
        let y = &run.y[t * inner..][..inner];
        let gate = &gates[t * inner..][..inner];
        let out = &gradient[t * inner..][..inner];

        // Normalisation: out = v r norm with r = 1 / sqrt(mean v² + ε).
        let mut squares = 0.0;
        for ((v, y), z) in gated.iter_mut().zip(y).zip(gate) {
            *v = y * z * sigmoid(*z);
            squares += *v * *v;
        }
        let r = 1.0 / (squares / inner as f32 + EPSILON).sqrt();
        let mut projection = 0.0;
        for i in 0..inner {
            w.norm[i] += out[i] * gated[i] * r;
            projection += out[i] * n.norm[i] * gated[i];
        }
        let projection = projection * r * r / inner as f32;

        // Gate: v = y silu(z).
        for i in 0..inner {
            let grad_v = r * (out[i] * n.norm[i] - gated[i] * projection);
            let s = sigmoid(gate[i]);
            let silu = gate[i] * s;
            grad_y[i] = grad_v * silu;
            grad_gate[t * inner + i] = grad_v * y[i] * (s + silu * (1.0 - s));
        }

        // Recurrence: y = S C + skip x, S = a S' + step x Bᵀ.
        let row = &run.convolved[t * convolved..][..convolved];
        let (x, bc) = row.split_at(inner);
        let (b, c) = bc.split_at(state);
        let (grad_x, grad_bc) = grad_convolved[t * convolved..][..convolved].split_at_mut(inner);
        let (grad_b, grad_c) = grad_bc.split_at_mut(state);
        let (before_token, after_token) = run.states[t * size..][..2 * size].split_at(size);
        for h in 0..s.heads {
            let (step, decay) = (run.step[t * s.heads + h], run.decay[t * s.heads + h]);
            let (mut grad_step_size, mut grad_decay, mut grad_skip) = (0.0, 0.0, 0.0);
            for p in h * width..(h + 1) * width {
                let cells = p * state..(p + 1) * state;
                let g = &mut grad_state[cells.clone()];
                let (old, new) = (&before_token[cells.clone()], &after_token[cells]);
                let (gy, xp) = (grad_y[p], x[p]);
                let (through_b, through_old) = retreat(
                    g,
                    (&mut *grad_b, &mut *grad_c),
                    (b, c),
                    (old, new),
                    decay,
                    gy,
                    step * xp,
                );
                grad_x[p] = step * through_b + n.skip[h] * gy;
                grad_step_size += through_b * xp;
                grad_decay += through_old;
                grad_skip += gy * xp;
            }
            // a = exp(-step rate), rate = exp(decay_log).
            let exponent = grad_decay * decay * -rates[h];
            w.decay_log[h] += exponent * step;
            w.skip[h] += grad_skip;
            let raw = raw_step[t * s.heads + h] + n.step_bias[h];
            let grad_raw = (grad_step_size + exponent) * sigmoid(raw);
            grad_step[t * s.heads + h] = grad_raw;
            w.step_bias[h] += grad_raw;
        }
    }

    // Convolution: SiLU, then the taps.
    for (g, v) in grad_convolved.iter_mut().zip(&run.summed) {
        let s = sigmoid(*v);
        *g *= s + v * s * (1.0 - s);
    }
    for row in grad_convolved.chunks_exact(convolved) {
        w.conv_bias.iter_mut().zip(row).for_each(|(sum, g)| *sum += g);
    }
    for tap in 0..s.taps {
        let weight = &n.conv_weight[tap * convolved..][..convolved];
        let grad_weight = &mut w.conv_weight[tap * convolved..][..convolved];
        let seen = before[tap * convolved..].chunks_exact(convolved);
        for (g, v) in grad_convolved.chunks_exact(convolved).zip(seen) {
            for i in 0..convolved {
                grad_weight[i] += g[i] * v[i];
            }
        }
        let shift = s.taps - 1 - tap;
        let grads = grad_convolved.chunks_exact(convolved).skip(shift);
        for (g, grad_v) in grads.zip(grad_before.chunks_exact_mut(convolved)) {
            for i in 0..convolved {
                grad_v[i] += g[i] * weight[i];
            }
        }
    }
    w
}
