//! Forward pass of a causal network, frame by frame.

use super::matrix::{Rows, RowsMut, Write, spread};
use super::memory::{BlockPlaces, Places, StateError, StreamingState, slots};
use super::numbers::{Numbers, zeros};
use super::pack::{PackError, pack};
use super::packed::Packed;
use super::rows::{LANES, softmax_rows};
use super::scan::Work;
use super::weights::{Block, Kind, Weights};
use kinest::math::{mul_add, silu};
use kinest::model::{NamedTensors, NetworkConfig, Precision, Take};
use multiversion::multiversion;
use multiversion::target::match_target;
use std::ops::Range;
use std::sync::Arc;

/// Frames processed together, of one stream or several, so that each weight is read once for all of
/// them.
const FRAMES: usize = 16;

/// A causal KineST network in its native form, with its scratch buffers.
///
/// Computes the same function as `kinest_nn::pose::Kinest::stream`, with sums in another order. A
/// clone shares the weights, so there can be one for each thread; the state of a stream works with
/// any of them.
#[derive(Debug)]
pub struct NativeStreams {
    model: Arc<Model>,
    scratch: Scratch,
}

#[derive(Debug)]
struct Model {
    weights: Weights<Packed>,
    places: Places,
}

/// The next frames of a stream.
#[derive(Debug)]
pub struct NextFrames<'a> {
    /// The stream's state.
    pub state: &'a mut StreamingState,
    /// `[frames, inputs]`
    pub features: &'a [f32],
    /// `[frames, outputs]` for [`Take::All`], `[outputs]` for [`Take::Newest`].
    pub out: &'a mut [f32],
}

impl NativeStreams {
    /// Packs the tensors of a network with the dimensions of `config`. All weights except those of
    /// normalisations, filters along time and biases are rounded to `precision`.
    ///
    /// # Errors
    /// If the network is of another kind or not causal, or the tensors are not those of `config`.
    pub fn new(
        config: &NetworkConfig,
        tensors: NamedTensors,
        precision: Precision,
    ) -> Result<Self, PackError> {
        let NetworkConfig::Kinest(config) = config else { return Err(PackError::Kind) };
        let causal = config.causal.ok_or(PackError::NotCausal)?;
        let weights = pack(config, tensors, |matrix| Packed::new(&matrix, precision))?;
        let places = Places::new(&weights, causal.mixer_taps, causal.attention_frames);
        let model = Arc::new(Model { weights, places });
        Ok(Self { scratch: Scratch::new(&model), model })
    }

    /// The state of a stream before its first frame.
    #[must_use]
    pub fn start(&self) -> StreamingState {
        self.model.places.start()
    }

    /// Restores a state from the bytes of [`StreamingState::save`].
    ///
    /// # Errors
    /// If the bytes are not a state of a network with these dimensions.
    pub fn load(&self, bytes: &[u8]) -> Result<StreamingState, StateError> {
        self.model.places.load(bytes)
    }

    /// Bytes of a saved state; a state in memory has about the same size.
    #[must_use]
    pub fn saved_bytes(&self) -> usize {
        self.model.places.saved_bytes()
    }

