//! Forecasting networks: packed weights, no allocation per call.
//!
//! [`NativeForecaster::from_checkpoint`] opens any checkpoint of a forecaster. The networks compute
//! the same functions as `kinest_nn::forecast`, with linear operations fused: velocities and sums
//! of the temporal branch, the cosine transform of siMLPe, and batch normalisation.

mod engine;
mod fusion;
mod graph;
mod ksof;
mod mixer;
mod simlpe;
mod temporal;

pub use engine::NativeForecaster;

use super::pack::{Matrix, Tensors};

/// The tensors of a forecasting network that are not packed yet.
type Unpacked = Tensors<fn(Matrix) -> super::matrix::Linear>;

/// Slope of the leaky ReLU below zero.
const LEAK: f32 = 0.01;

fn leaky_relu(v: f32) -> f32 {
    if v < 0.0 { LEAK * v } else { v }
}
