//! Motions as tokens.

use super::transformer::{Sequence, places};
use crate::layers::uniform_parameter;
use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};
use kinest::model::align::{AlignConfig, Level};

/// A token is a part of the body during some frames: a linear map of its numbers, different for each
/// part, and the place of these frames.
#[derive(Module, Debug)]
pub(super) struct Patches<B: Backend> {
    /// `[parts, frames * numbers, width]`
    weight: Param<Tensor<B, 3>>,
    /// `[parts, width]`
    bias: Param<Tensor<B, 2>>,
    /// Index of the level.
    level: usize,
}

impl<B: Backend> Patches<B> {
    pub(super) fn new(config: &AlignConfig, level: Level, device: &B::Device) -> Self {
        let (parts, width) = (level.parts(), config.width);
        let inputs = config.patches[level.index()] * level.numbers();
        Self {
            weight: uniform_parameter([parts, inputs, width], inputs, device),
            bias: uniform_parameter([parts, width], inputs, device),
            level: level.index(),
        }
    }

    /// # Shapes
    /// - `x`: `[batch, frames, FRAME]`, standardised, 0 where there is no frame
    /// - `lengths`: frames of each motion
    pub(super) fn forward(&self, x: Tensor<B, 3>, lengths: &[usize]) -> Sequence<B> {
        let level = Level::ALL[self.level];
        let [batch, frames, _] = x.dims();
        let [parts, inputs, width] = self.weight.dims();
        let patch = inputs / level.numbers();
        let count = frames / patch;
        let device = x.device();
        let x = x.narrow(2, level.start(), parts * level.numbers());
        let x = x.reshape([batch * count, patch, parts, level.numbers()]).permute([2, 0, 1, 3]);
        let tokens = x.reshape([parts, batch * count, inputs]).matmul(self.weight.val());
        let tokens = tokens.reshape([parts, batch, count, width]).swap_dims(0, 1);
        let bias = self.bias.val().reshape([1, parts, 1, width]);
        let places = places(count, width, &device);
        let tokens = tokens + bias + places.reshape([1, 1, count, width]);
        let absent = lengths.iter().flat_map(|length| {
            (0..parts * count).map(move |token| i64::from(token % count * patch >= *length))
        });
        let absent = TensorData::new(absent.collect::<Vec<_>>(), [batch, parts * count]);
        Sequence {
            tokens: tokens.reshape([batch, parts * count, width]),
            absent: Tensor::<B, 2, Int>::from_data(absent, &device).bool(),
        }
    }
}
