//! The perceptron over windows.

use super::matrix::{Linear, Rows, RowsMut, Write};
use super::numbers::{Numbers, aligned, zeros};
use super::pack::{Matrix, PackError, Tensors};
use super::rows::LayerNorm;
use kinest::model::{Activation, MlpConfig, NamedTensors};
use rayon::prelude::*;

/// Number of windows per thread that share each read of the weights.
const WINDOWS: usize = 16;

/// A perceptron in its native form.
///
/// Computes the same function as `kinest_nn::pose::Mlp::forward`, with sums in another order.
#[derive(Debug)]
pub struct NativePerceptron {
    mean: Numbers,
    std: Numbers,
    embed: Linear,
    layers: Vec<(LayerNorm, Linear)>,
    regress: Linear,
    /// Its input frames, counted back from the newest.
    offsets: Vec<usize>,
    activation: Activation,
}

impl NativePerceptron {
    /// Packs the tensors of a perceptron with the dimensions of `config`.
    ///
    /// # Errors
    /// If the tensors are not those of `config`.
    pub fn new(config: &MlpConfig, tensors: NamedTensors) -> Result<Self, PackError> {
        let MlpConfig { inputs, outputs, offsets, width, layers, activation, dropout: _ } = config;
        let mut tensors = Tensors { named: tensors, pack: |matrix: Matrix| matrix.pack() };
        let mut layer = |i: usize| -> Result<_, PackError> {
            let norm = tensors.norm(&format!("layers.{i}.norm"), *width)?;
            Ok((norm, tensors.packed(&format!("layers.{i}.linear"), *width, *width)?))
        };
        let layers = (0..*layers).map(&mut layer).collect::<Result<_, _>>()?;
        let network = Self {
            mean: aligned(&tensors.take("standardise.mean", *inputs)?),
            std: aligned(&tensors.take("standardise.std", *inputs)?),
            embed: tensors.packed("embed", offsets.len() * inputs, *width)?,
            layers,
            regress: tensors.packed("regress", *width, *outputs)?,
            offsets: offsets.clone(),
            activation: *activation,
        };
        tensors.finish()?;
        Ok(network)
    }

    fn inputs(&self) -> usize {
        self.mean.len()
    }

    /// Numbers of one window of features.
    #[must_use]
    pub fn window_size(&self) -> usize {
        self.offsets.last().map_or(1, |oldest| oldest + 1) * self.inputs()
    }

    /// Output numbers per frame.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.regress.outputs()
    }

    /// Runs the network for every window, on the threads of the current rayon pool.
    ///
    /// # Shapes
    /// - `windows`: `[batch, window, inputs]`
    /// - `out`: `[batch, outputs]`, the newest frame of each
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn forward(&self, windows: &[f32], out: &mut [f32]) {
        let (size, outputs) = (self.window_size(), self.outputs());
        let batch = windows.len() / size;
        assert_eq!(windows.len(), batch * size, "features of whole windows");
        assert_eq!(out.len(), batch * outputs, "room for {batch} windows");
        let groups = windows.par_chunks(WINDOWS * size).zip(out.par_chunks_mut(WINDOWS * outputs));
        groups.for_each(|(windows, out)| self.run(windows, out));
    }

    fn run(&self, windows: &[f32], out: &mut [f32]) {
        let (inputs, width) = (self.inputs(), self.embed.outputs());
        let batch = windows.len() / self.window_size();
        let mut seen = zeros(batch * self.embed.inputs());
        let windows = windows.chunks_exact(self.window_size());
        for (seen, window) in seen.chunks_exact_mut(self.embed.inputs()).zip(windows) {
            let newest = window.len() - inputs;
            for (seen, back) in seen.chunks_exact_mut(inputs).zip(&self.offsets) {
                let frame = &window[newest - back * inputs..][..inputs];
                let scale = frame.iter().zip(self.mean.iter()).zip(self.std.iter());
                for (seen, ((v, mean), std)) in seen.iter_mut().zip(scale) {
                    *seen = (v - mean) / std;
                }
            }
        }
        let mut h = zeros(batch * width);
        let seen = Rows::whole(&seen, self.embed.inputs());
        self.embed.apply(seen, RowsMut::new(&mut h, width), Write::Plain);
        activate(self.activation, &mut h);
        let (mut normed, mut update) = (zeros(h.len()), zeros(h.len()));
        for (norm, linear) in &self.layers {
            norm.copy(&h, &mut normed);
            let update_rows = RowsMut::new(&mut update, width);
            linear.apply(Rows::whole(&normed, width), update_rows, Write::Plain);
            activate(self.activation, &mut update);
            h.iter_mut().zip(update.iter()).for_each(|(h, update)| *h += update);
        }
        let out = RowsMut::new(out, self.outputs());
        self.regress.apply(Rows::whole(&h, width), out, Write::Plain);
    }
}

fn activate(curve: Activation, values: &mut [f32]) {
    match curve {
        Activation::Relu => values.iter_mut().for_each(|v| *v = v.max(0.0)),
        Activation::Silu => super::rows::silu_row(values),
        Activation::Gelu => values.iter_mut().for_each(|v| {
            *v *= 0.5 * (1.0 + libm::erff(*v * std::f32::consts::FRAC_1_SQRT_2));
        }),
    }
}
