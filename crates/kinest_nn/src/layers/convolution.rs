//! Convolutions along the tokens, as linear maps of what their taps see.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// What each tap of a convolution sees at each token, side by side; outside the sequence it sees
/// zeros. A linear map of it is the convolution, forward and backward a single matrix product for
/// the whole batch.
///
/// The sequence keeps its length: the taps reach `(taps - 1) * dilation` tokens, `before` of them
/// before the token.
///
/// # Shapes
/// - `x`: `[batch, tokens, inputs]`
/// - output: `[batch, tokens, taps * inputs]`, earliest tap first
pub(crate) fn taps_of<B: Backend>(
    x: Tensor<B, 3>,
    taps: usize,
    before: usize,
    dilation: usize,
) -> Tensor<B, 3> {
    let [batch, tokens, inputs] = x.dims();
    let (device, dtype) = (x.device(), x.dtype());
    let zeros = |count: usize| {
        let zeros = || Tensor::<B, 3>::zeros([batch, count, inputs], &device).cast(dtype);
        (count > 0).then(zeros)
    };
    let after = (taps - 1) * dilation - before;
    let padded = [zeros(before), Some(x), zeros(after)].into_iter().flatten().collect();
    let padded = Tensor::cat(padded, 1);
    let seen = |tap: usize| padded.clone().narrow(1, tap * dilation, tokens);
    Tensor::cat((0..taps).map(seen).collect(), 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::{Flex, FlexDevice};

    #[test]
    fn taps_see_zeros_outside_the_sequence() {
        let x = Tensor::<Flex, 3>::from_floats([[[1.0], [2.0], [3.0]]], &FlexDevice);
        let seen = |taps, before, dilation| -> Vec<f32> {
            taps_of(x.clone(), taps, before, dilation).into_data().to_vec().unwrap()
        };
        assert_eq!(seen(3, 1, 1), [0.0, 1.0, 2.0, 1.0, 2.0, 3.0, 2.0, 3.0, 0.0]);
        assert_eq!(seen(2, 2, 2), [0.0, 1.0, 0.0, 2.0, 1.0, 3.0]);
    }
}
