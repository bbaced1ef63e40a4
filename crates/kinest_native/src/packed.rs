//! Matrices in 32, 16 or 8 bits, and their products with few rows.
//!
//! Streaming is memory-bound: each weight is read once per frame, so smaller weights are faster.
//! Weights are widened to `f32` in registers and summed in `f32`. A matrix is stored in the panel
//! layout of `matrix`, in 32-bit words: a word holds one output's weights for one, two or four
//! consecutive inputs. Registers of any width read words sequentially and have the weights of one
//! input in their lanes after a shift. For a single row the sum is split into independent parts,
//! because each addition to one sum waits for the previous.

use super::matrix::{PANEL, Rows, RowsMut, Write, pack};
use super::numbers::{Numbers, zeros};
use super::pack::Matrix;
use super::rows::silu_row;
use crate::vectors::arch;
use aligned_vec::{AVec, ConstAlign};
use half::f16;
use kinest::model::{Precision, quantise};
use pulp::{Simd, WithSimd};
use std::marker::PhantomData;

/// Inputs per step of the inner loop; panels are padded to a multiple.
const GO: usize = 4;

/// A linear map with weights in `precision` and an `f32` bias.
#[derive(Debug)]
pub(super) struct Packed {
    /// `[outputs / PANEL, inputs / weights of a word, PANEL]`
    words: AVec<u32, ConstAlign<64>>,
    precision: Precision,
    /// Int8 scale of each output, padded to whole panels; empty for other precisions.
    scales: Numbers,
    /// `[outputs]`, padded to whole panels.
    bias: Numbers,
    inputs: usize,
    outputs: usize,
}

/// How weights are stored in 32-bit words.
trait Cell {
    /// Weights per word.
    const COUNT: usize;
    /// Factor on inputs, so that products stay far from the limits of `f32`.
    const BEFORE: f32;
    /// Factor on sums: undoes `BEFORE` and completes what `widen` leaves out.
    const AFTER: f32;

    /// Encodes one weight in the lowest bits of a word.
    fn narrow(weight: f32) -> u32;

    /// Decodes the weights of input `at` from words of several outputs.
    fn widen<S: Simd>(simd: S, words: S::u32s, at: usize) -> S::f32s;
}

/// `f32`, stored as is.
struct Single;

impl Cell for Single {
    const COUNT: usize = 1;
    const BEFORE: f32 = 1.0;
    const AFTER: f32 = 1.0;

    fn narrow(weight: f32) -> u32 {
        weight.to_bits()
    }

    #[inline(always)]
    fn widen<S: Simd>(simd: S, words: S::u32s, _: usize) -> S::f32s {
        simd.transmute_f32s_u32s(words)
    }
}

/// 16-bit floats that are zero or at least [`f16::MIN_POSITIVE`].
struct Half;

impl Cell for Half {
    const COUNT: usize = 2;
    // Widened numbers are at least the smallest normal `f32`; their products must not be subnormal
    // either.
    const BEFORE: f32 = power(100);
    const AFTER: f32 = power(127 - 15 - 100);

    /// Rounds subnormals to zero or the smallest normal number, whichever is nearer. The error, at
    /// most 3e-5, equals the rounding error of weights near 0.1.
    fn narrow(weight: f32) -> u32 {
        let least = f16::MIN_POSITIVE.to_f32();
        let weight = match weight.abs() {
            size if size < least / 2.0 => 0.0,
            size if size < least => least.copysign(weight),
            _ => weight,
        };
        f16::from_f32(weight).to_bits().into()
    }

    #[inline(always)]
    fn widen<S: Simd>(simd: S, words: S::u32s, at: usize) -> S::f32s {
        // Move the sign to the top bit and exponent and fraction to their places. The exponent is
        // then off only by the difference of the biases, which `AFTER` corrects.
        let (sign, rest) = match at {
            0 => (simd.wrapping_dyn_shl_u32s(words, simd.splat_u32s(16)), {
                simd.wrapping_dyn_shl_u32s(words, simd.splat_u32s(13))
            }),
            _ => (words, simd.wrapping_dyn_shr_u32s(words, simd.splat_u32s(3))),
        };
        let sign = simd.and_u32s(sign, simd.splat_u32s(0x8000_0000));
        let rest = simd.and_u32s(rest, simd.splat_u32s(0x0fff_e000));
        simd.transmute_f32s_u32s(simd.or_u32s(sign, rest))
    }
}

