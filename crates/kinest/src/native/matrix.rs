//! Products of rows with matrices that are packed once.
//!
//! A matrix `[inputs, outputs]` lies in memory as panels of [`PANEL`] outputs each: `[panel, input,
//! output]`. So the innermost loop reads it from front to back, and some rows of one panel's results
//! stay in registers for the whole sum. The loops are plain Rust over arrays of fixed size, which the
//! compiler turns into the widest multiply-adds that the processor of this machine has; with AVX-512
//! or AVX2 they come within a few percent of what it can do at all.

use crate::model::math::{mul_add, silu};
use aligned_vec::{AVec, ConstAlign, avec};
use multiversion::multiversion;
use multiversion::target::match_target;

/// Outputs of a panel: two registers of AVX-512.
pub(super) const PANEL: usize = 32;

/// Numbers that begin at a cache line.
pub(super) type Numbers = AVec<f32, ConstAlign<64>>;

/// `length` zeros.
pub(super) fn zeros(length: usize) -> Numbers {
    avec!([64] | 0.0; length)
}

/// How far apart the rows of a matrix of `width` columns lie best.
///
/// Rows a multiple of 2 KiB apart compete for the same few places in the cache.
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
    /// All of `values`, whose rows follow each other.
    pub(super) fn whole(values: &'a [f32], width: usize) -> Self {
        Self { values, stride: width, count: values.len() / width }
    }

    /// The first `count` rows.
    pub(super) fn first(values: &'a [f32], stride: usize, count: usize) -> Self {
        Self { values, stride, count }
    }
}

/// Rows of numbers to write, `stride` apart.
pub(super) struct RowsMut<'a> {
    pub(super) values: &'a mut [f32],
    pub(super) stride: usize,
}

impl<'a> RowsMut<'a> {
    pub(super) fn new(values: &'a mut [f32], stride: usize) -> Self {
        Self { values, stride }
    }
}

/// What is done with a product when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// It replaces what is there.
    Plain,
    /// What is below zero becomes zero.
    Relu,
    /// It goes through a SiLU.
    Silu,
    /// It is added to what is there.
    Add,
    /// It goes through a SiLU and is added to what is there.
    AddSilu,
}

/// The right side of a product, and what is added to each row of the result.
#[derive(Clone, Copy)]
pub(super) struct Right<'a> {
    /// `[outputs / PANEL, inputs, PANEL]`
    pub(super) panels: &'a [f32],
    /// `[outputs]`, padded to whole panels; or empty.
    pub(super) bias: &'a [f32],
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

/// A linear map whose weights are packed.
#[derive(Debug)]
pub(super) struct Linear {
    panels: Numbers,
    bias: Numbers,
    inputs: usize,
    outputs: usize,
}

