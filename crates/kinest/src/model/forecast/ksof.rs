//! Dimensions of the KSOF network.

use crate::model::TensorShapes;
use serde::{Deserialize, Serialize};

/// The largest number of temporal blocks. Dilations double from block to block, so that more would
/// see past the numbers of any body.
const MOST_TEMPORAL_BLOCKS: usize = 16;

/// Every dimension of a KSOF network. The default is what its authors use for Human3.6M.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KsofConfig {
    /// Frames it sees.
    pub history: usize,
    /// Frames it predicts.
    pub horizon: usize,
    /// Numbers per frame, such as three for each joint.
    pub numbers: usize,
    /// Whether it sees motion relative to the last frame it sees, which is added to the output.
    pub residual: bool,
    /// Channels of the temporal branch.
    pub channels: usize,
    /// Residual blocks of the temporal branch.
    pub temporal_blocks: usize,
    /// Taps of the convolutions of the temporal branch.
    pub taps: usize,
    /// Features per number in the graph branch.
    pub hidden: usize,
    /// Residual blocks of the graph branch, each of two graph layers.
    pub graph_blocks: usize,
    /// How much smaller the hidden layer of the gate on the branches is than `horizon`; `None` is
    /// no gate.
    pub gate: Option<usize>,
    /// How the branches become one output.
    pub fusion: Fusion,
    /// Dropout in both branches, in training only.
    pub dropout: f64,
}

/// How the branches of KSOF become one output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fusion {
    /// Convolutions one after the other, of which each passes on its largest numbers, and a linear
    /// map of all of them: the fusion of the paper.
    TopK(Vec<FusionScale>),
    /// A linear map along time.
    Linear,
    /// There is no graph branch, and the temporal branch is the output.
    Temporal,
    /// There is no temporal branch, and the graph branch is the output.
    Graph,
}

/// A convolution of [`Fusion::TopK`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FusionScale {
    /// Taps, an odd number.
    pub taps: usize,
    /// One of how many numbers of a frame it passes on.
    pub one_of: usize,
}

impl Default for Fusion {
    fn default() -> Self {
        let scales = [(7, 2), (5, 4), (3, 8)];
        Self::TopK(scales.map(|(taps, one_of)| FusionScale { taps, one_of }).into())
    }
}

impl Default for KsofConfig {
    fn default() -> Self {
        Self {
            history: 10,
            horizon: 10,
            numbers: 66,
            residual: false,
            channels: 30,
            temporal_blocks: 4,
            taps: 2,
            hidden: 512,
            graph_blocks: 11,
            gate: Some(4),
            fusion: Fusion::default(),
            dropout: 0.5,
        }
    }
}

impl FusionScale {
    /// Numbers it passes on of a frame of `numbers`.
    #[must_use]
    pub fn kept(self, numbers: usize) -> usize {
        numbers / self.one_of
    }
}

impl KsofConfig {
    /// Whether there is a temporal branch.
    #[must_use]
    pub fn has_temporal_branch(&self) -> bool {
        self.fusion != Fusion::Graph
    }

    /// Whether there is a graph branch.
    #[must_use]
    pub fn has_graph_branch(&self) -> bool {
        self.fusion != Fusion::Temporal
    }

    /// Numbers in the hidden layer of the gate.
    #[must_use]
    pub fn gate_width(&self) -> Option<usize> {
        self.gate.map(|smaller| (self.horizon / smaller).max(1))
    }

