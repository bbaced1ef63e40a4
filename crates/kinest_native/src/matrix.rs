//! Products of rows with matrices that are packed once.
//!
//! A matrix `[inputs, outputs]` is stored as panels of [`PANEL`] outputs: `[panel, input, output]`.
//! The innermost loop reads memory sequentially, and a few rows of one panel's results stay in
//! registers for the whole sum. With AVX2 or AVX-512 this reaches within a few percent of peak
//! throughput, and no packing is left to do per product.

use super::numbers::{Numbers, zeros};
use super::rows::silu_row;
use crate::vectors::arch;
use pulp::{Simd, WithSimd};

/// Outputs per panel: two AVX-512 registers.
pub(super) const PANEL: usize = 32;

/// Row stride for a matrix of `width` columns, padded where needed.
///
/// Rows a multiple of 2 KiB apart map to the same few cache sets and evict each other.
pub(super) fn spread(width: usize) -> usize {
    if width.is_multiple_of(512) { width + 16 } else { width }
}

/// Rows of numbers, `stride` apart.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) values: &'a [f32],
    pub(super) stride: usize,
    pub(super) count: usize,
}

impl<'a> Rows<'a> {
    /// All of `values` as contiguous rows.
    pub(super) fn whole(values: &'a [f32], width: usize) -> Self {
        Self { values, stride: width, count: values.len() / width }
    }

    /// The first `count` rows.
    pub(super) fn first(values: &'a [f32], stride: usize, count: usize) -> Self {
        Self { values, stride, count }
    }
}

/// Mutable rows, `stride` apart.
pub(super) struct RowsMut<'a> {
    pub(super) values: &'a mut [f32],
    pub(super) stride: usize,
}

impl<'a> RowsMut<'a> {
    pub(super) fn new(values: &'a mut [f32], stride: usize) -> Self {
        Self { values, stride }
    }
}

/// How a product is written to the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// Overwrite.
    Plain,
    /// Overwrite with `max(v, 0)`.
    Relu,
    /// Overwrite with `SiLU(v)`.
    Silu,
    /// Accumulate.
    Add,
}

/// Right-hand side of a product, and the bias added to each row of the result.
#[derive(Clone, Copy)]
pub(super) struct Right<'a> {
    /// `[outputs / PANEL, inputs, PANEL]`
    pub(super) panels: &'a [f32],
    /// `[outputs]`, padded to whole panels; or empty.
    pub(super) bias: &'a [f32],
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

/// A linear map with packed weights.
#[derive(Debug)]
pub(super) struct Linear {
    panels: Numbers,
    bias: Numbers,
    inputs: usize,
    outputs: usize,
}

impl Linear {
    /// Packs `weight`, row-major `[inputs, outputs]`; an empty `bias` means no bias.
    pub(super) fn new(weight: &[f32], bias: &[f32], inputs: usize) -> Self {
        let outputs = weight.len() / inputs;
        let padded = outputs.next_multiple_of(PANEL);
        let mut panels = zeros(inputs * padded);
        pack(Rows::whole(weight, outputs), outputs, inputs, &mut panels);
        let mut padded_bias = zeros(if bias.is_empty() { 0 } else { padded });
        padded_bias[..bias.len()].copy_from_slice(bias);
        Self { panels, bias: padded_bias, inputs, outputs }
    }

    pub(super) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    fn right(&self) -> Right<'_> {
        let Self { panels, bias, inputs, outputs } = self;
        Right { panels, bias, inputs: *inputs, outputs: *outputs }
    }

    /// Writes `x W + b`.
    pub(super) fn apply(&self, x: Rows<'_>, out: RowsMut<'_>, write: Write) {
        product(x, self.right(), out, write);
    }
}

/// Packs the first `columns` columns of `source` into panels of `depth` inputs.
pub(super) fn pack(source: Rows<'_>, columns: usize, depth: usize, panels: &mut [f32]) {
    for (panel, from) in panels.chunks_exact_mut(depth * PANEL).zip((0..columns).step_by(PANEL)) {
        let width = PANEL.min(columns - from);
        let rows = source.values.chunks(source.stride).take(source.count);
        for (to, row) in panel.chunks_exact_mut(PANEL).zip(rows) {
            to[..width].copy_from_slice(&row[from..from + width]);
        }
    }
}