impl Linear {
    /// Packs `weight`, row-major `[inputs, outputs]`; an empty `bias` is none.
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

/// Puts the first `columns` columns of `source` into panels of `depth` inputs each.
pub(super) fn pack(source: Rows<'_>, columns: usize, depth: usize, panels: &mut [f32]) {
    for (panel, from) in panels.chunks_exact_mut(depth * PANEL).zip((0..columns).step_by(PANEL)) {
        let width = PANEL.min(columns - from);
        let rows = source.values.chunks(source.stride).take(source.count);
        for (to, row) in panel.chunks_exact_mut(PANEL).zip(rows) {
            to[..width].copy_from_slice(&row[from..from + width]);
        }
    }
}

/// Puts `source` with rows and columns exchanged into panels: row `r` becomes column `r`.
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

/// Writes the product of the rows of `x` with `right`, plus its bias.
pub(super) fn product(x: Rows<'_>, right: Right<'_>, out: RowsMut<'_>, write: Write) {
    versions(x, right, out, write);
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma",))]
fn versions(x: Rows<'_>, right: Right<'_>, out: RowsMut<'_>, write: Write) {
    // As many sums as fit into the registers, with room for a row of the panel.
    match_target! {
        "x86_64+avx512f" => tiles::<true, 12, 32>(x, right, out, write),
        "x86_64+fma" => tiles::<true, 6, 16>(x, right, out, write),
        "aarch64+neon" => tiles::<true, 6, 16>(x, right, out, write),
        _ => tiles::<false, 4, 8>(x, right, out, write),
    }
}

#[inline(always)]
fn tiles<const FUSED: bool, const ROWS: usize, const LANES: usize>(
    x: Rows<'_>,
    right: Right<'_>,
    out: RowsMut<'_>,
    write: Write,
) {
    for panel in 0..right.outputs.div_ceil(PANEL) {
        let mut row = 0;
        while row + ROWS <= x.count {
            tile::<FUSED, ROWS, LANES>(x, right, out.values, out.stride, row, panel, write);
            row += ROWS;
        }
        while row + 4 <= x.count {
            tile::<FUSED, 4, LANES>(x, right, out.values, out.stride, row, panel, write);
            row += 4;
        }
        while row < x.count {
            tile::<FUSED, 1, LANES>(x, right, out.values, out.stride, row, panel, write);
            row += 1;
        }
    }
}

/// `ROWS` rows of one panel's results, `LANES` columns at a time.
#[inline(always)]
fn tile<const FUSED: bool, const ROWS: usize, const LANES: usize>(
    x: Rows<'_>,
    right: Right<'_>,
    out: &mut [f32],
    stride: usize,
    row: usize,
    panel: usize,
    write: Write,
) {
    let depth = right.inputs;
    let rows: [&[f32]; ROWS] = std::array::from_fn(|r| &x.values[(row + r) * x.stride..][..depth]);
    let weights = right.panels[panel * depth * PANEL..][..depth * PANEL].as_chunks::<PANEL>().0;
    for part in (0..PANEL).step_by(LANES) {
        let column = panel * PANEL + part;
        if column >= right.outputs {
            break;
        }
        let mut sums = [[0.0_f32; LANES]; ROWS];
        if !right.bias.is_empty() {
            sums = [std::array::from_fn(|lane| right.bias[column + lane]); ROWS];
        }
        for (i, weights) in weights.iter().enumerate() {
            for r in 0..ROWS {
                for lane in 0..LANES {
                    sums[r][lane] =
                        mul_add::<FUSED>(rows[r][i], weights[part + lane], sums[r][lane]);
                }
            }
        }
        let width = LANES.min(right.outputs - column);
        for (r, sums) in sums.iter_mut().enumerate() {
            let out = &mut out[(row + r) * stride + column..][..width];
            finish::<FUSED, LANES>(sums, out, write);
        }
    }
}

#[inline(always)]
fn finish<const FUSED: bool, const LANES: usize>(
    sums: &mut [f32; LANES],
    out: &mut [f32],
    write: Write,
) {
    match write {
        Write::Plain | Write::Add => {}
        Write::Relu => sums.iter_mut().for_each(|v| *v = v.max(0.0)),
        Write::Silu | Write::AddSilu => sums.iter_mut().for_each(|v| *v = silu::<FUSED>(*v)),
    }
    let add = matches!(write, Write::Add | Write::AddSilu);
    // A whole tile has a size the compiler knows.
    if let Ok(out) = <&mut [f32; LANES]>::try_from(&mut *out) {
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = if add { *out + *sum } else { *sum };
        }
    } else {
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = if add { *out + *sum } else { *sum };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that repeat nowhere.
    fn numbers(length: usize, step: f32) -> Vec<f32> {
        (0..length).map(|i| (i as f32 * step).sin()).collect()
    }

    #[test]
    fn products_of_every_size_are_right() {
        // Around the sizes of tiles and panels, and with rows that lie apart.
        for (rows, inputs, outputs) in
            [(1, 5, 1), (3, 1, 31), (4, 7, 32), (13, 33, 33), (17, 64, 70), (24, 9, 132)]
        {
            let (stride, out_stride) = (inputs + 3, outputs + 5);
            let x = numbers(rows * stride, 0.37);
            let weight = numbers(inputs * outputs, 0.73);
            let bias = numbers(outputs, 0.11);
            let linear = Linear::new(&weight, &bias, inputs);
            let before = numbers(rows * out_stride, 0.5);
            for write in [Write::Plain, Write::Relu, Write::Silu, Write::Add, Write::AddSilu] {
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
                            Write::AddSilu => there + silu,
                        };
                        let found = f64::from(out[r * out_stride + c]);
                        assert!(
                            (found - right).abs() < 1e-5,
                            "{rows} {inputs} {outputs} {write:?}"
                        );
                    }
                    // What lies between the rows is not touched.
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
