//! The second half of temporal and kinematic blocks: local and global mixing along time.

use crate::layers::{Fan, TimeFilter, TimeMixer, layer_norm, linear, linear_layer};
use burn::module::{Initializer, Module, Param};
use burn::nn::{Dropout, DropoutConfig, LayerNorm, Linear, LinearConfig};
use burn::tensor::activation::{relu, silu, softmax};
use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Tensor, TensorData};
use kinest::model::KinestConfig;

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
        // PyTorch initialises the packed [3 width, width] matrix Xavier-uniform and the biases to
        // zero.
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
        let (keys, values) = (linear(&self.key, x.clone()), linear(&self.value, x.clone()));
        self.attend(x, keys, values, None)
    }

    /// Each frame attends to itself and to as many earlier frames as `past` holds. Frames before
    /// the first are zeros and are not masked: the network learns what they mean.
    ///
    /// # Shapes
    /// - `x`, output: `[batch, frames, width]`
    pub fn stream(
        &self,
        x: Tensor<B, 3>,
        past: AttentionPast<B>,
    ) -> (Tensor<B, 3>, AttentionPast<B>) {
        let frames = x.dims()[1];
        let sees = past.keys.dims()[1];
        let with_past = |past, new| Tensor::cat(vec![past, new], 1);
        let keys = with_past(past.keys, linear(&self.key, x.clone()));
        let values = with_past(past.values, linear(&self.value, x.clone()));
        let past = AttentionPast {
            keys: keys.clone().narrow(1, frames, sees),
            values: values.clone().narrow(1, frames, sees),
        };
        let hidden = (frames > 1).then(|| band(frames, sees, &x.device()));
        (self.attend(x, keys, values, hidden), past)
    }

    /// # Shapes
    /// - `x`, output: `[batch, frames, width]`
    /// - `keys`, `values`: `[batch, seen, width]`
    /// - `hidden`: `[1, 1, frames, seen]`, true where attention is masked
    fn attend(
        &self,
        x: Tensor<B, 3>,
        keys: Tensor<B, 3>,
        values: Tensor<B, 3>,
        hidden: Option<Tensor<B, 4, Bool>>,
    ) -> Tensor<B, 3> {
        let [batch, frames, width] = x.dims();
        let head_width = width / self.heads;
        let split = |x: Tensor<B, 3>| {
            let seen = x.dims()[1];
            x.reshape([batch, seen, self.heads, head_width]).swap_dims(1, 2)
        };
        let query = split(linear(&self.query, x.clone())) / (head_width as f64).sqrt();
        let mut scores = query.matmul(split(keys).swap_dims(2, 3));
        if let Some(hidden) = hidden {
            scores = scores.mask_fill(hidden, f32::NEG_INFINITY);
        }
        let weights = self.dropout.forward(softmax(scores, 3));
        let heads = weights.matmul(split(values)).swap_dims(1, 2);
        let attended = linear(&self.output, heads.reshape([batch, frames, width]));

        let h = self.norm_attention.forward(x + self.dropout.forward(attended));
        let hidden = self.dropout.forward(relu(linear(&self.widen, h.clone())));
        let forward = self.dropout.forward(linear(&self.narrow, hidden));
        self.norm_forward.forward(h + forward)
    }
}

/// Keys and values of the newest frames, each `[batch, frames, width]`, newest last.
#[derive(Clone, Debug)]
pub struct AttentionPast<B: Backend> {
    /// Keys.
    pub keys: Tensor<B, 3>,
    /// Values.
    pub values: Tensor<B, 3>,
}

/// The attention mask `[1, 1, frames, past + frames]` of `frames` new frames over `past` older
/// frames and themselves: each new frame sees itself and the `past` frames before it.
fn band<B: Backend>(frames: usize, past: usize, device: &B::Device) -> Tensor<B, 4, Bool> {
    let seen = past + frames;
    let hidden: Vec<bool> = (0..frames * seen)
        .map(|k| !(0..=past).contains(&(k % seen).wrapping_sub(k / seen)))
        .collect();
    Tensor::from_data(TensorData::new(hidden, [1, 1, frames, seen]), device)
}

/// Local mixing along time.
#[derive(Module, Debug)]
pub enum TimeMixing<B: Backend> {
    /// Every frame of a window with every other.
    Dense(TimeMixer<B>),
    /// Each frame with the frames before it.
    Causal(TimeFilter<B>),
}

