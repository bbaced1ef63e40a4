//! The residual vector quantiser: a vector as the sum of one code from each of several codebooks.

use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};

/// Decay of the moving averages of codes and usage, per step. The usual 0.99 is too slow for runs
/// of thousands instead of hundreds of thousands of steps.
const DECAY: f64 = 0.98;

/// A code is dead if it is chosen less often than this share of the mean of its codebook.
const DEAD: f64 = 0.05;

/// The codes of one layer, and how often each was chosen lately.
///
/// Neither is trained by gradients: a code is the moving average of what chose it.
#[derive(Module, Debug)]
pub struct Codebook<B: Backend> {
    /// `[codes, numbers]`
    codes: Param<Tensor<B, 2>>,
    /// Choices per batch, `[codes]`. All zero until a batch has filled the codebook.
    usage: Param<Tensor<B, 1>>,
}

impl<B: Backend> Codebook<B> {
    fn new(codes: usize, numbers: usize, device: &B::Device) -> Self {
        Self {
            codes: Param::from_tensor(Tensor::zeros([codes, numbers], device))
                .set_require_grad(false),
            usage: Param::from_tensor(Tensor::zeros([codes], device)).set_require_grad(false),
        }
    }

    /// The code nearest to each vector; of equally near ones the first.
    ///
    /// # Shapes
    /// - `x`: `[rows, numbers]`
    /// - output: `[rows]`
    fn nearest(&self, x: Tensor<B, 2>) -> Tensor<B, 1, Int> {
        let codes = self.codes.val().detach();
        let squares = codes.clone().square().sum_dim(1).transpose();
        // The square of `x` itself is the same for all codes.
        (squares - x.detach().matmul(codes.transpose()) * 2.0).argmin(1).squeeze_dim(1)
    }

    /// # Shapes
    /// - `chosen`: `[rows]`
    /// - output: `[rows, numbers]`
    fn look_up(&self, chosen: Tensor<B, 1, Int>) -> Tensor<B, 2> {
        self.codes.val().detach().select(0, chosen)
    }

    /// Whether a batch has filled it.
    fn is_filled(&self) -> bool {
        self.used().iter().any(|usage| *usage > 0.0)
    }

    fn used(&self) -> Vec<f32> {
        numbers(self.usage.val())
    }

    /// Moves the codes towards what chose them. Dead codes become vectors of the batch, taken at
    /// equal distances, and count as chosen as often as the mean.
    ///
    /// # Shapes
    /// - `inputs`: `[rows, numbers]`
    /// - `chosen`: `[rows]`
    fn absorb(&mut self, inputs: Tensor<B, 2>, chosen: Tensor<B, 1, Int>) {
        let [count, _] = self.codes.dims();
        let rows = inputs.dims()[0];
        let choices: Tensor<B, 2> = chosen.one_hot::<2>(count).float().cast(inputs.dtype());
        let (old, weight) = (self.codes.val().detach(), self.usage.val().detach() * DECAY);
        let usage = weight.clone() + choices.clone().sum_dim(0).squeeze_dim(0) * (1.0 - DECAY);
        let sums = choices.transpose().matmul(inputs.clone()) * (1.0 - DECAY);
        let column = |x: Tensor<B, 1>| x.unsqueeze_dim::<2>(1);
        let moved = old * column(weight) + sums;
        // The floor only guards codes that are replaced anyway.
        let codes = moved / column(usage.clone().clamp_min(1e-12));

        let mean = rows as f64 / count as f64;
        let mut usage = numbers(usage);
        let dead: Vec<usize> =
            (0..count).filter(|code| f64::from(usage[*code]) < DEAD * mean).collect();
        // Which row of the codes, or behind them of the batch, each code is from now on.
        let mut source: Vec<i32> = (0..count as i32).collect();
        for (i, code) in dead.iter().enumerate() {
            source[*code] = (count + i * rows / dead.len()) as i32;
            usage[*code] = mean as f32;
        }
        let device = codes.device();
        let source = Tensor::<B, 1, Int>::from_ints(source.as_slice(), &device);
        let codes = Tensor::cat(vec![codes, inputs], 0).select(0, source);
        let usage = Tensor::from_data(TensorData::new(usage, [count]), &device);
        self.codes = self.codes.clone().map(|_| codes);
        self.usage = self.usage.clone().map(|_| usage);
    }
}