    /// Bytes of the packed matrices, which each frame reads from memory.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        let Weights { embed, blocks, regress, .. } = &self.model.weights;
        let of_block = |block: &Block<Packed>| {
            let mut all = vec![];
            all.extend(block.scans.iter().flat_map(|scan| [&scan.project, &scan.project_out]));
            if let Kind::Kinematic { to_joints, from_joints, .. } = &block.kind {
                all.extend([to_joints, from_joints]);
            }
            let (mixing, encoder) = (&block.mixing, &block.mixing.encoder);
            all.extend([&mixing.embed_in, &mixing.fan, &mixing.embed_out]);
            all.extend([&encoder.query, &encoder.key_value, &encoder.output]);
            all.extend([&encoder.widen, &encoder.narrow]);
            all.into_iter().map(Packed::bytes).sum::<usize>()
        };
        embed.bytes() + regress.bytes() + blocks.iter().map(of_block).sum::<usize>()
    }

    /// Input numbers per frame.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.model.weights.embed.inputs()
    }

    /// Output numbers per frame.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.model.weights.regress.outputs()
    }

    /// Feeds a stream its next frames. Allocates nothing.
    ///
    /// # Shapes
    /// - `features`: `[frames, inputs]`
    /// - `out`: `[frames, outputs]` for [`Take::All`], `[outputs]` for [`Take::Newest`]
    ///
    /// # Panics
    /// If the lengths do not fit, or the state is of a network with other dimensions.
    pub fn step(
        &mut self,
        state: &mut StreamingState,
        features: &[f32],
        take: Take,
        out: &mut [f32],
    ) {
        self.step_all(&mut [NextFrames { state, features, out }], take);
    }

    /// [`step`](Self::step) for several streams. Costs little more than one stream as long as
    /// reading the weights dominates.
    ///
    /// # Panics
    /// As [`step`](Self::step).
    pub fn step_all(&mut self, streams: &mut [NextFrames<'_>], take: Take) {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let mut total = 0;
        for NextFrames { state, features, out } in &*streams {
            assert!(self.model.places.fits(state), "a state of another network");
            let frames = features.len() / inputs;
            assert!(frames > 0 && features.len() == frames * inputs, "features of whole frames");
            let rows = if take == Take::All { frames } else { 1 };
            assert_eq!(out.len(), rows * outputs, "room for what is taken");
            total += frames;
        }
        for first in (0..total).step_by(FRAMES) {
            let pass = Pass { first, count: FRAMES.min(total - first), inputs };
            self.scratch.run(&self.model, streams, pass, take);
        }
    }
}

impl Clone for NativeStreams {
    fn clone(&self) -> Self {
        Self { model: self.model.clone(), scratch: Scratch::new(&self.model) }
    }
}

/// A slice of the frames given to all streams, counted one stream after another.
#[derive(Clone, Copy)]
struct Pass {
    first: usize,
    count: usize,
    inputs: usize,
}

impl Pass {
    /// The streams with frames in this pass: the stream, its rows of the pass, and the index of the
    /// first of them among the stream's new frames.
    fn streams<'s, 'f>(
        self,
        streams: &'s mut [NextFrames<'f>],
    ) -> impl Iterator<Item = (&'s mut NextFrames<'f>, Range<usize>, usize)> {
        let mut before = 0;
        streams.iter_mut().filter_map(move |stream| {
            let start = before;
            before += stream.features.len() / self.inputs;
            let from = self.first.max(start);
            let to = before.min(self.first + self.count);
            (from < to).then(|| (stream, from - self.first..to - self.first, from - start))
        })
    }
}

/// Scratch buffers of a pass, one row per frame.
#[derive(Debug)]
struct Scratch {
    /// Standardised features.
    features: Numbers,
    x: Numbers,
    normed: Numbers,
    /// `[joints, joint_width]`
    joints: Numbers,
    /// Sum of both scans over the joints.
    scanned: Numbers,
    /// `[tokens, gate | x | B | C | steps]`
    projected: Numbers,
    work: Work,
    encoded: Numbers,
    query: Numbers,
    key_value: Numbers,
    /// Of one frame only, `[heads, slots]`.
    scores: Numbers,
    attended: Numbers,
    /// Row stride from [`spread`].
    hidden: Numbers,
    global: Numbers,
    output: Numbers,
}

impl Scratch {
    fn new(Model { weights, places }: &Model) -> Self {
        let width = weights.embed.outputs();
        let blocks = &weights.blocks;
        let scores = |(block, places): (&Block<Packed>, &BlockPlaces)| {
            block.mixing.encoder.heads * slots(places.values.rows)
        };
        let scores = blocks.iter().zip(&places.blocks).map(scores).max();
        let most = |of: &dyn Fn(&Block<Packed>) -> usize| {
            zeros(FRAMES * blocks.iter().map(of).max().unwrap_or_default())
        };
        let joints = |block: &Block<Packed>| match &block.kind {
            Kind::Temporal => 0,
            Kind::Kinematic { to_joints, .. } => to_joints.outputs(),
        };
        let scans = blocks
            .iter()
            .flat_map(|block| block.scans.iter().map(|scan| (&scan.core, FRAMES * block.tokens())));
        let rows = |width| zeros(FRAMES * width);
        Self {
            features: rows(weights.embed.inputs()),
            x: rows(width),
            normed: rows(width),
            joints: most(&joints),
            scanned: most(&joints),
            projected: most(&|block| block.tokens() * block.scans[0].core.projected()),
            work: Work::new(scans),
            encoded: rows(width),
            query: rows(width),
            key_value: rows(2 * width),
            scores: zeros(scores.unwrap_or_default()),
            attended: rows(width),
            hidden: most(&|block| spread(block.mixing.encoder.widen.outputs())),
            global: rows(width),
            output: rows(weights.regress.outputs()),
        }
    }