/// State of [`Mixing::stream`] between two calls.
#[derive(Clone, Debug)]
pub struct MixingState<B: Backend> {
    /// The last frames before the filter, `[batch, taps - 1, width]`.
    pub filtered: Tensor<B, 3>,
    /// Keys and values of the newest frames.
    pub attention: AttentionPast<B>,
}

/// Local mixing along time, then global mixing (attention and Fan), both with a residual.
#[derive(Module, Debug)]
pub struct Mixing<B: Backend> {
    norm_local: LayerNorm<B>,
    time_mixer: TimeMixing<B>,
    embed_in: Linear<B>,
    norm_global: LayerNorm<B>,
    encoder: EncoderLayer<B>,
    fan: Fan<B>,
    embed_out: Linear<B>,
    /// Earlier frames that the attention of a causal network sees.
    looks_back: usize,
}

/// Intermediate activations of [`Mixing::forward`], for comparison with golden files.
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
        let time_mixer = match &config.causal {
            None => TimeMixing::Dense(TimeMixer::new(config.window, device)),
            Some(c) => TimeMixing::Causal(TimeFilter::new(c.mixer_taps, width, device)),
        };
        Self {
            norm_local: layer_norm(width, device),
            time_mixer,
            embed_in: linear_layer(width, width, device),
            norm_global: layer_norm(width, device),
            encoder: EncoderLayer::new(config, device),
            fan: Fan::new(width, config.fan_hidden, width, device),
            embed_out: linear_layer(width, width, device),
            looks_back: config.causal.as_ref().map_or(0, |c| c.attention_frames - 1),
        }
    }

    /// Mixes a whole window or, in a causal network, the frames from the start of a stream.
    ///
    /// # Shapes
    /// - `x1`: `[batch, window, width]`
    pub fn forward(&self, x1: Tensor<B, 3>) -> MixingTrace<B> {
        match &self.time_mixer {
            TimeMixing::Dense(mixer) => {
                let local = mixer.forward(self.norm_local.forward(x1.clone()));
                self.mix(x1, local, |embedded| self.encoder.forward(embedded))
            }
            TimeMixing::Causal(filter) => {
                let state = self.start(filter, x1.dims()[0]);
                self.causal(filter, x1, state).0
            }
        }
    }

    /// Mixes the next frames of a causal network's stream, from `state`; `None` starts a stream.
    ///
    /// # Panics
    /// If the network is not causal.
    ///
    /// # Shapes
    /// - `x1`: `[batch, frames, width]`
    pub fn stream(
        &self,
        x1: Tensor<B, 3>,
        state: Option<MixingState<B>>,
    ) -> (MixingTrace<B>, MixingState<B>) {
        let TimeMixing::Causal(filter) = &self.time_mixer else {
            panic!("a network that mixes whole windows cannot stream");
        };
        let state = state.unwrap_or_else(|| self.start(filter, x1.dims()[0]));
        self.causal(filter, x1, state)
    }

    fn start(&self, filter: &TimeFilter<B>, batch: usize) -> MixingState<B> {
        let [_, width] = self.embed_in.weight.dims();
        let weight = &self.embed_in.weight;
        let none = Tensor::<B, 3>::zeros([batch, self.looks_back, width], &weight.device());
        let none = none.cast(weight.dtype());
        let attention = AttentionPast { keys: none.clone(), values: none };
        MixingState { filtered: filter.before(batch), attention }
    }

    fn causal(
        &self,
        filter: &TimeFilter<B>,
        x1: Tensor<B, 3>,
        state: MixingState<B>,
    ) -> (MixingTrace<B>, MixingState<B>) {
        let normed = self.norm_local.forward(x1.clone());
        let (local, filtered) = filter.forward(state.filtered, normed);
        let mut attention = None;
        let trace = self.mix(x1, local, |embedded| {
            let (encoded, past) = self.encoder.stream(embedded, state.attention);
            attention = Some(past);
            encoded
        });
        let attention = attention.expect("the encoder has run");
        (trace, MixingState { filtered, attention })
    }

    fn mix(
        &self,
        x1: Tensor<B, 3>,
        local: Tensor<B, 3>,
        encode: impl FnOnce(Tensor<B, 3>) -> Tensor<B, 3>,
    ) -> MixingTrace<B> {
        let x2 = x1 + silu(local);
        let encoded = encode(self.norm_global.forward(linear(&self.embed_in, x2.clone())));
        let global = silu(self.fan.forward(encoded.clone()));
        let y = x2.clone() + linear(&self.embed_out, global);
        MixingTrace { x2, encoded, y }
    }
}
