//! Motion from texts: KinMo's coarse-to-fine generator (Zhang et al. 2025) of MoMask's transformers
//! (Guo et al. 2024).
//!
//! A text has three levels, as in [`align`](crate::align): the whole body, its groups, their pairs.
//! [`Generator::sample`] first writes the first code of every part of every token as the text of the
//! whole body says, then writes those again that are least sure as the finer texts say, and then the
//! other codes layer by layer. [`Generator::motion`] makes a motion of them.

mod first;
mod rest;
mod sampling;
#[cfg(test)]
mod tests;
mod trunk;

pub use sampling::{Sampling, SamplingError};

use crate::align::encoder::{Encoder, points};
use crate::align::words::Words;
use crate::layers::linear_layer;
use crate::tensors::{tensors_of, with_tensors};
use crate::tokens::TokenNetwork;
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::activation::softmax;
use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, Int, Tensor, TensorData};
use first::First;
use kinest::align::TextBatch;
use kinest::model::align::Level;
use kinest::model::generate::{GenerateConfig, Generating};
use kinest::model::tokens::TokenConfig;
use kinest::model::{CheckpointError, CheckpointOf, ManifestOf, NetworkConfigError, Precision};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rest::Rest;
use sampling::{Draft, left};
use std::iter;

/// A generator.
#[derive(Module, Debug)]
pub struct Generator<B: Backend> {
    /// What makes motion of codes. It has no gradient.
    tokens: TokenNetwork<B>,
    words: Words<B>,
    /// An encoder for each level.
    text: Vec<Encoder<B>>,
    first: First<B>,
    /// None if a token has one code of each part.
    rest: Option<Rest<B>>,
    length: Linear<B>,
    #[module(skip)]
    config: TokenConfig,
}

impl<B: Backend> Generator<B> {
    /// A network with random weights and empty codebooks.
    ///
    /// # Errors
    /// If the dimensions do not fit together; the error names the field.
    pub fn new(config: &GenerateConfig, device: &B::Device) -> Result<Self, NetworkConfigError> {
        config.check()?;
        let encoder = |level: Level| {
            let looks_back = GenerateConfig::STRUCTURE.looks_back(level.index());
            Encoder::new(&config.text(), looks_back, false, device)
        };
        Ok(Self {
            tokens: TokenNetwork::new(&config.tokens, None, device)?.no_grad(),
            words: Words::new(config.rows, config.width, device),
            text: Level::ALL.map(encoder).into(),
            first: First::new(config, device),
            rest: (config.tokens.layers > 1).then(|| Rest::new(config, device)),
            length: linear_layer(config.width, config.longest, device),
            config: config.tokens.clone(),
        })
    }

    /// The network of a checkpoint, on `device`.
    ///
    /// # Errors
    /// If the tensors are not exactly those of the network; every difference is listed.
    pub fn from_checkpoint(
        checkpoint: &CheckpointOf<Generating>,
        device: &B::Device,
    ) -> Result<Self, CheckpointError> {
        let network = Self::new(&checkpoint.manifest.network, device)?;
        Ok(with_tensors(network, checkpoint.tensors()?))
    }

    /// The checkpoint of this network: `manifest`, with `precision` and hash filled in.
    ///
    /// # Errors
    /// If a weight is not finite in that precision.
    pub fn to_checkpoint(
        &self,
        manifest: ManifestOf<Generating>,
        precision: Precision,
    ) -> Result<CheckpointOf<Generating>, CheckpointError> {
        CheckpointOf::new(manifest, &tensors_of(self), precision)
    }

    /// Number of tokens that the motion of each text should have.
    pub fn lengths(&self, texts: &TextBatch, device: &B::Device) -> Vec<usize> {
        let body = self.conditions(texts, device).narrow(1, Level::Body.index(), 1).squeeze_dim(1);
        let chances = floats(softmax(self.length_logits(body), 1));
        let longest = chances.len() / texts.batch.max(1);
        let mean = |chances: &[f32]| {
            let tokens = chances.iter().enumerate();
            tokens.map(|(i, chance)| (i + 1) as f32 * chance).sum::<f32>()
        };
        let whole = |chances: &[f32]| (mean(chances).round() as usize).clamp(1, longest);
        chances.chunks_exact(longest.max(1)).map(whole).collect()
    }

    /// The codes of motions: text `i` has `tokens[i]` tokens, at least one, and gets
    /// `[tokens * parts * layers]` codes, token by token and in each part by part. Where
    /// `sampling.residual` leaves layers out, stands the number of codes, which is no code.
    ///
    /// The same seed gives the same codes, and each text draws for itself.
    pub fn sample(
        &self,
        texts: &TextBatch,
        tokens: &[usize],
        sampling: &Sampling,
        seed: u64,
        device: &B::Device,
    ) -> Vec<Vec<u32>> {
        let TokenConfig { layers, parts, .. } = self.config;
        let new = |tokens: &usize| vec![0; tokens * parts.count() * layers];
        let all: Vec<usize> = (0..parts.count()).collect();
        let motions = tokens.iter().map(new).collect();
        self.replace(texts, motions, &all, sampling, seed, device)
    }