/// Packs the transpose of `source` into panels: row `r` becomes column `r`.
pub(super) fn pack_transposed(source: Rows<'_>, columns: usize, panels: &mut [f32]) {
    let groups = source.values.chunks(PANEL * source.stride);
    for (panel, rows) in panels.chunks_exact_mut(columns * PANEL).zip(groups) {
        for (r, row) in rows.chunks(source.stride).enumerate() {
            for (to, value) in panel.chunks_exact_mut(PANEL).zip(&row[..columns]) {
                to[r] = *value;
            }
        }
    }
}

/// Writes `x · right + bias`.
pub(super) fn product(x: Rows<'_>, right: Right<'_>, out: RowsMut<'_>, write: Write) {
    arch().dispatch(Product { x, right, out, write });
}

struct Product<'a> {
    x: Rows<'a>,
    right: Right<'a>,
    out: RowsMut<'a>,
    write: Write,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // Fill the registers with accumulators, leaving room for part of the panel.
        match S::F32_LANES {
            16 => self.run::<S, 12, 2>(simd),
            8 => self.run::<S, 6, 2>(simd),
            4 => self.run::<S, 6, 4>(simd),
            _ => self.run::<S, 4, 1>(simd),
        }
    }
}

impl Product<'_> {
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const REGISTERS: usize>(mut self, simd: S) {
        let Right { outputs, bias, .. } = self.right;
        let rows = self.out.values.chunks_mut(self.out.stride).take(self.x.count);
        for row in rows.map(|row| &mut row[..outputs]) {
            match (self.write, bias.get(..outputs)) {
                (Write::Add, None) => {}
                (Write::Add, Some(bias)) => row.iter_mut().zip(bias).for_each(|(v, b)| *v += b),
                (_, None) => row.fill(0.0),
                (_, Some(bias)) => row.copy_from_slice(bias),
            }
        }
        for panel in 0..outputs.div_ceil(PANEL) {
            let mut row = 0;
            while row + ROWS <= self.x.count {
                self.tile::<S, ROWS, REGISTERS>(simd, row, panel);
                row += ROWS;
            }
            while row + 4 <= self.x.count {
                self.tile::<S, 4, REGISTERS>(simd, row, panel);
                row += 4;
            }
            while row < self.x.count {
                self.tile::<S, 1, REGISTERS>(simd, row, panel);
                row += 1;
            }
        }
    }

    /// Accumulates one panel's products for `ROWS` rows.
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const REGISTERS: usize>(
        &mut self,
        simd: S,
        row: usize,
        panel: usize,
    ) {
        let (depth, stride) = (self.right.inputs, self.out.stride);
        let x = &self.x.values[row * self.x.stride..];
        let rows: [&[f32]; ROWS] = std::array::from_fn(|r| &x[r * self.x.stride..][..depth]);
        let weights = &self.right.panels[panel * depth * PANEL..][..depth * PANEL];
        let columns = PANEL.min(self.right.outputs - panel * PANEL);
        let out = &mut self.out.values[row * stride + panel * PANEL..];
        let lanes = REGISTERS * S::F32_LANES;
        for from in (0..columns).step_by(lanes) {
            let width = lanes.min(columns - from);
            if width == lanes {
                sum::<S, ROWS, REGISTERS>(simd, rows, weights, from, &mut out[from..], stride);
            } else {
                let mut edge = [[0.0; PANEL]; ROWS];
                let whole = edge.as_flattened_mut();
                sum::<S, ROWS, REGISTERS>(simd, rows, weights, from, whole, PANEL);
                for (r, edge) in edge.iter().enumerate() {
                    let out = &mut out[r * stride + from..][..width];
                    out.iter_mut().zip(edge).for_each(|(out, edge)| *out += edge);
                }
            }
        }
        let rows = out.chunks_mut(stride).take(ROWS).map(|row| &mut row[..columns]);
        match self.write {
            Write::Plain | Write::Add => {}
            Write::Relu => rows.flatten().for_each(|v| *v = v.max(0.0)),
            Write::Silu => rows.for_each(silu_row),
        }
    }
}

