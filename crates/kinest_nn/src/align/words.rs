//! Texts as tokens.

use super::transformer::{Sequence, places};
use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, Int, Tensor, TensorData};
use kinest::align::{PIECES, TextBatch, Tokens};
use kinest::model::align::{Level, PARTS};

/// Deviation of the numbers of a new table.
const SPREAD: f64 = 0.1;

/// A word is the mean of its pieces, which a table holds. A token is a word, the part of the body that
/// it is about, and its place.
#[derive(Module, Debug)]
pub(crate) struct Words<B: Backend> {
    table: Param<Tensor<B, 2>>,
    parts: Param<Tensor<B, 2>>,
}

impl<B: Backend> Words<B> {
    /// A new table of `rows` rows.
    pub(crate) fn new(rows: usize, width: usize, device: &B::Device) -> Self {
        let table = |rows: usize| {
            let spread = Distribution::Normal(0.0, SPREAD);
            Param::from_tensor(Tensor::random([rows, width], spread, device))
        };
        Self { table: table(rows), parts: table(PARTS) }
    }

    /// All words of a batch, `[words, width]`; word 0 is 0. A common scale makes them as large as the
    /// numbers of places.
    pub(crate) fn all(&self, texts: &TextBatch, device: &B::Device) -> Tensor<B, 2> {
        let words = texts.pieces.len();
        let rows = texts.pieces.as_flattened();
        let width = self.table.dims()[1];
        let found = select(self.table.val(), rows).reshape([words, PIECES, width]);
        let share = texts.pieces.iter().flat_map(|pieces| {
            let count = pieces.iter().filter(|row| **row > 0).count().max(1);
            pieces.map(|row| if row > 0 { 1.0 / (SPREAD * count as f64) } else { 0.0 })
        });
        let share: Vec<f32> = share.map(|v| v as f32).collect();
        let share = Tensor::from_data(TensorData::new(share, [words, 1, PIECES]), device);
        share.matmul(found).reshape([words, width])
    }

    /// The tokens of levels, one after the other.
    pub(crate) fn tokens(
        &self,
        all: &Tensor<B, 2>,
        texts: &TextBatch,
        levels: &[Level],
        device: &B::Device,
    ) -> Sequence<B> {
        let width = all.dims()[1];
        let of = |level: &Level| {
            let Tokens { words, parts, places: at, length } = &texts.levels[level.index()];
            let last = at.iter().max().map_or(0, |last| *last as usize);
            let tokens = select(all.clone(), words)
                + select(self.parts.val(), parts)
                + select(places(last + 1, width, device), at);
            let shape = [texts.batch, *length];
            let words: Vec<i64> = words.iter().map(|word| i64::from(*word)).collect();
            let words = Tensor::<B, 2, Int>::from_data(TensorData::new(words, shape), device);
            (tokens.reshape([shape[0], shape[1], width]), words.equal_elem(0))
        };
        let (tokens, absent): (Vec<_>, Vec<_>) = levels.iter().map(of).unzip();
        Sequence { tokens: Tensor::cat(tokens, 1), absent: Tensor::cat(absent, 1) }
    }
}

/// Rows of a table, by number.
fn select<B: Backend>(table: Tensor<B, 2>, rows: &[u32]) -> Tensor<B, 2> {
    let device = table.device();
    let rows: Vec<i64> = rows.iter().map(|row| i64::from(*row)).collect();
    let count = rows.len();
    table.select(0, Tensor::<B, 1, Int>::from_data(TensorData::new(rows, [count]), &device))
}
