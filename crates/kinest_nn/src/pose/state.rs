//! What a causal network remembers of the frames so far.

use super::kinematic_flow::KinematicState;
use super::mixing::{AttentionPast, MixingState};
use super::temporal_flow::TemporalState;
use crate::layers::kernel::Mamba2State;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// What a causal network remembers of a batch of streams. Its size does not depend on their length.
#[derive(Clone, Debug)]
pub struct KinestState<B: Backend> {
    /// Of each temporal flow block.
    pub temporal: Vec<TemporalState<B>>,
    /// Of each kinematic flow block.
    pub kinematic: Vec<KinematicState<B>>,
}

impl<B: Backend> Default for KinestState<B> {
    fn default() -> Self {
        Self { temporal: vec![], kinematic: vec![] }
    }
}

impl<B: Backend> KinestState<B> {
    /// The same numbers; no gradient goes back through them.
    #[must_use]
    pub fn detach(self) -> Self {
        Self::change(vec![self], Change::Detach)
    }

    /// Several batches as one.
    ///
    /// # Panics
    /// If there is none, or they are of different networks.
    #[must_use]
    pub fn cat(states: Vec<Self>) -> Self {
        Self::change(states, Change::Join)
    }

    /// A batch of `streams` as one state for each.
    #[must_use]
    pub fn split(self, streams: usize) -> Vec<Self> {
        (0..streams).map(|at| Self::change(vec![self.clone()], Change::Pick(at))).collect()
    }

    pub(super) fn into_parts(self) -> (Vec<TemporalState<B>>, Vec<KinematicState<B>>) {
        (self.temporal, self.kinematic)
    }

    fn change(states: Vec<Self>, change: Change) -> Self {
        let (temporal, kinematic): (Vec<_>, Vec<_>) =
            states.into_iter().map(Self::into_parts).unzip();
        let temporal = blocks(temporal).map(|blocks| {
            let (scan, mixing) = blocks.into_iter().map(|s| (s.scan, s.mixing)).unzip();
            TemporalState { scan: change.scan(scan), mixing: change.mixing(mixing) }
        });
        let kinematic = blocks(kinematic).map(|blocks| {
            let ((along, against), mixing) = blocks
                .into_iter()
                .map(|s| ((s.forward_scan, s.backward_scan), s.mixing))
                .unzip::<_, _, (Vec<_>, Vec<_>), _>();
            KinematicState {
                forward_scan: change.scan(along),
                backward_scan: change.scan(against),
                mixing: change.mixing(mixing),
            }
        });
        Self { temporal: temporal.collect(), kinematic: kinematic.collect() }
    }
}

/// The same block of every state, block after block.
fn blocks<T>(states: Vec<Vec<T>>) -> impl Iterator<Item = Vec<T>> {
    let mut states: Vec<_> = states.into_iter().map(Vec::into_iter).collect();
    std::iter::from_fn(move || states.iter_mut().map(Iterator::next).collect::<Option<Vec<T>>>())
}

/// What becomes of every tensor of some states.
#[derive(Clone, Copy)]
enum Change {
    Detach,
    Join,
    /// The stream with this number.
    Pick(usize),
}

impl Change {
    fn tensor<B: Backend, const D: usize>(self, mut of: Vec<Tensor<B, D>>) -> Tensor<B, D> {
        match self {
            Self::Join => Tensor::cat(of, 0),
            Self::Detach => of.swap_remove(0).detach(),
            Self::Pick(at) => of.swap_remove(0).narrow(0, at, 1),
        }
    }

    fn scan<B: Backend>(self, of: Vec<Mamba2State<B>>) -> Mamba2State<B> {
        let (tails, ssm) = of.into_iter().map(|s| (s.conv_tail, s.ssm)).unzip();
        Mamba2State { conv_tail: self.tensor(tails), ssm: self.tensor(ssm) }
    }

    fn mixing<B: Backend>(self, of: Vec<MixingState<B>>) -> MixingState<B> {
        let (filtered, (keys, values)) = of
            .into_iter()
            .map(|s| (s.filtered, (s.attention.keys, s.attention.values)))
            .unzip::<_, _, Vec<_>, (Vec<_>, Vec<_>)>();
        MixingState {
            filtered: self.tensor(filtered),
            attention: AttentionPast { keys: self.tensor(keys), values: self.tensor(values) },
        }
    }
}
