//! The transformer that writes the codes of a token behind the first.

use super::table;
use super::trunk::Trunk;
use crate::layers::{linear, linear_layer};
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use kinest::model::generate::GenerateConfig;

/// It sees what the first codes of each part add up to, and says what the next code adds.
///
/// Both are vectors of the token network and not tables of codes: these have as many numbers for six
/// parts of eight layers as for one, and similar codes look similar from the start.
#[derive(Module, Debug)]
pub(super) struct Rest<B: Backend> {
    sums: Linear<B>,
    /// Which layer is asked for, `[layers - 1, width]`.
    layers: Param<Tensor<B, 2>>,
    trunk: Trunk<B>,
    vectors: Linear<B>,
    /// How likely a code is anyway, `[(layers - 1) * parts, codes]`.
    bias: Param<Tensor<B, 2>>,
}

impl<B: Backend> Rest<B> {
    pub fn new(config: &GenerateConfig, device: &B::Device) -> Self {
        let (width, tokens) = (config.width, &config.tokens);
        let (parts, layers) = (tokens.parts.count(), tokens.layers - 1);
        Self {
            sums: linear_layer(parts * tokens.code_dim, width, device),
            layers: table(layers, width, 1, device),
            trunk: Trunk::new(&config.rest(), device),
            vectors: linear_layer(width, parts * tokens.code_dim, device),
            bias: Param::from_tensor(Tensor::zeros([layers * parts, tokens.codes], device)),
        }
    }

    /// # Shapes
    /// - `layer`: the layer that is asked for, from 1
    /// - `sums`: of the codes of the layers before, `[batch, tokens, parts * code_dim]`
    /// - `codes`: those of the layer, `[parts, codes, code_dim]`
    /// - `lengths`: tokens of each motion
    /// - `condition`: `[batch, width]`
    /// - output: logits, `[batch, tokens, parts, codes]`
    pub fn forward(
        &self,
        layer: usize,
        sums: Tensor<B, 3>,
        codes: Tensor<B, 3>,
        lengths: &[usize],
        condition: Tensor<B, 2>,
    ) -> Tensor<B, 4> {
        let ([batch, tokens, _], [parts, count, code_dim]) = (sums.dims(), codes.dims());
        let layers = self.layers.val().narrow(0, layer - 1, 1);
        let known = linear(&self.sums, sums) + layers.unsqueeze::<3>();
        let x = linear(&self.vectors, self.trunk.forward(known, lengths, condition));
        // Part by part, because each has its own codes.
        let x = x.reshape([batch * tokens, parts, code_dim]).swap_dims(0, 1);
        // Later layers have ever smaller codes, but not ever less to say.
        let size = codes.clone().square().mean_dim(2).mean_dim(1).sqrt().clamp_min(1e-6);
        let fit = x.matmul((codes / size).swap_dims(1, 2)) / (code_dim as f64).sqrt();
        let bias = self.bias.val().narrow(0, (layer - 1) * parts, parts);
        let logits = fit + bias.unsqueeze_dim(1);
        logits.swap_dims(0, 1).reshape([batch, tokens, parts, count])
    }
}
