//! Packs a network's tensors into native weights.

use super::attention::Encoder;
use super::matrix::{Linear, Rows, RowsMut, Write, spread};
use super::mixing::Mixing;
use super::numbers::{aligned, zeros};
use super::rows::LayerNorm;
use super::scan::{Core, Scan};
use super::weights::{Block, Kind, Weights};
use kinest::model::{KinestConfig, Mamba2Config, NamedTensors};
use kinest::skeleton::SmplJoint;

/// Why a network cannot be packed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// It is not a KineST network.
    #[error("the network is no KineST network")]
    Kind,
    /// It is causal: it takes frames, not windows.
    #[error("a causal network does not see windows")]
    Causal,
    /// It is not causal: it takes windows, not frames.
    #[error("only causal networks can be fed frame by frame")]
    NotCausal,
    /// A tensor is missing or has the wrong size.
    #[error("`{name}` should be there with {expected} numbers, found {found:?}")]
    Tensor {
        /// Name of the tensor.
        name: String,
        /// Numbers it should have.
        expected: usize,
        /// Numbers it has; `None` if it is missing.
        found: Option<usize>,
    },
    /// The network has a tensor that the native form does not use.
    #[error("the native form does not know `{name}`")]
    Unknown {
        /// Name of one such tensor.
        name: String,
    },
}

/// The tensors that are not packed yet, and the function that packs a matrix.
pub(super) struct Tensors<F> {
    pub(super) named: NamedTensors,
    pub(super) pack: F,
}

/// A row-major matrix `[inputs, outputs]` with its bias; an empty bias means none.
pub(super) struct Matrix {
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
    pub(super) inputs: usize,
}

impl Matrix {
    /// The matrix of `value(input, output)`, with a bias of zeros.
    pub(super) fn from_fn(
        inputs: usize,
        outputs: usize,
        value: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let weight = (0..inputs * outputs).map(|i| value(i / outputs, i % outputs)).collect();
        Self { weight, bias: vec![0.0; outputs], inputs }
    }

    pub(super) fn pack(&self) -> Linear {
        Linear::new(&self.weight, &self.bias, self.inputs)
    }

    pub(super) fn outputs(&self) -> usize {
        self.weight.len() / self.inputs
    }

    /// The product of `self`, then `then`: `W = W₁ W₂`, `b = b₁ W₂ + b₂`.
    pub(super) fn then(&self, then: &Self) -> Self {
        let (inner, outputs) = (self.outputs(), then.outputs());
        let right = then.pack();
        let mut bias = vec![0.0; outputs];
        right.apply(Rows::whole(&self.bias, inner), RowsMut::new(&mut bias, outputs), Write::Plain);
        let mut weight = vec![0.0; self.inputs * outputs];
        let right = Linear::new(&then.weight, &[], inner);
        // Rows a power of two apart would compete for the same cache sets.
        let stride = spread(inner);
        let mut rows = zeros(self.inputs * stride);
        for (to, row) in rows.chunks_exact_mut(stride).zip(self.weight.chunks_exact(inner)) {
            to[..inner].copy_from_slice(row);
        }
        let rows = Rows::first(&rows, stride, self.inputs);
        right.apply(rows, RowsMut::new(&mut weight, outputs), Write::Plain);
        Self { weight, bias, inputs: self.inputs }
    }

    /// Concatenates the columns of several matrices.
    fn beside(parts: &[&Self]) -> Self {
        let inputs = parts[0].inputs;
        let rows =
            |part: &Self, i: usize| part.weight[i * part.outputs()..][..part.outputs()].to_vec();
        let weight = (0..inputs).flat_map(|i| parts.iter().flat_map(move |part| rows(part, i)));
        let bias = parts.iter().flat_map(|part| part.bias.clone());
        Self { weight: weight.collect(), bias: bias.collect(), inputs }
    }

    /// Blocks of `width` columns, in the order of `groups`.
    fn columns(&self, groups: &[usize], width: usize) -> Self {
        let pick = |row: &[f32]| -> Vec<f32> {
            groups.iter().flat_map(|g| row[g * width..][..width].to_vec()).collect()
        };
        let weight = self.weight.chunks_exact(self.outputs()).flat_map(pick).collect();
        Self { weight, bias: pick(&self.bias), inputs: self.inputs }
    }

    /// Blocks of `width` rows, in the order of `groups`.
    fn rows(&self, groups: &[usize], width: usize) -> Self {
        let size = width * self.outputs();
        let weight = groups.iter().flat_map(|g| self.weight[g * size..][..size].to_vec()).collect();
        Self { weight, bias: self.bias.clone(), inputs: groups.len() * width }
    }
}

