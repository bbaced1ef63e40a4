//! The graph branch of KSOF.

use super::super::matrix::{Linear, Rows, RowsMut, Write};
use super::super::numbers::{Numbers, aligned, zeros};
use super::super::pack::PackError;
use super::mixer::Mixer;
use super::{Unpacked, leaky_relu};
use kinest::model::forecast::KsofConfig;

/// Added to variances.
const EPSILON: f32 = 1e-5;

/// The graph branch: frames of each number in, frames of each number out.
#[derive(Debug)]
pub(super) struct Graph {
    embed: Mixer,
    first: Layer,
    blocks: Vec<[Layer; 2]>,
    last: Layer,
    to_horizon: Option<Linear>,
    hidden: usize,
    history: usize,
    /// `[numbers, history]`
    embedded: Numbers,
    /// Outputs of the first layer and of each block, `[numbers, hidden]`.
    outputs: Vec<Numbers>,
    /// `[numbers, hidden]`
    input: Numbers,
    inner: Numbers,
    /// `[numbers, history]`
    observed: Numbers,
}

/// A graph layer `A (H W)`, with the factor and summand of each of its numbers.
#[derive(Debug)]
struct Layer {
    weight: Linear,
    adjacency: Mixer,
    /// Factor and summand of every number: the bias and, in all but the last layer, batch
    /// normalisation.
    scale: Numbers,
    shift: Numbers,
    /// `H W`, `[numbers, outputs]`.
    features: Numbers,
}

impl Graph {
    pub(super) fn new(config: &KsofConfig, tensors: &mut Unpacked) -> Result<Self, PackError> {
        let KsofConfig { history, horizon, numbers, hidden, graph_blocks, .. } = *config;
        let embed = tensors.linear("graph.embed", numbers, numbers)?;
        let weight = |output: usize, input: usize| embed.weight[input * numbers + output];
        let embed = Mixer::new((numbers, numbers), history, weight, |output| embed.bias[output]);
        let mut normalised =
            |at: &str, inputs| Layer::normalised(at, numbers, inputs, hidden, tensors);
        let first = normalised("graph.first", history)?;
        let blocks = (0..graph_blocks)
            .map(|i| {
                let mut layer = |part| normalised(&format!("graph.blocks.{i}.{part}"), hidden);
                Ok([layer("first")?, layer("second")?])
            })
            .collect::<Result<Vec<_>, PackError>>()?;
        let last = Layer::plain("graph.last", numbers, hidden, history, tensors)?;
        let to_horizon = match history == horizon {
            true => None,
            false => Some(tensors.packed("graph.to_horizon", history, horizon)?),
        };
        let hidden_numbers = || zeros(numbers * hidden);
        Ok(Self {
            embed,
            first,
            last,
            to_horizon,
            hidden,
            history,
            embedded: zeros(numbers * history),
            outputs: (0..=blocks.len()).map(|_| hidden_numbers()).collect(),
            input: hidden_numbers(),
            inner: hidden_numbers(),
            observed: zeros(numbers * history),
            blocks,
        })
    }

    /// # Shapes
    /// - `x`: `[numbers, history]`
    /// - `out`: `[numbers, horizon]`
    pub(super) fn run(&mut self, x: &[f32], out: &mut [f32]) {
        let (hidden, history, count) = (self.hidden, self.history, self.blocks.len());
        self.embed.apply(x, &mut self.embedded, Write::Plain);
        self.first.run(&self.embedded, history, &mut self.outputs[0]);
        leak(&mut self.outputs[0]);
        for (i, [first, second]) in self.blocks.iter_mut().enumerate() {
            self.input.copy_from_slice(&self.outputs[i]);
            if i > count / 2 {
                add(&mut self.input, &self.outputs[count - i]);
            }
            first.run(&self.input, hidden, &mut self.inner);
            leak(&mut self.inner);
            let output = &mut self.outputs[i + 1];
            second.run(&self.inner, hidden, output);
            leak(output);
            add(output, &self.input);
        }
        self.input.copy_from_slice(&self.outputs[count]);
        add(&mut self.input, &self.outputs[0]);
        self.last.run(&self.input, hidden, &mut self.observed);
        add(&mut self.observed, &self.embedded);
        match &self.to_horizon {
            Some(to_horizon) => {
                let out = RowsMut::new(out, to_horizon.outputs());
                to_horizon.apply(Rows::whole(&self.observed, history), out, Write::Plain);
            }
            None => out.copy_from_slice(&self.observed),
        }
    }
}

fn leak(values: &mut [f32]) {
    values.iter_mut().for_each(|v| *v = leaky_relu(*v));
}

fn add(to: &mut [f32], other: &[f32]) {
    to.iter_mut().zip(other).for_each(|(to, other)| *to += other);
}

impl Layer {
    fn plain(
        at: &str,
        numbers: usize,
        inputs: usize,
        outputs: usize,
        tensors: &mut Unpacked,
    ) -> Result<Self, PackError> {
        let adjacency = tensors.take(&format!("{at}.adjacency"), numbers * numbers)?;
        let mut weight = tensors.linear(at, inputs, outputs)?;
        let shift = std::mem::take(&mut weight.bias).repeat(numbers);
        let between = |output: usize, input: usize| adjacency[output * numbers + input];
        Ok(Self {
            weight: weight.pack(),
            adjacency: Mixer::new((numbers, numbers), outputs, between, |_| 0.0),
            scale: aligned(&vec![1.0; shift.len()]),
            shift: aligned(&shift),
            features: zeros(numbers * outputs),
        })
    }

    /// `scale (x + bias - mean) + beta`, with the bias and the mean multiplied out.
    fn normalised(
        at: &str,
        numbers: usize,
        inputs: usize,
        outputs: usize,
        tensors: &mut Unpacked,
    ) -> Result<Self, PackError> {
        let mut layer = Self::plain(&format!("{at}.layer"), numbers, inputs, outputs, tensors)?;
        let mut figure = |name: &str| tensors.take(&format!("{at}.norm.{name}"), numbers * outputs);
        let (gamma, beta) = (figure("gamma")?, figure("beta")?);
        let (mean, variance) = (figure("running_mean")?, figure("running_variance")?);
        for i in 0..numbers * outputs {
            let scale = gamma[i] / (variance[i] + EPSILON).sqrt();
            layer.scale[i] = scale;
            layer.shift[i] = (layer.shift[i] - mean[i]) * scale + beta[i];
        }
        Ok(layer)
    }

    /// # Shapes
    /// - `x`: `[numbers, inputs]`
    /// - `out`: `[numbers, outputs]`
    fn run(&mut self, x: &[f32], inputs: usize, out: &mut [f32]) {
        let features = RowsMut::new(&mut self.features, self.weight.outputs());
        self.weight.apply(Rows::whole(x, inputs), features, Write::Plain);
        self.adjacency.apply(&self.features, out, Write::Plain);
        for ((v, scale), shift) in out.iter_mut().zip(self.scale.iter()).zip(self.shift.iter()) {
            *v = *v * scale + shift;
        }
    }
}
