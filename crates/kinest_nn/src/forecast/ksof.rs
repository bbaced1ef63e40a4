//! The KSOF network: two branches, a gate on both, and their fusion.

use super::forecaster::{Forecast, Forecaster};
use super::fusion::Fusion;
use super::gate::Gate;
use super::graph::{GraphNetwork, GraphTrace};
use super::temporal::{TemporalNetwork, TemporalTrace};
use crate::layers::batch_norm::BatchMoments;
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use kinest::model::forecast::{self, KsofConfig};

/// The KSOF network.
///
/// A residual network sees motion relative to the last observed frame, which is added to all of its
/// outputs.
#[derive(Module, Debug)]
pub struct Ksof<B: Backend> {
    temporal: Option<TemporalNetwork<B>>,
    graph: Option<GraphNetwork<B>>,
    gate: Option<Gate<B>>,
    /// There is one if there are both branches.
    fusion: Option<Fusion<B>>,
    residual: bool,
}

/// Intermediate activations of a forward pass, for comparison with golden files.
#[derive(Clone, Debug)]
pub struct KsofTrace<B: Backend> {
    /// Activations of the temporal branch.
    pub temporal: Option<TemporalTrace<B>>,
    /// Activations of the graph branch.
    pub graph: Option<GraphTrace<B>>,
    /// The gated and fused branches, `[batch, numbers, horizon]`.
    pub fused: Tensor<B, 3>,
    /// The network's output.
    pub forecast: Forecast<B>,
}

impl<B: Backend> Ksof<B> {
    /// A network with random weights. `config` must have been checked.
    pub(super) fn new(config: &KsofConfig, device: &B::Device) -> Self {
        let scales = match &config.fusion {
            forecast::Fusion::TopK(scales) => Some(scales.as_slice()),
            forecast::Fusion::Linear => Some(&[] as &[forecast::FusionScale]),
            forecast::Fusion::Temporal | forecast::Fusion::Graph => None,
        };
        let (numbers, horizon) = (config.numbers, config.horizon);
        Self {
            temporal: config.has_temporal_branch().then(|| TemporalNetwork::new(config, device)),
            graph: config.has_graph_branch().then(|| GraphNetwork::new(config, device)),
            gate: config.gate_width().map(|width| Gate::new(horizon, width, device)),
            fusion: scales.map(|scales| Fusion::new(scales, numbers, horizon, device)),
            residual: config.residual,
        }
    }

    /// [`Forecaster::forecast`], keeping every activation that golden files hold.
    ///
    /// # Shapes
    /// - `history`: `[batch, history, numbers]`
    pub fn trace(&self, history: Tensor<B, 3>) -> KsofTrace<B> {
        self.run(history, None)
    }

    fn run(
        &self,
        history: Tensor<B, 3>,
        moments: Option<&mut Vec<BatchMoments<B>>>,
    ) -> KsofTrace<B> {
        let frames = history.dims()[1];
        let last = history.clone().narrow(1, frames - 1, 1);
        let base = self.residual.then_some(last);
        let x = match &base {
            Some(base) => history.clone() - base.clone(),
            None => history.clone(),
        };
        let x = x.swap_dims(1, 2);
        let temporal = self.temporal.as_ref().map(|branch| branch.forward(x.clone()));
        let graph = self.graph.as_ref().map(|branch| branch.forward(x, moments));

        let temporal_output = temporal.as_ref().map(|trace| trace.output.clone());
        let graph_output = graph.as_ref().map(|trace| trace.output.clone());
        let gated = |output: Option<Tensor<B, 3>>| match &self.gate {
            Some(gate) => output.map(|output| gate.forward(output)),
            None => output,
        };
        let fused =
            match (gated(temporal_output.clone()), gated(graph_output.clone()), &self.fusion) {
                (Some(temporal), Some(graph), Some(fusion)) => fusion.forward(temporal, graph),
                (Some(branch), _, _) | (_, Some(branch), _) => branch,
                (None, None, _) => unreachable!("every fusion has a branch"),
            };
        // The weights may be of 16 bits, positions are not.
        let placed = |output: Tensor<B, 3>| {
            let output = output.swap_dims(1, 2).cast(history.dtype());
            match &base {
                Some(base) => output + base.clone(),
                None => output,
            }
        };
        let forecast = Forecast {
            future: placed(fused.clone()),
            temporal: temporal_output.map(placed),
            graph: graph_output.map(placed),
        };
        KsofTrace { temporal, graph, fused, forecast }
    }
}

impl<B: Backend> Forecaster<B> for Ksof<B> {
    fn forecast(&self, history: Tensor<B, 3>) -> Forecast<B> {
        self.run(history, None).forecast
    }

    fn learn(&self, history: Tensor<B, 3>) -> (Forecast<B>, Vec<BatchMoments<B>>) {
        let mut moments = vec![];
        let trace = self.run(history, Some(&mut moments));
        (trace.forecast, moments)
    }

    fn absorb(&mut self, moments: Vec<BatchMoments<B>>) {
        if let Some(graph) = &mut self.graph {
            graph.absorb(moments);
        }
    }
}
