//! Forward pass over windows.

use super::matrix::{Rows, RowsMut, Write};
use super::mixing::{BAND, MixingScratch};
use super::numbers::{Numbers, zeros};
use super::pack::{PackError, pack};
use super::scan::ScanScratch;
use super::weights::{Block, Kind, Weights};
use kinest::model::{NamedTensors, NetworkConfig, Take};
use rayon::prelude::*;

/// Scratch buffers of one window.
#[derive(Debug)]
struct Scratch {
    /// Standardised features, `[window, inputs]`.
    features: Numbers,
    /// `[window, width]`
    x: Numbers,
    /// Tokens of a kinematic block, `[window, joints, joint_width]`.
    joints: Numbers,
    /// Outputs of a block's two scans, sized for the widest block.
    scanned: [Numbers; 2],
    /// Per block, per scan.
    blocks: Vec<Vec<ScanScratch>>,
    /// `None` if there are no blocks.
    mixing: Option<MixingScratch>,
}

impl Scratch {
    fn new(weights: &Weights) -> Self {
        let (frames, width) = (weights.frames, weights.embed.outputs());
        let widest = weights.blocks.iter().map(Block::scanned).max().unwrap_or_default();
        let blocks = weights.blocks.iter().map(|block| {
            let tokens = frames * block.tokens();
            let scans = block.scans.iter().zip(block.orders(frames));
            scans.map(|(scan, order)| ScanScratch::new(scan, tokens, order)).collect()
        });
        let mixing = weights.blocks.first().map(|block| MixingScratch::new(&block.mixing, frames));
        Self {
            features: zeros(frames * weights.embed.inputs()),
            x: zeros(frames * width),
            joints: zeros(frames * widest),
            scanned: [zeros(frames * widest), zeros(frames * widest)],
            blocks: blocks.collect(),
            mixing,
        }
    }

    /// Runs one window.
    fn run(&mut self, weights: &Weights, window: &[f32], take: Take, out: &mut [f32]) {
        let (frames, width) = (weights.frames, weights.embed.outputs());
        let inputs = weights.embed.inputs();
        self.features.copy_from_slice(window);
        if let Some([mean, std]) = &weights.standardise {
            for row in self.features.chunks_exact_mut(inputs) {
                for ((v, mean), std) in row.iter_mut().zip(mean.iter()).zip(std.iter()) {
                    *v = (*v - mean) / std;
                }
            }
        }
        let embedded = RowsMut::new(&mut self.x, width);
        weights.embed.apply(Rows::whole(&self.features, inputs), embedded, Write::Plain);

        let last = weights.blocks.len().saturating_sub(1);
        if let Some(mixing) = &mut self.mixing {
            for (i, (block, scans)) in weights.blocks.iter().zip(&mut self.blocks).enumerate() {
                let normed = &mut mixing.normed;
                block.scan(&mut self.x, normed, &mut self.joints, &mut self.scanned, scans);
                // Later blocks read every frame.
                let take = if i == last { take } else { Take::All };
                block.mixing.run(&mut self.x, mixing, take);
            }
        }

        let outputs = weights.regress.outputs();
        match take {
            Take::All => {
                let bands = out.par_chunks_mut(BAND * outputs).zip(self.x.par_chunks(BAND * width));
                bands.for_each(|(out, x)| {
                    let out = RowsMut::new(out, outputs);
                    weights.regress.apply(Rows::whole(x, width), out, Write::Plain);
                });
            }
            Take::Newest => {
                let newest = Rows::whole(&self.x[(frames - 1) * width..], width);
                weights.regress.apply(newest, RowsMut::new(out, outputs), Write::Plain);
            }
        }
    }
}

impl Block {
    /// Numbers per frame of a block's scans.
    fn scanned(&self) -> usize {
        self.tokens() * self.scans[0].project_out.outputs()
    }