    /// Writes the codes of some parts of the body anew, as a text says and as the other parts
    /// suggest, whose codes are kept. `motions` and the result are in the form of
    /// [`sample`](Self::sample).
    pub fn replace(
        &self,
        texts: &TextBatch,
        mut motions: Vec<Vec<u32>>,
        parts: &[usize],
        sampling: &Sampling,
        seed: u64,
        device: &B::Device,
    ) -> Vec<Vec<u32>> {
        if motions.is_empty() {
            return motions;
        }
        let layers = self.config.layers;
        let count = self.config.parts.count();
        let is_free = |place: usize| parts.contains(&(place % count));
        let draft = |codes: &Vec<u32>| {
            let first: Vec<u32> = codes.iter().step_by(layers).copied().collect();
            let free = (0..first.len()).map(is_free).collect();
            Draft::new(first, free)
        };
        let mut drafts: Vec<Draft> = motions.iter().map(draft).collect();
        let lengths: Vec<usize> = drafts.iter().map(|draft| draft.codes().len() / count).collect();
        let mut rngs: Vec<ChaCha8Rng> = (0..motions.len()).map(|i| stream(seed, i)).collect();
        let conditions = self.conditions(texts, device);
        for level in Level::ALL.into_iter().take(sampling.passes) {
            let told = conditions.clone().narrow(1, level.index(), 1).squeeze_dim(1);
            self.draw(&mut drafts, &lengths, &told, level, sampling, &mut rngs);
        }
        let none = self.config.codes as u32;
        for (codes, draft) in motions.iter_mut().zip(&drafts) {
            for (place, code) in draft.codes().iter().enumerate().filter(|(i, _)| is_free(*i)) {
                codes[place * layers..(place + 1) * layers].fill(none);
                codes[place * layers] = *code;
            }
        }
        if !sampling.residual {
            return motions;
        }
        let told = conditions.narrow(1, Level::Pairs.index(), 1).squeeze_dim(1);
        for layer in 1..layers {
            let padded = self.padded(&motions, &lengths, layers);
            let said = guided(sampling.scale, &told, |told| {
                self.rest_logits(&padded, &lengths, told, layer)
            });
            let Some(logits) = said.map(floats) else { return motions };
            let size = logits.len() / motions.len();
            for ((codes, logits), rng) in motions.iter_mut().zip(logits.chunks(size)).zip(&mut rngs)
            {
                let each = logits.chunks(self.config.codes).zip(codes.chunks_mut(layers));
                for (_, (logits, codes)) in each.enumerate().filter(|(i, _)| is_free(*i)) {
                    codes[layer] = sampling.choose(logits, rng).0;
                }
            }
        }
        motions
    }

    /// The numbers of the motion of one text's codes, as [`kinest::tokens`] reads them:
    /// `[frames, MOTION_NUMBERS]`. Layers in which a code is missing are not heard.
    pub fn motion(&self, codes: &[u32], device: &B::Device) -> Vec<f32> {
        let TokenConfig { layers, codes: none, parts, .. } = self.config;
        let width = parts.count() * layers;
        let tokens = codes.len() / width;
        if tokens == 0 {
            return vec![];
        }
        let is_whole = |layer: &usize| {
            codes.iter().skip(*layer).step_by(layers).all(|code| (*code as usize) < none)
        };
        let whole = (0..layers).take_while(is_whole).count().max(1);
        let known = codes.iter().take(tokens * width).map(|code| (*code as usize).min(none - 1));
        let known = numbers(known, device).reshape([1, tokens, width]);
        floats(self.tokens.decode(known, whole))
    }

    /// What the texts say, level by level, `[batch, levels, width]`.
    pub fn conditions(&self, texts: &TextBatch, device: &B::Device) -> Tensor<B, 3> {
        let all = self.words.all(texts, device);
        let levels = Level::ALL.iter();
        let sequences = levels.map(|level| self.words.tokens(&all, texts, &[*level], device));
        let means = points(&self.text, sequences).into_iter().map(|point| point.mean);
        Tensor::stack(means.collect(), 1)
    }

    /// How likely each number of tokens is, from 1 on.
    ///
    /// # Shapes
    /// - `body`: the condition of the level of the whole body, `[batch, width]`
    /// - output: logits, `[batch, longest]`
    pub fn length_logits(&self, body: Tensor<B, 2>) -> Tensor<B, 2> {
        self.length.forward(body)
    }