fn numbers<B: Backend>(x: Tensor<B, 1>) -> Vec<f32> {
    x.into_data().convert::<f32>().iter().collect()
}

/// Codebooks of which each quantises what those before it leave.
#[derive(Module, Debug)]
pub struct Quantiser<B: Backend> {
    layers: Vec<Codebook<B>>,
}

/// What the codebooks saw in a batch.
#[derive(Clone, Debug)]
pub struct CodesSeen<B: Backend> {
    /// For each layer its inputs, `[rows, numbers]`, and the choices, `[rows]`.
    layers: Vec<(Tensor<B, 2>, Tensor<B, 1, Int>)>,
}

/// Vectors as sums of codes, in training.
#[derive(Clone, Debug)]
pub struct Quantised<B: Backend> {
    /// The sums, with the gradient of the vectors: `[batch, tokens, numbers]`.
    pub sums: Tensor<B, 3>,
    /// Mean squared distance of the vectors from their sums, over all layers, with a gradient for
    /// the vectors only.
    pub commitment: Tensor<B, 1>,
    /// For [`Quantiser::absorb`].
    pub seen: CodesSeen<B>,
}

impl<B: Backend> Quantiser<B> {
    pub(super) fn new(layers: usize, codes: usize, numbers: usize, device: &B::Device) -> Self {
        Self { layers: (0..layers).map(|_| Codebook::new(codes, numbers, device)).collect() }
    }

    /// Number of codes of each layer that are chosen at least as often as a revived one would have
    /// to be to stay alive.
    #[must_use]
    pub fn alive(&self) -> Vec<usize> {
        let alive = |layer: &Codebook<B>| {
            let usage = layer.used();
            let mean = usage.iter().sum::<f32>() / usage.len() as f32;
            usage.iter().filter(|usage| **usage > 0.0 && **usage >= DEAD as f32 * mean).count()
        };
        self.layers.iter().map(alive).collect()
    }

    /// The codes of a layer, `[codes, numbers]`, without a gradient.
    #[must_use]
    pub fn codes(&self, layer: usize) -> Tensor<B, 2> {
        self.layers[layer].codes.val().detach()
    }

    /// The codes of each vector.
    ///
    /// # Shapes
    /// - `x`: `[batch, tokens, numbers]`
    /// - output: `[batch, tokens, layers]`
    #[must_use]
    pub fn encode(&self, x: Tensor<B, 3>) -> Tensor<B, 3, Int> {
        let [batch, tokens, numbers] = x.dims();
        let mut rest = x.reshape([batch * tokens, numbers]);
        let codes = self.layers.iter().map(|layer| {
            let chosen = layer.nearest(rest.clone());
            rest = rest.clone() - layer.look_up(chosen.clone());
            chosen.reshape([batch, tokens, 1])
        });
        Tensor::cat(codes.collect(), 2)
    }

    /// The sums of codes of the first layers, as many as there are codes.
    ///
    /// # Shapes
    /// - `codes`: `[batch, tokens, layers]`
    /// - output: `[batch, tokens, numbers]`
    #[must_use]
    pub fn decode(&self, codes: Tensor<B, 3, Int>) -> Tensor<B, 3> {
        let [batch, tokens, layers] = codes.dims();
        let numbers = self.layers[0].codes.dims()[1];
        let mut sums = Tensor::<B, 2>::zeros([batch * tokens, numbers], &codes.device());
        for (i, layer) in self.layers.iter().take(layers).enumerate() {
            sums = sums + layer.look_up(codes.clone().narrow(2, i, 1).reshape([batch * tokens]));
        }
        sums.reshape([batch, tokens, numbers])
    }

