//! A Mamba-2 block over whole sequences: projection, convolution, recurrence, gate, projection.
//!
//! A sequence is processed in chunks that stay in the cache from the first projection to the last.
//! The recurrence keeps [`LANES`] channels side by side and a channel's state numbers one after
//! another, so that reading the state is a sum of whole registers.

use super::matrix::{Linear, Rows, RowsMut, Write};
use super::numbers::{Numbers, zeros};
use super::rows::{LANES, inverse_rms};
use crate::vectors::arch;
use kinest::math::{exp, mul_add, silu, softplus};
use multiversion::multiversion;
use multiversion::target::match_target;
use pulp::{Simd, WithSimd};

/// Target tokens per chunk.
const CHUNK: usize = 64;

/// The order in which a scan visits tokens: groups of this many tokens run forward, and each group
/// is visited in reverse. 1 is plain forward order, the sequence's length plain reverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order(pub(super) usize);

impl Order {
    /// Plain forward order.
    pub(super) const FORWARD: Self = Self(1);

    /// Index of the token that is visited `visit`-th.
    #[inline(always)]
    fn place(self, visit: usize) -> usize {
        let inside = visit % self.0;
        visit - inside + (self.0 - 1 - inside)
    }

    /// Tokens per chunk: whole groups.
    fn chunk(self, tokens: usize) -> usize {
        CHUNK.next_multiple_of(self.0).min(tokens)
    }
}

/// Weights of a block.
#[derive(Debug)]
pub(super) struct Scan<M = Linear> {
    /// Projects to gate, x, B, C and steps (concatenated); the step bias is folded in.
    pub(super) project: M,
    pub(super) core: Core,
    /// Projects back to the token width; the RMS norm's weight is folded in.
    pub(super) project_out: M,
}

/// Weights between a block's two projections.
#[derive(Debug)]
pub(super) struct Core {
    /// `[taps, convolved]`, newest tap last.
    pub(super) conv: Numbers,
    /// `[convolved]`
    pub(super) conv_bias: Numbers,
    /// Decay rates, positive, `[heads]`.
    pub(super) rates: Numbers,
    /// Weight of x in the output, `[inner]`.
    pub(super) skip: Numbers,
    /// State numbers per channel.
    pub(super) state: usize,
}

impl Core {
    fn inner(&self) -> usize {
        self.skip.len()
    }
    fn convolved(&self) -> usize {
        self.conv_bias.len()
    }
    fn taps(&self) -> usize {
        self.conv.len() / self.convolved()
    }
    /// Channels rounded up to whole registers.
    fn padded(&self) -> usize {
        self.inner().next_multiple_of(LANES)
    }
    /// Numbers per projected token.
    pub(super) fn projected(&self) -> usize {
        self.inner() + self.convolved() + self.rates.len()
    }
    /// Length of [`Memory::tail`].
    pub(super) fn tail(&self) -> usize {
        (self.taps() - 1) * self.convolved()
    }
    /// Length of [`Memory::states`].
    pub(super) fn states(&self) -> usize {
        self.padded() * self.state
    }

    /// Convolution, recurrence and gate for `count` tokens, continuing from `memory`. The first
    /// `inner` numbers of each token are overwritten by the input of [`Scan::project_out`].
    ///
    /// # Shapes
    /// - `projected`: `[count, gate | x | B | C | steps]`, in token order (not visiting order)
    pub(super) fn run(
        &self,
        projected: &mut [f32],
        work: &mut Work,
        memory: &mut Memory<'_>,
        order: Order,
        count: usize,
    ) {
        before(self, projected, work, memory.tail, order, count);
        let states = &mut *memory.states;
        arch().dispatch(Recurrence { core: self, work, states, count });
        after(self, projected, work, order, count);
    }
}

