//! The temporal branch of KSOF.

use super::super::matrix::{Linear, Rows, RowsMut, Write};
use super::super::numbers::{Numbers, zeros};
use super::super::pack::{Matrix, PackError};
use super::Unpacked;
use kinest::model::forecast::KsofConfig;

/// The temporal branch: frames of each number in, frames of each number out.
#[derive(Debug)]
pub(super) struct Temporal {
    /// Velocities and the map to channels.
    embed: Linear,
    blocks: Vec<[Convolution; 2]>,
    /// The map to velocities, and their sum.
    regress: Linear,
    history: usize,
    /// `[before + numbers, channels]`; the first `before` rows are zeros, the padding of the
    /// convolutions.
    x: Numbers,
    y: Numbers,
    /// `[numbers, channels]`
    update: Numbers,
    before: usize,
}

/// A causal dilated convolution along the numbers of a frame.
#[derive(Debug)]
struct Convolution {
    /// One matrix per tap, earliest first; the last has the bias.
    taps: Vec<Linear>,
    dilation: usize,
}

impl Temporal {
    pub(super) fn new(config: &KsofConfig, tensors: &mut Unpacked) -> Result<Self, PackError> {
        let KsofConfig { history, horizon, numbers, channels, temporal_blocks, taps, .. } = *config;
        let embed = tensors.linear("temporal.embed", history, channels)?;
        // The velocity of frame `t` is its difference to the frame before, and 0 in the first.
        let steps = |from: usize, to: usize| match from.abs_diff(to) {
            _ if to == 0 => 0.0,
            0 => 1.0,
            1 if from < to => -1.0,
            _ => 0.0,
        };
        let embed = Matrix::from_fn(history, history, steps).then(&embed);
        let blocks: Vec<_> = (0..temporal_blocks)
            .map(|i| {
                let mut convolution = |part: &str| {
                    let at = format!("temporal.blocks.{i}.{part}");
                    Convolution::new(&at, taps, channels, 1 << i, tensors)
                };
                Ok([convolution("first")?, convolution("second")?])
            })
            .collect::<Result<_, _>>()?;
        let sum = |from: usize, to: usize| if from <= to { 1.0 } else { 0.0 };
        let regress = tensors.linear("temporal.regress", channels, horizon)?;
        let regress = regress.then(&Matrix::from_fn(horizon, horizon, sum));
        let dilations = blocks.iter().map(|[first, _]: &[Convolution; 2]| first.dilation);
        let before = dilations.map(|dilation| (taps - 1) * dilation).max().unwrap_or(0);
        Ok(Self {
            embed: embed.pack(),
            regress: regress.pack(),
            history,
            x: zeros((before + numbers) * channels),
            y: zeros((before + numbers) * channels),
            update: zeros(numbers * channels),
            before,
            blocks,
        })
    }

    /// # Shapes
    /// - `x`: `[numbers, history]`
    /// - `out`: `[numbers, horizon]`
    pub(super) fn run(&mut self, x: &[f32], out: &mut [f32]) {
        let (history, horizon) = (self.history, self.regress.outputs());
        let channels = self.embed.outputs();
        let seen = self.before * channels;
        let tokens = RowsMut::new(&mut self.x[seen..], channels);
        self.embed.apply(Rows::whole(x, history), tokens, Write::Plain);
        for [first, second] in &self.blocks {
            first.run(&self.x, self.before, channels, &mut self.update);
            relu(&self.update, &mut self.y[seen..]);
            second.run(&self.y, self.before, channels, &mut self.update);
            for (x, update) in self.x[seen..].iter_mut().zip(self.update.iter()) {
                *x = (update.max(0.0) + *x).max(0.0);
            }
        }
        let tokens = Rows::whole(&self.x[seen..], channels);
        self.regress.apply(tokens, RowsMut::new(out, horizon), Write::Plain);
        for (out, x) in out.chunks_exact_mut(horizon).zip(x.chunks_exact(history)) {
            let last = x[history - 1];
            out.iter_mut().for_each(|v| *v += last);
        }
    }
}

fn relu(from: &[f32], to: &mut [f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = from.max(0.0));
}

impl Convolution {
    fn new(
        at: &str,
        taps: usize,
        channels: usize,
        dilation: usize,
        tensors: &mut Unpacked,
    ) -> Result<Self, PackError> {
        let mut weight = tensors.take(&format!("{at}.direction"), taps * channels * channels)?;
        let gain = tensors.take(&format!("{at}.gain"), channels)?;
        let bias = tensors.take(&format!("{at}.bias"), channels)?;
        let mut squares = vec![0.0_f32; channels];
        for row in weight.chunks_exact(channels) {
            squares.iter_mut().zip(row).for_each(|(sum, v)| *sum += v * v);
        }
        // The floor only guards against division by zero.
        let scales = gain.iter().zip(squares).map(|(gain, sum)| gain / sum.max(1e-24).sqrt());
        let scales: Vec<f32> = scales.collect();
        for row in weight.chunks_exact_mut(channels) {
            row.iter_mut().zip(&scales).for_each(|(v, scale)| *v *= scale);
        }
        let matrices = weight.chunks_exact(channels * channels).enumerate();
        let taps = matrices.map(|(tap, weight)| {
            let bias: &[f32] = if tap + 1 == taps { &bias } else { &[] };
            Linear::new(weight, bias, channels)
        });
        Ok(Self { taps: taps.collect(), dilation })
    }

    /// # Shapes
    /// - `x`: `[before + numbers, channels]`
    /// - `out`: `[numbers, channels]`
    fn run(&self, x: &[f32], before: usize, channels: usize, out: &mut [f32]) {
        let numbers = out.len() / channels;
        for (back, tap) in self.taps.iter().rev().enumerate() {
            let first = (before - back * self.dilation) * channels;
            let seen = Rows::first(&x[first..], channels, numbers);
            // The last tap, which comes first, has the bias.
            let write = if back == 0 { Write::Plain } else { Write::Add };
            tap.apply(seen, RowsMut::new(out, channels), write);
        }
    }
}
