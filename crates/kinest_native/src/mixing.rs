//! The second half of every block: local mixing along time, then attention and a linear map.

use super::attention::{Encoder, EncoderScratch, KeysValues};
use super::matrix::{Linear, PANEL, Right, Rows, RowsMut, Write, pack, product};
use super::numbers::{Numbers, zeros};
use super::rows::LayerNorm;
use kinest::model::Take;
use rayon::prelude::*;

/// Rows per task: enough to reuse each weight from the cache, few enough to distribute one window
/// over several threads.
pub(super) const BAND: usize = 24;

/// Weights of the second half of a block.
#[derive(Debug)]
pub(super) struct Mixing<M = Linear> {
    pub(super) norm_local: LayerNorm,
    /// `[window, window + 1]`: the mixer's weight with its bias as the last column. In a causal
    /// network `[taps + 1, width]`: the filter's taps, newest last, then its bias as the last row.
    pub(super) time_mixer: Numbers,
    pub(super) embed_in: M,
    pub(super) norm_global: LayerNorm,
    pub(super) encoder: Encoder<M>,
    /// Both linear layers of the Fan, multiplied into one.
    pub(super) fan: M,
    pub(super) embed_out: M,
}

/// Scratch buffers for mixing one window.
#[derive(Debug)]
pub(super) struct MixingScratch {
    /// `[window, width]`
    pub(super) normed: Numbers,
    /// `normed` packed into panels, with a last row of ones for the mixer's bias.
    panels: Numbers,
    /// `[window, width]`
    encoded: Numbers,
    /// `[window, 2 width]`
    key_value: Numbers,
    packed: KeysValues,
    bands: Vec<Band>,
}

/// Scratch buffers of one task's rows.
#[derive(Debug)]
struct Band {
    encoder: EncoderScratch,
    /// `[BAND, width]`
    global: Numbers,
}

impl MixingScratch {
    /// Allocates for windows of `frames` frames.
    pub(super) fn new(mixing: &Mixing, frames: usize) -> Self {
        let width = mixing.embed_in.outputs();
        let mut panels = zeros((frames + 1) * width.next_multiple_of(PANEL));
        for panel in panels.chunks_exact_mut((frames + 1) * PANEL) {
            panel[frames * PANEL..].fill(1.0);
        }
        let band = || Band {
            encoder: EncoderScratch::new(&mixing.encoder, BAND, frames),
            global: zeros(BAND * width),
        };
        Self {
            normed: zeros(frames * width),
            panels,
            encoded: zeros(frames * width),
            key_value: zeros(frames * 2 * width),
            packed: KeysValues::new(frames, width, mixing.encoder.heads),
            bands: std::iter::repeat_with(band).take(frames.div_ceil(BAND)).collect(),
        }
    }
}

impl Mixing {
    /// Mixes the frames of the window `x` in place. With [`Take::Newest`] only the last row is the
    /// block's output; the other rows are left half-computed.
    ///
    /// # Shapes
    /// - `x`: `[window, width]`
    pub(super) fn run(&self, x: &mut [f32], s: &mut MixingScratch, take: Take) {
        let width = self.embed_in.outputs();
        let frames = x.len() / width;
        let rows = BAND * width;

        self.norm_local.copy(x, &mut s.normed);
        pack(Rows::whole(&s.normed, width), width, frames + 1, &mut s.panels);
        let panels = Right { panels: &s.panels, bias: &[], inputs: frames + 1, outputs: width };
        x.par_chunks_mut(rows)
            .zip(s.encoded.par_chunks_mut(rows))
            .zip(s.key_value.par_chunks_mut(2 * rows))
            .zip(self.time_mixer.par_chunks(BAND * (frames + 1)))
            .for_each(|(((x, encoded), key_value), mixer)| {
                let mixer = Rows::whole(mixer, frames + 1);
                product(mixer, panels, RowsMut::new(encoded, width), Write::Silu);
                x.iter_mut().zip(&*encoded).for_each(|(x, local)| *x += local);
                let out = RowsMut::new(encoded, width);
                self.embed_in.apply(Rows::whole(x, width), out, Write::Plain);
                self.norm_global.apply(encoded);
                let out = RowsMut::new(key_value, 2 * width);
                self.encoder.key_value.apply(Rows::whole(encoded, width), out, Write::Plain);
            });

        s.packed.pack(&s.key_value);
        let finish = |x: &mut [f32], encoded: &mut [f32], band: &mut Band| {
            self.encoder.run(&s.packed, &mut band.encoder, encoded);
            let global = RowsMut::new(&mut band.global, width);
            self.fan.apply(Rows::whole(encoded, width), global, Write::Silu);
            let global = Rows::first(&band.global, width, x.len() / width);
            self.embed_out.apply(global, RowsMut::new(x, width), Write::Add);
        };
        match take {
            Take::All => x
                .par_chunks_mut(rows)
                .zip(s.encoded.par_chunks_mut(rows))
                .zip(s.bands.par_iter_mut())
                .for_each(|((x, encoded), band)| finish(x, encoded, band)),
            Take::Newest => {
                let newest = (frames - 1) * width;
                finish(&mut x[newest..], &mut s.encoded[newest..], &mut s.bands[0]);
            }
        }
    }
}
