//! A Mamba-2 block over whole sequences: projection, convolution, recurrence, gate, projection.
//!
//! A sequence is worked on in chunks that stay in the cache from the first projection to the last.
//! The recurrence holds the channels side by side, [`LANES`] of them, and the state's numbers one
//! after the other, so that reading the state is a sum of whole registers.

use super::matrix::{Linear, Rows, RowsMut, Write};
use super::numbers::{Numbers, zeros};
use super::rows::{LANES, inverse_rms};
use kinest::math::{exp, mul_add, silu, softplus};
use multiversion::multiversion;
use multiversion::target::match_target;
use pulp::{Arch, Simd, WithSimd};

/// Tokens of a chunk, about.
const CHUNK: usize = 64;

/// The order in which a scan visits tokens: groups of this many forwards, each backwards inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order(pub(super) usize);

impl Order {
    /// One token after another.
    pub(super) const FORWARD: Self = Self(1);

    /// Where the token lies that is visited as number `visit`.
    #[inline(always)]
    fn place(self, visit: usize) -> usize {
        let inside = visit % self.0;
        visit - inside + (self.0 - 1 - inside)
    }

    /// Tokens of a chunk: whole groups.
    fn chunk(self, tokens: usize) -> usize {
        CHUNK.next_multiple_of(self.0).min(tokens)
    }
}

/// The weights of a block.
#[derive(Debug)]
pub(super) struct Scan<M = Linear> {
    /// To gate, x, B, C and steps side by side; the steps' bias is in it.
    pub(super) project: M,
    pub(super) core: Core,
    /// Back to the token's width; the weight of the normalisation is in it.
    pub(super) project_out: M,
}

/// The weights between the projections of a block.
#[derive(Debug)]
pub(super) struct Core {
    /// `[taps, convolved]`, newest tap last.
    pub(super) conv: Numbers,
    /// `[convolved]`
    pub(super) conv_bias: Numbers,
    /// Decay rates, positive, `[heads]`.
    pub(super) rates: Numbers,
    /// Weight of the value itself in the output, `[inner]`.
    pub(super) skip: Numbers,
    /// Numbers of state per channel.
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
    /// Numbers of a projected token.
    pub(super) fn projected(&self) -> usize {
        self.inner() + self.convolved() + self.rates.len()
    }
    /// Numbers of [`Memory::tail`].
    pub(super) fn tail(&self) -> usize {
        (self.taps() - 1) * self.convolved()
    }
    /// Numbers of [`Memory::states`].
    pub(super) fn states(&self) -> usize {
        self.padded() * self.state
    }

    /// Everything between the projections, for `count` tokens that go on from `memory`. Their first
    /// `inner` numbers become what [`Scan::project_out`] takes.
    ///
    /// # Shapes
    /// - `projected`: `[count, gate | x | B | C | steps]`, where the tokens lie
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
        Arch::new().dispatch(Recurrence { core: self, work, states, count });
        after(self, projected, work, order, count);
    }
}

impl Scan {
    /// Runs the block over one sequence that starts from nothing, and writes to `out` what it says
    /// for each token, where the token lies.
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

/// What a scan remembers of the tokens before.
pub(super) struct Memory<'a> {
    /// What was visited last before the convolution, `[taps - 1, convolved]`.
    pub(super) tail: &'a mut [f32],
    /// `[padded / LANES, state, LANES]`
    pub(super) states: &'a mut [f32],
}

/// What [`Core::run`] needs on its way. Tokens lie as they are visited.
#[derive(Debug)]
pub(super) struct Work {
    /// x, B and C after the convolution, `[tokens, convolved]`.
    convolved: Numbers,
    /// What each token writes, then what it reads, `[tokens, padded]`.
    values: Numbers,
    /// What is left of the state at each token, `[tokens, padded]`.
    decays: Numbers,
    /// The same for each head, `[tokens, heads]`.
    kept: Numbers,
    /// `[tokens, heads]`
    steps: Numbers,
}

impl Work {
    /// Room for any of some scans, each over so many tokens at a time.
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

/// What a scan of whole sequences needs besides its weights.
#[derive(Debug)]
pub(super) struct ScanScratch {
    /// `[chunk, gate | x | B | C | steps]`, where the tokens lie; the gate becomes the gated output.
    projected: Numbers,
    work: Work,
    tail: Numbers,
    states: Numbers,
}

impl ScanScratch {
    /// Room for `scan` over `tokens` in the order.
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

/// Convolution, steps and decays.
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

/// `w'_t = SiLU(bias + Σ_k weight_k w_{t - taps + 1 + k})`, and keeps the tail for the next chunk.
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
            // Counted from the first row of the tail.
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

/// Steps, decays and what is written to the state.
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

/// The recurrence over some tokens: what they write becomes what they read.
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
    /// With `N` numbers of state per channel, which stay in registers where there are enough.
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let Self { core, work, states, count } = self;
        let (inner, convolved, padded) = (core.inner(), core.convolved(), core.padded());
        // States lie as memories keep them, whatever the width of registers here.
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
                    // Two sums, since each addition waits for the one before.
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

    /// With any number of state.
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

/// `v = (y + skip x) SiLU(z)`, divided by its root mean square; it takes the gate's place.
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
