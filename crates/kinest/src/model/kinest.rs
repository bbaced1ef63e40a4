//! The KineST network: embedding, temporal flow blocks, kinematic flow blocks, regressor.

use super::kinematic_flow::{KinematicFlow, KinematicTrace, ScanChain};
use super::layers::{linear, linear_layer};
use super::mamba2::Mamba2Config;
use super::mixing::MixingTrace;
use super::state::KinestState;
use super::statistics::{DataStatistics, Standardise};
use super::temporal_flow::TemporalFlow;
use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

/// Every dimension of a [`Kinest`] network. The default is the released configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KinestConfig {
    /// Input numbers per frame.
    pub inputs: usize,
    /// Output numbers per frame.
    pub outputs: usize,
    /// Frames per window; the time mixer ties the weights to it. 1 for a causal network, which is
    /// fed frame by frame.
    pub window: usize,
    /// Width D of a frame's token.
    pub width: usize,
    /// Number of temporal flow blocks.
    pub temporal_blocks: usize,
    /// Number of kinematic flow blocks.
    pub kinematic_blocks: usize,
    /// Dimensions of the scans over frames.
    pub temporal_scan: Mamba2Config,
    /// Dimensions of the scans over joints.
    pub kinematic_scan: Mamba2Config,
    /// Width of a joint's token in the kinematic scans.
    pub joint_width: usize,
    /// Order of the joints in the kinematic scans.
    pub chain: ScanChain,
    /// Attention heads.
    pub attention_heads: usize,
    /// Hidden width of the encoder layer's feed-forward network.
    pub feed_forward: usize,
    /// Hidden width of the Fan layers.
    pub fan_hidden: usize,
    /// Dropout of the encoder layer, in training only.
    pub dropout: f64,
    /// Whether inputs are standardised with the training data's mean and standard deviation. The
    /// released network does not.
    pub standardise: bool,
    /// Makes the network causal. The released one is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causal: Option<CausalConfig>,
}

/// What a causal network uses in place of the parts that see a whole window.
///
/// Of the scans along time only the forward one is left; [`TimeMixer`](super::TimeMixer) becomes
/// [`TimeFilter`](super::TimeFilter); attention sees earlier frames only. The scans along the chain
/// of joints run from frame to frame anyway. The state has a fixed size, so the cost per frame does
/// not depend on the length of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CausalConfig {
    /// Frames the time filter sees, including the newest.
    pub mixer_taps: usize,
    /// Frames the attention sees, including the newest.
    pub attention_frames: usize,
    /// Frames between the newest input and the frame that the output describes: how much of that
    /// frame's future the network has seen.
    #[serde(default)]
    pub look_ahead: usize,
}

impl Default for KinestConfig {
    fn default() -> Self {
        let scan = Mamba2Config { state: 16, taps: 4, expand: 2, head_width: 64, chunk: 32 };
        Self {
            inputs: 54,
            outputs: 132,
            window: 96,
            width: 256,
            temporal_blocks: 2,
            kinematic_blocks: 2,
            temporal_scan: scan,
            kinematic_scan: Mamba2Config { head_width: 16, ..scan },
            joint_width: 64,
            chain: ScanChain::Released,
            attention_heads: 8,
            feed_forward: 2048,
            fan_hidden: 512,
            dropout: 0.1,
            standardise: false,
            causal: None,
        }
    }
}

impl KinestConfig {
    /// Checks that the dimensions fit together; the error names the field that does not.
    pub(super) fn check(&self) -> Result<(), String> {
        let positive = [
            ("inputs", self.inputs),
            ("outputs", self.outputs),
            ("window", self.window),
            ("width", self.width),
            ("joint_width", self.joint_width),
            ("attention_heads", self.attention_heads),
            ("feed_forward", self.feed_forward),
            ("fan_hidden", self.fan_hidden),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(format!("`{name}` is 0"));
        }
        if !self.width.is_multiple_of(self.attention_heads) {
            return Err(format!(
                "`width` {} is not a multiple of `attention_heads` {}",
                self.width, self.attention_heads
            ));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(format!("`dropout` {} is not in 0..1", self.dropout));
        }
        for (name, scan, width) in [
            ("temporal_scan", &self.temporal_scan, self.width),
            ("kinematic_scan", &self.kinematic_scan, self.joint_width),
        ] {
            if scan.state == 0 || scan.expand == 0 || scan.chunk == 0 {
                return Err(format!("`{name}` has a 0 in it"));
            }
            if scan.taps < 2 {
                return Err(format!("`{name}.taps` {} is less than 2", scan.taps));
            }
            if scan.head_width == 0 || !scan.inner(width).is_multiple_of(scan.head_width) {
                return Err(format!(
                    "`{name}.head_width` {} does not divide its inner width {}",
                    scan.head_width,
                    scan.inner(width)
                ));
            }
        }
        let Some(causal) = &self.causal else { return Ok(()) };
        for (name, value) in
            [("mixer_taps", causal.mixer_taps), ("attention_frames", causal.attention_frames)]
        {
            if value < 2 {
                return Err(format!("`causal.{name}` {value} is less than 2"));
            }
        }
        if self.window != 1 {
            return Err(format!("`window` {} is not the 1 of a causal network", self.window));
        }
        Ok(())
    }