/// Integers from -127 to 127.
struct Byte;

impl Cell for Byte {
    const COUNT: usize = 4;
    const BEFORE: f32 = 1.0;
    const AFTER: f32 = 1.0;

    fn narrow(weight: f32) -> u32 {
        (weight as i32 + 128) as u32
    }

    #[inline(always)]
    fn widen<S: Simd>(simd: S, words: S::u32s, at: usize) -> S::f32s {
        // OR-ed into the fraction of 2²³ (low byte) or 2¹⁵ (next byte), a byte adds its value to
        // that power. So two bytes share one shift.
        let (bits, power) =
            if at.is_multiple_of(2) { (0xff, power(23)) } else { (0xff00, power(15)) };
        let words = match at {
            0 | 1 => words,
            _ => simd.wrapping_dyn_shr_u32s(words, simd.splat_u32s(16)),
        };
        let bits = simd.and_u32s(words, simd.splat_u32s(bits));
        let bits = simd.or_u32s(bits, simd.splat_u32s(power.to_bits()));
        simd.sub_f32s(simd.transmute_f32s_u32s(bits), simd.splat_f32s(power + 128.0))
    }
}

const fn power(exponent: i32) -> f32 {
    f32::from_bits(((127 + exponent) as u32) << 23)
}

impl Packed {
    /// Packs `matrix` in `precision`.
    pub(super) fn new(matrix: &Matrix, precision: Precision) -> Self {
        let (inputs, outputs) = (matrix.inputs, matrix.outputs());
        let padded = |values: &[f32]| {
            let mut padded = zeros(outputs.next_multiple_of(PANEL));
            padded[..values.len()].copy_from_slice(values);
            padded
        };
        let (words, scales) = match precision {
            Precision::F32 => (words::<Single>(&matrix.weight, inputs), zeros(0)),
            Precision::F16 => (words::<Half>(&matrix.weight, inputs), zeros(0)),
            Precision::Int8 => {
                let (multiples, scales) = quantise(&matrix.weight, outputs);
                (words::<Byte>(&multiples, inputs), padded(&scales))
            }
        };
        let bias = padded(&matrix.bias);
        Self { words, precision, scales, bias, inputs, outputs }
    }

    pub(super) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Bytes of the weights and scales.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.words[..]) + size_of_val(&self.scales[..])
    }

    /// Writes `x W + b`.
    pub(super) fn apply(&self, x: Rows<'_>, out: RowsMut<'_>, write: Write) {
        match self.precision {
            Precision::F32 => product::<Single>(self, x, out, write),
            Precision::F16 => product::<Half>(self, x, out, write),
            Precision::Int8 => product::<Byte>(self, x, out, write),
        }
    }
}

/// Encodes a matrix `[inputs, outputs]`.
fn words<C: Cell>(weight: &[f32], inputs: usize) -> AVec<u32, ConstAlign<64>> {
    let (outputs, depth) = (weight.len() / inputs, inputs.next_multiple_of(GO));
    let mut panels = zeros(depth * outputs.next_multiple_of(PANEL));
    let (whole, _) = panels.as_chunks_mut::<PANEL>();
    // `pack` leaves padding rows at zero.
    pack(Rows::whole(weight, outputs), outputs, depth, whole.as_flattened_mut());
    let word = |rows: &[[f32; PANEL]], output: usize| {
        let weights = rows.iter().map(|row| C::narrow(row[output]));
        weights.enumerate().fold(0, |word, (at, weight)| word | weight << (at * 32 / C::COUNT))
    };
    let rows = panels.as_chunks::<PANEL>().0.chunks_exact(C::COUNT);
    AVec::from_iter(64, rows.flat_map(|rows| (0..PANEL).map(move |output| word(rows, output))))
}

fn product<C: Cell>(matrix: &Packed, x: Rows<'_>, out: RowsMut<'_>, write: Write) {
    arch().dispatch(Product::<C> { matrix, x, out, write, cell: PhantomData });
}

