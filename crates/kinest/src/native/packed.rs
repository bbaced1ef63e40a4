//! Matrices in 32, 16 or 8 bits and products of few rows with them.
//!
//! A frame of a stream meets every weight once, so what a product costs is reading them: the fewer
//! bytes, the sooner. They are widened in registers; everything is added up in 32 bits. A matrix lies
//! in memory as the panels of `matrix` do. One row alone is cut into parts that are added up side by
//! side, as each sum waits for the one before.

use super::matrix::{Numbers, PANEL, Rows, RowsMut, Write, pack, zeros};
use super::pack::Matrix;
use crate::model::math::{mul_add, silu};
use crate::model::{Precision, quantise};
use aligned_vec::{AVec, ConstAlign};
use half::f16;
use multiversion::multiversion;
use multiversion::target::match_target;

/// A linear map whose weights are packed in some precision; its bias has 32 bits.
#[derive(Debug)]
pub(super) struct Packed {
    panels: Panels,
    /// `[outputs]`, padded to whole panels.
    bias: Numbers,
    inputs: usize,
    outputs: usize,
}

/// `[outputs / PANEL, inputs, PANEL]`
#[derive(Debug)]
enum Panels {
    F32(Numbers),
    F16(AVec<Half, ConstAlign<64>>),
    /// With what each output's weights are multiples of, padded to whole panels.
    Int8(AVec<i8, ConstAlign<64>>, Numbers),
}

/// A weight as it is stored.
trait Cell: Copy {
    fn widen(self) -> f32;
}

impl Cell for f32 {
    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }
}

impl Cell for i8 {
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from(self)
    }
}

/// The bits of a 16-bit number that is zero or at least [`f16::MIN_POSITIVE`].
#[derive(Clone, Copy, Debug)]
struct Half(u16);

impl Half {
    /// What lies below the smallest normal number becomes it or zero, whichever is nearer: as parts of
    /// products denormal numbers cost some processors a hundred steps, and 3e-5 is the error that
    /// weights near 0.1 have anyway.
    fn narrow(value: f32) -> Self {
        let least = f16::MIN_POSITIVE.to_f32();
        let value = match value.abs() {
            size if size < least / 2.0 => 0.0,
            size if size < least => least.copysign(value),
            _ => value,
        };
        Self(f16::from_f32(value).to_bits())
    }
}

impl Cell for Half {
    #[inline(always)]
    fn widen(self) -> f32 {
        // Sign to the top, exponent and fraction to their places; then the exponent is right but for
        // what it counts from. In this form every processor does many at a time.
        let bits = (i32::from(self.0 as i16) << 13) as u32 & 0x8fff_e000;
        f32::from_bits(bits) * f32::from_bits((127 + 127 - 15) << 23)
    }
}

impl Packed {
    /// Packs `matrix` in that precision.
    pub(super) fn new(matrix: &Matrix, precision: Precision) -> Self {
        let (inputs, outputs) = (matrix.inputs, matrix.outputs());
        let padded = |values: &[f32]| {
            let mut padded = zeros(outputs.next_multiple_of(PANEL));
            padded[..values.len()].copy_from_slice(values);
            padded
        };
        let panels_of = |weight: &[f32]| {
            let mut panels = zeros(inputs * outputs.next_multiple_of(PANEL));
            pack(Rows::whole(weight, outputs), outputs, inputs, &mut panels);
            panels
        };
        let panels = match precision {
            Precision::F32 => Panels::F32(panels_of(&matrix.weight)),
            Precision::F16 => {
                let halves = panels_of(&matrix.weight);
                Panels::F16(AVec::from_iter(64, halves.iter().map(|v| Half::narrow(*v))))
            }
            Precision::Int8 => {
                let (multiples, scales) = quantise(&matrix.weight, outputs);
                let cells = panels_of(&multiples);
                let cells = AVec::from_iter(64, cells.iter().map(|v| *v as i8));
                Panels::Int8(cells, padded(&scales))
            }
        };
        Self { panels, bias: padded(&matrix.bias), inputs, outputs }
    }

