//! The engine of pose networks.

use crate::pose::{Network, NetworkState};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use kinest::live::{EngineError, PoseEngine, StreamEngine, StreamFrames};
use kinest::model::{Checkpoint, CheckpointError, Feed, ModelSpec, Take};
use std::collections::{BTreeMap, HashMap};

/// A network on one device of back end `B`.
#[derive(Debug)]
pub struct BurnEngine<B: Backend> {
    network: Network<B>,
    /// State of each stream, for a network that is fed frame by frame.
    states: HashMap<u64, NetworkState<B>>,
    inputs: usize,
    spec: ModelSpec,
    device: B::Device,
    name: String,
}

impl<B: Backend> BurnEngine<B> {
    /// Loads a checkpoint's network onto `device`. `name` is the display name of the device.
    ///
    /// # Errors
    /// If the weights do not fit the network.
    pub fn new(
        checkpoint: &Checkpoint,
        device: B::Device,
        name: &str,
    ) -> Result<Self, CheckpointError> {
        let network = Network::from_checkpoint(checkpoint, &device)?;
        Ok(Self::from_network(network, checkpoint.manifest.spec.clone(), device, name))
    }

    /// An engine for a network that is already on `device`, for instance during training.
    pub fn from_network(
        network: Network<B>,
        spec: ModelSpec,
        device: B::Device,
        name: &str,
    ) -> Self {
        let (states, inputs) = (HashMap::new(), spec.layout.inputs());
        Self { network, states, inputs, spec, device, name: name.into() }
    }

    fn read(&self, output: Tensor<B, 3>) -> Result<Vec<f32>, EngineError> {
        let failed = |reason: String| EngineError::Backend { device: self.name.clone(), reason };
        let data = output.try_into_data().map_err(|e| failed(e.to_string()))?;
        data.convert::<f32>().to_vec().map_err(|e| failed(format!("{e:?}")))
    }
}

impl<B: Backend> StreamEngine for BurnEngine<B> {
    fn advance(
        &mut self,
        streams: &[StreamFrames<'_>],
        take: Take,
    ) -> Result<Vec<f32>, EngineError> {
        // Streams with equal numbers of new frames share a call, but started and new streams do
        // not: a batch has either all states or none.
        let mut groups: BTreeMap<(usize, bool), Vec<usize>> = BTreeMap::new();
        for (at, StreamFrames { stream, features }) in streams.iter().enumerate() {
            let (inputs, found) = (self.inputs, features.len());
            if found == 0 || found % inputs != 0 {
                return Err(EngineError::StreamLength { inputs, found });
            }
            let known = self.states.contains_key(stream);
            groups.entry((found / inputs, known)).or_default().push(at);
        }
        let mut said = vec![vec![]; streams.len()];
        for ((frames, known), members) in groups {
            let features: Vec<f32> =
                members.iter().flat_map(|at| streams[*at].features).copied().collect();
            let shape = [members.len(), frames, self.inputs];
            let features = Tensor::from_data(TensorData::new(features, shape), &self.device);
            let states = members.iter().filter_map(|at| self.states.remove(&streams[*at].stream));
            let state = known.then(|| NetworkState::cat(states.collect()));
            let (output, state) = self.network.stream(features, state);
            for (at, state) in members.iter().zip(state.split(members.len())) {
                self.states.insert(streams[*at].stream, state);
            }
            let (output, kept) = match take {
                Take::All => (output, frames),
                Take::Newest => (output.narrow(1, frames - 1, 1), 1),
            };
            let output = self.read(output)?;
            for (at, output) in
                members.into_iter().zip(output.chunks_exact(kept * self.spec.layout.outputs()))
            {
                said[at] = output.to_vec();
            }
        }
        Ok(said.concat())
    }

    fn end(&mut self, stream: u64) {
        self.states.remove(&stream);
    }
}

impl<B: Backend> PoseEngine for BurnEngine<B> {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn device(&self) -> &str {
        &self.name
    }

    fn output_frames(&self) -> usize {
        self.network.output_frames(self.spec.window)
    }

    fn streams(&mut self) -> Option<&mut dyn StreamEngine> {
        match self.spec.feed {
            Feed::Windows => None,
            Feed::Frames { .. } => Some(self),
        }
    }

    fn infer(
        &mut self,
        windows: &[f32],
        batch: usize,
        take: Take,
    ) -> Result<Vec<f32>, EngineError> {
        let expected = batch * self.spec.window * self.inputs;
        if windows.len() != expected {
            return Err(EngineError::InputLength { batch, expected, found: windows.len() });
        }
        let shape = [batch, self.spec.window, self.inputs];
        let input = Tensor::from_data(TensorData::new(windows.to_vec(), shape), &self.device);
        let output = self.network.forward(input);
        let output = match take {
            Take::All => output,
            Take::Newest => {
                let newest = output.dims()[1] - 1;
                output.narrow(1, newest, 1)
            }
        };
        self.read(output)
    }
}
