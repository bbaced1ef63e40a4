//! KSOF.

use super::super::numbers::{Numbers, zeros};
use super::super::pack::PackError;
use super::Unpacked;
use super::fusion::{Fusion, Gate};
use super::graph::Graph;
use super::temporal::Temporal;
use kinest::model::forecast::KsofConfig;

/// A KSOF network and its scratch buffers.
#[derive(Debug)]
pub(super) struct Ksof {
    temporal: Option<Branch<Temporal>>,
    graph: Option<Branch<Graph>>,
    gate: Option<Gate>,
    fusion: Option<Fusion>,
    residual: bool,
    numbers: usize,
    history: usize,
    horizon: usize,
    /// `[numbers, history]`
    x: Numbers,
    /// `[numbers, horizon]`
    fused: Numbers,
}

/// A branch and its output, `[numbers, horizon]`.
#[derive(Debug)]
struct Branch<N> {
    network: N,
    said: Numbers,
    gated: Numbers,
}

impl<N> Branch<N> {
    fn new(network: N, length: usize) -> Self {
        Self { network, said: zeros(length), gated: zeros(length) }
    }

    fn gate(&mut self, gate: &mut Option<Gate>) {
        self.gated.copy_from_slice(&self.said);
        if let Some(gate) = gate {
            gate.run(&mut self.gated);
        }
    }
}

impl Ksof {
    pub(super) fn new(config: &KsofConfig, tensors: &mut Unpacked) -> Result<Self, PackError> {
        // Destructured in full, so that a new field does not compile until it is handled here.
        let KsofConfig {
            history,
            horizon,
            numbers,
            residual,
            channels: _,
            temporal_blocks: _,
            taps: _,
            hidden: _,
            graph_blocks: _,
            gate: _,
            fusion: _,
            dropout: _,
        } = *config;
        let length = numbers * horizon;
        let temporal = match config.has_temporal_branch() {
            true => Some(Branch::new(Temporal::new(config, tensors)?, length)),
            false => None,
        };
        let graph = match config.has_graph_branch() {
            true => Some(Branch::new(Graph::new(config, tensors)?, length)),
            false => None,
        };
        Ok(Self {
            temporal,
            graph,
            gate: Gate::new(config, tensors)?,
            fusion: Fusion::new(config, tensors)?,
            residual,
            numbers,
            history,
            horizon,
            x: zeros(numbers * history),
            fused: zeros(length),
        })
    }

    /// Whether it has both branches.
    pub(super) fn has_branches(&self) -> bool {
        self.fusion.is_some()
    }

    /// The outputs of the branches are written if there are both.
    ///
    /// # Shapes
    /// - `history`: `[history, numbers]`
    /// - `future`, `temporal`, `graph`: `[horizon, numbers]`, the branches' empty if there is only one
    pub(super) fn run(
        &mut self,
        history: &[f32],
        future: &mut [f32],
        temporal: &mut [f32],
        graph: &mut [f32],
    ) {
        let numbers = self.numbers;
        let last = &history[(self.history - 1) * numbers..];
        for (i, x) in self.x.chunks_exact_mut(self.history).enumerate() {
            let base = if self.residual { last[i] } else { 0.0 };
            let frames = history.iter().skip(i).step_by(numbers);
            x.iter_mut().zip(frames).for_each(|(x, v)| *x = v - base);
        }
        if let Some(branch) = &mut self.temporal {
            branch.network.run(&self.x, &mut branch.said);
            branch.gate(&mut self.gate);
        }
        if let Some(branch) = &mut self.graph {
            branch.network.run(&self.x, &mut branch.said);
            branch.gate(&mut self.gate);
        }
        let base = self.residual.then_some(last);
        let place = |from: &[f32], to: &mut [f32]| placed(from, base, self.horizon, to);
        match (&self.temporal, &self.graph, &mut self.fusion) {
            (Some(first), Some(second), Some(fusion)) => {
                fusion.run(&first.gated, &second.gated, &mut self.fused);
                place(&self.fused, future);
                place(&first.said, temporal);
                place(&second.said, graph);
            }
            (Some(only), ..) => place(&only.gated, future),
            (_, Some(only), _) => place(&only.gated, future),
            (None, None, _) => {}
        }
    }
}

/// Transposes `[numbers, horizon]` to `[horizon, numbers]`, with `base` added to every frame.
fn placed(from: &[f32], base: Option<&[f32]>, horizon: usize, to: &mut [f32]) {
    let numbers = from.len() / horizon;
    for (frame, to) in to.chunks_exact_mut(numbers).enumerate() {
        let column = from.iter().skip(frame).step_by(horizon);
        to.iter_mut().zip(column).for_each(|(to, v)| *to = *v);
        if let Some(base) = base {
            to.iter_mut().zip(base).for_each(|(to, base)| *to += base);
        }
    }
}
