//! Dimensions of the KineST network.

use super::mamba2::Mamba2Config;
use super::tensors::TensorShapes;
use crate::skeleton::SmplJoint;
use serde::{Deserialize, Serialize};

/// Every dimension of a KineST network. The default is the released configuration.
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
/// The scans along the chain of joints walk from frame to frame in any case. Of the scans along time
/// only the forward one is left, the time mixer becomes a causal filter, the attention looks back only. Everything it remembers of the
/// past has a fixed size, so a frame costs the same however long a stream is.
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

    /// Names and shapes of the network's tensors.
    #[must_use]
    pub fn tensors(&self) -> TensorShapes {
        let mut shapes = TensorShapes::default();
        if self.standardise {
            shapes.standardise(self.inputs);
        }
        shapes.linear("embed", self.inputs, self.width);
        for i in 0..self.temporal_blocks {
            let at = format!("temporal.{i}");
            shapes.layer_norm(&format!("{at}.norm"), self.width);
            self.temporal_scan.tensors(&mut shapes, &format!("{at}.forward_scan"), self.width);
            if self.causal.is_none() {
                self.temporal_scan.tensors(&mut shapes, &format!("{at}.backward_scan"), self.width);
            }
            self.mixing_tensors(&mut shapes, &format!("{at}.mixing"));
        }
        let joints = SmplJoint::COUNT * self.joint_width;
        for i in 0..self.kinematic_blocks {
            let at = format!("kinematic.{i}");
            shapes.layer_norm(&format!("{at}.norm"), self.width);
            shapes.linear(&format!("{at}.to_joints"), self.width, joints);
            for scan in ["forward_scan", "backward_scan"] {
                self.kinematic_scan.tensors(&mut shapes, &format!("{at}.{scan}"), self.joint_width);
            }
            self.fan_tensors(&mut shapes, &format!("{at}.from_joints"), joints);
            self.mixing_tensors(&mut shapes, &format!("{at}.mixing"));
        }
        shapes.linear("regress", self.width, self.outputs);
        shapes
    }

    fn fan_tensors(&self, shapes: &mut TensorShapes, at: &str, inputs: usize) {
        shapes.linear(&format!("{at}.embed"), inputs, self.fan_hidden);
        shapes.linear(&format!("{at}.project"), self.fan_hidden, self.width);
    }

    fn mixing_tensors(&self, shapes: &mut TensorShapes, at: &str) {
        let width = self.width;
        shapes.layer_norm(&format!("{at}.norm_local"), width);
        match self.causal {
            None => shapes.linear(&format!("{at}.time_mixer"), self.window, self.window),
            Some(causal) => shapes.linear(&format!("{at}.time_mixer"), causal.mixer_taps, width),
        }
        shapes.linear(&format!("{at}.embed_in"), width, width);
        shapes.layer_norm(&format!("{at}.norm_global"), width);
        for part in ["query", "key", "value", "output"] {
            shapes.linear(&format!("{at}.encoder.{part}"), width, width);
        }
        shapes.layer_norm(&format!("{at}.encoder.norm_attention"), width);
        shapes.linear(&format!("{at}.encoder.widen"), width, self.feed_forward);
        shapes.linear(&format!("{at}.encoder.narrow"), self.feed_forward, width);
        shapes.layer_norm(&format!("{at}.encoder.norm_forward"), width);
        self.fan_tensors(shapes, &format!("{at}.fan"), width);
        shapes.linear(&format!("{at}.embed_out"), width, width);
    }
}

/// The order in which a kinematic scan visits the joints of each frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScanChain {
    /// The order of the released code, which leaves the left ankle out: 21 joints.
    #[default]
    Released,
    /// The order of the paper, "unified kinematic scan": all 22 joints.
    Unified,
}

impl ScanChain {
    /// The joints in the order they are visited; the backward scan visits them the other way round.
    #[must_use]
    pub fn joints(self) -> Vec<SmplJoint> {
        use SmplJoint::{
            Head, LeftAnkle, LeftCollar, LeftElbow, LeftFoot, LeftHip, LeftKnee, LeftShoulder,
            LeftWrist, Neck, Pelvis, RightAnkle, RightCollar, RightElbow, RightFoot, RightHip,
            RightKnee, RightShoulder, RightWrist, Spine1, Spine2, Spine3,
        };
        #[rustfmt::skip]
        let mut joints = vec![
            RightWrist, RightElbow, RightShoulder, RightCollar, Head, Neck,
            LeftWrist, LeftElbow, LeftShoulder, LeftCollar, Spine3, Spine2, Spine1, Pelvis,
            LeftHip, LeftKnee, LeftAnkle, LeftFoot, RightHip, RightKnee, RightAnkle, RightFoot,
        ];
        if self == Self::Released {
            joints.retain(|j| *j != LeftAnkle);
        }
        joints
    }
}
