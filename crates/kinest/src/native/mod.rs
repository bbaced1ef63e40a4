//! KineST on the CPU without a tensor library: packed weights, plain loops, no allocation per
//! frame.
//!
//! [`NativeKinest`], and [`NativeStreams`] for causal networks, are made from a loaded
//! [`crate::model::Network`] and compute the same function several times faster: consecutive linear
//! layers are multiplied into one matrix, joints that no scan visits are dropped, and intermediate
//! results stay in the cache.
//!
//! | file | contents |
//! |---|---|
//! | `numbers` | cache-aligned buffers |
//! | `matrix` | packed `f32` matrices and their products |
//! | `rows` | normalisation and softmax |
//! | `scan` | a Mamba-2 block over whole sequences |
//! | `attention`, `mixing` | the second half of every block |
//! | `weights` | the weights of a whole network |
//! | `window` | forward pass over windows |
//! | `packed` | matrices in 32, 16 or 8 bits, for few rows |
//! | `memory` | state of a causal network's stream |
//! | `stream` | forward pass of a causal network, frame by frame |
//! | `pack` | packing of a network's tensors |

mod attention;
mod matrix;
mod memory;
mod mixing;
mod numbers;
mod pack;
mod packed;
mod rows;
mod scan;
mod stream;
mod weights;
mod window;

pub use memory::{StateError, StreamingState};
pub use pack::PackError;
pub use stream::{NativeStreams, NextFrames};
pub use window::NativeKinest;
