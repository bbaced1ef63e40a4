//! The graph branch of KSOF (S-GCN): every number of a frame is a node of a learned graph, its
//! frames are the node's features.

use crate::layers::batch_norm::{BatchMoments, BatchNorm};
use crate::layers::{linear, linear_layer, linear_over_tokens};
use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, Linear};
use burn::tensor::activation::leaky_relu;
use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, Tensor};
use kinest::model::forecast::KsofConfig;

/// Slope of the leaky ReLU below zero.
pub(super) const LEAK: f64 = 0.01;

/// Initial weight between two different nodes; that of a node with itself is 1.
const INITIAL_ADJACENCY: f64 = 0.01;

/// A graph layer: `A (H W) + b` with a learned matrix `A` between the nodes.
#[derive(Module, Debug)]
struct GraphLayer<B: Backend> {
    adjacency: Param<Tensor<B, 2>>,
    weight: Param<Tensor<B, 2>>,
    bias: Param<Tensor<B, 1>>,
}

impl<B: Backend> GraphLayer<B> {
    fn new(nodes: usize, inputs: usize, outputs: usize, device: &B::Device) -> Self {
        let adjacency =
            Tensor::<B, 2>::eye(nodes, device) * (1.0 - INITIAL_ADJACENCY) + INITIAL_ADJACENCY;
        // Xavier.
        let normal = Distribution::Normal(0.0, (2.0 / (inputs + outputs) as f64).sqrt());
        let weight = Tensor::random([inputs, outputs], normal, device);
        Self {
            adjacency: Param::from_tensor(adjacency),
            weight: Param::from_tensor(weight),
            bias: Param::from_tensor(Tensor::zeros([outputs], device)),
        }
    }

    /// # Shapes
    /// - `x`: `[batch, nodes, inputs]`
    /// - output: `[batch, nodes, outputs]`
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, nodes, inputs] = x.dims();
        let weight = self.weight.val();
        let outputs = weight.dims()[1];
        let features = x.reshape([batch * nodes, inputs]).matmul(weight);
        let features = features.reshape([batch, nodes, outputs]);
        // A product for each sample: one for the whole batch would need the nodes first, and moving
        // them there and back costs more than the product.
        self.adjacency.val().unsqueeze::<3>().matmul(features) + self.bias.val().unsqueeze::<3>()
    }
}

/// A graph layer with batch normalisation, leaky ReLU and dropout.
#[derive(Module, Debug)]
struct NormalisedLayer<B: Backend> {
    layer: GraphLayer<B>,
    norm: BatchNorm<B>,
    dropout: Dropout,
}

impl<B: Backend> NormalisedLayer<B> {
    fn new(config: &KsofConfig, inputs: usize, device: &B::Device) -> Self {
        let (nodes, hidden) = (config.numbers, config.hidden);
        Self {
            layer: GraphLayer::new(nodes, inputs, hidden, device),
            norm: BatchNorm::new(nodes * hidden, device),
            dropout: DropoutConfig::new(config.dropout).init(),
        }
    }

    fn forward(&self, x: Tensor<B, 3>, moments: Option<&mut Vec<BatchMoments<B>>>) -> Tensor<B, 3> {
        let normalised = self.norm.forward(self.layer.forward(x), moments);
        self.dropout.forward(leaky_relu(normalised, LEAK))
    }
}

/// Two normalised graph layers and a residual.
#[derive(Module, Debug)]
struct GraphBlock<B: Backend> {
    first: NormalisedLayer<B>,
    second: NormalisedLayer<B>,
}

/// The graph branch of KSOF.
///
/// It sees a learned mixture of the numbers of each frame. With `n` blocks, `y₀` the first layer's
/// output and `yᵢ₊₁` that of block `i`: block `i` sees `yᵢ`, the later half `yᵢ + yₙ₋ᵢ`, and the
/// last layer `yₙ + y₀`. The mixture is added to the last layer's output.
#[derive(Module, Debug)]
pub struct GraphNetwork<B: Backend> {
    embed: Linear<B>,
    first: NormalisedLayer<B>,
    blocks: Vec<GraphBlock<B>>,
    last: GraphLayer<B>,
    /// From observed to predicted frames, if their numbers differ.
    to_horizon: Option<Linear<B>>,
}

/// Activations of the graph branch, `[batch, numbers, …]`.
#[derive(Clone, Debug)]
pub struct GraphTrace<B: Backend> {
    /// The mixture of the numbers of each frame, `[…, history]`.
    pub embedded: Tensor<B, 3>,
    /// After the last block, `[…, hidden]`.
    pub hidden: Tensor<B, 3>,
    /// After the last layer, `[…, history]`.
    pub observed: Tensor<B, 3>,
    /// Predicted motion, `[…, horizon]`.
    pub output: Tensor<B, 3>,
}

impl<B: Backend> GraphNetwork<B> {
    pub(super) fn new(config: &KsofConfig, device: &B::Device) -> Self {
        let (numbers, hidden) = (config.numbers, config.hidden);
        let (history, horizon) = (config.history, config.horizon);
        let block = || GraphBlock {
            first: NormalisedLayer::new(config, hidden, device),
            second: NormalisedLayer::new(config, hidden, device),
        };
        Self {
            embed: linear_layer(numbers, numbers, device),
            first: NormalisedLayer::new(config, history, device),
            blocks: (0..config.graph_blocks).map(|_| block()).collect(),
            last: GraphLayer::new(numbers, hidden, history, device),
            to_horizon: (history != horizon).then(|| linear_layer(history, horizon, device)),
        }
    }

    /// In training, the moments of the batch are added to `moments`.
    ///
    /// # Shapes
    /// - `x`: `[batch, numbers, history]`
    pub fn forward(
        &self,
        x: Tensor<B, 3>,
        mut moments: Option<&mut Vec<BatchMoments<B>>>,
    ) -> GraphTrace<B> {
        let x = x.cast(self.embed.weight.dtype());
        let embedded = linear_over_tokens(&self.embed, x);
        let mut outputs = vec![self.first.forward(embedded.clone(), moments.as_deref_mut())];
        let blocks = self.blocks.len();
        for (i, block) in self.blocks.iter().enumerate() {
            let mut input = outputs[i].clone();
            if i > blocks / 2 {
                input = input + outputs[blocks - i].clone();
            }
            let inner = block.first.forward(input.clone(), moments.as_deref_mut());
            outputs.push(block.second.forward(inner, moments.as_deref_mut()) + input);
        }
        let hidden = outputs[blocks].clone();
        let observed = self.last.forward(hidden.clone() + outputs[0].clone()) + embedded.clone();
        let output = match &self.to_horizon {
            Some(to_horizon) => linear(to_horizon, observed.clone()),
            None => observed.clone(),
        };
        GraphTrace { embedded, hidden, observed, output }
    }

    /// Moves the running figures towards the moments of a batch, in the order of
    /// [`forward`](Self::forward).
    pub(super) fn absorb(&mut self, moments: Vec<BatchMoments<B>>) {
        let blocks = self.blocks.iter_mut();
        let blocks = blocks.flat_map(|block| [&mut block.first, &mut block.second]);
        let layers = std::iter::once(&mut self.first).chain(blocks);
        layers.zip(moments).for_each(|(layer, moments)| layer.norm.absorb(moments));
    }
}