impl Scan {
    /// Runs the block over one sequence from an empty state. Writes the output of each token to
    /// `out`, in token order.
    pub(super) fn run(&self, tokens: Rows<'_>, order: Order, s: &mut ScanScratch, out: &mut [f32]) {
        s.states.fill(0.0);
        s.tail.fill(0.0);
        let mut memory = Memory { tail: &mut s.tail, states: &mut s.states };
        let (stride, width) = (self.project.outputs(), self.project_out.outputs());
        let chunk = order.chunk(tokens.count);
        for first in (0..tokens.count).step_by(chunk) {
            let count = chunk.min(tokens.count - first);
            let values = &tokens.values[first * tokens.stride..];
            let tokens = Rows::first(values, tokens.stride, count);
            self.project.apply(tokens, RowsMut::new(&mut s.projected, stride), Write::Plain);
            self.core.run(&mut s.projected, &mut s.work, &mut memory, order, count);
            let gated = Rows::first(&s.projected, stride, count);
            let out = RowsMut::new(&mut out[first * width..], width);
            self.project_out.apply(gated, out, Write::Plain);
        }
    }
}

/// State that a scan carries from one token to the next.
pub(super) struct Memory<'a> {
    /// The last tokens before the convolution, in visiting order, `[taps - 1, convolved]`.
    pub(super) tail: &'a mut [f32],
    /// `[padded / LANES, state, LANES]`
    pub(super) states: &'a mut [f32],
}

/// Scratch buffers of [`Core::run`], in visiting order.
#[derive(Debug)]
pub(super) struct Work {
    /// x, B and C after the convolution, `[tokens, convolved]`.
    convolved: Numbers,
    /// Input Δ·x, overwritten by the output S·C, `[tokens, padded]`.
    values: Numbers,
    /// Decay exp(-Δ·rate) per channel, `[tokens, padded]`.
    decays: Numbers,
    /// Decay per head, `[tokens, heads]`.
    kept: Numbers,
    /// Step sizes Δ, `[tokens, heads]`.
    steps: Numbers,
}

impl Work {
    /// Allocates for the largest of `scans`, each given with its tokens per call.
    pub(super) fn new<'a>(scans: impl Iterator<Item = (&'a Core, usize)> + Clone) -> Self {
        let most = |of: fn(&Core) -> usize| {
            zeros(scans.clone().map(|(core, tokens)| tokens * of(core)).max().unwrap_or_default())
        };
        Self {
            convolved: most(Core::convolved),
            values: most(Core::padded),
            decays: most(Core::padded),
            kept: most(|core| core.rates.len()),
            steps: most(|core| core.rates.len()),
        }
    }
}

/// Scratch buffers for a scan over whole sequences.
#[derive(Debug)]
pub(super) struct ScanScratch {
    /// `[chunk, gate | x | B | C | steps]`, in token order; the gate is overwritten by the output.
    projected: Numbers,
    work: Work,
    tail: Numbers,
    states: Numbers,
}

impl ScanScratch {
    /// Allocates for `scan` over `tokens` tokens in `order`.
    pub(super) fn new(scan: &Scan, tokens: usize, order: Order) -> Self {
        let chunk = order.chunk(tokens);
        Self {
            projected: zeros(chunk * scan.project.outputs()),
            work: Work::new(std::iter::once((&scan.core, chunk))),
            tail: zeros(scan.core.tail()),
            states: zeros(scan.core.states()),
        }
    }
}

/// Convolution, step sizes and decays.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma",))]
fn before(
    core: &Core,
    projected: &[f32],
    work: &mut Work,
    tail: &mut [f32],
    order: Order,
    count: usize,
) {
    match_target! {
        "x86_64+fma" => {
            convolve::<true>(core, projected, work, tail, order, count);
            prepare::<true>(core, projected, work, order, count);
        }
        "aarch64+neon" => {
            convolve::<true>(core, projected, work, tail, order, count);
            prepare::<true>(core, projected, work, order, count);
        }
        _ => {
            convolve::<false>(core, projected, work, tail, order, count);
            prepare::<false>(core, projected, work, order, count);
        }
    }
}

/// Gate and normalisation.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma",))]
fn after(core: &Core, projected: &mut [f32], work: &Work, order: Order, count: usize) {
    match_target! {
        "x86_64+fma" => gate::<true>(core, projected, work, order, count),
        "aarch64+neon" => gate::<true>(core, projected, work, order, count),
        _ => gate::<false>(core, projected, work, order, count),
    }
}

