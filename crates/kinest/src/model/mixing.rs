//! The second half that temporal and kinematic blocks share: mixing along time (local and global).

use super::KinestConfig;
use super::layers::{Fan, TimeMixer, layer_norm, linear, linear_layer};
use burn::module::{Initializer, Module, Param};
use burn::nn::{Dropout, DropoutConfig, LayerNorm, Linear, LinearConfig};
use burn::tensor::Tensor;
use burn::tensor::activation::{relu, silu, softmax};
use burn::tensor::backend::Backend;

/// One post-norm Transformer encoder layer over time, ReLU feed-forward (Vaswani et al. 2017).
#[derive(Module, Debug)]
pub struct EncoderLayer<B: Backend> {
    query: Linear<B>,
    key: Linear<B>,
    value: Linear<B>,
    output: Linear<B>,
    norm_attention: LayerNorm<B>,
    widen: Linear<B>,
    narrow: Linear<B>,
    norm_forward: LayerNorm<B>,
    dropout: Dropout,
    heads: usize,
}

impl<B: Backend> EncoderLayer<B> {
    fn new(config: &KinestConfig, device: &B::Device) -> Self {
        let width = config.width;
        // PyTorch starts the packed [3 width, width] matrix Xavier-uniform, the biases at zero.
        let bound = (6.0 / (4.0 * width as f64)).sqrt();
        let projection = || {
            let mut layer: Linear<B> = LinearConfig::new(width, width)
                .with_initializer(Initializer::Uniform { min: -bound, max: bound })
                .init(device);
            layer.bias = Some(Param::from_tensor(Tensor::zeros([width], device)));
            layer
        };
        let mut output = linear_layer(width, width, device);
        output.bias = Some(Param::from_tensor(Tensor::zeros([width], device)));
        Self {
            query: projection(),
            key: projection(),
            value: projection(),
            output,
            norm_attention: layer_norm(width, device),
            widen: linear_layer(width, config.feed_forward, device),
            narrow: linear_layer(config.feed_forward, width, device),
            norm_forward: layer_norm(width, device),
            dropout: DropoutConfig::new(config.dropout).init(),
            heads: config.attention_heads,
        }
    }

    /// # Shapes
    /// - `x`, output: `[batch, frames, width]`
    pub fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let attended = self.dropout.forward(self.attention(x.clone()));
        let h = self.norm_attention.forward(x + attended);
        let hidden = self.dropout.forward(relu(linear(&self.widen, h.clone())));
        let forward = self.dropout.forward(linear(&self.narrow, hidden));
        self.norm_forward.forward(h + forward)
    }

    fn attention(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, frames, width] = x.dims();
        let head_width = width / self.heads;
        let split = |layer: &Linear<B>| {
            linear(layer, x.clone())
                .reshape([batch, frames, self.heads, head_width])
                .swap_dims(1, 2)
        };
        let query = split(&self.query) / (head_width as f64).sqrt();
        let scores = query.matmul(split(&self.key).swap_dims(2, 3));
        let weights = self.dropout.forward(softmax(scores, 3));
        let heads = weights.matmul(split(&self.value));
        linear(&self.output, heads.swap_dims(1, 2).reshape([batch, frames, width]))
    }
}

/// Local mixing along time (a dense mixer), then global mixing (attention and Fan), both residual.
#[derive(Module, Debug)]
pub struct Mixing<B: Backend> {
    norm_local: LayerNorm<B>,
    time_mixer: TimeMixer<B>,
    embed_in: Linear<B>,
    norm_global: LayerNorm<B>,
    encoder: EncoderLayer<B>,
    fan: Fan<B>,
    embed_out: Linear<B>,
}

/// What [`Mixing::forward`] went through, for comparison with golden activations.
#[derive(Clone, Debug)]
pub struct MixingTrace<B: Backend> {
    /// After local mixing, `[batch, frames, width]`.
    pub x2: Tensor<B, 3>,
    /// Output of the encoder layer, `[batch, frames, width]`.
    pub encoded: Tensor<B, 3>,
    /// Output of the block, `[batch, frames, width]`.
    pub y: Tensor<B, 3>,
}

impl<B: Backend> Mixing<B> {
    pub(super) fn new(config: &KinestConfig, device: &B::Device) -> Self {
        let width = config.width;
        Self {
            norm_local: layer_norm(width, device),
            time_mixer: TimeMixer::new(config.window, device),
            embed_in: linear_layer(width, width, device),
            norm_global: layer_norm(width, device),
            encoder: EncoderLayer::new(config, device),
            fan: Fan::new(width, config.fan_hidden, width, device),
            embed_out: linear_layer(width, width, device),
        }
    }

    /// # Shapes
    /// - `x1`: `[batch, window, width]`
    pub fn forward(&self, x1: Tensor<B, 3>) -> MixingTrace<B> {
        let local = self.time_mixer.forward(self.norm_local.forward(x1.clone()));
        let x2 = x1 + silu(local);
        let embedded = self.norm_global.forward(linear(&self.embed_in, x2.clone()));
        let encoded = self.encoder.forward(embedded);
        let global = silu(self.fan.forward(encoded.clone()));
        let y = x2.clone() + linear(&self.embed_out, global);
        MixingTrace { x2, encoded, y }
    }
}
