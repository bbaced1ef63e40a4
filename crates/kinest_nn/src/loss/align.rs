//! Losses that bring texts and motions to the same place.

use burn::tensor::activation::log_softmax;
use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Tensor};

/// Where |x| turns from a square into a line.
const BEND: f64 = 1.0;

/// Cosine of the angle between each of `a` and each of `b`.
///
/// # Shapes
/// - `a`: `[n, width]`, `b`: `[m, width]`
/// - output: `[n, m]`
pub fn cosines<B: Backend>(a: Tensor<B, 2>, b: Tensor<B, 2>) -> Tensor<B, 2> {
    let unit = |x: Tensor<B, 2>| {
        let length = x.clone().square().sum_dim(1).clamp_min(1e-12).sqrt();
        x / length
    };
    unit(a).matmul(unit(b).transpose())
}

/// Symmetric InfoNCE over the similarities S of texts and motions, with temperature τ: `-1/2n Σ log
/// softmax_row(S/τ)_ii + log softmax_column(S/τ)_ii`.
///
/// # Shapes
/// - `similarity`: S, `[n, n]`
/// - `ignored`: pairs that are no negatives because their texts say the same, `[n, n]`; the diagonal
///   counts in any case
/// - output: one number
pub fn info_nce<B: Backend>(
    similarity: Tensor<B, 2>,
    ignored: Tensor<B, 2, Bool>,
    temperature: f64,
) -> Tensor<B, 1> {
    let n = similarity.dims()[0];
    let device = similarity.device();
    let own = Tensor::<B, 2>::eye(n, &device);
    let ignored = ignored.bool_and(own.clone().equal_elem(0.0));
    let scores = (similarity / temperature).mask_fill(ignored, -1e9);
    let rows = log_softmax(scores.clone(), 1) * own.clone();
    let columns = log_softmax(scores, 0) * own;
    (rows.sum() + columns.sum()) / (-2.0 * n as f64)
}

/// Divergence of normal distributions, `KL(a ‖ b)`, the mean over batch and numbers.
///
/// # Shapes
/// - means and logarithms of variances: `[batch, width]`
/// - output: one number
pub fn divergence<B: Backend>(
    (a_mean, a_log_variance): (Tensor<B, 2>, Tensor<B, 2>),
    (b_mean, b_log_variance): (Tensor<B, 2>, Tensor<B, 2>),
) -> Tensor<B, 1> {
    let apart = (a_mean - b_mean).square();
    let spread = (a_log_variance.clone().exp() + apart) / b_log_variance.clone().exp();
    ((b_log_variance - a_log_variance) + spread - 1.0).mean() * 0.5
}

/// Smooth L1: half the square below 1, |x| − 1/2 above; the mean.
pub fn smooth_l1<B: Backend, const D: usize>(x: Tensor<B, D>) -> Tensor<B, 1> {
    let size = x.abs();
    let square = size.clone().clamp_max(BEND);
    let line = (size - BEND).clamp_min(0.0);
    (square.square() * 0.5 + line).mean()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Int;
    use burn_flex::{Flex, FlexDevice};

    fn tensor<const N: usize, const M: usize>(rows: [[f32; M]; N]) -> Tensor<Flex, 2> {
        Tensor::from_floats(rows, &FlexDevice)
    }

    fn number(x: Tensor<Flex, 1>) -> f64 {
        f64::from(x.into_scalar())
    }

    #[track_caller]
    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }

    fn pairs(rows: [[i32; 2]; 2]) -> Tensor<Flex, 2, Bool> {
        Tensor::<Flex, 2, Int>::from_ints(rows, &FlexDevice).bool()
    }

    #[test]
    fn cosines_are_of_directions() {
        let found = cosines(tensor([[3.0, 0.0], [1.0, 1.0]]), tensor([[0.0, 2.0], [-5.0, 0.0]]));
        let found: Vec<f32> = found.into_data().to_vec().unwrap();
        let half = 0.5_f32.sqrt();
        for (found, expected) in found.iter().zip([0.0, -1.0, half, -half]) {
            assert!((found - expected).abs() < 1e-6);
        }
    }

    /// S/τ is [[ln 2, 0], [0, ln 3]]: rows 2/3 and 3/4, columns the same.
    #[test]
    fn info_nce_is_that_counted_by_hand() {
        let (two, three) = (2.0_f32.ln() / 10.0, 3.0_f32.ln() / 10.0);
        let scores = || tensor([[two, 0.0], [0.0, three]]);
        let none = pairs([[0, 0], [0, 0]]);
        close(number(info_nce(scores(), none, 0.1)), -((2.0_f64 / 3.0).ln() + 0.75_f64.ln()) / 2.0);
        // Text 1 is no negative of motion 2: row 1 is certain, and so is column 2.
        let one = pairs([[1, 1], [0, 0]]);
        close(number(info_nce(scores(), one, 0.1)), -(0.75_f64.ln() + (2.0_f64 / 3.0).ln()) / 4.0);
    }

    /// Half of (ln(b/a) + (a + d²)/b − 1), a and b being the variances: 0 for equal ones; for N(1, 1)
    /// against N(0, 1) it is 1/2; for N(0, e) against N(0, 1), (e − 2)/2.
    #[test]
    fn divergences_are_those_of_the_formula() {
        let point = |mean: f32, log_variance: f32| (tensor([[mean]]), tensor([[log_variance]]));
        close(number(divergence(point(2.0, 0.5), point(2.0, 0.5))), 0.0);
        close(number(divergence(point(1.0, 0.0), point(0.0, 0.0))), 0.5);
        close(number(divergence(point(0.0, 1.0), point(0.0, 0.0))), (1.0_f64.exp() - 2.0) / 2.0);
        close(number(divergence(point(0.0, 0.0), point(0.0, 1.0))), (-1.0_f64).exp() / 2.0);
    }

    #[test]
    fn smooth_l1_is_a_square_and_then_a_line() {
        close(number(smooth_l1(tensor([[0.5, -3.0], [0.0, 1.0]]))), (0.125 + 2.5 + 0.5) / 4.0);
    }
}
