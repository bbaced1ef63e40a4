//! Losses on codes that are chosen from many.

use burn::tensor::activation::log_softmax;
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor};

/// How surprising the true codes are: the mean of `-log softmax(logits)` at them.
///
/// # Shapes
/// - `logits`: `[rows, codes]`, at least one row
/// - `codes`: `[rows]`
/// - output: one number
pub fn cross_entropy<B: Backend>(logits: Tensor<B, 2>, codes: Tensor<B, 1, Int>) -> Tensor<B, 1> {
    log_softmax(logits, 1).gather(1, codes.unsqueeze_dim(1)).mean().neg()
}

/// Share of the rows in which the true code has the largest logit. Shapes are those of
/// [`cross_entropy`].
pub fn share_right<B: Backend>(logits: Tensor<B, 2>, codes: Tensor<B, 1, Int>) -> Tensor<B, 1> {
    logits.detach().argmax(1).squeeze_dim::<1>(1).equal(codes).float().mean()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::{Flex, FlexDevice};

    /// Chances of 1/2 and 2/21; the first is the largest.
    #[test]
    fn codes_are_as_surprising_as_counted_by_hand() {
        let logits = [[0.0, 2.0_f32.ln(), 0.0], [9.0_f32.ln(), 0.5_f32.ln(), 0.0]];
        let logits = Tensor::<Flex, 2>::from_floats(logits, &FlexDevice);
        let codes = || Tensor::<Flex, 1, Int>::from_ints([1, 2], &FlexDevice);
        let found = cross_entropy(logits.clone(), codes()).into_scalar();
        let expected = -(0.5_f32.ln() + (1.0_f32 / 10.5).ln()) / 2.0;
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        assert!((share_right(logits, codes()).into_scalar() - 0.5).abs() < 1e-6);
    }
}
