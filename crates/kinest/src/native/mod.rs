//! KineST on the CPU without a tensor library: packed weights, plain loops, no allocation on the way.
//!
//! [`NativeKinest`], and [`NativeStreams`] for causal networks, are made from a loaded
//! [`crate::model::Network`] and compute the same function several times faster: pairs of linear layers with nothing between them are one matrix, joints that
//! no scan visits do not exist, and what is worked on stays in the cache.
//!
//! | file | what it has |
//! |---|---|
//! | `numbers` | numbers in memory |
//! | `matrix` | packed matrices and products with them |
//! | `rows` | normalisation and softmax |
//! | `scan` | a Mamba-2 block over whole sequences |
//! | `attention`, `mixing` | the second half of every block |
//! | `weights` | the weights of a whole network |
//! | `window` | the whole network over windows |
//! | `packed` | matrices in 32, 16 or 8 bits for few rows |
//! | `memory` | what a causal network remembers of a stream |
//! | `stream` | a whole causal network, frame by frame |
//! | `pack` | where the weights come from |

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