    /// Quantises in training. All layers see every vector; of sample `i` only the first `active[i]`
    /// are in the sums, so that fewer layers can be sent later.
    ///
    /// # Shapes
    /// - `x`: `[batch, tokens, numbers]`
    #[must_use]
    pub fn learn(&self, x: Tensor<B, 3>, active: &[usize]) -> Quantised<B> {
        let [batch, tokens, numbers] = x.dims();
        let (rows, device) = (batch * tokens, x.device());
        let own = x.clone().detach().reshape([rows, numbers]);
        let flat = x.clone().reshape([rows, numbers]);
        let mut sums = Tensor::<B, 3>::zeros([batch, tokens, numbers], &device);
        let mut commitment = Tensor::<B, 1>::zeros([1], &device);
        let mut rest = own;
        let mut seen = vec![];
        for (i, layer) in self.layers.iter().enumerate() {
            let chosen = layer.nearest(rest.clone());
            let code = layer.look_up(chosen.clone());
            seen.push((rest.clone(), chosen));
            rest = rest - code.clone();
            // What is left of the vectors, as a function of the vectors.
            let left = flat.clone() - (flat.clone().detach() - rest.clone());
            commitment = commitment + left.square().mean();
            let counts: Vec<f32> = active.iter().map(|n| f32::from(u8::from(i < *n))).collect();
            let counts = Tensor::from_data(TensorData::new(counts, [batch, 1, 1]), &device);
            sums = sums + code.reshape([batch, tokens, numbers]) * counts;
        }
        let sums = x.clone() + (sums - x.detach());
        let commitment = commitment / self.layers.len() as f64;
        Quantised { sums, commitment, seen: CodesSeen { layers: seen } }
    }

