//! The gate on KSOF's branches, and their fusion.

use super::super::matrix::{Linear, Rows, RowsMut, Write};
use super::super::numbers::{Numbers, zeros};
use super::super::pack::PackError;
use super::mixer::Mixer;
use super::{Unpacked, leaky_relu};
use kinest::model::forecast::{self, FusionScale, KsofConfig};

/// Multiplies each frame by a factor that depends on the means of all frames.
#[derive(Debug)]
pub(super) struct Gate {
    squeeze: Linear,
    expand: Linear,
    /// `[horizon]`, `[width]`
    factors: Numbers,
    squeezed: Numbers,
}

impl Gate {
    pub(super) fn new(
        config: &KsofConfig,
        tensors: &mut Unpacked,
    ) -> Result<Option<Self>, PackError> {
        let Some(width) = config.gate_width() else { return Ok(None) };
        let horizon = config.horizon;
        Ok(Some(Self {
            squeeze: tensors.without_bias("gate.squeeze", horizon, width)?.pack(),
            expand: tensors.without_bias("gate.expand", width, horizon)?.pack(),
            factors: zeros(horizon),
            squeezed: zeros(width),
        }))
    }

    /// # Shapes
    /// - `x`: `[numbers, horizon]`
    pub(super) fn run(&mut self, x: &mut [f32]) {
        let (horizon, width) = (self.factors.len(), self.squeezed.len());
        let numbers = (x.len() / horizon) as f32;
        self.factors.fill(0.0);
        for row in x.chunks_exact(horizon) {
            self.factors.iter_mut().zip(row).for_each(|(sum, v)| *sum += v);
        }
        self.factors.iter_mut().for_each(|sum| *sum /= numbers);
        let squeezed = RowsMut::new(&mut self.squeezed, width);
        self.squeeze.apply(Rows::whole(&self.factors, horizon), squeezed, Write::Plain);
        self.squeezed.iter_mut().for_each(|v| *v = leaky_relu(*v));
        let factors = RowsMut::new(&mut self.factors, horizon);
        self.expand.apply(Rows::whole(&self.squeezed, width), factors, Write::Plain);
        self.factors.iter_mut().for_each(|v| *v = 1.0 / (1.0 + (-*v).exp()));
        for row in x.chunks_exact_mut(horizon) {
            row.iter_mut().zip(self.factors.iter()).for_each(|(v, factor)| *v *= factor);
        }
    }
}

/// Fuses the outputs of both branches.
#[derive(Debug)]
pub(super) struct Fusion {
    skip: Linear,
    scales: Vec<Scale>,
    /// `None` for a fusion without scales.
    mix: Option<Mixer>,
    numbers: usize,
    horizon: usize,
    /// Both branches, `[numbers, 2 horizon]`.
    both: Numbers,
    /// The mixture, then the numbers kept at each scale, `[numbers + kept, horizon]`.
    parts: Numbers,
    /// Buffer for sorting the numbers of a frame.
    sorted: Vec<f32>,
}

/// A convolution along the numbers of a frame.
#[derive(Debug)]
struct Scale {
    /// One matrix per tap; the first has the bias.
    taps: Vec<Linear>,
    kept: usize,
    /// Its input after a ReLU, padded with `taps / 2` rows of zeros at both ends.
    padded: Numbers,
    /// `[numbers, horizon]`
    out: Numbers,
}