    /// Runs one pass and writes the frames that `take` asks for.
    fn run(&mut self, model: &Model, streams: &mut [NextFrames<'_>], pass: Pass, take: Take) {
        let Model { weights, places } = model;
        let (width, inputs) = (weights.embed.outputs(), pass.inputs);
        for (stream, rows, from) in pass.streams(streams) {
            let features = &stream.features[from * inputs..][..rows.len() * inputs];
            self.features[rows.start * inputs..rows.end * inputs].copy_from_slice(features);
        }
        let features = &mut self.features[..pass.count * inputs];
        if let Some([mean, std]) = &weights.standardise {
            for row in features.chunks_exact_mut(inputs) {
                for ((v, mean), std) in row.iter_mut().zip(mean.iter()).zip(std.iter()) {
                    *v = (*v - mean) / std;
                }
            }
        }
        let embedded = RowsMut::new(&mut self.x, width);
        weights.embed.apply(Rows::whole(features, inputs), embedded, Write::Plain);
        for (block, places) in weights.blocks.iter().zip(&places.blocks) {
            self.scan(block, places, streams, pass);
            self.mix(block, places, streams, pass);
        }
        let outputs = weights.regress.outputs();
        let out = RowsMut::new(&mut self.output, outputs);
        weights.regress.apply(Rows::first(&self.x, width, pass.count), out, Write::Plain);
        for (stream, rows, from) in pass.streams(streams) {
            stream.state.frames += rows.len() as u64;
            let output = &self.output[rows.start * outputs..rows.end * outputs];
            match take {
                Take::All => {
                    stream.out[from * outputs..][..output.len()].copy_from_slice(output);
                }
                // The stream's newest frame is in its last pass, which overwrites earlier ones.
                Take::Newest => stream.out.copy_from_slice(&output[output.len() - outputs..]),
            }
        }
    }

    /// Adds the output of a block's scans to `x`.
    fn scan(
        &mut self,
        block: &Block<Packed>,
        places: &BlockPlaces,
        streams: &mut [NextFrames<'_>],
        pass: Pass,
    ) {
        let width = block.mixing.embed_in.outputs();
        let size = pass.count * width;
        block.norm.copy(&self.x[..size], &mut self.normed[..size]);
        let frames = Rows::first(&self.normed, width, pass.count);
        let per_frame = block.tokens();
        let tokens = match &block.kind {
            Kind::Temporal => frames,
            Kind::Kinematic { to_joints, .. } => {
                let wide = to_joints.outputs();
                to_joints.apply(frames, RowsMut::new(&mut self.joints, wide), Write::Plain);
                Rows::first(&self.joints, wide / per_frame, pass.count * per_frame)
            }
        };
        let scans = block.scans.iter().zip(&places.scans).zip(block.orders(1));
        for (at, ((scan, place), order)) in scans.enumerate() {
            let stride = scan.core.projected();
            let projected = RowsMut::new(&mut self.projected, stride);
            scan.project.apply(tokens, projected, Write::Plain);
            for (stream, rows, _) in pass.streams(streams) {
                let projected = &mut self.projected[rows.start * per_frame * stride..];
                let mut memory = place.of(&mut stream.state.numbers);
                let count = rows.len() * per_frame;
                scan.core.run(projected, &mut self.work, &mut memory, order, count);
            }
            let gated = Rows::first(&self.projected, stride, tokens.count);
            let (out, write) = match (&block.kind, at) {
                (Kind::Temporal, _) => (&mut self.x, Write::Add),
                (Kind::Kinematic { .. }, 0) => (&mut self.scanned, Write::Plain),
                (Kind::Kinematic { .. }, _) => (&mut self.scanned, Write::Add),
            };
            scan.project_out.apply(gated, RowsMut::new(out, scan.project_out.outputs()), write);
        }
        if let Kind::Kinematic { from_joints, .. } = &block.kind {
            let scanned = Rows::first(&self.scanned, from_joints.inputs(), pass.count);
            from_joints.apply(scanned, RowsMut::new(&mut self.x, width), Write::Add);
        }
    }

    /// Mixes each frame with the frames before it.
    fn mix(
        &mut self,
        block: &Block<Packed>,
        places: &BlockPlaces,
        streams: &mut [NextFrames<'_>],
        pass: Pass,
    ) {
        let (mixing, encoder) = (&block.mixing, &block.mixing.encoder);
        let (width, count) = (mixing.embed_in.outputs(), pass.count);
        let size = count * width;
        mixing.norm_local.copy(&self.x[..size], &mut self.normed[..size]);
        for (stream, rows, _) in pass.streams(streams) {
            let StreamingState { numbers, frames, .. } = &mut *stream.state;
            let ring = &mut numbers[places.filter.place.clone()];
            for (row, frame) in rows.zip(*frames..) {
                let normed = &self.normed[row * width..][..width];
                ring[places.filter.slot(frame) * width..][..width].copy_from_slice(normed);
                let oldest = places.filter.slot(frame + 1);
                filter(&mixing.time_mixer, ring, oldest, &mut self.x[row * width..][..width]);
            }
        }

        let x = Rows::first(&self.x, width, count);
        mixing.embed_in.apply(x, RowsMut::new(&mut self.encoded, width), Write::Plain);
        mixing.norm_global.apply(&mut self.encoded[..size]);
        let encoded = Rows::first(&self.encoded, width, count);
        encoder.query.apply(encoded, RowsMut::new(&mut self.query, width), Write::Plain);
        let out = RowsMut::new(&mut self.key_value, 2 * width);
        encoder.key_value.apply(encoded, out, Write::Plain);
        for (stream, rows, _) in pass.streams(streams) {
            let StreamingState { numbers, frames, .. } = &mut *stream.state;
            for (row, frame) in rows.zip(*frames..) {
                let (key, value) = self.key_value[row * 2 * width..][..2 * width].split_at(width);
                let slot = places.values.slot(frame);
                let keys = &mut numbers[places.keys.clone()];
                let columns = keys.len() / width;
                for (column, key) in keys.chunks_exact_mut(columns).zip(key) {
                    column[slot] = *key;
                }
                let values = &mut numbers[places.values.place.clone()];
                values[slot * width..][..width].copy_from_slice(value);
                let past = Past {
                    keys: &numbers[places.keys.clone()],
                    values: &numbers[places.values.place.clone()],
                    frames: places.values.rows,
                    heads: encoder.heads,
                };
                let query = &self.query[row * width..][..width];
                attend(past, query, &mut self.scores, &mut self.attended[row * width..][..width]);
            }
        }

        let attended = Rows::first(&self.attended, width, count);
        encoder.output.apply(attended, RowsMut::new(&mut self.encoded, width), Write::Add);
        encoder.norm_attention.apply(&mut self.encoded[..size]);
        let stride = spread(encoder.widen.outputs());
        let hidden = RowsMut::new(&mut self.hidden, stride);
        encoder.widen.apply(Rows::first(&self.encoded, width, count), hidden, Write::Relu);
        let hidden = Rows::first(&self.hidden, stride, count);
        encoder.narrow.apply(hidden, RowsMut::new(&mut self.encoded, width), Write::Add);
        encoder.norm_forward.apply(&mut self.encoded[..size]);

        let encoded = Rows::first(&self.encoded, width, count);
        mixing.fan.apply(encoded, RowsMut::new(&mut self.global, width), Write::Silu);
        let global = Rows::first(&self.global, width, count);
        mixing.embed_out.apply(global, RowsMut::new(&mut self.x, width), Write::Add);
    }
}

/// `x += SiLU(bias + Σ_k weight_k row_k)`, where row 0 of the ring is at `oldest` and the last row
/// of `weights` is the bias.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma",))]
fn filter(weights: &[f32], ring: &[f32], oldest: usize, x: &mut [f32]) {
    match_target! {
        "x86_64+fma" => filter_row::<true>(weights, ring, oldest, x),
        "aarch64+neon" => filter_row::<true>(weights, ring, oldest, x),
        _ => filter_row::<false>(weights, ring, oldest, x),
    }
}

#[inline(always)]
fn filter_row<const FUSED: bool>(weights: &[f32], ring: &[f32], oldest: usize, x: &mut [f32]) {
    let width = x.len();
    let (weights, bias) = weights.split_at(ring.len());
    let (newer, older) = ring.split_at(oldest * width);
    let rows = || older.chunks_exact(width).chain(newer.chunks_exact(width));
    let (whole, rest) = x.as_chunks_mut::<LANES>();
    for (at, x) in whole.iter_mut().enumerate() {
        let part = |row: &[f32]| -> [f32; LANES] {
            std::array::from_fn(|lane| row[at * LANES..][..LANES][lane])
        };
        let mut sums = part(bias);
        for (weight, row) in weights.chunks_exact(width).zip(rows()) {
            let (weight, row) = (part(weight), part(row));
            for lane in 0..LANES {
                sums[lane] = mul_add::<FUSED>(weight[lane], row[lane], sums[lane]);
            }
        }
        x.iter_mut().zip(sums).for_each(|(x, sum)| *x += silu::<FUSED>(sum));
    }
    let from = width - rest.len();
    for (at, x) in (from..).zip(rest) {
        let terms = weights.chunks_exact(width).zip(rows());
        let sum = terms.fold(bias[at], |sum, (w, row)| mul_add::<FUSED>(w[at], row[at], sum));
        *x += silu::<FUSED>(sum);
    }
}

/// Keys and values of attention. The ring is unordered in time, which does not affect attention.
#[derive(Clone, Copy)]
struct Past<'a> {
    /// `[width, slots]`
    keys: &'a [f32],
    /// `[frames, width]`
    values: &'a [f32],
    frames: usize,
    heads: usize,
}

/// Per head: the mean of the values, weighted by the softmax of `keys · query`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma",))]
fn attend(past: Past<'_>, query: &[f32], scores: &mut [f32], out: &mut [f32]) {
    match_target! {
        "x86_64+fma" => attend_row::<true>(past, query, scores, out),
        "aarch64+neon" => attend_row::<true>(past, query, scores, out),
        _ => attend_row::<false>(past, query, scores, out),
    }
}

#[inline(always)]
fn attend_row<const FUSED: bool>(
    past: Past<'_>,
    query: &[f32],
    scores: &mut [f32],
    out: &mut [f32],
) {
    let Past { keys, values, frames, heads } = past;
    let (width, columns) = (out.len(), slots(frames));
    let head_width = width / heads;
    let of_heads = query.chunks_exact(head_width).zip(keys.chunks_exact(head_width * columns));
    for ((query, keys), scores) in of_heads.zip(scores.chunks_exact_mut(columns)) {
        for (at, scores) in scores.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            let mut sums = [0.0; LANES];
            for (query, keys) in query.iter().zip(keys.chunks_exact(columns)) {
                let keys = &keys[at * LANES..][..LANES];
                for lane in 0..LANES {
                    sums[lane] = mul_add::<FUSED>(*query, keys[lane], sums[lane]);
                }
            }
            *scores = sums;
        }
        softmax_rows::<FUSED>(&mut scores[..frames], frames);
    }
    out.fill(0.0);
    for (frame, values) in values.chunks_exact(width).enumerate() {
        let of_heads = out.chunks_exact_mut(head_width).zip(values.chunks_exact(head_width));
        for (head, (out, values)) in of_heads.enumerate() {
            let weight = scores[head * columns + frame];
            for (out, value) in out.iter_mut().zip(values) {
                *out = mul_add::<FUSED>(weight, *value, *out);
            }
        }
    }
}