    /// Updates the codebooks after the optimiser's step. At the start of a run they are filled one
    /// after the other, because what a layer sees is known only once those before it have codes.
    pub fn absorb(&mut self, seen: CodesSeen<B>) {
        for (layer, (inputs, chosen)) in self.layers.iter_mut().zip(seen.layers) {
            let filled = layer.is_filled();
            layer.absorb(inputs, chosen);
            if !filled {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::{Flex, FlexDevice};

    fn codebook(codes: &[[f32; 2]], usage: &[f32]) -> Codebook<Flex> {
        let mut book = Codebook::new(codes.len(), 2, &FlexDevice);
        book.codes = book.codes.map(|_| rows(codes));
        book.usage = book.usage.map(|_| Tensor::from_floats(usage, &FlexDevice));
        book
    }

    fn rows(rows: &[[f32; 2]]) -> Tensor<Flex, 2> {
        Tensor::from_data(TensorData::new(rows.concat(), [rows.len(), 2]), &FlexDevice)
    }

    fn ints<const D: usize>(x: Tensor<Flex, D, Int>) -> Vec<i64> {
        x.into_data().convert::<i64>().to_vec().unwrap()
    }

    fn floats<const D: usize>(x: Tensor<Flex, D>) -> Vec<f32> {
        x.into_data().to_vec().unwrap()
    }

    fn assert_close(found: &[f32], expected: &[f32]) {
        let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
        assert!(found.iter().zip(expected).all(close), "{found:?} {expected:?}");
        assert_eq!(found.len(), expected.len());
    }

    /// Coarse codes at the corners of a square, fine ones around the origin.
    fn two_layers() -> Quantiser<Flex> {
        let coarse = codebook(&[[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]], &[1.0; 3]);
        let fine = codebook(&[[0.0, 0.0], [1.0, 0.0], [0.0, -1.0]], &[1.0; 3]);
        Quantiser { layers: vec![coarse, fine] }
    }

    #[test]
    fn each_layer_has_the_code_nearest_to_what_is_left() {
        let quantiser = two_layers();
        let x = rows(&[[4.9, 0.2], [0.3, 2.9], [-5.0, 0.4]]).unsqueeze::<3>();
        let codes = quantiser.encode(x.clone());
        assert_eq!(codes.dims(), [1, 3, 2]);
        assert_eq!(ints(codes.clone()), [1, 1, 2, 2, 0, 0]);
        assert_close(&floats(quantiser.decode(codes.clone())), &[5.0, 0.0, 0.0, 3.0, 0.0, 0.0]);
        let coarse = quantiser.decode(codes.narrow(2, 0, 1));
        assert_close(&floats(coarse), &[4.0, 0.0, 0.0, 4.0, 0.0, 0.0]);
    }

    #[test]
    fn layers_that_are_dropped_are_not_in_the_sum() {
        let quantiser = two_layers();
        let x = rows(&[[4.9, 0.2], [4.9, 0.2]]).reshape([2, 1, 2]);
        let Quantised { sums, commitment, .. } = quantiser.learn(x, &[1, 2]);
        assert_close(&floats(sums), &[4.0, 0.0, 5.0, 0.0]);
        // 0.9² + 0.2² is left by the first layer, 0.1² + 0.2² by the second.
        assert_close(&floats(commitment), &[(0.85 / 2.0 + 0.05 / 2.0) / 2.0]);
    }

    #[test]
    fn the_gradient_passes_to_the_vectors_as_if_nothing_were_quantised() {
        use burn::backend::Autodiff;
        type A = Autodiff<Flex>;
        let book = |codes: &[[f32; 2]]| {
            let mut book = Codebook::<A>::new(codes.len(), 2, &FlexDevice);
            let data = TensorData::new(codes.concat(), [codes.len(), 2]);
            book.codes = book.codes.map(|_| Tensor::from_data(data, &FlexDevice));
            book
        };
        let quantiser = Quantiser { layers: vec![book(&[[0.0, 0.0], [4.0, 0.0]])] };
        let x = Tensor::<A, 3>::from_floats([[[5.0, 1.0]]], &FlexDevice).require_grad();
        let learnt = quantiser.learn(x.clone(), &[1]);
        let gradient = |of: Tensor<A, 1>| floats(x.grad(&of.backward()).unwrap());
        assert_eq!(gradient((learnt.sums.clone() * 3.0).sum()), [3.0, 3.0]);
        // The mean of the squares of 1 and 1.
        assert_close(&gradient(learnt.commitment), &[1.0, 1.0]);
    }

    #[test]
    fn a_code_is_the_moving_average_of_what_chose_it() {
        let mut book = codebook(&[[1.0, 0.0], [0.0, 1.0]], &[2.0, 1.0]);
        let inputs = rows(&[[2.0, 0.0], [4.0, 2.0], [0.0, 1.0]]);
        book.absorb(inputs, Tensor::from_ints([0, 0, 1], &FlexDevice));
        // Usage: 0.98 · 2 + 0.02 · 2 and 0.98 · 1 + 0.02 · 1.
        assert_close(&floats(book.usage.val()), &[2.0, 1.0]);
        // (0.98 · 2 · 1 + 0.02 · 6) / 2 and 0.02 · 2 / 2; the second stays.
        assert_close(&floats(book.codes.val()), &[1.04, 0.02, 0.0, 1.0]);
    }

    #[test]
    fn dead_codes_are_revived_from_the_batch() {
        let mut book = codebook(&[[0.0, 0.0], [9.0, 9.0], [9.0, 9.0]], &[3.0, 0.05, 0.04]);
        let inputs = rows(&[[0.1, 0.0], [0.2, 0.0], [0.3, 0.0], [0.4, 0.0]]);
        book.absorb(inputs, Tensor::from_ints([0, 0, 0, 0], &FlexDevice));
        let mean = 4.0 / 3.0;
        assert_close(&floats(book.usage.val()), &[3.02, mean, mean]);
        let codes = floats(book.codes.val());
        assert_close(&codes[2..], &[0.1, 0.0, 0.3, 0.0]);
        assert!(codes[0] > 0.0 && codes[0] < 0.01);
    }

    #[test]
    fn codebooks_are_filled_one_after_the_other() {
        let mut quantiser = Quantiser::<Flex>::new(2, 5, 2, &FlexDevice);
        let x = rows(&[[1.0, 0.0], [2.0, 0.0], [3.0, 0.5], [4.0, 0.5]]).unsqueeze::<3>();
        for filled in [[false, false], [true, false], [true, true]] {
            let found = [0, 1].map(|i: usize| quantiser.layers[i].is_filled());
            assert_eq!(found, filled);
            let seen = quantiser.learn(x.clone(), &[2]).seen;
            quantiser.absorb(seen);
        }
        assert_eq!(quantiser.alive()[0], 5);
        let codes = quantiser.encode(x.clone());
        let off = floats(quantiser.decode(codes) - x);
        assert!(off.iter().all(|off| off.abs() < 0.2), "{off:?}");
    }
}