/// `w'_t = SiLU(bias + Σ_k weight_k w_{t - taps + 1 + k})`; keeps the tail for the next chunk.
#[inline(always)]
fn convolve<const FUSED: bool>(
    core: &Core,
    projected: &[f32],
    s: &mut Work,
    tail: &mut [f32],
    order: Order,
    count: usize,
) {
    let (inner, convolved, stride) = (core.inner(), core.convolved(), core.projected());
    let history = core.taps() - 1;
    let row = |visit: usize| &projected[order.place(visit) * stride + inner..][..convolved];
    for (visit, out) in s.convolved.chunks_exact_mut(convolved).take(count).enumerate() {
        out.copy_from_slice(&core.conv_bias);
        for (tap, weight) in core.conv.chunks_exact(convolved).enumerate() {
            // Index from the first row of the tail.
            let at = visit + tap;
            let source = match at.checked_sub(history) {
                Some(visit) => row(visit),
                None => &tail[at * convolved..][..convolved],
            };
            for ((out, weight), v) in out.iter_mut().zip(weight).zip(source) {
                *out = mul_add::<FUSED>(*weight, *v, *out);
            }
        }
        out.iter_mut().for_each(|v| *v = silu::<FUSED>(*v));
    }
    for i in 0..history {
        let at = i + count;
        match at.checked_sub(history) {
            Some(visit) => tail[i * convolved..][..convolved].copy_from_slice(row(visit)),
            None => tail.copy_within(at * convolved..(at + 1) * convolved, i * convolved),
        }
    }
}

/// Computes step sizes Δ, decays and the inputs Δ·x.
#[inline(always)]
fn prepare<const FUSED: bool>(
    core: &Core,
    projected: &[f32],
    s: &mut Work,
    order: Order,
    count: usize,
) {
    let (inner, convolved, padded) = (core.inner(), core.convolved(), core.padded());
    let heads = core.rates.len();
    let head_width = inner / heads;
    let stride = core.projected();
    let steps = &mut s.steps[..count * heads];
    for (visit, steps) in steps.chunks_exact_mut(heads).enumerate() {
        steps.copy_from_slice(
            &projected[order.place(visit) * stride + inner + convolved..][..heads],
        );
    }
    // All tokens at once: a few heads alone would not fill a register.
    steps.iter_mut().for_each(|v| *v = softplus::<FUSED>(*v));
    let kept = &mut s.kept[..count * heads];
    for (kept, steps) in kept.chunks_exact_mut(heads).zip(steps.chunks_exact(heads)) {
        for ((kept, step), rate) in kept.iter_mut().zip(steps).zip(core.rates.iter()) {
            *kept = -step * rate;
        }
    }
    kept.iter_mut().for_each(|v| *v = exp::<FUSED>(*v));
    let heads = steps.chunks_exact(heads).zip(kept.chunks_exact(heads));
    for (visit, (steps, kept)) in heads.enumerate() {
        let x = s.convolved[visit * convolved..][..inner].chunks_exact(head_width);
        let values = s.values[visit * padded..][..inner].chunks_exact_mut(head_width);
        let decays = s.decays[visit * padded..][..inner].chunks_exact_mut(head_width);
        let channels = x.zip(values).zip(decays).zip(steps).zip(kept);
        for ((((x, values), decays), step), kept) in channels {
            values.iter_mut().zip(x).for_each(|(value, x)| *value = step * x);
            decays.fill(*kept);
        }
    }
}

/// The recurrence `S ← decay S + Δx Bᵀ` over `count` tokens; the inputs Δ·x are overwritten by the
/// outputs S·C.
struct Recurrence<'a> {
    core: &'a Core,
    work: &'a mut Work,
    states: &'a mut [f32],
    count: usize,
}

impl WithSimd for Recurrence<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.core.state {
            16 => self.run::<S, 16>(simd),
            8 => self.run::<S, 8>(simd),
            _ => self.run_any(simd),
        }
    }
}