struct Product<'a, C> {
    matrix: &'a Packed,
    x: Rows<'a>,
    out: RowsMut<'a>,
    write: Write,
    cell: PhantomData<C>,
}

/// A panel's words and its first column.
#[derive(Clone, Copy)]
struct Panel<'a, S: Simd> {
    words: &'a [S::u32s],
    from: usize,
}

impl<C: Cell> WithSimd for Product<'_, C> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let Packed { words, inputs, .. } = self.matrix;
        let depth = inputs.next_multiple_of(GO) / C::COUNT;
        for (at, words) in words.chunks_exact(depth * PANEL).enumerate() {
            let panel = Panel { words: S::as_simd_u32s(words).0, from: at * PANEL };
            // Fill the registers with accumulators, leaving room for weights.
            match S::F32_LANES {
                16 => {
                    let row = self.tiles::<S, 8, 2>(simd, panel, 0);
                    let row = self.tiles::<S, 4, 2>(simd, panel, row);
                    let row = self.tiles::<S, 2, 2>(simd, panel, row);
                    self.singles::<S, 2, 4>(simd, panel, row);
                }
                8 => {
                    let row = self.tiles::<S, 5, 2>(simd, panel, 0);
                    let row = self.tiles::<S, 2, 4>(simd, panel, row);
                    self.singles::<S, 4, 2>(simd, panel, row);
                }
                4 => {
                    let row = self.tiles::<S, 6, 4>(simd, panel, 0);
                    let row = self.tiles::<S, 2, 8>(simd, panel, row);
                    self.singles::<S, 8, 2>(simd, panel, row);
                }
                _ => self.singles::<S, 4, 1>(simd, panel, 0),
            }
        }
    }
}

impl<C: Cell> Product<'_, C> {
    /// Multiplies one panel with groups of `ROWS` rows, from `row` on; returns the first row left
    /// over.
    #[inline(always)]
    fn tiles<S: Simd, const ROWS: usize, const REGISTERS: usize>(
        &mut self,
        simd: S,
        panel: Panel<'_, S>,
        mut row: usize,
    ) -> usize {
        while row + ROWS <= self.x.count {
            let x = &self.x.values[row * self.x.stride..];
            let inputs = self.matrix.inputs;
            let rows: [&[f32]; ROWS] = std::array::from_fn(|r| &x[r * self.x.stride..][..inputs]);
            let mut sums = [[0.0; PANEL]; ROWS];
            for column in (0..PANEL).step_by(REGISTERS * S::F32_LANES) {
                tile::<S, C, ROWS, REGISTERS>(simd, rows, panel.words, column, &mut sums);
            }
            self.write(&sums, row, panel.from);
            row += ROWS;
        }
        row
    }

    /// Multiplies one panel with the remaining rows, one by one.
    #[inline(always)]
    fn singles<S: Simd, const REGISTERS: usize, const PARTS: usize>(
        &mut self,
        simd: S,
        panel: Panel<'_, S>,
        row: usize,
    ) {
        for row in row..self.x.count {
            let x = &self.x.values[row * self.x.stride..][..self.matrix.inputs];
            let mut sums = [0.0; PANEL];
            for column in (0..PANEL).step_by(REGISTERS * S::F32_LANES) {
                single::<S, C, REGISTERS, PARTS>(simd, x, panel.words, column, &mut sums);
            }
            self.write(&[sums], row, panel.from);
        }
    }

    /// Scales the sums, adds the bias and writes them to `ROWS` rows.
    #[inline(always)]
    fn write<const ROWS: usize>(&mut self, sums: &[[f32; PANEL]; ROWS], row: usize, from: usize) {
        let Packed { scales, bias, outputs, .. } = self.matrix;
        let bias = &bias[from..][..PANEL];
        for (r, sums) in sums.iter().enumerate() {
            let out = &mut self.out.values[(row + r) * self.out.stride..][from..*outputs];
            let mut values = [0.0; PANEL];
            match scales.get(from..from + PANEL) {
                Some(scales) => {
                    for i in 0..PANEL {
                        values[i] = sums[i] * scales[i] + bias[i];
                    }
                }
                None => {
                    for i in 0..PANEL {
                        values[i] = sums[i] * C::AFTER + bias[i];
                    }
                }
            }
            // A chunk of known length vectorises better.
            match out.first_chunk_mut::<PANEL>() {
                Some(out) => put(&values, out, self.write),
                None => put(&values, out, self.write),
            }
        }
    }
}

