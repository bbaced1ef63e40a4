//! Motion that the text-to-motion network makes.

use crate::run::device::{self, TrainDevice};
use crate::tasks::tokens::codec::TokenCodec;
use anyhow::ensure;
use burn::tensor::backend::Backend;
use burn_flex::Flex;
use kinest::align::{LevelTexts, TextBatch};
use kinest::model::generate::{GenerateConfig, GenerateSpec, Generating};
use kinest::model::tokens::{MOTION_NUMBERS, TokenSpec, Tokenising};
use kinest::model::{CheckpointError, CheckpointOf, ManifestOf, Precision};
use kinest::motion::{ClipFrame, MotionClip};
use kinest::skeleton::Pose;
use kinest::tokens::{Standing, read_motion};
use kinest_engine::DeviceChoice;
use kinest_nn::generate::{Generator, Sampling};

/// Where the tensors of the token network are among those of a generator.
const TOKENS: &str = "tokens.";

/// Makes motion from texts, on any device.
pub trait TextToMotion {
    /// Frames per second.
    fn rate_hz(&self) -> f64;

    /// Frames of a token.
    fn frames(&self) -> usize;

    /// Most tokens of a motion.
    fn longest(&self) -> usize;

    /// How many tokens the network thinks that the motion of each text has.
    fn lengths(&self, texts: &[&LevelTexts]) -> Vec<usize>;

    /// A motion of so many tokens for each text. The same texts, tokens, sampling and seed give the same
    /// motions.
    ///
    /// # Errors
    /// If the network writes something that is no motion.
    fn make(
        &self,
        texts: &[&LevelTexts],
        tokens: &[usize],
        sampling: &Sampling,
        seed: u64,
    ) -> anyhow::Result<Vec<MotionClip>>;

    /// Longest motion, seconds from its first frame to its last.
    fn longest_s(&self) -> f64 {
        (self.longest() * self.frames() - 1) as f64 / self.rate_hz()
    }

    /// Tokens of a motion with so many frames, as many as can be at most.
    fn tokens(&self, frames: usize) -> usize {
        frames.div_ceil(self.frames()).clamp(1, self.longest())
    }
}

/// A trained generator on a device.
pub struct MotionNetwork<B: Backend> {
    generator: Generator<B>,
    codec: TokenCodec<B>,
    config: GenerateConfig,
    spec: GenerateSpec,
    device: B::Device,
}

/// Opens a model on the device of `choice`.
///
/// # Errors
/// If the device does not work, or the weights do not fit the network.
pub fn open(
    checkpoint: &CheckpointOf<Generating>,
    choice: DeviceChoice,
) -> anyhow::Result<Box<dyn TextToMotion>> {
    Ok(match device::open(choice)? {
        TrainDevice::Cpu(device) => Box::new(MotionNetwork::<Flex>::new(checkpoint, device)?),
        #[cfg(feature = "wgpu")]
        TrainDevice::Wgpu(device) => {
            Box::new(MotionNetwork::<burn_wgpu::Wgpu>::new(checkpoint, device)?)
        }
        #[cfg(feature = "cuda")]
        TrainDevice::Cuda(device) => {
            Box::new(MotionNetwork::<burn_cuda::Cuda>::new(checkpoint, device)?)
        }
    })
}

impl<B: Backend> MotionNetwork<B> {
    /// Loads a model onto `device`.
    ///
    /// # Errors
    /// If the weights do not fit the network.
    pub fn new(
        checkpoint: &CheckpointOf<Generating>,
        device: B::Device,
    ) -> Result<Self, CheckpointError> {
        Ok(Self {
            generator: Generator::from_checkpoint(checkpoint, &device)?,
            codec: TokenCodec::new(&token_model(checkpoint)?, device.clone())?,
            config: checkpoint.manifest.network.clone(),
            spec: checkpoint.manifest.spec,
            device,
        })
    }

    /// A motion at the model's rate as its codes have it, from where it starts: the best that the
    /// generator could write.
    ///
    /// # Errors
    /// If it has no frame.
    pub fn through_tokens(&self, clip: &MotionClip) -> anyhow::Result<MotionClip> {
        ensure!(!clip.frames.is_empty(), "there is no frame");
        let poses: Vec<Pose> = clip.frames.iter().map(Pose::from).collect();
        let codes = self.codec.encode(&poses);
        let mut read = self.read(&codes, Standing::of(&poses[0]))?;
        read.frames.truncate(poses.len());
        Ok(read)
    }

    fn read(&self, codes: &[u32], start: Standing) -> anyhow::Result<MotionClip> {
        let numbers = self.generator.motion(codes, &self.device);
        let whole = !numbers.is_empty() && numbers.len().is_multiple_of(MOTION_NUMBERS);
        ensure!(
            whole && numbers.iter().all(|number| number.is_finite()),
            "the network's output is no motion"
        );
        let rate_hz = self.spec.rate_hz;
        let poses = read_motion(&numbers, start, rate_hz);
        Ok(MotionClip { rate_hz, frames: poses.iter().map(ClipFrame::from).collect() })
    }

    fn batch(&self, texts: &[&LevelTexts]) -> TextBatch {
        TextBatch::new(texts, &self.spec.texts(), self.config.rows)
    }
}

impl<B: Backend> TextToMotion for MotionNetwork<B> {
    fn rate_hz(&self) -> f64 {
        self.spec.rate_hz
    }

    fn frames(&self) -> usize {
        self.config.tokens.frames()
    }

    fn longest(&self) -> usize {
        self.config.longest
    }

    fn lengths(&self, texts: &[&LevelTexts]) -> Vec<usize> {
        self.generator.lengths(&self.batch(texts), &self.device)
    }

    fn make(
        &self,
        texts: &[&LevelTexts],
        tokens: &[usize],
        sampling: &Sampling,
        seed: u64,
    ) -> anyhow::Result<Vec<MotionClip>> {
        let batch = self.batch(texts);
        let codes = self.generator.sample(&batch, tokens, sampling, seed, &self.device);
        codes.iter().map(|codes| self.read(codes, Standing::default())).collect()
    }
}

/// The token network inside a generator.
fn token_model(
    checkpoint: &CheckpointOf<Generating>,
) -> Result<CheckpointOf<Tokenising>, CheckpointError> {
    let own = |(name, tensor): (String, _)| Some((name.strip_prefix(TOKENS)?.to_owned(), tensor));
    let tensors = checkpoint.tensors()?.into_iter().filter_map(own).collect();
    let spec = TokenSpec { rate_hz: checkpoint.manifest.spec.rate_hz };
    let manifest = ManifestOf::new(checkpoint.manifest.network.tokens.clone(), spec);
    CheckpointOf::new(manifest, &tensors, Precision::F32)
}