    /// Checks that the dimensions fit together; the error names the field that does not.
    pub(super) fn check(&self) -> Result<(), String> {
        let positive = [
            ("horizon", self.horizon),
            ("numbers", self.numbers),
            ("channels", self.channels),
            ("taps", self.taps),
            ("hidden", self.hidden),
            ("gate", self.gate.unwrap_or(1)),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(format!("`{name}` is 0"));
        }
        if self.history < 2 {
            return Err(format!("`history` {} is too short for a velocity", self.history));
        }
        if self.temporal_blocks > MOST_TEMPORAL_BLOCKS {
            let blocks = self.temporal_blocks;
            return Err(format!("`temporal_blocks` {blocks} is above {MOST_TEMPORAL_BLOCKS}"));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(format!("`dropout` {} is not in 0..1", self.dropout));
        }
        let Fusion::TopK(scales) = &self.fusion else { return Ok(()) };
        if scales.is_empty() {
            return Err("`fusion` has no scales; without any it is Linear".into());
        }
        for FusionScale { taps, one_of } in scales {
            if taps.is_multiple_of(2) {
                return Err(format!("`fusion` has {taps} taps, which is not odd"));
            }
            if !(1..=self.numbers).contains(one_of) {
                let numbers = self.numbers;
                return Err(format!(
                    "`fusion` keeps one of {one_of} numbers, a frame has {numbers}"
                ));
            }
        }
        Ok(())
    }

    /// Names and shapes of the network's tensors.
    #[must_use]
    pub fn tensors(&self) -> TensorShapes {
        let mut shapes = TensorShapes::default();
        if self.has_temporal_branch() {
            self.temporal_tensors(&mut shapes);
        }
        if self.has_graph_branch() {
            self.graph_tensors(&mut shapes);
        }
        if let Some(width) = self.gate_width() {
            shapes.add("gate.squeeze.weight".into(), [self.horizon, width]);
            shapes.add("gate.expand.weight".into(), [width, self.horizon]);
        }
        let scales = match &self.fusion {
            Fusion::TopK(scales) => scales.as_slice(),
            Fusion::Linear => &[],
            Fusion::Temporal | Fusion::Graph => return shapes,
        };
        let both = 2 * self.horizon;
        shapes.linear("fusion.skip", both, self.horizon);
        let mut inputs = both;
        for (i, scale) in scales.iter().enumerate() {
            shapes.linear(&format!("fusion.scales.{i}"), scale.taps * inputs, self.horizon);
            inputs = self.horizon;
        }
        if !scales.is_empty() {
            let kept: usize = scales.iter().map(|scale| scale.kept(self.numbers)).sum();
            shapes.linear("fusion.mix", self.numbers + kept, self.numbers);
        }
        shapes
    }

    fn temporal_tensors(&self, shapes: &mut TensorShapes) {
        let channels = self.channels;
        shapes.linear("temporal.embed", self.history, channels);
        for i in 0..self.temporal_blocks {
            for part in ["first", "second"] {
                let at = format!("temporal.blocks.{i}.{part}");
                shapes.add(format!("{at}.direction"), [self.taps * channels, channels]);
                shapes.add(format!("{at}.gain"), [channels]);
                shapes.add(format!("{at}.bias"), [channels]);
            }
        }
        shapes.linear("temporal.regress", channels, self.horizon);
    }

    fn graph_tensors(&self, shapes: &mut TensorShapes) {
        let (numbers, hidden) = (self.numbers, self.hidden);
        let layer = |shapes: &mut TensorShapes, at: &str, inputs: usize, outputs: usize| {
            shapes.add(format!("{at}.adjacency"), [numbers, numbers]);
            shapes.linear(at, inputs, outputs);
        };
        let normalised = |shapes: &mut TensorShapes, at: &str, inputs: usize| {
            layer(shapes, &format!("{at}.layer"), inputs, hidden);
            shapes.batch_norm(&format!("{at}.norm"), numbers * hidden);
        };
        shapes.linear("graph.embed", numbers, numbers);
        normalised(shapes, "graph.first", self.history);
        for i in 0..self.graph_blocks {
            for part in ["first", "second"] {
                normalised(shapes, &format!("graph.blocks.{i}.{part}"), hidden);
            }
        }
        layer(shapes, "graph.last", hidden, self.history);
        if self.history != self.horizon {
            shapes.linear("graph.to_horizon", self.history, self.horizon);
        }
    }
}
