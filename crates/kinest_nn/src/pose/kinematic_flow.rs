//! The kinematic flow module (SKFM): scans along the kinematic tree, frame after frame, then
//! mixing.

use super::mixing::{Mixing, MixingState, MixingTrace};
use crate::layers::kernel::{CoreKernels, Mamba2State};
use crate::layers::mamba2::Mamba2;
use crate::layers::{Fan, layer_norm, linear, linear_layer};
use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};
use kinest::model::KinestConfig;
use kinest::skeleton::SmplJoint;

/// One kinematic flow block.
#[derive(Module, Debug)]
pub struct KinematicFlow<B: Backend> {
    norm: LayerNorm<B>,
    to_joints: Linear<B>,
    forward_scan: Mamba2<B>,
    backward_scan: Mamba2<B>,
    from_joints: Fan<B>,
    mixing: Mixing<B>,
    #[module(skip)]
    chain: Vec<i32>,
}

/// Intermediate activations of the scans in [`KinematicFlow::forward`].
#[derive(Clone, Debug)]
pub struct KinematicTrace<B: Backend> {
    /// Sum of both scans in joint order, `[batch, window, joints * joint_width]`.
    pub scans: Tensor<B, 3>,
    /// `x` after the scans' residual, `[batch, window, width]`.
    pub x1: Tensor<B, 3>,
}

/// State of [`KinematicFlow::stream`] between two calls.
#[derive(Clone, Debug)]
pub struct KinematicState<B: Backend> {
    /// State of the forward scan.
    pub forward_scan: Mamba2State<B>,
    /// State of the backward scan.
    pub backward_scan: Mamba2State<B>,
    /// State of the mixing.
    pub mixing: MixingState<B>,
}

const JOINTS: usize = SmplJoint::COUNT;

impl<B: Backend> KinematicFlow<B> {
    pub(super) fn new(config: &KinestConfig, device: &B::Device) -> Self {
        let (width, joint_width) = (config.width, config.joint_width);
        let chain = config.chain.joints().into_iter().map(|j| j.index() as i32);
        Self {
            norm: layer_norm(width, device),
            to_joints: linear_layer(width, JOINTS * joint_width, device),
            forward_scan: Mamba2::new(&config.kinematic_scan, joint_width, device),
            backward_scan: Mamba2::new(&config.kinematic_scan, joint_width, device),
            from_joints: Fan::new(JOINTS * joint_width, config.fan_hidden, width, device),
            mixing: Mixing::new(config, device),
            chain: chain.collect(),
        }
    }

    pub(super) fn use_core_kernels(&mut self, kernels: &CoreKernels) {
        self.forward_scan.use_core_kernels(kernels);
        self.backward_scan.use_core_kernels(kernels);
    }

    /// # Shapes
    /// - `x`: `[batch, window, width]`
    pub fn forward(&self, x: Tensor<B, 3>) -> (KinematicTrace<B>, MixingTrace<B>) {
        let (trace, _) = self.scan(x, None);
        let mixing = self.mixing.forward(trace.x1.clone());
        (trace, mixing)
    }

    /// Runs the next frames of a causal network's streams from `state`; `None` starts them. The
    /// scans are those of [`forward`](Self::forward), since they run from frame to frame.
    ///
    /// # Shapes
    /// - `x`, output: `[batch, frames, width]`
    pub fn stream(
        &self,
        x: Tensor<B, 3>,
        state: Option<KinematicState<B>>,
    ) -> (Tensor<B, 3>, KinematicState<B>) {
        let (scans, mixing) = state.map(|s| ((s.forward_scan, s.backward_scan), s.mixing)).unzip();
        let (trace, (forward_scan, backward_scan)) = self.scan(x, scans);
        let (trace, mixing) = self.mixing.stream(trace.x1, mixing);
        (trace.y, KinematicState { forward_scan, backward_scan, mixing })
    }

    fn scan(
        &self,
        x: Tensor<B, 3>,
        state: Option<(Mamba2State<B>, Mamba2State<B>)>,
    ) -> (KinematicTrace<B>, (Mamba2State<B>, Mamba2State<B>)) {
        let [batch, window, _] = x.dims();
        let joints = linear(&self.to_joints, self.norm.forward(x.clone()));
        let width = joints.dims()[2] / JOINTS;
        let joints = joints.reshape([batch, window, JOINTS, width]);

        let mut against = self.chain.clone();
        against.reverse();
        let (along, back) = state.unzip();
        // The "backward" scan reverses the joints inside each frame; frames still run forward.
        let (ahead, along) = scan_chain(&self.forward_scan, joints.clone(), &self.chain, along);
        let (behind, back) = scan_chain(&self.backward_scan, joints, &against, back);
        let scans = (ahead + behind).reshape([batch, window, JOINTS * width]);
        let x1 = x + self.from_joints.forward(scans.clone());
        (KinematicTrace { scans, x1 }, (along, back))
    }
}

/// Runs `scan` over the joints of `chain`, frame after frame, as one sequence that continues from
/// `state`. The output of joints outside the chain is zero.
///
/// # Shapes
/// - `joints`, output: `[batch, window, joints, joint_width]`
fn scan_chain<B: Backend>(
    scan: &Mamba2<B>,
    joints: Tensor<B, 4>,
    chain: &[i32],
    state: Option<Mamba2State<B>>,
) -> (Tensor<B, 4>, Mamba2State<B>) {
    let [batch, window, count, width] = joints.dims();
    let device = joints.device();
    let indices = |values: Vec<i32>| {
        let length = values.len();
        Tensor::<B, 1, Int>::from_data(TensorData::new(values, [length]), &device)
    };
    let length = chain.len();
    let tokens = joints.select(2, indices(chain.to_vec())).reshape([batch, window * length, width]);
    let (scanned, state) = scan.stream(tokens, state);
    let mut scanned = scanned.reshape([batch, window, length, width]);
    if length < count {
        // Zeros for joints outside the chain.
        let zeros = scanned.clone().narrow(2, 0, 1).zeros_like();
        scanned = Tensor::cat(vec![scanned, zeros], 2);
    }
    let place = |joint: i32| chain.iter().position(|j| *j == joint).unwrap_or(length) as i32;
    (scanned.select(2, indices((0..count as i32).map(place).collect())), state)
}
