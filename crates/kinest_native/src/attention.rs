//! Encoder layer: attention over a window's frames, then the feed-forward network, each followed by
//! a layer norm.

use super::matrix::{
    Linear, PANEL, Right, Rows, RowsMut, Write, pack, pack_transposed, product, spread,
};
use super::numbers::{Numbers, zeros};
use super::rows::{LayerNorm, softmax};

/// The weights of an encoder layer.
#[derive(Debug)]
pub(super) struct Encoder<M = Linear> {
    /// Score scale `1/√head_width` folded in.
    pub(super) query: M,
    /// Keys and values concatenated: `[width, 2 width]`.
    pub(super) key_value: M,
    pub(super) output: M,
    pub(super) norm_attention: LayerNorm,
    pub(super) widen: M,
    pub(super) narrow: M,
    pub(super) norm_forward: LayerNorm,
    pub(super) heads: usize,
}

/// Keys and values of a window, packed as right-hand matrices.
#[derive(Debug)]
pub(super) struct KeysValues {
    frames: usize,
    head_width: usize,
    /// Per head: keys as columns.
    keys: Numbers,
    /// Per head: values as rows.
    values: Numbers,
}

impl KeysValues {
    pub(super) fn new(frames: usize, width: usize, heads: usize) -> Self {
        let head_width = width / heads;
        Self {
            frames,
            head_width,
            keys: zeros(heads * head_width * frames.next_multiple_of(PANEL)),
            values: zeros(heads * head_width.next_multiple_of(PANEL) * frames),
        }
    }

    /// Packs the output of [`Encoder::key_value`], `[frames, 2 width]`.
    pub(super) fn pack(&mut self, key_value: &[f32]) {
        let (frames, head_width) = (self.frames, self.head_width);
        let stride = key_value.len() / frames;
        let keys = self.keys.chunks_exact_mut(head_width * frames.next_multiple_of(PANEL));
        let values = self.values.chunks_exact_mut(frames * head_width.next_multiple_of(PANEL));
        for (head, (keys, values)) in keys.zip(values).enumerate() {
            let rows = |from| Rows::first(&key_value[from..], stride, frames);
            pack_transposed(rows(head * head_width), head_width, keys);
            pack(rows(stride / 2 + head * head_width), head_width, frames, values);
        }
    }

    fn key(&self, head: usize) -> Right<'_> {
        let size = self.head_width * self.frames.next_multiple_of(PANEL);
        let panels = &self.keys[head * size..][..size];
        Right { panels, bias: &[], inputs: self.head_width, outputs: self.frames }
    }

    fn value(&self, head: usize) -> Right<'_> {
        let size = self.frames * self.head_width.next_multiple_of(PANEL);
        let panels = &self.values[head * size..][..size];
        Right { panels, bias: &[], inputs: self.frames, outputs: self.head_width }
    }
}

/// Scratch buffers for a few rows of the layer.
#[derive(Debug)]
pub(super) struct EncoderScratch {
    /// `[rows, width]`
    query: Numbers,
    /// `[rows, width]`
    attended: Numbers,
    /// `[rows, frames]`
    scores: Numbers,
    /// `[rows, feed_forward]`, row stride from [`spread`].
    hidden: Numbers,
}

impl EncoderScratch {
    pub(super) fn new(encoder: &Encoder, rows: usize, frames: usize) -> Self {
        let width = encoder.query.outputs();
        Self {
            query: zeros(rows * width),
            attended: zeros(rows * width),
            scores: zeros(rows * frames),
            hidden: zeros(rows * spread(encoder.widen.outputs())),
        }
    }
}

impl Encoder {
    /// Runs the layer in place on some rows of a window; `window` holds the keys and values of
    /// every frame.
    pub(super) fn run(&self, window: &KeysValues, s: &mut EncoderScratch, rows: &mut [f32]) {
        let width = self.query.outputs();
        let count = rows.len() / width;
        self.query.apply(Rows::whole(rows, width), RowsMut::new(&mut s.query, width), Write::Plain);
        let scores = &mut s.scores[..count * window.frames];
        for head in 0..self.heads {
            let from = head * window.head_width;
            let query = Rows::first(&s.query[from..], width, count);
            let out = RowsMut::new(scores, window.frames);
            product(query, window.key(head), out, Write::Plain);
            softmax(scores, window.frames);
            let out = RowsMut::new(&mut s.attended[from..], width);
            product(Rows::whole(scores, window.frames), window.value(head), out, Write::Plain);
        }
        let attended = Rows::first(&s.attended, width, count);
        self.output.apply(attended, RowsMut::new(rows, width), Write::Add);
        self.norm_attention.apply(rows);

        let stride = spread(self.widen.outputs());
        let hidden = RowsMut::new(&mut s.hidden, stride);
        self.widen.apply(Rows::whole(rows, width), hidden, Write::Relu);
        let hidden = Rows::first(&s.hidden, stride, count);
        self.narrow.apply(hidden, RowsMut::new(rows, width), Write::Add);
        self.norm_forward.apply(rows);
    }
}
