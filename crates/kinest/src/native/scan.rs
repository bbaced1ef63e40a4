//! A Mamba-2 block over whole sequences: projection, convolution, recurrence, gate, projection.
//!
//! A sequence is worked on in chunks that stay in the cache from the first projection to the last.
//! The recurrence holds the channels side by side, [`LANES`] of them, and the state's numbers one
//! after the other, so that reading the state is a sum of whole registers.

use super::matrix::{Linear, Numbers, Rows, RowsMut, Write, zeros};
use super::rows::{LANES, inverse_rms};
use crate::model::math::{exp, mul_add, silu, softplus};
use multiversion::multiversion;
use multiversion::target::match_target;

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
        versions(self, projected, work, memory, order, count);
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

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma",))]
fn versions(
    core: &Core,
    projected: &mut [f32],
    work: &mut Work,
    memory: &mut Memory<'_>,
    order: Order,
    count: usize,
) {
    match_target! {
        "x86_64+fma" => all::<true>(core, projected, work, memory, order, count),
        "aarch64+neon" => all::<true>(core, projected, work, memory, order, count),
        _ => all::<false>(core, projected, work, memory, order, count),
    }
}

#[inline(always)]
fn all<const FUSED: bool>(
    core: &Core,
    projected: &mut [f32],
    work: &mut Work,
    memory: &mut Memory<'_>,
    order: Order,
    count: usize,
) {
    convolve::<FUSED>(core, projected, work, memory.tail, order, count);
    prepare::<FUSED>(core, projected, work, order, count);
    match core.state {
        16 => recur::<FUSED, 16>(core, work, memory.states, count),
        8 => recur::<FUSED, 8>(core, work, memory.states, count),
        _ => recur_any::<FUSED>(core, work, memory.states, count),
    }
    gate::<FUSED>(core, projected, work, order, count);
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
    // All steps at once: a few heads alone would not fill a register.
    steps.iter_mut().for_each(|v| *v = softplus::<FUSED>(*v));
    for (visit, steps) in steps.chunks_exact(heads).enumerate() {
        let x = &s.convolved[visit * convolved..][..inner];
        let values = &mut s.values[visit * padded..][..inner];
        let decays = &mut s.decays[visit * padded..][..inner];
        let channels = x.chunks_exact(head_width).zip(values.chunks_exact_mut(head_width));
        for ((x, values), step) in channels.zip(steps) {
            for (value, x) in values.iter_mut().zip(x) {
                *value = step * x;
            }
        }
        for ((decays, step), rate) in
            decays.chunks_exact_mut(head_width).zip(steps).zip(core.rates.iter())
        {
            decays.fill(-step * rate);
        }
        decays.iter_mut().for_each(|v| *v = exp::<FUSED>(*v));
    }
}

type Lanes = [f32; LANES];

/// `S ← decay S + value Bᵀ`; returns `S C`.
#[inline(always)]
fn advance<const FUSED: bool>(
    state: &mut [Lanes],
    (b, c): (&[f32], &[f32]),
    decay: &Lanes,
    value: &Lanes,
) -> Lanes {
    // Two sums, since each addition waits for the one before.
    let mut reads = [[0.0; LANES]; 2];
    for (n, ((cells, b), c)) in state.iter_mut().zip(b).zip(c).enumerate() {
        let read = &mut reads[n % 2];
        for lane in 0..LANES {
            cells[lane] = mul_add::<FUSED>(cells[lane], decay[lane], value[lane] * b);
            read[lane] = mul_add::<FUSED>(cells[lane], *c, read[lane]);
        }
    }
    std::array::from_fn(|lane| reads[0][lane] + reads[1][lane])
}

/// The recurrence with `N` numbers of state per channel, which stay in registers where they fit.
#[inline(always)]
fn recur<const FUSED: bool, const N: usize>(
    core: &Core,
    s: &mut Work,
    states: &mut [f32],
    count: usize,
) {
    let (inner, convolved, padded) = (core.inner(), core.convolved(), core.padded());
    let (states, _) = states.as_chunks_mut::<LANES>();
    let (states, _) = states.as_chunks_mut::<N>();
    let (rows, _) = s.values.as_chunks_mut::<LANES>();
    let (decays, _) = s.decays.as_chunks::<LANES>();
    let groups = padded / LANES;
    for (group, state) in states.iter_mut().enumerate() {
        let mut cells = *state;
        let visits = s.convolved.chunks_exact(convolved).take(count);
        let visits = visits.zip(rows.chunks_exact_mut(groups)).zip(decays.chunks_exact(groups));
        for ((row, values), decays) in visits {
            let (b, c) = row[inner..].split_at(N);
            let (b, c) = (&b[..N], &c[..N]);
            values[group] = advance::<FUSED>(&mut cells, (b, c), &decays[group], &values[group]);
        }
        *state = cells;
    }
}

/// The recurrence with any number of state.
#[inline(always)]
fn recur_any<const FUSED: bool>(core: &Core, s: &mut Work, states: &mut [f32], count: usize) {
    let (inner, convolved, padded) = (core.inner(), core.convolved(), core.padded());
    let (states, _) = states.as_chunks_mut::<LANES>();
    let (rows, _) = s.values.as_chunks_mut::<LANES>();
    let (decays, _) = s.decays.as_chunks::<LANES>();
    let groups = padded / LANES;
    for (group, cells) in states.chunks_exact_mut(core.state).enumerate() {
        let visits = s.convolved.chunks_exact(convolved).take(count);
        let visits = visits.zip(rows.chunks_exact_mut(groups)).zip(decays.chunks_exact(groups));
        for ((row, values), decays) in visits {
            let bc = row[inner..].split_at(core.state);
            values[group] = advance::<FUSED>(cells, bc, &decays[group], &values[group]);
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
