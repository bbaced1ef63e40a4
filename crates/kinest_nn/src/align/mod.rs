//! Alignment of texts and motions: HTMA (KinMo, Zhang et al. 2025).
//!
//! Both sides have three levels, the whole body, its six groups, and their fifteen pairs. Each level
//! is encoded as a [`Point`], and looks at what the coarser one found. [`Htma::new`] makes a network
//! with random weights, [`Htma::from_checkpoint`] one with trained weights.

mod decoder;
pub(crate) mod encoder;
mod patches;
pub(crate) mod transformer;
pub(crate) mod words;

pub use encoder::Point;

use crate::layers::statistics::Standardise;
use crate::tensors::{tensors_of, with_tensors};
use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use decoder::Decoder;
use encoder::{Encoder, points};
use kinest::align::TextBatch;
use kinest::model::align::{AlignConfig, Alignment, FRAME, SEEN, Structure};
use kinest::model::{CheckpointError, CheckpointOf, ManifestOf, NetworkConfigError, Precision};
use patches::Patches;
use transformer::Sequence;
use words::Words;

/// Motions of a batch.
#[derive(Clone, Debug)]
pub struct Motions<B: Backend> {
    /// `[batch, frames, FRAME]`, as [`FrameWriter`](kinest::align::FrameWriter) writes them; anything
    /// after the end of a motion.
    pub frames: Tensor<B, 3>,
    /// Frames of each motion, at least one.
    pub lengths: Vec<usize>,
}

/// The network.
#[derive(Module, Debug)]
pub struct Htma<B: Backend> {
    standardise: Standardise<B>,
    words: Words<B>,
    patches: Vec<Patches<B>>,
    text: Vec<Encoder<B>>,
    motion: Vec<Encoder<B>>,
    decoder: Decoder<B>,
    #[module(skip)]
    structure: Structure,
}

impl<B: Backend> Htma<B> {
    /// A network with random weights.
    ///
    /// # Errors
    /// If the dimensions do not fit together; the error names the field.
    pub fn new(config: &AlignConfig, device: &B::Device) -> Result<Self, NetworkConfigError> {
        config.check()?;
        let structure = config.structure;
        let encoders = || {
            let size = config.transformer();
            let encoder = |i| Encoder::new(&size, structure.looks_back(i), true, device);
            (0..structure.encoders().len()).map(encoder).collect()
        };
        Ok(Self {
            standardise: Standardise::identity(FRAME, device),
            words: Words::new(config.rows, config.width, device),
            patches: config.levels().map(|level| Patches::new(config, level, device)).collect(),
            text: encoders(),
            motion: encoders(),
            decoder: Decoder::new(config, device),
            structure,
        })
    }

    /// The network of a checkpoint, on `device`.
    ///
    /// # Errors
    /// If the tensors are not exactly those of the network; every difference is listed.
    pub fn from_checkpoint(
        checkpoint: &CheckpointOf<Alignment>,
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
        manifest: ManifestOf<Alignment>,
        precision: Precision,
    ) -> Result<CheckpointOf<Alignment>, CheckpointError> {
        CheckpointOf::new(manifest, &tensors_of(self), precision)
    }

    /// The points of texts, coarse to fine: one for each encoder of the [`Structure`].
    pub fn texts(&self, texts: &TextBatch, device: &B::Device) -> Vec<Point<B>> {
        let all = self.words.all(texts, device);
        let levels = self.structure.encoders().iter();
        let sequences = levels.map(|levels| self.words.tokens(&all, texts, levels, device));
        points(&self.text, sequences)
    }

    /// The points of motions, as those of texts.
    pub fn motions(&self, motions: &Motions<B>) -> Vec<Point<B>> {
        let x = self.standardised(motions);
        let mut patches = self.patches.iter();
        let sequences = self.structure.encoders().iter().map(|levels| {
            let parts = patches.by_ref().take(levels.len());
            let parts = parts.map(|patches| patches.forward(x.clone(), &motions.lengths));
            let (tokens, absent): (Vec<_>, Vec<_>) =
                parts.map(|part| (part.tokens, part.absent)).unzip();
            Sequence { tokens: Tensor::cat(tokens, 1), absent: Tensor::cat(absent, 1) }
        });
        points(&self.motion, sequences)
    }

    /// The motions that a point stands for, in the numbers of [`Self::shown`].
    ///
    /// # Shapes
    /// - `point`: `[batch, width]`
    /// - output: `[batch, frames, SEEN]`
    pub fn decode(&self, point: Tensor<B, 2>, frames: usize) -> Tensor<B, 3> {
        self.decoder.forward(point, frames)
    }

    /// What decoded motions should be: the numbers of body and groups, standardised, 0 after the end of
    /// a motion.
    ///
    /// # Shapes
    /// - output: `[batch, frames, SEEN]`
    pub fn shown(&self, motions: &Motions<B>) -> Tensor<B, 3> {
        self.standardised(motions).narrow(2, 0, SEEN)
    }

    fn standardised(&self, motions: &Motions<B>) -> Tensor<B, 3> {
        let x = self.standardise.forward(motions.frames.clone());
        x * there(motions)
    }
}

/// 1 for frames of a motion, 0 after its end, `[batch, frames, 1]`.
pub fn there<B: Backend>(motions: &Motions<B>) -> Tensor<B, 3> {
    let [batch, frames, _] = motions.frames.dims();
    let each = |length: &usize| (0..frames).map(|i| f32::from(i < *length)).collect::<Vec<_>>();
    let values: Vec<f32> = motions.lengths.iter().flat_map(each).collect();
    let there = TensorData::new(values, [batch, frames, 1]);
    Tensor::from_data(there, &motions.frames.device())
}
