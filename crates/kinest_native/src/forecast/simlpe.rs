//! siMLPe.

use super::super::matrix::{Linear, Rows, RowsMut, Write};
use super::super::numbers::{Numbers, zeros};
use super::super::pack::PackError;
use super::super::rows::LayerNorm;
use super::Unpacked;
use super::mixer::Mixer;
use kinest::model::forecast::SiMlpeConfig;
use std::f64::consts::PI;

/// A siMLPe network and its scratch buffers.
#[derive(Debug)]
pub(super) struct SiMlpe {
    /// The cosine transform.
    transform: Mixer,
    embed: Linear,
    blocks: Vec<(Mixer, LayerNorm)>,
    regress: Linear,
    /// The inverse transform, and the map from observed to predicted frames.
    restore: Mixer,
    numbers: usize,
    /// `[history, numbers]`
    spectrum: Numbers,
    x: Numbers,
    update: Numbers,
}

impl SiMlpe {
    pub(super) fn new(config: &SiMlpeConfig, tensors: &mut Unpacked) -> Result<Self, PackError> {
        let SiMlpeConfig { history, horizon, numbers, blocks } = *config;
        let cosines = |frequency, frame| cosine(history, frequency, frame) as f32;
        let mut block = |i: usize| -> Result<_, PackError> {
            let at = format!("blocks.{i}");
            let weight = tensors.take(&format!("{at}.time_mixer.weight"), history * history)?;
            let bias = tensors.take(&format!("{at}.time_mixer.bias"), history)?;
            let weight = |output: usize, input: usize| weight[output * history + input];
            let mixer = Mixer::new((history, history), numbers, weight, |output| bias[output]);
            Ok((mixer, tensors.norm(&format!("{at}.norm"), numbers)?))
        };
        let blocks = (0..blocks).map(&mut block).collect::<Result<_, _>>()?;
        let restore = match history == horizon {
            true => {
                let inverse = |frame, frequency| cosines(frequency, frame);
                Mixer::new((history, history), numbers, inverse, |_| 0.0)
            }
            false => {
                let map = tensors.linear("to_horizon", history, horizon)?;
                let both = |output: usize, frequency: usize| {
                    let term = |frame: usize| {
                        let weight = f64::from(map.weight[frame * horizon + output]);
                        weight * cosine(history, frequency, frame)
                    };
                    (0..history).map(term).sum::<f64>() as f32
                };
                Mixer::new((horizon, history), numbers, both, |output| map.bias[output])
            }
        };
        let whole = || zeros(history * numbers);
        Ok(Self {
            transform: Mixer::new((history, history), numbers, cosines, |_| 0.0),
            embed: tensors.packed("embed", numbers, numbers)?,
            blocks,
            regress: tensors.packed("regress", numbers, numbers)?,
            restore,
            numbers,
            spectrum: whole(),
            x: whole(),
            update: whole(),
        })
    }

    /// # Shapes
    /// - `history`: `[history, numbers]`
    /// - `future`: `[horizon, numbers]`
    pub(super) fn run(&mut self, history: &[f32], future: &mut [f32]) {
        let numbers = self.numbers;
        self.transform.apply(history, &mut self.spectrum, Write::Plain);
        let x = RowsMut::new(&mut self.x, numbers);
        self.embed.apply(Rows::whole(&self.spectrum, numbers), x, Write::Plain);
        for (mixer, norm) in &mut self.blocks {
            mixer.apply(&self.x, &mut self.update, Write::Plain);
            norm.apply(&mut self.update);
            self.x.iter_mut().zip(self.update.iter()).for_each(|(x, update)| *x += update);
        }
        let spectrum = RowsMut::new(&mut self.spectrum, numbers);
        self.regress.apply(Rows::whole(&self.x, numbers), spectrum, Write::Plain);
        self.restore.apply(&self.spectrum, future, Write::Plain);
        let last = &history[history.len() - numbers..];
        for frame in future.chunks_exact_mut(numbers) {
            frame.iter_mut().zip(last).for_each(|(v, last)| *v += last);
        }
    }
}

/// The orthonormal cosine transform (DCT-II) of `frames` frames.
fn cosine(frames: usize, frequency: usize, frame: usize) -> f64 {
    let count = frames as f64;
    let power = if frequency == 0 { 1.0 } else { 2.0 };
    let angle = PI * (frame as f64 + 0.5) * frequency as f64 / count;
    (power / count).sqrt() * angle.cos()
}