impl Recurrence<'_> {
    /// With `N` state numbers per channel, kept in registers where the processor has enough.
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let Self { core, work, states, count } = self;
        let (inner, convolved, padded) = (core.inner(), core.convolved(), core.padded());
        // The layout of the states does not depend on the register width.
        let (groups, registers) = (padded / S::F32_LANES, LANES / S::F32_LANES);
        let (states, _) = S::as_mut_simd_f32s(states);
        let (values, _) = S::as_mut_simd_f32s(&mut work.values);
        let (decays, _) = S::as_simd_f32s(&work.decays);
        for (at, state) in states.chunks_exact_mut(N * registers).enumerate() {
            for register in 0..registers {
                let mut cells = [simd.splat_f32s(0.0); N];
                for n in 0..N {
                    cells[n] = state[n * registers + register];
                }
                let group = at * registers + register;
                let tokens = work.convolved.chunks_exact(convolved).take(count);
                let tokens = tokens.zip(values.chunks_exact_mut(groups));
                for ((token, values), decays) in tokens.zip(decays.chunks_exact(groups)) {
                    let (b, c) = token[inner..].split_at(N);
                    let (b, c) = (&b[..N], &c[..N]);
                    let (decay, value) = (decays[group], values[group]);
                    // Two accumulators, because each addition waits for the previous.
                    let mut reads = [simd.splat_f32s(0.0); 2];
                    for n in 0..N {
                        let written = simd.mul_f32s(value, simd.splat_f32s(b[n]));
                        cells[n] = simd.mul_add_e_f32s(cells[n], decay, written);
                        let c = simd.splat_f32s(c[n]);
                        reads[n % 2] = simd.mul_add_e_f32s(cells[n], c, reads[n % 2]);
                    }
                    values[group] = simd.add_f32s(reads[0], reads[1]);
                }
                for n in 0..N {
                    state[n * registers + register] = cells[n];
                }
            }
        }
    }

    /// With any number of state numbers per channel.
    #[inline(always)]
    fn run_any<S: Simd>(self, simd: S) {
        let Self { core, work, states, count } = self;
        let (inner, convolved, padded) = (core.inner(), core.convolved(), core.padded());
        let (groups, registers) = (padded / S::F32_LANES, LANES / S::F32_LANES);
        let (states, _) = S::as_mut_simd_f32s(states);
        let (values, _) = S::as_mut_simd_f32s(&mut work.values);
        let (decays, _) = S::as_simd_f32s(&work.decays);
        let tokens = work.convolved.chunks_exact(convolved).take(count);
        let tokens = tokens.zip(values.chunks_exact_mut(groups));
        for ((token, values), decays) in tokens.zip(decays.chunks_exact(groups)) {
            let (b, c) = token[inner..].split_at(core.state);
            for group in 0..groups {
                let (at, register) = (group / registers, group % registers);
                let state = states[at * core.state * registers..].iter_mut();
                let (decay, value) = (decays[group], values[group]);
                let mut read = simd.splat_f32s(0.0);
                for ((cell, b), c) in state.skip(register).step_by(registers).zip(b).zip(c) {
                    let written = simd.mul_f32s(value, simd.splat_f32s(*b));
                    *cell = simd.mul_add_e_f32s(*cell, decay, written);
                    read = simd.mul_add_e_f32s(*cell, simd.splat_f32s(*c), read);
                }
                values[group] = read;
            }
        }
    }
}

/// `v = (y + skip x) SiLU(z)`, divided by its root mean square; overwrites the gate `z`.
#[inline(always)]
fn gate<const FUSED: bool>(
    core: &Core,
    projected: &mut [f32],
    s: &Work,
    order: Order,
    count: usize,
) {
    let (inner, convolved, padded) = (core.inner(), core.convolved(), core.padded());
    let stride = core.projected();
    for visit in 0..count {
        let gate = &mut projected[order.place(visit) * stride..][..inner];
        let x = &s.convolved[visit * convolved..][..inner];
        let y = &s.values[visit * padded..][..inner];
        for (((z, x), y), skip) in gate.iter_mut().zip(x).zip(y).zip(core.skip.iter()) {
            *z = mul_add::<FUSED>(*skip, *x, *y) * silu::<FUSED>(*z);
        }
        let scale = inverse_rms::<FUSED>(gate);
        gate.iter_mut().for_each(|v| *v *= scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_visits_every_token_of_a_chunk_once() {
        let visited = |order: Order, tokens: usize| -> Vec<usize> {
            (0..tokens).map(|visit| order.place(visit)).collect()
        };
        assert_eq!(visited(Order::FORWARD, 4), [0, 1, 2, 3]);
        assert_eq!(visited(Order(3), 6), [2, 1, 0, 5, 4, 3]);
        assert_eq!(visited(Order(4), 4), [3, 2, 1, 0]);
        for (order, tokens) in [(Order(21), 2016), (Order(96), 96), (Order::FORWARD, 40)] {
            assert_eq!(order.chunk(tokens) % order.0, 0);
        }
    }
}
