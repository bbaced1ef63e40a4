//! The selective state space model of Mamba-2, in chunks of tokens.
//!
//! Per head, with `a_t = exp(step_t · decay)`:
//!
//! ```text
//! S_t = a_t S_{t-1} + step_t x_t B_tᵀ      S ∈ R^{P×N}
//! y_t = S_t C_t + skip · x_t
//! ```

use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Tensor};

/// Inputs of the scan.
#[derive(Clone, Debug)]
pub struct SsdInput<B: Backend> {
    /// Values, `[batch, tokens, heads, head_width]`.
    pub x: Tensor<B, 4>,
    /// Step sizes, positive, `[batch, tokens, heads]`.
    pub step: Tensor<B, 3>,
    /// Decay rates, negative, `[heads]`.
    pub decay: Tensor<B, 1>,
    /// Input projection B: the direction in which a token writes the state,
    /// `[batch, tokens, state]`.
    pub b: Tensor<B, 3>,
    /// Output projection C: the direction in which a token reads the state,
    /// `[batch, tokens, state]`.
    pub c: Tensor<B, 3>,
    /// Weight of `x` in the output, `[heads]`.
    pub skip: Tensor<B, 1>,
    /// State before the first token, `[batch, heads, head_width, state]`; `None` is zero.
    pub state: Option<Tensor<B, 4>>,
}

/// Pads the token axis (1) with zeros to `length`.
///
/// A token with step 0 neither decays nor writes the state, so padding only lengthens the output.
fn pad_tokens<B: Backend, const D: usize>(x: Tensor<B, D>, length: usize) -> Tensor<B, D> {
    let mut dims = x.dims();
    if dims[1] == length {
        return x;
    }
    dims[1] = length - dims[1];
    let zeros = Tensor::zeros(dims, &x.device());
    Tensor::cat(vec![x, zeros], 1)
}

/// `exp(cs_i - cs_j)` for `j ≤ i`, 0 elsewhere: the fraction of token `j`'s contribution left at
/// `i`.
///
/// # Shapes
/// - `cs`: `[a, b, n]`, running sums of log decays
/// - output: `[a, b, n, n]`
fn remaining<B: Backend>(cs: Tensor<B, 3>) -> Tensor<B, 4> {
    let n = cs.dims()[2];
    let differences = cs.clone().unsqueeze_dim::<4>(3) - cs.unsqueeze_dim::<4>(2);
    let future = Tensor::<B, 2, Bool>::tril_mask([n, n], 0, &differences.device());
    differences.mask_fill(future.unsqueeze(), f32::NEG_INFINITY).exp()
}

/// The scan in chunks of `chunk` tokens: matrix products within each chunk, and one more over the
/// states of the chunks.
///
/// # Shapes
/// - output: `[batch, tokens, heads, head_width]` and the state after the last token,
///   `[batch, heads, head_width, state]`
pub fn ssd_chunked<B: Backend>(input: SsdInput<B>, chunk: usize) -> (Tensor<B, 4>, Tensor<B, 4>) {
    let [batch, tokens, heads, width] = input.x.dims();
    let state = input.b.dims()[2];
    let chunk = chunk.clamp(1, tokens.max(1));
    let chunks = tokens.div_ceil(chunk);
    let length = chunks * chunk;
    let device = input.x.device();
    let rows = batch * chunks;

    let x = pad_tokens(input.x.clone(), length).reshape([rows, chunk, heads, width]);
    let step = pad_tokens(input.step, length).reshape([rows, chunk, heads]);
    let b = pad_tokens(input.b, length).reshape([rows, chunk, state]);
    let c = pad_tokens(input.c, length).reshape([rows, chunk, state]);

    // From here on, heads come before tokens.
    let log_decay = (step.clone() * input.decay.unsqueeze()).swap_dims(1, 2);
    let cs = log_decay.cumsum(2);
    let written = (x * step.unsqueeze_dim(3)).swap_dims(1, 2);

    // Within a chunk: y_t = Σ_{s≤t} exp(cs_t - cs_s) (C_t · B_s) step_s x_s.
    let similarity = c.clone().matmul(b.clone().swap_dims(1, 2)).unsqueeze_dim::<4>(1);
    let inside = (remaining(cs.clone()) * similarity).matmul(written.clone());

    // Contribution of each chunk to the state: Σ_s exp(cs_last - cs_s) step_s x_s B_sᵀ.
    let last = cs.clone().narrow(2, chunk - 1, 1);
    let kept = (last.clone() - cs.clone()).exp().unsqueeze_dim::<4>(3);
    let left = (written * kept)
        .swap_dims(2, 3)
        .reshape([rows, heads * width, chunk])
        .matmul(b)
        .reshape([batch, chunks, heads, width * state]);

    // States before each chunk and after the last: the same decayed sum, over chunks.
    let first = match input.state {
        Some(s) => s.reshape([batch, 1, heads, width * state]),
        None => Tensor::zeros([batch, 1, heads, width * state], &device),
    };
    let contributions = Tensor::cat(vec![first, left], 1).swap_dims(1, 2);
    let totals = last.reshape([batch, chunks, heads]);
    let totals = Tensor::cat(vec![Tensor::zeros([batch, 1, heads], &device), totals], 1);
    let states = remaining(totals.swap_dims(1, 2).cumsum(2)).matmul(contributions);
    let end = states.clone().narrow(2, chunks, 1).reshape([batch, heads, width, state]);

    // Across chunks: y_t += exp(cs_t) S_before C_t.
    let before = states
        .narrow(2, 0, chunks)
        .swap_dims(1, 2)
        .reshape([rows, heads * width, state])
        .swap_dims(1, 2);
    let across = c.matmul(before).reshape([rows, chunk, heads, width])
        * cs.exp().swap_dims(1, 2).unsqueeze_dim(3);

    let y = (inside.swap_dims(1, 2) + across).reshape([batch, length, heads, width]);
    let skip = input.skip.reshape([1, 1, heads, 1]);
    (y.narrow(1, 0, tokens) + input.x * skip, end)
}