/// Packs every tensor of a KineST network; `pack` packs each matrix.
pub(super) fn pack<M>(
    config: &KinestConfig,
    named: NamedTensors,
    pack: impl Fn(Matrix) -> M,
) -> Result<Weights<M>, PackError> {
    // Destructured in full, so that a new field does not compile until it is handled here.
    let KinestConfig {
        inputs,
        outputs,
        window,
        width,
        temporal_blocks,
        kinematic_blocks,
        temporal_scan,
        kinematic_scan,
        joint_width,
        chain,
        attention_heads: _,
        feed_forward: _,
        fan_hidden: _,
        dropout: _,
        standardise,
        causal,
    } = config;
    let mut tensors = Tensors { named, pack };
    let standardise = match standardise {
        true => Some([
            aligned(&tensors.take("standardise.mean", *inputs)?),
            aligned(&tensors.take("standardise.std", *inputs)?),
        ]),
        false => None,
    };
    let embed = tensors.packed("embed", *inputs, *width)?;
    let mut blocks = vec![];
    for i in 0..*temporal_blocks {
        let at = format!("temporal.{i}");
        let mut scans = vec![tensors.scan(&format!("{at}.forward_scan"), temporal_scan, *width)?];
        if causal.is_none() {
            scans.push(tensors.scan(&format!("{at}.backward_scan"), temporal_scan, *width)?);
        }
        blocks.push(Block {
            norm: tensors.norm(&format!("{at}.norm"), *width)?,
            scans,
            kind: Kind::Temporal,
            mixing: tensors.mixing(&format!("{at}.mixing"), config)?,
        });
    }
    // Joints are stored in scan order; joints that no scan visits are dropped.
    let joints: Vec<usize> = chain.joints().into_iter().map(SmplJoint::index).collect();
    for i in 0..*kinematic_blocks {
        let at = format!("kinematic.{i}");
        let all = SmplJoint::COUNT * joint_width;
        let to_joints = tensors.linear(&format!("{at}.to_joints"), *width, all)?;
        let (embed, project) =
            tensors.fan(&format!("{at}.from_joints"), all, config.fan_hidden, *width)?;
        blocks.push(Block {
            norm: tensors.norm(&format!("{at}.norm"), *width)?,
            scans: vec![
                tensors.scan(&format!("{at}.forward_scan"), kinematic_scan, *joint_width)?,
                tensors.scan(&format!("{at}.backward_scan"), kinematic_scan, *joint_width)?,
            ],
            kind: Kind::Kinematic {
                joints: joints.len(),
                to_joints: (tensors.pack)(to_joints.columns(&joints, *joint_width)),
                from_joints: (tensors.pack)(embed.rows(&joints, *joint_width).then(&project)),
            },
            mixing: tensors.mixing(&format!("{at}.mixing"), config)?,
        });
    }
    let regress = tensors.packed("regress", *width, *outputs)?;
    tensors.finish()?;
    Ok(Weights { standardise, embed, blocks, regress, frames: *window })
}

impl<M, F: Fn(Matrix) -> M> Tensors<F> {
    /// Checks that all tensors were used.
    pub(super) fn finish(self) -> Result<(), PackError> {
        match self.named.into_keys().next() {
            Some(name) => Err(PackError::Unknown { name }),
            None => Ok(()),
        }
    }

    /// Removes a tensor and returns its numbers, of which there must be `expected`.
    pub(super) fn take(&mut self, name: &str, expected: usize) -> Result<Vec<f32>, PackError> {
        let found = self.named.remove(name).map(|(_, values)| values);
        match found {
            Some(values) if values.len() == expected => Ok(values),
            other => Err(PackError::Tensor {
                name: name.into(),
                expected,
                found: other.map(|values| values.len()),
            }),
        }
    }

    pub(super) fn without_bias(
        &mut self,
        at: &str,
        from: usize,
        to: usize,
    ) -> Result<Matrix, PackError> {
        let weight = self.take(&format!("{at}.weight"), from * to)?;
        Ok(Matrix { weight, bias: vec![], inputs: from })
    }

    pub(super) fn linear(&mut self, at: &str, from: usize, to: usize) -> Result<Matrix, PackError> {
        let bias = self.take(&format!("{at}.bias"), to)?;
        Ok(Matrix { bias, ..self.without_bias(at, from, to)? })
    }

    pub(super) fn packed(&mut self, at: &str, from: usize, to: usize) -> Result<M, PackError> {
        let matrix = self.linear(at, from, to)?;
        Ok((self.pack)(matrix))
    }

    fn fan(
        &mut self,
        at: &str,
        from: usize,
        hidden: usize,
        to: usize,
    ) -> Result<(Matrix, Matrix), PackError> {
        let embed = self.linear(&format!("{at}.embed"), from, hidden)?;
        Ok((embed, self.linear(&format!("{at}.project"), hidden, to)?))
    }

