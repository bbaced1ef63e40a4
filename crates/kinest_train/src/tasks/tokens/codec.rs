//! A trained token network as a codec of motions.

use anyhow::{Context, ensure};
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};
use kinest::model::tokens::{MOTION_NUMBERS, TokenConfig, Tokenising};
use kinest::model::{CheckpointError, CheckpointOf};
use kinest::skeleton::Pose;
use kinest::tokens::write_motion;
use kinest_nn::tokens::TokenNetwork;

/// Writes motions as codes, and reads them back.
#[derive(Debug)]
pub struct TokenCodec<B: Backend> {
    network: TokenNetwork<B>,
    /// The network's dimensions.
    pub config: TokenConfig,
    /// Frames per second.
    pub rate_hz: f64,
    device: B::Device,
}

impl<B: Backend> TokenCodec<B> {
    /// Loads a model onto `device`.
    ///
    /// # Errors
    /// If the weights do not fit the network.
    pub fn new(
        checkpoint: &CheckpointOf<Tokenising>,
        device: B::Device,
    ) -> Result<Self, CheckpointError> {
        Ok(Self {
            network: TokenNetwork::from_checkpoint(checkpoint, &device)?,
            config: checkpoint.manifest.network.clone(),
            rate_hz: checkpoint.manifest.spec.rate_hz,
            device,
        })
    }

    /// The codes of a motion at the model's rate, token by token, and in each part by part:
    /// `[tokens, parts * layers]`. The last frame is held to the end of its token.
    ///
    /// # Panics
    /// If there is no pose.
    #[must_use]
    pub fn encode(&self, poses: &[Pose]) -> Vec<u32> {
        let mut poses = poses.to_vec();
        let frames = poses.len().next_multiple_of(self.config.frames());
        poses.resize(frames, poses[poses.len() - 1]);
        let motion = write_motion(&poses, self.rate_hz);
        let motion = TensorData::new(motion, [1, frames, MOTION_NUMBERS]);
        let codes = self.network.encode(Tensor::from_data(motion, &self.device));
        codes.into_data().convert::<i64>().iter::<i64>().map(|code| code as u32).collect()
    }

    /// The numbers of the motion of these codes, as [`encode`](Self::encode) orders them, from the
    /// first `layers` layers: `[frames, MOTION_NUMBERS]`.
    ///
    /// # Errors
    /// If they are no whole tokens, or a code does not exist.
    pub fn decode(&self, codes: &[u32], layers: usize) -> anyhow::Result<Vec<f32>> {
        let width = self.config.parts.count() * self.config.layers;
        let tokens = codes.len() / width;
        ensure!(tokens > 0 && codes.len() == tokens * width, "{} are no whole tokens", codes.len());
        let most = codes.iter().max().copied().unwrap_or_default();
        ensure!((most as usize) < self.config.codes, "there is no code {most}");
        let codes: Vec<i32> = codes.iter().map(|code| *code as i32).collect();
        let codes = TensorData::new(codes, [1, tokens, width]);
        let codes = Tensor::<B, 3, Int>::from_data(codes, &self.device);
        let motion = self.network.decode(codes, layers).into_data().convert::<f32>();
        motion.to_vec().ok().context("the network's output is no motion")
    }
}
