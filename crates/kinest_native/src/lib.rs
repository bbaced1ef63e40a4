//! The networks of `kinest` on the CPU without a tensor library: packed weights, plain loops, no allocation per call.
//!
//! [`NativeEngine::from_checkpoint`] opens any checkpoint of a pose network. [`NativeKinest`] runs
//! KineST over windows, [`NativeStreams`] runs causal KineST frame by frame, and
//! [`NativePerceptron`] the perceptron. [`NativeForecaster`] runs KSOF and siMLPe, which forecast
//! motion. They compute the same functions as the modules of `kinest_nn`, several times faster:
//! consecutive linear layers are fused into one matrix, joints that no scan visits are skipped, and
//! intermediate values stay in the cache.
//!
//! | file | holds |
//! |---|---|
//! | `numbers` | cache-aligned buffers |
//! | `matrix` | packed matrices and products with them |
//! | `rows` | normalisation and softmax |
//! | `scan` | a Mamba-2 block over whole sequences |
//! | `attention`, `mixing` | the second half of every block |
//! | `weights` | the weights of a whole network |
//! | `window` | the whole network over windows |
//! | `packed` | matrices in 32, 16 or 8 bits for few rows |
//! | `memory` | the state of a causal network per stream |
//! | `stream` | a whole causal network, frame by frame |
//! | `perceptron` | the perceptron over windows |
//! | `pack` | named tensors to packed weights |
//! | `vectors` | selection of the vector instructions |
//! | `engine` | the engine of the live pipeline |
//! | `forecast` | forecasting networks: KSOF and siMLPe |

#![warn(missing_docs)]

mod attention;
mod engine;
mod forecast;
mod matrix;
mod memory;
mod mixing;
mod numbers;
mod pack;
mod packed;
mod perceptron;
mod rows;
mod scan;
mod stream;
mod vectors;
mod weights;
mod window;

pub use engine::{NativeEngine, NativeError};
pub use forecast::NativeForecaster;
pub use memory::{StateError, StreamingState};
pub use pack::PackError;
pub use perceptron::NativePerceptron;
pub use stream::{NativeStreams, NextFrames};
pub use vectors::{VECTORS, vectors};
pub use window::NativeKinest;