/// Accumulates the products of `ROWS` rows with `REGISTERS` registers of a panel's columns.
#[inline(always)]
fn sum<S: Simd, const ROWS: usize, const REGISTERS: usize>(
    simd: S,
    rows: [&[f32]; ROWS],
    panel: &[f32],
    from: usize,
    out: &mut [f32],
    stride: usize,
) {
    let mut sums = [[simd.splat_f32s(0.0); REGISTERS]; ROWS];
    let (panel, _) = S::as_simd_f32s(panel);
    let panel = panel.chunks_exact(PANEL / S::F32_LANES);
    // `take` tells the compiler that no row is shorter.
    for (i, weights) in panel.enumerate().take(rows[0].len()) {
        let weights = &weights[from / S::F32_LANES..][..REGISTERS];
        for r in 0..ROWS {
            let x = simd.splat_f32s(rows[r][i]);
            for k in 0..REGISTERS {
                sums[r][k] = simd.mul_add_e_f32s(x, weights[k], sums[r][k]);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        let row = &mut out[r * stride..][..REGISTERS * S::F32_LANES];
        let (row, _) = S::as_mut_simd_f32s(row);
        for (out, sum) in row.iter_mut().zip(sums) {
            *out = simd.add_f32s(*out, *sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sequence without repeats.
    fn numbers(length: usize, step: f32) -> Vec<f32> {
        (0..length).map(|i| (i as f32 * step).sin()).collect()
    }

    #[test]
    fn products_of_every_size_are_right() {
        // Sizes around tile and panel borders, with gaps between rows.
        for (rows, inputs, outputs) in
            [(1, 5, 1), (3, 1, 31), (4, 7, 32), (13, 33, 33), (17, 64, 70), (24, 9, 132)]
        {
            let (stride, out_stride) = (inputs + 3, outputs + 5);
            let x = numbers(rows * stride, 0.37);
            let weight = numbers(inputs * outputs, 0.73);
            let bias = numbers(outputs, 0.11);
            let linear = Linear::new(&weight, &bias, inputs);
            let before = numbers(rows * out_stride, 0.5);
            for write in [Write::Plain, Write::Relu, Write::Silu, Write::Add] {
                let mut out = before.clone();
                let view = RowsMut::new(&mut out, out_stride);
                linear.apply(Rows { values: &x, stride, count: rows }, view, write);
                for r in 0..rows {
                    for c in 0..outputs {
                        let product = |i| f64::from(x[r * stride + i] * weight[i * outputs + c]);
                        let sum = f64::from(bias[c]) + (0..inputs).map(product).sum::<f64>();
                        let silu = sum / (1.0 + (-sum).exp());
                        let there = f64::from(before[r * out_stride + c]);
                        let right = match write {
                            Write::Plain => sum,
                            Write::Relu => sum.max(0.0),
                            Write::Silu => silu,
                            Write::Add => there + sum,
                        };
                        let found = f64::from(out[r * out_stride + c]);
                        assert!(
                            (found - right).abs() < 1e-5,
                            "{rows} {inputs} {outputs} {write:?}"
                        );
                    }
                    // The gap between rows is not written.
                    let gap = r * out_stride + outputs..(r + 1) * out_stride;
                    assert_eq!(out[gap.clone()], before[gap]);
                }
            }
        }
    }

    #[test]
    fn transposed_panels_give_products_of_rows_with_rows() {
        let (a, b, width) = (numbers(5 * 6, 0.3), numbers(40 * 6, 0.9), 6);
        let mut panels = zeros(width * 64);
        pack_transposed(Rows::whole(&b, width), width, &mut panels);
        let right = Right { panels: &panels, bias: &[], inputs: width, outputs: 40 };
        let mut out = vec![0.0; 5 * 40];
        product(Rows::whole(&a, width), right, RowsMut::new(&mut out, 40), Write::Plain);
        for r in 0..5 {
            for c in 0..40 {
                let sum: f32 = (0..width).map(|i| a[r * width + i] * b[c * width + i]).sum();
                assert!((out[r * 40 + c] - sum).abs() < 1e-5);
            }
        }
    }
}