    pub(super) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Bytes of the weights.
    pub(super) fn bytes(&self) -> usize {
        match &self.panels {
            Panels::F32(panels) => size_of_val(&panels[..]),
            Panels::F16(panels) => size_of_val(&panels[..]),
            Panels::Int8(panels, scales) => size_of_val(&panels[..]) + size_of_val(&scales[..]),
        }
    }

    /// Writes `x W + b`.
    pub(super) fn apply(&self, x: Rows<'_>, mut out: RowsMut<'_>, write: Write) {
        product(self, x, &mut out, write);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma",))]
fn product(matrix: &Packed, x: Rows<'_>, out: &mut RowsMut<'_>, write: Write) {
    // As many sums as fit into the registers.
    match_target! {
        "x86_64+avx512f" => of_precision::<true, 12, 32, 4>(matrix, x, out, write),
        "x86_64+fma" => of_precision::<true, 6, 16, 2>(matrix, x, out, write),
        "aarch64+neon" => of_precision::<true, 6, 16, 2>(matrix, x, out, write),
        _ => of_precision::<false, 4, 8, 1>(matrix, x, out, write),
    }
}

/// `ROWS` rows and `LANES` columns at a time, or one row in `PARTS` parts.
#[inline(always)]
fn of_precision<const FUSED: bool, const ROWS: usize, const LANES: usize, const PARTS: usize>(
    matrix: &Packed,
    x: Rows<'_>,
    out: &mut RowsMut<'_>,
    write: Write,
) {
    match &matrix.panels {
        Panels::F32(panels) => {
            of_panels::<_, FUSED, ROWS, LANES, PARTS>(matrix, panels, &[], x, out, write);
        }
        Panels::F16(panels) => {
            of_panels::<_, FUSED, ROWS, LANES, PARTS>(matrix, panels, &[], x, out, write);
        }
        Panels::Int8(panels, scales) => {
            of_panels::<_, FUSED, ROWS, LANES, PARTS>(matrix, panels, scales, x, out, write);
        }
    }
}

#[inline(always)]
fn of_panels<
    C: Cell,
    const FUSED: bool,
    const ROWS: usize,
    const LANES: usize,
    const PARTS: usize,
>(
    matrix: &Packed,
    panels: &[C],
    scales: &[f32],
    x: Rows<'_>,
    out: &mut RowsMut<'_>,
    write: Write,
) {
    let Packed { bias, inputs, outputs, .. } = matrix;
    let row_of = |row: usize| &x.values[row * x.stride..][..*inputs];
    let (panels, _) = panels.as_chunks::<PANEL>();
    for (at, panel) in panels.chunks_exact(*inputs).enumerate() {
        let from = at * PANEL;
        let mut row = 0;
        while row + ROWS <= x.count {
            let rows: [&[f32]; ROWS] = std::array::from_fn(|r| row_of(row + r));
            for part in (0..PANEL.min(outputs - from)).step_by(LANES) {
                let sums = tile::<C, FUSED, ROWS, LANES>(rows, panel, part);
                let from = from + part;
                let width = LANES.min(outputs - from);
                for (r, sums) in sums.iter().enumerate() {
                    let out = &mut out.values[(row + r) * out.stride + from..][..width];
                    finish::<FUSED, LANES>(sums, &bias[from..], scales.get(from..), out, write);
                }
            }
            row += ROWS;
        }
        while row < x.count {
            let sums = single::<C, FUSED, PARTS>(row_of(row), panel);
            let out = &mut out.values[row * out.stride + from..][..PANEL.min(outputs - from)];
            finish::<FUSED, PANEL>(&sums, &bias[from..], scales.get(from..), out, write);
            row += 1;
        }
    }
}

/// The products of `ROWS` rows with some columns of a panel.
#[inline(always)]
fn tile<C: Cell, const FUSED: bool, const ROWS: usize, const LANES: usize>(
    rows: [&[f32]; ROWS],
    panel: &[[C; PANEL]],
    from: usize,
) -> [[f32; LANES]; ROWS] {
    let rows = rows.map(|row| &row[..panel.len()]);
    let mut sums = [[0.0_f32; LANES]; ROWS];
    for (i, cells) in panel.iter().enumerate() {
        let weights: [f32; LANES] = std::array::from_fn(|lane| cells[from + lane].widen());
        for r in 0..ROWS {
            for lane in 0..LANES {
                sums[r][lane] = mul_add::<FUSED>(rows[r][i], weights[lane], sums[r][lane]);
            }
        }
    }
    sums
}

/// The products of one row with the columns of a panel, in parts that do not wait for each other.
#[inline(always)]
fn single<C: Cell, const FUSED: bool, const PARTS: usize>(
    row: &[f32],
    panel: &[[C; PANEL]],
) -> [f32; PANEL] {
    let mut sums = [[0.0_f32; PANEL]; PARTS];
    let (groups, rest) = row.as_chunks::<PARTS>();
    let (cell_groups, cell_rest) = panel.as_chunks::<PARTS>();
    for (x, cells) in groups.iter().zip(cell_groups) {
        for part in 0..PARTS {
            for lane in 0..PANEL {
                let weight = cells[part][lane].widen();
                sums[part][lane] = mul_add::<FUSED>(x[part], weight, sums[part][lane]);
            }
        }
    }
    for (x, cells) in rest.iter().zip(cell_rest) {
        for lane in 0..PANEL {
            sums[0][lane] = mul_add::<FUSED>(*x, cells[lane].widen(), sums[0][lane]);
        }
    }
    std::array::from_fn(|lane| sums.iter().map(|part| part[lane]).sum())
}

#[inline(always)]
fn finish<const FUSED: bool, const LANES: usize>(
    sums: &[f32; LANES],
    bias: &[f32],
    scales: Option<&[f32]>,
    out: &mut [f32],
    write: Write,
) {
    let bias = &bias[..LANES];
    let mut sums: [f32; LANES] = match scales {
        Some(scales) if !scales.is_empty() => {
            let scales = &scales[..LANES];
            std::array::from_fn(|i| mul_add::<FUSED>(sums[i], scales[i], bias[i]))
        }
        _ => std::array::from_fn(|i| sums[i] + bias[i]),
    };
    match write {
        Write::Relu => sums.iter_mut().for_each(|v| *v = v.max(0.0)),
        Write::Silu => sums.iter_mut().for_each(|v| *v = silu::<FUSED>(*v)),
        _ => {}
    }
    if write == Write::Add {
        out.iter_mut().zip(&sums).for_each(|(out, sum)| *out += sum);
    } else {
        out.iter_mut().zip(&sums).for_each(|(out, sum)| *out = *sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            // Relative to the largest weight: rounding in f16 and int8, each added up at worst.
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
                        // What lies between the rows is not touched.
                        let gap = r * out_stride + outputs..(r + 1) * out_stride;
                        assert_eq!(row[outputs..], before[gap]);
                    }
                }
            }
        }
    }

    #[test]
    fn halves_are_widened_exactly() {
        for bits in 0..=u16::MAX {
            let right = f16::from_bits(bits);
            if right.is_finite() {
                assert_eq!(Half(bits).widen(), right.to_f32());
                let narrowed = Half::narrow(right.to_f32()).widen();
                let least = if right.is_normal() { 0.0 } else { f16::MIN_POSITIVE.to_f32() / 2.0 };
                assert!((narrowed - right.to_f32()).abs() <= least);
                assert!(narrowed == 0.0 || f16::from_f32(narrowed).is_normal());
            }
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