    /// Adds the outputs of both scans to the window `x`.
    fn scan(
        &self,
        x: &mut [f32],
        normed: &mut [f32],
        joints: &mut [f32],
        scanned: &mut [Numbers; 2],
        scratch: &mut [ScanScratch],
    ) {
        let width = self.mixing.embed_in.outputs();
        let frames = x.len() / width;
        let (wide, rows) = (self.scanned(), BAND * width);
        let tokens = match &self.kind {
            Kind::Temporal => {
                self.norm.copy(x, normed);
                Rows::whole(normed, width)
            }
            Kind::Kinematic { to_joints, .. } => {
                let joints = &mut joints[..frames * wide];
                let bands = joints.par_chunks_mut(BAND * wide);
                bands.zip(normed.par_chunks_mut(rows)).zip(x.par_chunks(rows)).for_each(
                    |((joints, normed), x)| {
                        self.norm.copy(x, normed);
                        let normed = Rows::whole(normed, width);
                        to_joints.apply(normed, RowsMut::new(joints, wide), Write::Plain);
                    },
                );
                Rows::whole(joints, wide / self.tokens())
            }
        };
        let scans = self.scans.par_iter().zip(self.orders(frames)).zip(scratch);
        scans.zip(scanned.par_iter_mut()).for_each(|(((scan, order), scratch), out)| {
            scan.run(tokens, order, scratch, &mut out[..frames * wide]);
        });
        let [ahead, back] = scanned.each_mut().map(|scanned| &mut scanned[..frames * wide]);
        match &self.kind {
            Kind::Temporal => {
                for ((x, ahead), back) in x.iter_mut().zip(ahead).zip(back) {
                    *x += *ahead + *back;
                }
            }
            Kind::Kinematic { from_joints, .. } => {
                let bands = x.par_chunks_mut(rows).zip(ahead.par_chunks_mut(BAND * wide));
                bands.zip(back.par_chunks(BAND * wide)).for_each(|((x, ahead), back)| {
                    ahead.iter_mut().zip(back).for_each(|(ahead, back)| *ahead += back);
                    let both = Rows::whole(ahead, wide);
                    from_joints.apply(both, RowsMut::new(x, width), Write::Add);
                });
            }
        }
    }
}

/// A KineST network in its native form, with its scratch buffers.
///
/// Computes the same function as `kinest_nn::pose::Kinest::forward`, with sums in another order.
#[derive(Debug)]
pub struct NativeKinest {
    weights: Weights,
    /// One per window processed in parallel.
    scratch: Vec<Scratch>,
}

impl NativeKinest {
    /// Packs the tensors of a network with the dimensions of `config`.
    ///
    /// # Errors
    /// If the network is of another kind, or the tensors are not those of `config`.
    pub fn new(config: &NetworkConfig, tensors: NamedTensors) -> Result<Self, PackError> {
        let NetworkConfig::Kinest(config) = config else { return Err(PackError::Kind) };
        if config.causal.is_some() {
            return Err(PackError::Causal);
        }
        let weights = pack(config, tensors, |matrix| matrix.pack())?;
        Ok(Self { weights, scratch: vec![] })
    }

    /// Numbers in one window of features.
    #[must_use]
    pub fn window_size(&self) -> usize {
        self.weights.frames * self.weights.embed.inputs()
    }

    /// Numbers in one window's output.
    #[must_use]
    pub fn output_size(&self, take: Take) -> usize {
        let rows = match take {
            Take::All => self.weights.frames,
            Take::Newest => 1,
        };
        rows * self.weights.regress.outputs()
    }

    /// Runs the network on every window, on the threads of the current rayon pool. Allocates only
    /// when a batch is larger than any before.
    ///
    /// # Shapes
    /// - `windows`: `[batch, window, inputs]`
    /// - `out`: `[batch, window, outputs]` for [`Take::All`], `[batch, outputs]` for
    ///   [`Take::Newest`]
    ///
    /// # Panics
    /// If a length does not match the shapes above.
    pub fn forward(&mut self, windows: &[f32], take: Take, out: &mut [f32]) {
        let (size, out_size) = (self.window_size(), self.output_size(take));
        let batch = windows.len() / size;
        assert_eq!(windows.len(), batch * size, "features of whole windows");
        assert_eq!(out.len(), batch * out_size, "room for {batch} windows");
        if batch == 0 {
            return;
        }
        let groups = batch.min(rayon::current_num_threads());
        while self.scratch.len() < groups {
            self.scratch.push(Scratch::new(&self.weights));
        }
        let (weights, each) = (&self.weights, batch.div_ceil(groups));
        let groups = self.scratch.par_iter_mut().zip(windows.par_chunks(each * size));
        let groups = groups.zip(out.par_chunks_mut(each * out_size));
        // Runs on a pool thread, so that the network's steps need not wake one each time.
        rayon::scope(|_| {
            groups.for_each(|((scratch, windows), out)| {
                for (window, out) in windows.chunks(size).zip(out.chunks_mut(out_size)) {
                    scratch.run(weights, window, take, out);
                }
            });
        });
    }
}
