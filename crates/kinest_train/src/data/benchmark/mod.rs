//! Benchmarks of motion prediction: CMU-Mocap, Human3.6M and 3DPW, as papers read them.
//!
//! A benchmark is a folder tree with a file per clip. Each file becomes a [`Sequence`] of joint
//! positions relative to the root, in the numbers of its [`ForecastLayout`] and in what the field
//! calls millimetres.
//!
//! | layout | tree | training, validation, test |
//! |---|---|---|
//! | `cmu38` | `train/ACTION/NAME.txt`, `test/ACTION/NAME.txt`: exponential maps of 38 joints | folders `train`, none, `test` |
//! | `h36m` | `S1/ACTION_N.txt`, …: exponential maps of 32 joints | subjects 1, 6, 7, 8, 9; 11; 5 |
//! | `3dpw` | `sequenceFiles/SPLIT/NAME.pkl`: positions of 24 joints | folders `train`, `validation`, `test` |
//!
//! [`ForecastLayout`]: kinest::model::forecast::ForecastLayout

mod exponential_maps;
mod facts;
mod pickle;
mod prepare;
mod sequences;
mod skeletons;
mod three_dpw;
mod tree;

pub use facts::{Benchmark, Horizon, weighted_distance};
pub use prepare::{PreparedReport, prepare};
pub use sequences::{Sequence, Sequences};
pub use tree::{Split, open};