impl Fusion {
    pub(super) fn new(
        config: &KsofConfig,
        tensors: &mut Unpacked,
    ) -> Result<Option<Self>, PackError> {
        let (numbers, horizon) = (config.numbers, config.horizon);
        let forms: &[FusionScale] = match &config.fusion {
            forecast::Fusion::TopK(scales) => scales,
            forecast::Fusion::Linear => &[],
            forecast::Fusion::Temporal | forecast::Fusion::Graph => return Ok(None),
        };
        let skip = tensors.packed("fusion.skip", 2 * horizon, horizon)?;
        let mut scales = vec![];
        for (i, form) in forms.iter().enumerate() {
            let inputs = if i == 0 { 2 * horizon } else { horizon };
            let at = format!("fusion.scales.{i}");
            scales.push(Scale::new(&at, *form, numbers, inputs, horizon, tensors)?);
        }
        let rows = numbers + scales.iter().map(|scale| scale.kept).sum::<usize>();
        let mix = match rows > numbers {
            false => None,
            true => {
                let mix = tensors.linear("fusion.mix", rows, numbers)?;
                let weight = |output: usize, input: usize| mix.weight[input * numbers + output];
                Some(Mixer::new((numbers, rows), horizon, weight, |output| mix.bias[output]))
            }
        };
        Ok(Some(Self {
            skip,
            scales,
            mix,
            numbers,
            horizon,
            both: zeros(numbers * 2 * horizon),
            parts: zeros(rows * horizon),
            sorted: vec![0.0; numbers],
        }))
    }

    /// # Shapes
    /// - all: `[numbers, horizon]`
    pub(super) fn run(&mut self, temporal: &[f32], graph: &[f32], out: &mut [f32]) {
        let (numbers, horizon) = (self.numbers, self.horizon);
        let branches = temporal.chunks_exact(horizon).zip(graph.chunks_exact(horizon));
        for (both, (temporal, graph)) in self.both.chunks_exact_mut(2 * horizon).zip(branches) {
            both[..horizon].copy_from_slice(temporal);
            both[horizon..].copy_from_slice(graph);
        }
        let both = Rows::whole(&self.both, 2 * horizon);
        let Some(mix) = &mut self.mix else {
            self.skip.apply(both, RowsMut::new(out, horizon), Write::Plain);
            return;
        };
        self.skip.apply(both, RowsMut::new(&mut self.parts, horizon), Write::Plain);
        let mut passed_on = numbers * horizon;
        for i in 0..self.scales.len() {
            let (earlier, later) = self.scales.split_at_mut(i);
            let scale = &mut later[0];
            scale.run(earlier.last().map_or(&self.both, |scale| &scale.out), horizon);
            let kept = &mut self.parts[passed_on..][..scale.kept * horizon];
            for frame in 0..horizon {
                let column = scale.out.iter().skip(frame).step_by(horizon);
                self.sorted.iter_mut().zip(column).for_each(|(to, v)| *to = *v);
                self.sorted.sort_unstable_by(|a, b| b.total_cmp(a));
                let column = kept.iter_mut().skip(frame).step_by(horizon);
                column.zip(&self.sorted).for_each(|(to, v)| *to = *v);
            }
            passed_on += scale.kept * horizon;
        }
        mix.apply(&self.parts, out, Write::Plain);
    }
}

impl Scale {
    fn new(
        at: &str,
        form: FusionScale,
        numbers: usize,
        inputs: usize,
        horizon: usize,
        tensors: &mut Unpacked,
    ) -> Result<Self, PackError> {
        let whole = tensors.linear(at, form.taps * inputs, horizon)?;
        let matrices = whole.weight.chunks_exact(inputs * horizon).enumerate();
        let taps = matrices.map(|(tap, weight)| {
            let bias: &[f32] = if tap == 0 { &whole.bias } else { &[] };
            Linear::new(weight, bias, inputs)
        });
        Ok(Self {
            taps: taps.collect(),
            kept: form.kept(numbers),
            padded: zeros((numbers + form.taps - 1) * inputs),
            out: zeros(numbers * horizon),
        })
    }

    /// # Shapes
    /// - `x`: `[numbers, inputs]`
    fn run(&mut self, x: &[f32], horizon: usize) {
        let (numbers, before) = (self.out.len() / horizon, self.taps.len() / 2);
        let inputs = self.taps[0].inputs();
        let seen = &mut self.padded[before * inputs..][..numbers * inputs];
        seen.iter_mut().zip(x).for_each(|(to, v)| *to = v.max(0.0));
        for (i, tap) in self.taps.iter().enumerate() {
            let seen = Rows::first(&self.padded[i * inputs..], inputs, numbers);
            let write = if i == 0 { Write::Plain } else { Write::Add };
            tap.apply(seen, RowsMut::new(&mut self.out, horizon), write);
        }
    }
}