    pub(super) fn norm(&mut self, at: &str, width: usize) -> Result<LayerNorm, PackError> {
        Ok(LayerNorm {
            gamma: aligned(&self.take(&format!("{at}.gamma"), width)?),
            beta: aligned(&self.take(&format!("{at}.beta"), width)?),
        })
    }

    fn scan(
        &mut self,
        at: &str,
        config: &Mamba2Config,
        width: usize,
    ) -> Result<Scan<M>, PackError> {
        let Mamba2Config { state, taps, expand, head_width, chunk: _ } = *config;
        let inner = width * expand;
        let (convolved, heads) = (inner + 2 * state, inner / head_width);
        let mut gate = self.without_bias(&format!("{at}.gate"), width, inner)?;
        let mut project_in = self.without_bias(&format!("{at}.project_in"), width, convolved)?;
        let mut step = self.without_bias(&format!("{at}.step"), width, heads)?;
        gate.bias = vec![0.0; inner];
        project_in.bias = vec![0.0; convolved];
        step.bias = self.take(&format!("{at}.step_bias"), heads)?;
        let rates: Vec<f32> =
            self.take(&format!("{at}.decay_log"), heads)?.into_iter().map(f32::exp).collect();
        let skip = self.take(&format!("{at}.skip"), heads)?;
        let skip: Vec<f32> = (0..inner).map(|channel| skip[channel / head_width]).collect();
        let mut project_out = self.without_bias(&format!("{at}.project_out"), inner, width)?;
        let gamma = self.take(&format!("{at}.norm.gamma"), inner)?;
        for (row, gamma) in project_out.weight.chunks_exact_mut(width).zip(gamma) {
            row.iter_mut().for_each(|weight| *weight *= gamma);
        }
        let core = Core {
            conv: aligned(&self.take(&format!("{at}.conv_weight"), taps * convolved)?),
            conv_bias: aligned(&self.take(&format!("{at}.conv_bias"), convolved)?),
            rates: aligned(&rates),
            skip: aligned(&skip),
            state,
        };
        Ok(Scan {
            project: (self.pack)(Matrix::beside(&[&gate, &project_in, &step])),
            core,
            project_out: (self.pack)(project_out),
        })
    }

    fn mixing(&mut self, at: &str, config: &KinestConfig) -> Result<Mixing<M>, PackError> {
        let KinestConfig { width, window, fan_hidden, causal, .. } = *config;
        let (rows, columns) = match causal {
            None => (window, window),
            Some(causal) => (causal.mixer_taps, width),
        };
        let mut mixer = self.take(&format!("{at}.time_mixer.weight"), rows * columns)?;
        let bias = self.take(&format!("{at}.time_mixer.bias"), columns)?;
        match causal {
            None => {
                let rows = mixer.chunks_exact(window).zip(bias);
                mixer = rows.flat_map(|(row, bias)| row.iter().copied().chain([bias])).collect();
            }
            Some(_) => mixer.extend(bias),
        }
        let (embed, project) = self.fan(&format!("{at}.fan"), width, fan_hidden, width)?;
        Ok(Mixing {
            norm_local: self.norm(&format!("{at}.norm_local"), width)?,
            time_mixer: aligned(&mixer),
            embed_in: self.packed(&format!("{at}.embed_in"), width, width)?,
            norm_global: self.norm(&format!("{at}.norm_global"), width)?,
            encoder: self.encoder(&format!("{at}.encoder"), config)?,
            fan: (self.pack)(embed.then(&project)),
            embed_out: self.packed(&format!("{at}.embed_out"), width, width)?,
        })
    }

    fn encoder(&mut self, at: &str, config: &KinestConfig) -> Result<Encoder<M>, PackError> {
        let (width, hidden) = (config.width, config.feed_forward);
        let mut square = |part: &str| self.linear(&format!("{at}.{part}"), width, width);
        let (mut query, key, value) = (square("query")?, square("key")?, square("value")?);
        let scale = ((width / config.attention_heads) as f32).sqrt().recip();
        query.weight.iter_mut().chain(&mut query.bias).for_each(|v| *v *= scale);
        Ok(Encoder {
            query: (self.pack)(query),
            key_value: (self.pack)(Matrix::beside(&[&key, &value])),
            output: self.packed(&format!("{at}.output"), width, width)?,
            norm_attention: self.norm(&format!("{at}.norm_attention"), width)?,
            widen: self.packed(&format!("{at}.widen"), width, hidden)?,
            narrow: self.packed(&format!("{at}.narrow"), hidden, width)?,
            norm_forward: self.norm(&format!("{at}.norm_forward"), width)?,
            heads: config.attention_heads,
        })
    }
}
