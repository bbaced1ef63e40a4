//! The state of a causal network between two calls.

use super::kinematic_flow::KinematicState;
use super::mixing::{AttentionPast, MixingState};
use super::temporal_flow::TemporalState;
use crate::layers::kernel::Mamba2State;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// The state of a causal network for a batch of streams. Its size does not depend on their length.
#[derive(Clone, Debug)]
pub struct KinestState<B: Backend> {
    /// One per temporal flow block.
    pub temporal: Vec<TemporalState<B>>,
    /// One per kinematic flow block.
    pub kinematic: Vec<KinematicState<B>>,
}

impl<B: Backend> Default for KinestState<B> {
    fn default() -> Self {
        Self { temporal: vec![], kinematic: vec![] }
    }
}

impl<B: Backend> KinestState<B> {
    /// The same numbers, detached from the autodiff graph.
    #[must_use]
    pub fn detach(self) -> Self {
        Self::change(vec![self], Change::Detach)
    }

    /// Concatenates batches of streams.
    ///
    /// # Panics
    /// If `states` is empty or comes from different networks.
    #[must_use]
    pub fn cat(states: Vec<Self>) -> Self {
        Self::change(states, Change::Join)
    }

    /// Splits a batch of `streams` streams into one state per stream.
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

/// Transposes states of blocks into blocks of states.
fn blocks<T>(states: Vec<Vec<T>>) -> impl Iterator<Item = Vec<T>> {
    let mut states: Vec<_> = states.into_iter().map(Vec::into_iter).collect();
    std::iter::from_fn(move || states.iter_mut().map(Iterator::next).collect::<Option<Vec<T>>>())
}

/// An operation on every tensor of some states.
#[derive(Clone, Copy)]
enum Change {
    Detach,
    Join,
    /// Selects the stream with this index.
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