/// Writes values until `out` is full.
#[inline(always)]
fn put(values: &[f32; PANEL], out: &mut [f32], write: Write) {
    let pairs = out.iter_mut().zip(values);
    match write {
        Write::Add => pairs.for_each(|(out, value)| *out += value),
        Write::Relu => pairs.for_each(|(out, value)| *out = value.max(0.0)),
        Write::Plain => pairs.for_each(|(out, value)| *out = *value),
        Write::Silu => {
            pairs.for_each(|(out, value)| *out = *value);
            silu_row(out);
        }
    }
}

/// Sums of `ROWS` rows for `REGISTERS` registers of a panel's columns.
#[inline(always)]
fn tile<S: Simd, C: Cell, const ROWS: usize, const REGISTERS: usize>(
    simd: S,
    rows: [&[f32]; ROWS],
    words: &[S::u32s],
    column: usize,
    out: &mut [[f32; PANEL]; ROWS],
) {
    let mut sums = [[simd.splat_f32s(0.0); REGISTERS]; ROWS];
    let inputs = rows[0].len();
    let words = words.chunks_exact(PANEL / S::U32_LANES);
    for (i, words) in words.enumerate().take(inputs.div_ceil(C::COUNT)) {
        let words = &words[column / S::U32_LANES..][..REGISTERS];
        for at in 0..C::COUNT.min(inputs - i * C::COUNT) {
            let mut weights = [simd.splat_f32s(0.0); REGISTERS];
            for k in 0..REGISTERS {
                weights[k] = C::widen(simd, words[k], at);
            }
            for r in 0..ROWS {
                let x = simd.splat_f32s(rows[r][i * C::COUNT + at] * C::BEFORE);
                for k in 0..REGISTERS {
                    sums[r][k] = simd.mul_add_e_f32s(x, weights[k], sums[r][k]);
                }
            }
        }
    }
    for (out, sums) in out.iter_mut().zip(&sums) {
        let (out, _) = S::as_mut_simd_f32s(&mut out[column..][..REGISTERS * S::F32_LANES]);
        out.copy_from_slice(sums);
    }
}

/// Sums of one row for `REGISTERS` registers of a panel's columns, in `PARTS` independent parts.
#[inline(always)]
fn single<S: Simd, C: Cell, const REGISTERS: usize, const PARTS: usize>(
    simd: S,
    row: &[f32],
    words: &[S::u32s],
    column: usize,
    out: &mut [f32; PANEL],
) {
    let mut sums = [[simd.splat_f32s(0.0); REGISTERS]; PARTS];
    let mut words = words.chunks_exact(GO / C::COUNT * (PANEL / S::U32_LANES));
    let (whole, rest) = row.as_chunks::<GO>();
    for (x, words) in whole.iter().zip(words.by_ref()) {
        go::<S, C, REGISTERS, PARTS>(simd, x, &words[column / S::U32_LANES..], &mut sums);
    }
    if let Some(words) = words.next() {
        let mut x = [0.0; GO];
        x[..rest.len()].copy_from_slice(rest);
        go::<S, C, REGISTERS, PARTS>(simd, &x, &words[column / S::U32_LANES..], &mut sums);
    }
    let (out, _) = S::as_mut_simd_f32s(&mut out[column..][..REGISTERS * S::F32_LANES]);
    for k in 0..REGISTERS {
        out[k] = sums[0][k];
        for part in &sums[1..] {
            out[k] = simd.add_f32s(out[k], part[k]);
        }
    }
}

