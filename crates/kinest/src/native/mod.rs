//! KineST on the CPU without a tensor library: packed weights, plain loops, no allocation on the way.
//!
//! [`NativeKinest`] is made from a loaded [`crate::model::Network`] and computes the same function
//! several times faster: pairs of linear layers with nothing between them are one matrix, joints that
//! no scan visits do not exist, and what is worked on stays in the cache.
//!
//! | file | what it has |
//! |---|---|
//! | `matrix` | packed matrices and products with them |
//! | `rows` | normalisation and softmax |
//! | `scan` | a Mamba-2 block over whole sequences |
//! | `attention`, `mixing` | the second half of every block |
//! | `window` | the whole network |
//! | `pack` | where the weights come from |

mod attention;
mod matrix;
mod mixing;
mod pack;
mod rows;
mod scan;
mod window;

pub use pack::PackError;
pub use window::NativeKinest;
