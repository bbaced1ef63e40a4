//! Linear maps of rows: every row of the output is a weighted sum of the rows of the input.

use super::super::matrix::{PANEL, Right, Rows, RowsMut, Write, pack, product};
use super::super::numbers::{Numbers, aligned, zeros};

/// A linear map of rows, and its scratch buffer.
#[derive(Debug)]
pub(super) struct Mixer {
    /// `[outputs, inputs + 1]`: the weights, with the bias as the last column.
    weights: Numbers,
    /// The input packed into panels, with a last row of ones for the bias.
    panels: Numbers,
    inputs: usize,
    /// Numbers per row.
    width: usize,
}

impl Mixer {
    /// Maps rows of `width` numbers. `weight(output, input)` weighs the rows, `bias(output)` is
    /// added.
    pub(super) fn new(
        (outputs, inputs): (usize, usize),
        width: usize,
        weight: impl Fn(usize, usize) -> f32,
        bias: impl Fn(usize) -> f32,
    ) -> Self {
        let row = |output| {
            let weights = (0..inputs).map(|input| weight(output, input)).collect::<Vec<_>>();
            weights.into_iter().chain([bias(output)])
        };
        let weights: Vec<f32> = (0..outputs).flat_map(row).collect();
        let mut panels = zeros((inputs + 1) * width.next_multiple_of(PANEL));
        for panel in panels.chunks_exact_mut((inputs + 1) * PANEL) {
            panel[inputs * PANEL..].fill(1.0);
        }
        Self { weights: aligned(&weights), panels, inputs, width }
    }

    /// # Shapes
    /// - `x`: `[inputs, width]`
    /// - `out`: `[outputs, width]`
    pub(super) fn apply(&mut self, x: &[f32], out: &mut [f32], write: Write) {
        let (inputs, width) = (self.inputs + 1, self.width);
        pack(Rows::whole(x, width), width, inputs, &mut self.panels);
        let right = Right { panels: &self.panels, bias: &[], inputs, outputs: width };
        product(Rows::whole(&self.weights, inputs), right, RowsMut::new(out, width), write);
    }
}