#[inline(always)]
fn go<S: Simd, C: Cell, const REGISTERS: usize, const PARTS: usize>(
    simd: S,
    x: &[f32; GO],
    words: &[S::u32s],
    sums: &mut [[S::f32s; REGISTERS]; PARTS],
) {
    for i in 0..GO {
        let words = &words[i / C::COUNT * (PANEL / S::U32_LANES)..][..REGISTERS];
        let x = simd.splat_f32s(x[i] * C::BEFORE);
        for k in 0..REGISTERS {
            let weights = C::widen(simd, words[k], i % C::COUNT);
            sums[i % PARTS][k] = simd.mul_add_e_f32s(x, weights, sums[i % PARTS][k]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::Scalar;

    fn numbers(length: usize, step: f32) -> Vec<f32> {
        (0..length).map(|i| (i as f32 * step).sin()).collect()
    }

    #[test]
    fn products_are_right_in_every_precision_and_size() {
        for (rows, inputs, outputs) in [(1, 5, 1), (1, 67, 70), (13, 33, 33), (25, 64, 132)] {
            let (stride, out_stride) = (inputs + 3, outputs + 5);
            let x = numbers(rows * stride, 0.37);
            let (weight, bias) = (numbers(inputs * outputs, 0.73), numbers(outputs, 0.11));
            let before = numbers(rows * out_stride, 0.5);
            let matrix = Matrix { weight: weight.clone(), bias: bias.clone(), inputs };
            // Tolerance relative to the largest weight: every rounding error of f16 or int8 with
            // the same sign.
            for (precision, error) in
                [(Precision::F32, 1e-6), (Precision::F16, 5e-4), (Precision::Int8, 4e-3)]
            {
                let packed = Packed::new(&matrix, precision);
                for write in [Write::Plain, Write::Relu, Write::Silu, Write::Add] {
                    let mut out = before.clone();
                    let rows_of_x = Rows { values: &x, stride, count: rows };
                    packed.apply(rows_of_x, RowsMut::new(&mut out, out_stride), write);
                    for (r, row) in out.chunks(out_stride).enumerate() {
                        for c in 0..outputs {
                            let product = |i| x[r * stride + i] * weight[i * outputs + c];
                            let sum = bias[c] + (0..inputs).map(product).sum::<f32>();
                            let right = match write {
                                Write::Relu => sum.max(0.0),
                                Write::Silu => sum / (1.0 + (-sum).exp()),
                                Write::Add => before[r * out_stride + c] + sum,
                                _ => sum,
                            };
                            let far = (row[c] - right).abs();
                            assert!(far < error * inputs as f32, "{precision:?} {write:?} {far}");
                        }
                        // The gap between rows is not written.
                        let gap = r * out_stride + outputs..(r + 1) * out_stride;
                        assert_eq!(row[outputs..], before[gap]);
                    }
                }
            }
        }
    }

    /// Encodes and decodes `weight` in every place of a word.
    fn through<C: Cell>(weight: f32) -> f32 {
        let found: Vec<f32> = (0..C::COUNT)
            .map(|at| {
                let word = C::narrow(weight) << (at * 32 / C::COUNT);
                C::widen(Scalar::new(), word, at) * C::BEFORE * C::AFTER
            })
            .collect();
        assert!(found.iter().all(|v| *v == found[0]), "{found:?}");
        found[0]
    }

    #[test]
    fn halves_are_widened_exactly() {
        for bits in 0..=u16::MAX {
            let right = f16::from_bits(bits);
            if right.is_finite() {
                let found = through::<Half>(right.to_f32());
                let least = if right.is_normal() { 0.0 } else { f16::MIN_POSITIVE.to_f32() / 2.0 };
                assert!((found - right.to_f32()).abs() <= least);
                assert!(found == 0.0 || f16::from_f32(found).is_normal());
            }
        }
    }

    #[test]
    fn bytes_are_widened_exactly() {
        for value in i8::MIN..=i8::MAX {
            assert_eq!(through::<Byte>(value.into()), f32::from(value));
        }
    }

    #[test]
    fn an_output_without_weights_is_its_bias() {
        let matrix = Matrix { weight: vec![0.0; 12], bias: vec![1.0, 2.0, 3.0], inputs: 4 };
        for precision in [Precision::F32, Precision::F16, Precision::Int8] {
            let mut out = [0.0; 3];
            let out_rows = RowsMut::new(&mut out, 3);
            let x = Rows::whole(&[1.0, -1.0, 5.0, 2.0], 4);
            Packed::new(&matrix, precision).apply(x, out_rows, Write::Plain);
            assert_eq!(out, [1.0, 2.0, 3.0]);
        }
    }
}
