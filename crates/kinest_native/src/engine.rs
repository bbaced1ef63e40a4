//! The engine that runs the native form of a network.

use crate::{NativeKinest, NativePerceptron, NativeStreams, NextFrames, PackError, StreamingState};
use kinest::live::{EngineError, PoseEngine, StreamEngine, StreamFrames};
use kinest::model::{Checkpoint, CheckpointError, Feed, Manifest, ModelSpec, NetworkConfig, Take};
use rayon::prelude::*;
use std::collections::HashMap;

/// Why a checkpoint could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum NativeError {
    /// The checkpoint is invalid.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Its tensors cannot be packed.
    #[error(transparent)]
    Pack(#[from] PackError),
}

/// A network on the CPU in its native form.
#[derive(Debug)]
pub struct NativeEngine {
    network: Form,
    spec: ModelSpec,
}

#[derive(Debug)]
enum Form {
    Windows(NativeKinest),
    Perceptron(NativePerceptron),
    Frames(Streams),
}

/// A causal network and the states of its streams.
#[derive(Debug)]
struct Streams {
    /// The network, once for each thread that has work.
    networks: Vec<NativeStreams>,
    states: HashMap<u64, StreamingState>,
}

impl NativeEngine {
    /// An engine for the network of `checkpoint`.
    ///
    /// # Errors
    /// If the tensors are not exactly those of the network; every difference is listed.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, NativeError> {
        let tensors = checkpoint.tensors()?;
        let Manifest { network, spec, precision, .. } = &checkpoint.manifest;
        let spec = spec.clone();
        Ok(match (network, spec.feed) {
            (NetworkConfig::Mlp(config), _) => {
                let network = NativePerceptron::new(config, tensors)?;
                Self { network: Form::Perceptron(network), spec }
            }
            (NetworkConfig::Kinest(_), Feed::Windows) => {
                Self::new(NativeKinest::new(network, tensors)?, spec)
            }
            (NetworkConfig::Kinest(_), Feed::Frames { .. }) => {
                Self::streaming(NativeStreams::new(network, tensors, *precision)?, spec)
            }
        })
    }

    /// An engine for `network` with the inputs and outputs in `spec`.
    #[must_use]
    pub fn new(network: NativeKinest, spec: ModelSpec) -> Self {
        Self { network: Form::Windows(network), spec }
    }

    /// An engine for a causal network with the inputs and outputs in `spec`.
    #[must_use]
    pub fn streaming(network: NativeStreams, spec: ModelSpec) -> Self {
        let streams = Streams { networks: vec![network], states: HashMap::new() };
        Self { network: Form::Frames(streams), spec }
    }
}

impl PoseEngine for NativeEngine {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn device(&self) -> &str {
        "cpu"
    }

    fn output_frames(&self) -> usize {
        match &self.network {
            Form::Windows(_) | Form::Frames(_) => self.spec.window,
            Form::Perceptron(_) => 1,
        }
    }

    fn streams(&mut self) -> Option<&mut dyn StreamEngine> {
        match &mut self.network {
            Form::Windows(_) | Form::Perceptron(_) => None,
            Form::Frames(streams) => Some(streams),
        }
    }

    fn infer(
        &mut self,
        windows: &[f32],
        batch: usize,
        take: Take,
    ) -> Result<Vec<f32>, EngineError> {
        let expected = batch * self.spec.window * self.spec.layout.inputs();
        if windows.len() != expected {
            return Err(EngineError::InputLength { batch, expected, found: windows.len() });
        }
        Ok(match &mut self.network {
            Form::Windows(network) => {
                let mut output = vec![0.0; batch * network.output_size(take)];
                network.forward(windows, take, &mut output);
                output
            }
            Form::Perceptron(network) => {
                let mut output = vec![0.0; batch * network.outputs()];
                network.forward(windows, &mut output);
                output
            }
            Form::Frames(streams) => {
                let mut states = vec![streams.networks[0].start(); batch];
                let windows: Vec<_> = windows.chunks_exact(expected / batch.max(1)).collect();
                streams.run(&mut states, &windows, take)
            }
        })
    }
}

impl StreamEngine for Streams {
    fn advance(
        &mut self,
        streams: &[StreamFrames<'_>],
        take: Take,
    ) -> Result<Vec<f32>, EngineError> {
        let inputs = self.networks[0].inputs();
        let bad = |found: &usize| *found == 0 || !found.is_multiple_of(inputs);
        if let Some(found) = streams.iter().map(|stream| stream.features.len()).find(bad) {
            return Err(EngineError::StreamLength { inputs, found });
        }
        let state = |new: &StreamFrames<'_>| {
            self.states.remove(&new.stream).unwrap_or_else(|| self.networks[0].start())
        };
        let mut states: Vec<_> = streams.iter().map(state).collect();
        let features: Vec<_> = streams.iter().map(|new| new.features).collect();
        let output = self.run(&mut states, &features, take);
        self.states.extend(streams.iter().map(|new| new.stream).zip(states));
        Ok(output)
    }

    fn end(&mut self, stream: u64) {
        self.states.remove(&stream);
    }
}

/// Number of streams that share each read of the weights.
const TOGETHER: usize = 4;

impl Streams {
    /// Feeds each stream its frames. Groups of streams are distributed over threads; the streams of
    /// a group share each read of the weights. The groups do not depend on the number of threads,
    /// because the last bits of a sum depend on the size of the group.
    fn run(&mut self, states: &mut [StreamingState], features: &[&[f32]], take: Take) -> Vec<f32> {
        let (inputs, outputs) = (self.networks[0].inputs(), self.networks[0].outputs());
        let size = |features: &[f32]| match take {
            Take::All => features.len() / inputs * outputs,
            Take::Newest => outputs,
        };
        let mut output = vec![0.0; features.iter().map(|features| size(features)).sum()];
        let mut rest = output.as_mut_slice();
        let mut fed = vec![];
        for (state, features) in states.iter_mut().zip(features) {
            let (out, later) = rest.split_at_mut(size(features));
            rest = later;
            fed.push(NextFrames { state, features, out });
        }
        if let [_] = fed[..] {
            // One group runs on this thread, without waking another.
            self.networks[0].step_all(&mut fed, take);
            return output;
        }
        while self.networks.len() < fed.len().div_ceil(TOGETHER) {
            self.networks.push(self.networks[0].clone());
        }
        let groups = fed.par_chunks_mut(TOGETHER);
        groups.zip(&mut self.networks).for_each(|(fed, network)| network.step_all(fed, take));
        output
    }
}