    /// How likely each first code is.
    ///
    /// # Shapes
    /// - `seen`: first codes, `[batch, tokens, parts]`, the number of codes being a masked one
    /// - `lengths`: tokens of each motion
    /// - `condition`: `[batch, width]`, 0 where the text is not heard
    /// - `levels`: those of the conditions
    /// - output: logits, `[batch, tokens, parts, codes]`
    pub fn first_logits(
        &self,
        seen: &[u32],
        lengths: &[usize],
        condition: Tensor<B, 2>,
        levels: &[Level],
    ) -> Tensor<B, 4> {
        self.first.forward(seen, lengths, condition, levels)
    }

    /// How likely each code of a layer is, from 1 on; `None` if tokens have one layer.
    ///
    /// # Shapes
    /// - `codes`: `[batch, tokens, parts, layers]`, of which those of the layers before are seen
    /// - `lengths`: tokens of each motion
    /// - `condition`: of the finest level, `[batch, width]`, 0 where the text is not heard
    /// - output: logits, `[batch, tokens, parts, codes]`
    pub fn rest_logits(
        &self,
        codes: &[u32],
        lengths: &[usize],
        condition: Tensor<B, 2>,
        layer: usize,
    ) -> Option<Tensor<B, 4>> {
        let rest = self.rest.as_ref()?;
        let width = self.config.parts.count() * self.config.layers;
        let shape = [lengths.len(), codes.len() / (lengths.len() * width), width];
        // Those of later layers may be none.
        let known = codes.iter().map(|code| (*code as usize).min(self.config.codes - 1));
        let known = numbers(known, &condition.device()).reshape(shape);
        let sums = self.tokens.sums(known, layer);
        Some(rest.forward(layer, sums, self.tokens.codes(layer), lengths, condition))
    }

    /// A pass: draws first codes as the text of a level says.
    fn draw(
        &self,
        drafts: &mut [Draft],
        lengths: &[usize],
        told: &Tensor<B, 2>,
        level: Level,
        sampling: &Sampling,
        rngs: &mut [ChaCha8Rng],
    ) {
        let share = sampling.share(level.index());
        let counts: Vec<usize> = drafts.iter_mut().map(|draft| draft.reopen(share)).collect();
        let iterations = sampling.iterations[level.index()];
        let mask = self.config.codes as u32;
        for done in 1..=iterations {
            let seen: Vec<Vec<u32>> = drafts.iter().map(|d| d.seen(mask).collect()).collect();
            let seen = self.padded(&seen, lengths, 1);
            let levels = vec![level; drafts.len()];
            let said = guided(sampling.scale, told, |told| {
                Some(self.first_logits(&seen, lengths, told, &levels))
            });
            let logits = said.map(floats).unwrap_or_default();
            let size = logits.len() / drafts.len();
            let parts = self.config.parts.count() * self.config.codes;
            for (i, draft) in drafts.iter_mut().enumerate() {
                let own = &logits[i * size..i * size + lengths[i] * parts];
                let left = left(counts[i], done, iterations);
                draft.fill(own, left, sampling, &mut rngs[i]);
            }
        }
    }

    /// Motions one after the other, the shorter ones padded: `[batch, tokens, parts, layers]`.
    fn padded(&self, motions: &[Vec<u32>], lengths: &[usize], layers: usize) -> Vec<u32> {
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let size = longest * self.config.parts.count() * layers;
        let padded = |codes: &Vec<u32>| {
            let rest = iter::repeat_n(0, size - codes.len());
            codes.iter().copied().chain(rest).collect::<Vec<_>>()
        };
        motions.iter().flat_map(padded).collect()
    }
}

/// The random numbers of text `i`.
fn stream(seed: u64, i: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(i as u64);
    rng
}

/// What is said with a text, away from what is said without one.
fn guided<B: Backend>(
    scale: f64,
    told: &Tensor<B, 2>,
    say: impl Fn(Tensor<B, 2>) -> Option<Tensor<B, 4>>,
) -> Option<Tensor<B, 4>> {
    let with = say(told.clone())?;
    if scale == 1.0 {
        return Some(with);
    }
    let without = say(told.zeros_like())?;
    Some(without.clone() + (with - without) * scale)
}

/// A table of vectors, of which `together` are added up to numbers of unit size.
fn table<B: Backend>(
    rows: usize,
    width: usize,
    together: usize,
    device: &B::Device,
) -> Param<Tensor<B, 2>> {
    let spread = Distribution::Normal(0.0, 1.0 / (together as f64).sqrt());
    Param::from_tensor(Tensor::random([rows, width], spread, device))
}

fn numbers<B: Backend>(
    values: impl Iterator<Item = usize>,
    device: &B::Device,
) -> Tensor<B, 1, Int> {
    let values: Vec<i64> = values.map(|value| value as i64).collect();
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}

fn floats<B: Backend, const D: usize>(x: Tensor<B, D>) -> Vec<f32> {
    x.into_data().convert::<f32>().iter().collect()
}