    pub(super) fn init<B: Backend>(&self, device: &B::Device) -> Kinest<B> {
        Kinest {
            standardise: self.standardise.then(|| Standardise::identity(self.inputs, device)),
            embed: linear_layer(self.inputs, self.width, device),
            temporal: (0..self.temporal_blocks).map(|_| TemporalFlow::new(self, device)).collect(),
            kinematic: (0..self.kinematic_blocks)
                .map(|_| KinematicFlow::new(self, device))
                .collect(),
            regress: linear_layer(self.width, self.outputs, device),
        }
    }
}

/// The KineST network.
#[derive(Module, Debug)]
pub struct Kinest<B: Backend> {
    standardise: Option<Standardise<B>>,
    embed: Linear<B>,
    temporal: Vec<TemporalFlow<B>>,
    kinematic: Vec<KinematicFlow<B>>,
    regress: Linear<B>,
}

/// Intermediate activations of a forward pass, for comparison with golden files.
#[derive(Clone, Debug)]
pub struct KinestTrace<B: Backend> {
    /// After the embedding, `[batch, window, width]`.
    pub embedded: Tensor<B, 3>,
    /// Per temporal block: `x` after the scans, and the mixing.
    pub temporal: Vec<(Tensor<B, 3>, MixingTrace<B>)>,
    /// Per kinematic block: the scans, and the mixing.
    pub kinematic: Vec<(KinematicTrace<B>, MixingTrace<B>)>,
    /// Network output, `[batch, window, outputs]`.
    pub output: Tensor<B, 3>,
}

impl<B: Backend> Kinest<B> {
    /// # Shapes
    /// - `features`: `[batch, window, inputs]`
    /// - output: `[batch, window, outputs]`
    pub fn forward(&self, features: Tensor<B, 3>) -> Tensor<B, 3> {
        let mut x = self.embed(features);
        for block in &self.temporal {
            x = block.forward(x).1.y;
        }
        for block in &self.kinematic {
            x = block.forward(x).1.y;
        }
        linear(&self.regress, x)
    }

    /// Runs the next frames of a batch of streams through a causal network, from `state` (`None`
    /// starts them), and returns the state after them. Many frames at once and one by one give the
    /// same output.
    ///
    /// # Panics
    /// If the network is not causal.
    ///
    /// # Shapes
    /// - `features`: `[batch, frames, inputs]`
    /// - output: `[batch, frames, outputs]`
    pub fn stream(
        &self,
        features: Tensor<B, 3>,
        state: Option<KinestState<B>>,
    ) -> (Tensor<B, 3>, KinestState<B>) {
        let (temporal, kinematic) = state.map(KinestState::into_parts).unzip();
        let mut x = self.embed(features);
        let mut state = KinestState::default();
        let mut before = temporal.into_iter().flatten();
        for block in &self.temporal {
            let (y, after) = block.stream(x, before.next());
            state.temporal.push(after);
            x = y;
        }
        let mut before = kinematic.into_iter().flatten();
        for block in &self.kinematic {
            let (y, after) = block.stream(x, before.next());
            state.kinematic.push(after);
            x = y;
        }
        (linear(&self.regress, x), state)
    }

    /// [`Kinest::forward`], keeping every activation that golden files hold.
    pub fn trace(&self, features: Tensor<B, 3>) -> KinestTrace<B> {
        let embedded = self.embed(features);
        let mut x = embedded.clone();
        let mut temporal = vec![];
        for block in &self.temporal {
            let trace = block.forward(x);
            x = trace.1.y.clone();
            temporal.push(trace);
        }
        let mut kinematic = vec![];
        for block in &self.kinematic {
            let trace = block.forward(x);
            x = trace.1.y.clone();
            kinematic.push(trace);
        }
        KinestTrace { embedded, temporal, kinematic, output: linear(&self.regress, x) }
    }

    fn embed(&self, features: Tensor<B, 3>) -> Tensor<B, 3> {
        let features = match &self.standardise {
            Some(standardise) => standardise.forward(features),
            None => features,
        };
        // Standardise before casting: bf16 loses centimetres.
        linear(&self.embed, features.cast(self.embed.weight.dtype()))
    }

    /// Prepares a fresh network for its data: sets the standardisation and makes the last layer
    /// output the mean target, so that training does not start by searching for it.
    pub fn prepare(&mut self, statistics: &DataStatistics) {
        let device = self.regress.weight.device();
        if self.standardise.is_some() {
            self.standardise = Some(statistics.standardise(&device));
        }
        self.regress.bias = Some(statistics.mean_target(&device));
    }
}
